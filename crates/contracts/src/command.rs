//! Commands: requests from the orchestrator to a participant, each of which can be refused.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{CustomerId, Line, Money, OrderId, ServiceName, StoreId, routes};

macro_rules! commands {
    ($($(#[doc = $doc:literal])* $name:ident($payload:ty) = $wire:literal,)*) => {
        /// The type of a command, as in the envelope's `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CommandType { $($(#[doc = $doc])* $name,)* }

        impl CommandType {
            /// Every command that there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire: `authorize-payment`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The command of that name, if there is one.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($wire => Some(Self::$name),)* _ => None }
            }

            /// The service that it is for.
            pub const fn destination(self) -> ServiceName {
                routes::destination(self)
            }

            /// What it asks for, in a sentence or two.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The schema of its payload, with what it refers to left with the generator.
            pub(crate) fn payload_schema(self, generator: &mut SchemaGenerator) -> Schema {
                match self { $(Self::$name => generator.subschema_for::<$payload>(),)* }
            }

            /// The schema of its payload, whole.
            pub(crate) fn root_schema(self, generator: SchemaGenerator) -> Schema {
                match self { $(Self::$name => generator.into_root_schema_for::<$payload>(),)* }
            }
        }

        /// A command with its payload.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Command { $($(#[doc = $doc])* $name($payload),)* }

        impl Command {
            /// Which command it is.
            pub const fn kind(&self) -> CommandType {
                match self { $(Self::$name(_) => CommandType::$name,)* }
            }

            /// The order that it is about.
            pub const fn order_id(&self) -> &OrderId {
                match self { $(Self::$name(payload) => &payload.order_id,)* }
            }

            pub(crate) fn decode(kind: CommandType, data: &RawValue) -> Result<Self, serde_json::Error> {
                Ok(match kind {
                    $(CommandType::$name => Self::$name(serde_json::from_str(data.get())?),)*
                })
            }

            pub(crate) fn encode(&self) -> Result<Box<RawValue>, serde_json::Error> {
                match self { $(Self::$name(payload) => to_raw_value(payload),)* }
            }
        }
    };
}

commands! {
    /// Hold the order's total on the customer's means of payment.
    AuthorizePayment(AuthorizePayment) = "authorize-payment",
    /// Undo of `authorize-payment`: release the hold.
    VoidPayment(OrderOnly) = "void-payment",
    /// Take the money that is held.
    CapturePayment(CapturePayment) = "capture-payment",
    /// Give back whatever is there: a capture is refunded, a hold voided.
    RefundPayment(OrderOnly) = "refund-payment",
    /// Hold what a changed order will cost, if that is more; less is released later, by
    /// `adjust-payment`.
    RevisePayment(RevisePayment) = "revise-payment",
    /// Undo of `revise-payment`: hold what was held before.
    RestorePayment(OrderRevision) = "restore-payment",
    /// Release what is held beyond what the changed order costs.
    AdjustPayment(OrderRevision) = "adjust-payment",
    /// Put a ticket before the store's owner; acceptance reserves stock.
    RequestAcceptance(RequestAcceptance) = "request-acceptance",
    /// Undo of `request-acceptance`: releases the stock.
    CancelTicket(OrderOnly) = "cancel-ticket",
    /// Change a ticket that the owner has not answered; refused once they have.
    ReviseTicket(ReviseTicket) = "revise-ticket",
    /// Undo of `revise-ticket`; refused once the ticket is changed.
    KeepTicket(OrderRevision) = "keep-ticket",
    /// Move what was reserved to sold.
    SettleStock(OrderOnly) = "settle-stock",
    /// Move what was reserved back to on hand.
    Restock(OrderOnly) = "restock",
    /// Put a ticket before the cook.
    PrepareFood(PrepareFood) = "prepare-food",
    /// Undo of `prepare-food`; refused once cooking has started.
    CancelCooking(OrderOnly) = "cancel-cooking",
    /// Offer the delivery to riders near the address.
    DispatchDelivery(DispatchDelivery) = "dispatch-delivery",
    /// Offer it in the neighbouring districts too.
    WidenSearch(OrderOnly) = "widen-search",
    /// An operator's wish to end the order as returned before pickup; may be refused.
    RecallDelivery(OrderOnly) = "recall-delivery",
}

/// The payload of a command that needs to name the order only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderOnly {
    /// The order.
    pub order_id: OrderId,
}

/// The payload of `authorize-payment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorizePayment {
    /// The order.
    pub order_id: OrderId,
    /// Whose money.
    pub customer_id: CustomerId,
    /// How much to hold.
    pub amount: Money,
    /// The means of payment, as the gateway's token for it.
    pub token: String,
}

/// The payload of `capture-payment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapturePayment {
    /// The order.
    pub order_id: OrderId,
    /// How much to take; the rest of the hold is released. All that is held where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// The payload of `revise-payment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevisePayment {
    /// The order.
    pub order_id: OrderId,
    /// Which change of the order, counted from 1. Of one that is over nothing is changed.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// What the order will cost in all.
    pub amount: Money,
    /// The means of payment, as the gateway's token for it.
    pub token: String,
}

/// The payload of a command that needs to name a change of an order only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRevision {
    /// The order.
    pub order_id: OrderId,
    /// Which change of the order, counted from 1.
    #[schemars(range(min = 1))]
    pub revision: u32,
}

/// The payload of `revise-ticket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviseTicket {
    /// The order.
    pub order_id: OrderId,
    /// Which change of the order, counted from 1. Of one that is over nothing is changed.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// What is ordered instead.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
}

/// The payload of `request-acceptance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestAcceptance {
    /// The order.
    pub order_id: OrderId,
    /// The store that is asked.
    pub store_id: StoreId,
    /// What is ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
}

/// The payload of `prepare-food`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrepareFood {
    /// The order.
    pub order_id: OrderId,
    /// The kitchen that is asked.
    pub store_id: StoreId,
    /// What to cook.
    pub items: Vec<Line>,
}

/// The payload of `dispatch-delivery`. The address is not in it: the rider service keeps the
/// one that `order-placed` or `order-revised` carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DispatchDelivery {
    /// The order.
    pub order_id: OrderId,
    /// Where the food is fetched.
    pub store_id: StoreId,
    /// The last change of the order: an address of an older one is not where it goes. None where
    /// the order was never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub revision: Option<u32>,
}
