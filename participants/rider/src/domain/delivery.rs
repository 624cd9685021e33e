//! A delivery: what is kept of it, and how a change to it is drawn up.

use std::collections::BTreeSet;

use contracts::{
    Address, Detail, District, EventType, OrderId, Record, RiderId, SagaId, StoreId, Timestamp,
    event::DeliveryOffered,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hands, Outcome, Surroundings, Tell};

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DeliveryState")]
pub enum State {
    /// Heard of, but nobody has asked for the delivery yet.
    Known,
    /// Asked for, but its address has not come yet.
    Waiting,
    /// On offer in the address's district.
    Offered,
    /// On offer in the neighbouring districts too.
    OfferedWide,
    /// A rider has claimed it.
    Claimed,
    /// The rider has the food.
    Picked,
    /// The customer has the food.
    Delivered,
    /// It came back, or was recalled before it left.
    Returned,
}

impl State {
    /// Every state that there is.
    pub const ALL: [Self; 8] = [
        Self::Known,
        Self::Waiting,
        Self::Offered,
        Self::OfferedWide,
        Self::Claimed,
        Self::Picked,
        Self::Delivered,
        Self::Returned,
    ];

    /// The word for it: `offered_wide`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Waiting => "waiting",
            Self::Offered => "offered",
            Self::OfferedWide => "offered_wide",
            Self::Claimed => "claimed",
            Self::Picked => "picked",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
        }
    }

    /// Whether a rider may claim it.
    pub const fn on_offer(self) -> bool {
        matches!(self, Self::Offered | Self::OfferedWide)
    }

    /// Whether it fills a rider's hands.
    pub const fn carried(self) -> bool {
        matches!(self, Self::Claimed | Self::Picked)
    }
}

/// The delivery of an order; its id is the order's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The order.
    pub order_id: OrderId,
    /// How far it has come.
    pub state: State,
    /// Where the food is fetched.
    pub store_id: Option<StoreId>,
    /// Where it goes, kept from `order-placed` or `order-revised`.
    pub address: Option<Address>,
    /// The change of the order that the address is of; 0 for the order as it was placed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// The change of the order that was asked to be delivered: an older address is not offered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked_revision: u32,
    /// Whether the food is cooked.
    pub food_ready: bool,
    /// Whether the search goes beyond the address's district.
    pub wide: bool,
    /// The districts whose riders have been told since it last came on offer; none before that.
    pub told: BTreeSet<District>,
    /// The neighbours of the address's district as they were last seen.
    pub neighbours: Vec<District>,
    /// Who has it, or had it when it ended.
    pub rider_id: Option<RiderId>,
    /// Why it came back.
    pub reason: Option<String>,
    /// The saga that asked, for tracing its answers.
    pub saga: Option<SagaId>,
    /// What has happened, as it is told.
    pub record: Record,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Delivery {
    /// A delivery of which nothing is known.
    pub(crate) fn blank(order_id: OrderId, now: Timestamp) -> Self {
        Self {
            order_id,
            state: State::Known,
            store_id: None,
            address: None,
            revision: 0,
            asked_revision: 0,
            food_ready: false,
            wide: false,
            told: BTreeSet::new(),
            neighbours: Vec::new(),
            rider_id: None,
            reason: None,
            saga: None,
            record: Record::default(),
            updated_at: now,
        }
    }

    /// Whether it is known where what was asked for goes.
    pub(crate) fn has_address(&self) -> bool {
        self.address.is_some() && self.revision >= self.asked_revision
    }

    /// The districts that it is on offer in, its own first.
    pub fn districts(&self) -> Vec<District> {
        let own = self.address.iter().map(|address| &address.district);
        let further = self.neighbours.iter().filter(|_| self.wide);
        own.chain(further).cloned().collect()
    }

    /// Whether it is on offer in districts that were not told so. A decision reads only rosters
    /// that the delivery named beforehand: where the neighbours turn out to be others by then, it
    /// notes them and tells those that it could read; the others are told by a further offer, for
    /// which the delivery has itself woken at once.
    pub fn has_more_to_tell(&self) -> bool {
        let on_offer = self.state.on_offer() && !self.told.is_empty();
        on_offer && self.districts().iter().any(|district| !self.told.contains(district))
    }

    /// Whether that rider has it, or had it when it ended.
    pub fn is_of(&self, rider: &RiderId) -> bool {
        self.rider_id.as_ref() == Some(rider)
    }
}

/// A change to a delivery while it is drawn up.
pub(crate) struct Draft {
    pub(crate) delivery: Delivery,
    news: Vec<(EventType, Detail)>,
    offer: Option<DeliveryOffered>,
    hands: Option<Hands>,
}

impl Draft {
    pub(crate) fn of(delivery: Delivery) -> Self {
        Self { delivery, news: Vec::new(), offer: None, hands: None }
    }

    /// Something has happened, by or to the delivery's rider.
    pub(crate) fn happened(&mut self, state: State, kind: EventType, reason: Option<String>) {
        self.delivery.state = state;
        let rider_id = self.delivery.rider_id.clone();
        self.news.push((kind, Detail { rider_id, reason, ..Detail::default() }));
    }

    /// A rider's hands fill or become free.
    pub(crate) fn hands(&mut self, hands: Hands) {
        self.hands = Some(hands);
    }

    /// It is on offer. Riders on duty near it are told, as far as their district was looked at;
    /// not where all of them know.
    pub(crate) fn announce(&mut self, around: &Surroundings) {
        let delivery = &mut self.delivery;
        let (Some(store_id), Some(address)) = (&delivery.store_id, &delivery.address) else {
            return;
        };
        delivery.state = if delivery.wide { State::OfferedWide } else { State::Offered };
        let mut districts = delivery.districts();
        districts.retain(|district| around.riders.contains_key(district));
        if districts.iter().all(|district| delivery.told.contains(district)) {
            return;
        }
        delivery.told.extend(districts.iter().cloned());
        self.offer = Some(DeliveryOffered {
            order_id: delivery.order_id.clone(),
            store_id: store_id.clone(),
            address: address.clone(),
            riders: around.riders_in(&districts),
            districts,
        });
    }

    /// The new version, whatever is told of it.
    pub(crate) fn done(self, now: Timestamp) -> Outcome {
        let Self { mut delivery, news, offer, hands } = self;
        delivery.updated_at = now;
        let tell = match (news.is_empty(), offer) {
            (false, _) => Tell::Fact,
            (true, Some(offer)) => Tell::Offer(Box::new(offer)),
            (true, None) => Tell::Nothing,
        };
        if news.is_empty() {
            delivery.record.touch();
        } else {
            delivery.record.add_all(now, news);
        }
        Outcome::Changed { delivery: Box::new(delivery), tell, hands }
    }
}
