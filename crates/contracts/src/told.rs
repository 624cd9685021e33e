//! What the events that are no facts carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Address, CustomerId, District, Line, MenuId, Money, OrderId, RiderId, StoreId, Timestamp,
};

/// The payload of `order-placed`: enough for every listener to work without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    pub placed_at: Timestamp,
    /// For when, where it was ordered for later; it is told of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// The last change of it before it was told of, counted from 1; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub revision: Option<u32>,
}

/// The payload of `order-scheduled`. Nobody is asked for anything before `order-placed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderScheduled {
    /// The order.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// When it starts.
    pub scheduled_for: Timestamp,
}

/// The payload of `order-revised`: the order as it is from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRevised {
    /// The order.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom it was ordered.
    pub store_id: StoreId,
    /// Which change of the order, counted from 1. A later one has the higher number; numbers of
    /// changes that were not made are left out.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// What.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    pub at: Timestamp,
}

/// The payload of `revision-refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevisionRefused {
    /// The order.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom it was ordered.
    pub store_id: StoreId,
    /// Which change of the order, counted from 1.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// Why, as a slug (`payment_declined`).
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// The payload of `order-cancelled`, `order-completed`, `order-returned` and
/// `cancellation-refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEnded {
    /// The order.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom it was ordered.
    pub store_id: StoreId,
    /// The order's status word after the event.
    pub status: String,
    /// Why, as a slug (`customer_cancelled`); none where all went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The payload of `menu-item-changed`. Stock movements do not publish it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MenuItemChanged {
    /// Whose menu.
    pub store_id: StoreId,
    /// Which item.
    pub menu_id: MenuId,
    /// What it is called now.
    pub name: String,
    /// What one piece costs now.
    pub price: Money,
}

/// The payload of `delivery-offered`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryOffered {
    /// The order.
    pub order_id: OrderId,
    /// Where the food is fetched.
    pub store_id: StoreId,
    /// Where it goes.
    pub address: Address,
    /// The districts that it is on offer in.
    pub districts: Vec<District>,
    /// The riders on duty there at that moment.
    pub riders: Vec<RiderId>,
}
