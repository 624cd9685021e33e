//! What is shown of riders, districts and deliveries: to people, and to an auditor. Nothing here
//! decides.

use contracts::{Address, District, OrderId, RiderId, StoreId, Timestamp};
use runtime::participant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{Delivery, DistrictRow, Load, RiderRow, State};

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub struct DeliveryView {
    /// The order.
    pub order_id: OrderId,
    /// How it stands.
    #[schemars(with = "State")]
    pub state: &'static str,
    /// Where the food is fetched.
    pub store_id: Option<StoreId>,
    /// Where it goes.
    pub address: Option<Address>,
    /// Whether the food is cooked.
    pub food_ready: bool,
    /// Who has it, or had it when it ended.
    pub rider_id: Option<RiderId>,
    /// Why it came back.
    pub reason: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            order_id: delivery.order_id.clone(),
            state: delivery.state.as_str(),
            store_id: delivery.store_id.clone(),
            address: delivery.address.clone(),
            food_ready: delivery.food_ready,
            rider_id: delivery.rider_id.clone(),
            reason: delivery.reason.clone(),
            updated_at: delivery.updated_at,
            version: delivery.record.sequence,
        }
    }
}

/// A delivery on offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Offer {
    /// The order.
    pub order_id: OrderId,
    /// `offered`, or `offered_wide` where it is on offer in neighbouring districts too.
    #[schemars(with = "State")]
    pub state: &'static str,
    /// Where the food is fetched.
    pub store_id: Option<StoreId>,
    /// Where it goes.
    pub address: Option<Address>,
    /// The districts that it is on offer in.
    pub districts: Vec<District>,
    /// Whether the food is cooked.
    pub food_ready: bool,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

impl From<&Delivery> for Offer {
    fn from(delivery: &Delivery) -> Self {
        Self {
            order_id: delivery.order_id.clone(),
            state: delivery.state.as_str(),
            store_id: delivery.store_id.clone(),
            address: delivery.address.clone(),
            districts: delivery.districts(),
            food_ready: delivery.food_ready,
            updated_at: delivery.updated_at,
            version: delivery.record.sequence,
        }
    }
}

/// A rider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RiderOnDuty")]
pub struct RiderView {
    /// Who.
    pub rider_id: RiderId,
    /// Where they work.
    pub district: District,
    /// Whether they are at work.
    pub on_duty: bool,
    /// How many deliveries they may carry at once.
    pub capacity: usize,
    /// The orders that they carry.
    pub carrying: Vec<OrderId>,
    /// When what was entered last changed.
    pub updated_at: Timestamp,
    /// Counts the changes of what was entered.
    pub version: u64,
}

impl RiderView {
    /// A rider with what they carry.
    pub fn new(rider: &RiderRow, load: Option<&Load>) -> Self {
        Self {
            rider_id: rider.rider_id.clone(),
            district: rider.district.clone(),
            on_duty: rider.on_duty,
            capacity: rider.capacity,
            carrying: load.map(|l| l.orders.iter().cloned().collect()).unwrap_or_default(),
            updated_at: rider.updated_at,
            version: rider.version,
        }
    }
}

/// A district.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "DistrictOfRiders")]
pub struct DistrictView {
    /// Which.
    pub district: District,
    /// Where deliveries of this district are offered when the search is widened.
    pub neighbours: Vec<District>,
    /// The riders on duty here.
    pub riders: Vec<RiderId>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

impl From<&DistrictRow> for DistrictView {
    fn from(row: &DistrictRow) -> Self {
        Self {
            district: row.district.clone(),
            neighbours: row.neighbours.iter().cloned().collect(),
            riders: row.roster.iter().cloned().collect(),
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// Who carries what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Rider")]
pub struct Carried<'a> {
    /// Who has it, or had it when it ended.
    pub rider_id: Option<&'a RiderId>,
    /// Whether the food is cooked, as far as this service has heard.
    pub food_ready: bool,
}

/// What the service holds for an order, as the auditor reads it; its state is `known` where only
/// an address is kept.
pub type Holding<'a> = participant::Holding<'a, Carried<'a>>;

/// What is held for an order. It is active where there is still something to do for it.
pub fn holding(delivery: &Delivery) -> Holding<'_> {
    Holding {
        order_id: &delivery.order_id,
        state: delivery.state.as_str(),
        active: !matches!(delivery.state, State::Known | State::Delivered | State::Returned),
        own: Carried { rider_id: delivery.rider_id.as_ref(), food_ready: delivery.food_ready },
        milestones: &delivery.record.milestones,
        updated_at: delivery.updated_at,
        version: delivery.record.sequence,
    }
}
