//! What a customer is shown of an order.

use contracts::{
    Address, CustomerId, EventType, Line, Milestone, Money, OrderId, RiderId, ServiceName, StoreId,
    Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    fold::{Order, Progress},
    status::Status,
};

/// An order with the progress of each part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MypageOrder")]
pub struct OrderView {
    /// Its id.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// How it stands.
    pub status: Status,
    /// Why it was cancelled or came back, as a slug.
    pub reason: Option<String>,
    /// `refused` where a cancellation came too late.
    #[schemars(extend("examples" = ["refused"]))]
    pub cancellation: Option<&'static str>,
    /// For when, where it was ordered for later.
    pub scheduled_for: Option<Timestamp>,
    /// The last change of it that was made or refused.
    pub revision: Option<Revision>,
    /// What, as priced when it was ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// The money.
    pub payment: Option<Part>,
    /// What the store said.
    pub acceptance: Option<Part>,
    /// The kitchen.
    pub cooking: Option<Part>,
    /// The rider.
    pub delivery: Option<Delivery>,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// When the latest of all this happened.
    pub updated_at: Timestamp,
}

/// A change that a customer asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MypageRevision")]
pub struct Revision {
    /// Which change of the order, counted from 1.
    pub number: u32,
    /// Why it was refused, as a slug; none where it was made.
    pub refused: Option<String>,
    /// When that was.
    pub at: Timestamp,
}

/// One participant's part in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MypagePart")]
pub struct Part {
    /// The type of the latest milestone: `cook-started`.
    pub latest: EventType,
    /// When that was.
    pub since: Timestamp,
    /// All that has happened, oldest first.
    pub milestones: Vec<Milestone>,
    /// The participant's version that the latest milestone came with.
    pub sequence: u64,
}

/// The way to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MypageDelivery")]
pub struct Delivery {
    /// When riders were first told of it.
    pub offered_at: Option<Timestamp>,
    /// Who has claimed it.
    pub rider_id: Option<RiderId>,
    /// What riders did.
    #[serde(flatten)]
    pub part: Option<Part>,
}

impl OrderView {
    /// That order; none as long as nobody has told what was ordered.
    pub fn of(order: &Order) -> Option<Self> {
        let placed = order.ordered()?;
        let changed = order.changed();
        let part = |service| order.told_by(service).and_then(Part::of);
        Some(Self {
            order_id: order.order_id.clone(),
            customer_id: placed.customer_id.clone(),
            store_id: placed.store_id.clone(),
            status: Status::of(order),
            reason: order.ended.as_ref().and_then(|ended| ended.reason.clone()),
            cancellation: order.refused_at.map(|_| "refused"),
            scheduled_for: placed.scheduled_for,
            revision: Revision::of(order),
            items: changed.map_or(&placed.items, |it| &it.items).clone(),
            total: changed.map_or(placed.total, |it| it.total),
            address: changed.map_or(&placed.address, |it| &it.address).clone(),
            payment: part(ServiceName::Payment),
            acceptance: part(ServiceName::Store),
            cooking: part(ServiceName::Cook),
            delivery: Delivery::of(order),
            placed_at: placed.at,
            updated_at: order.updated_at().unwrap_or(placed.at),
        })
    }
}

impl Revision {
    /// The last one; each number is either made or refused.
    fn of(order: &Order) -> Option<Self> {
        let made = order.revised.as_ref();
        let refused = order.revision_refused.as_ref();
        let made = made.map(|it| Self { number: it.revision, refused: None, at: it.at });
        let refused = refused.map(|it| Self {
            number: it.revision,
            refused: Some(it.reason.clone()),
            at: it.at,
        });
        made.into_iter().chain(refused).max_by_key(|it| it.number)
    }
}

impl Part {
    fn of(progress: &Progress) -> Option<Self> {
        let latest = progress.latest()?;
        Some(Self {
            latest: latest.kind,
            since: latest.at,
            milestones: progress.milestones.clone(),
            sequence: progress.sequence,
        })
    }
}

impl Delivery {
    fn of(order: &Order) -> Option<Self> {
        let told = order.told_by(ServiceName::Rider);
        let part = told.and_then(Part::of);
        if part.is_none() && order.offered.is_none() {
            return None;
        }
        let latest = told.and_then(Progress::latest);
        let claimed = latest.filter(|it| it.kind != EventType::RiderReleased);
        Some(Self {
            offered_at: order.offered.map(|offered| offered.at),
            rider_id: claimed.and_then(|it| it.data.rider_id.clone()),
            part,
        })
    }
}
