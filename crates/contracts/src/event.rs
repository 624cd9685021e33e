//! Events: facts that have happened and that anybody may hear.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::{Fact, OrderId, Reach, ServiceName};

pub use crate::told::{
    DeliveryOffered, MenuItemChanged, OrderEnded, OrderPlaced, OrderRevised, OrderScheduled,
    RevisionRefused,
};

macro_rules! event_types {
    ($($(#[doc = $doc:literal])* $name:ident = $wire:literal from $source:ident,)*) => {
        /// The type of an event, as in the envelope's `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[doc = $doc])* $name,)*
            /// A milestone of a type that this build does not know: a later version's. Never
            /// published, and never the type of a message that is decoded.
            Unknown,
        }

        impl EventType {
            /// Every event that there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire: `payment-authorized`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* Self::Unknown => "unknown" }
            }

            /// The event of that name, if there is one.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($wire => Some(Self::$name),)* _ => None }
            }

            /// The service that publishes it.
            pub const fn source(self) -> ServiceName {
                match self {
                    $(Self::$name => ServiceName::$source,)*
                    Self::Unknown => ServiceName::Orchestrator,
                }
            }

            /// What it tells, in a sentence or two.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii(),)*
                    Self::Unknown => "A milestone of a later version.",
                }
            }
        }
    };
}

event_types! {
    /// A customer's order has arisen.
    OrderPlaced = "order-placed" from Orchestrator,
    /// A customer's order for a later time has arisen; `order-placed` tells of its start.
    OrderScheduled = "order-scheduled" from Orchestrator,
    /// It is about other quantities, or goes to another address.
    OrderRevised = "order-revised" from Orchestrator,
    /// A change that a customer asked for was not made; the order goes on as it was.
    RevisionRefused = "revision-refused" from Orchestrator,
    /// It ended undone.
    OrderCancelled = "order-cancelled" from Orchestrator,
    /// It ended delivered, paid and settled.
    OrderCompleted = "order-completed" from Orchestrator,
    /// It came back: money and stock are returned.
    OrderReturned = "order-returned" from Orchestrator,
    /// A customer's cancellation came too late: cooking had started.
    CancellationRefused = "cancellation-refused" from Orchestrator,
    /// The total is held.
    PaymentAuthorized = "payment-authorized" from Payment,
    /// The gateway said no.
    PaymentDeclined = "payment-declined" from Payment,
    /// Nothing is held any more (or never was).
    PaymentVoided = "payment-voided" from Payment,
    /// The money is taken.
    PaymentCaptured = "payment-captured" from Payment,
    /// The money is given back, or the hold released.
    PaymentRefunded = "payment-refunded" from Payment,
    /// As much is held as the changed order will cost, or more.
    PaymentRevised = "payment-revised" from Payment,
    /// The higher sum is not held; what was held still is.
    PaymentRevisionDeclined = "payment-revision-declined" from Payment,
    /// As much is held as before the change (or nothing any more).
    PaymentRestored = "payment-restored" from Payment,
    /// No more is held than the changed order costs.
    PaymentAdjusted = "payment-adjusted" from Payment,
    /// The store's owner said yes; stock is reserved.
    OrderAccepted = "order-accepted" from Store,
    /// The store's owner said no.
    OrderRejected = "order-rejected" from Store,
    /// The ticket is void; nothing is reserved for it.
    TicketCancelled = "ticket-cancelled" from Store,
    /// The ticket is about what the order was changed to.
    TicketRevised = "ticket-revised" from Store,
    /// The ticket is not changed: it was answered, or is void.
    TicketRevisionRefused = "ticket-revision-refused" from Store,
    /// The ticket is not changed, nor will be by that change.
    TicketKept = "ticket-kept" from Store,
    /// What was reserved is sold.
    StockSettled = "stock-settled" from Store,
    /// What was reserved is on hand again.
    StockRestocked = "stock-restocked" from Store,
    /// A menu item's name or price is new.
    MenuItemChanged = "menu-item-changed" from Store,
    /// Cooking has started: from here the order goes forward only.
    CookStarted = "cook-started" from Cook,
    /// The kitchen said no.
    CookingDeclined = "cooking-declined" from Cook,
    /// The kitchen's ticket is void; cooking never started.
    CookingCancelled = "cooking-cancelled" from Cook,
    /// The food is ready.
    CookFinished = "cook-finished" from Cook,
    /// A delivery is on offer to riders near the address.
    DeliveryOffered = "delivery-offered" from Rider,
    /// A rider has claimed the delivery.
    RiderAssigned = "rider-assigned" from Rider,
    /// The rider gave it back before pickup.
    RiderReleased = "rider-released" from Rider,
    /// The rider has the food.
    FoodPicked = "food-picked" from Rider,
    /// The customer has the food.
    DeliveryConfirmed = "delivery-confirmed" from Rider,
    /// The delivery comes back.
    DeliveryReturned = "delivery-returned" from Rider,
}

impl EventType {
    /// Whether it is a participant's fact about an order, with [`Fact`] as its payload.
    pub const fn is_fact(self) -> bool {
        !matches!(
            self,
            Self::OrderPlaced
                | Self::OrderScheduled
                | Self::OrderRevised
                | Self::RevisionRefused
                | Self::OrderCancelled
                | Self::OrderCompleted
                | Self::OrderReturned
                | Self::CancellationRefused
                | Self::MenuItemChanged
                | Self::DeliveryOffered
                | Self::Unknown
        )
    }
}

macro_rules! for_payload {
    ($kind:expr, $generator:ident.$method:ident) => {
        match $kind {
            EventType::OrderPlaced => $generator.$method::<OrderPlaced>(),
            EventType::OrderScheduled => $generator.$method::<OrderScheduled>(),
            EventType::OrderRevised => $generator.$method::<OrderRevised>(),
            EventType::RevisionRefused => $generator.$method::<RevisionRefused>(),
            EventType::OrderCancelled
            | EventType::OrderCompleted
            | EventType::OrderReturned
            | EventType::CancellationRefused => $generator.$method::<OrderEnded>(),
            EventType::MenuItemChanged => $generator.$method::<MenuItemChanged>(),
            EventType::DeliveryOffered => $generator.$method::<DeliveryOffered>(),
            _ => $generator.$method::<Fact>(),
        }
    };
}

impl EventType {
    /// The schema of its payload, with what it refers to left with the generator.
    pub(crate) fn payload_schema(self, generator: &mut SchemaGenerator) -> Schema {
        for_payload!(self, generator.subschema_for)
    }

    /// The schema of its payload, whole.
    pub(crate) fn root_schema(self, generator: SchemaGenerator) -> Schema {
        for_payload!(self, generator.into_root_schema_for)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl serde::de::Visitor<'_> for Name {
            type Value = EventType;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an event")
            }
            fn visit_str<E>(self, name: &str) -> Result<EventType, E> {
                Ok(EventType::parse(name).unwrap_or(EventType::Unknown))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

impl JsonSchema for EventType {
    fn schema_name() -> Cow<'static, str> {
        "EventType".into()
    }

    /// Open: a later version may add names, and a reader must not stumble over them.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
        json_schema!({
            "type": "string",
            "description": "The type of an event. The list is open: later versions add to it.",
            "examples": known,
        })
    }
}

/// An event with its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A participant's fact about an order; the type says which.
    Fact(EventType, Fact),
    /// `order-placed`.
    OrderPlaced(OrderPlaced),
    /// `order-scheduled`.
    OrderScheduled(OrderScheduled),
    /// `order-revised`.
    OrderRevised(OrderRevised),
    /// `revision-refused`.
    RevisionRefused(RevisionRefused),
    /// `order-cancelled`.
    OrderCancelled(OrderEnded),
    /// `order-completed`.
    OrderCompleted(OrderEnded),
    /// `order-returned`.
    OrderReturned(OrderEnded),
    /// `cancellation-refused`.
    CancellationRefused(OrderEnded),
    /// `menu-item-changed`.
    MenuItemChanged(MenuItemChanged),
    /// `delivery-offered`.
    DeliveryOffered(DeliveryOffered),
}

impl Event {
    /// Which event it is.
    pub const fn kind(&self) -> EventType {
        match self {
            Self::Fact(kind, _) => *kind,
            Self::OrderPlaced(_) => EventType::OrderPlaced,
            Self::OrderScheduled(_) => EventType::OrderScheduled,
            Self::OrderRevised(_) => EventType::OrderRevised,
            Self::RevisionRefused(_) => EventType::RevisionRefused,
            Self::OrderCancelled(_) => EventType::OrderCancelled,
            Self::OrderCompleted(_) => EventType::OrderCompleted,
            Self::OrderReturned(_) => EventType::OrderReturned,
            Self::CancellationRefused(_) => EventType::CancellationRefused,
            Self::MenuItemChanged(_) => EventType::MenuItemChanged,
            Self::DeliveryOffered(_) => EventType::DeliveryOffered,
        }
    }

    /// The order that it is about; none where it is about something else.
    pub const fn order_id(&self) -> Option<&OrderId> {
        Some(match self {
            Self::Fact(_, fact) => &fact.order_id,
            Self::OrderPlaced(placed) => &placed.order_id,
            Self::OrderScheduled(scheduled) => &scheduled.order_id,
            Self::OrderRevised(revised) => &revised.order_id,
            Self::RevisionRefused(refused) => &refused.order_id,
            Self::OrderCancelled(ended)
            | Self::OrderCompleted(ended)
            | Self::OrderReturned(ended)
            | Self::CancellationRefused(ended) => &ended.order_id,
            Self::DeliveryOffered(offer) => &offer.order_id,
            Self::MenuItemChanged(_) => return None,
        })
    }

    /// What the envelope's `subject` is: the order's id; a menu item's is `<store_id>/<menu_id>`.
    pub fn subject(&self) -> String {
        match (self, self.order_id()) {
            (Self::MenuItemChanged(item), _) => format!("{}/{}", item.store_id, item.menu_id),
            (_, order) => order.map(ToString::to_string).unwrap_or_default(),
        }
    }

    pub(crate) fn decode(kind: EventType, data: &RawValue) -> Result<Self, serde_json::Error> {
        let data = data.get();
        Ok(match kind {
            EventType::OrderPlaced => Self::OrderPlaced(serde_json::from_str(data)?),
            EventType::OrderScheduled => Self::OrderScheduled(serde_json::from_str(data)?),
            EventType::OrderRevised => Self::OrderRevised(serde_json::from_str(data)?),
            EventType::RevisionRefused => Self::RevisionRefused(serde_json::from_str(data)?),
            EventType::OrderCancelled => Self::OrderCancelled(serde_json::from_str(data)?),
            EventType::OrderCompleted => Self::OrderCompleted(serde_json::from_str(data)?),
            EventType::OrderReturned => Self::OrderReturned(serde_json::from_str(data)?),
            EventType::CancellationRefused => {
                Self::CancellationRefused(serde_json::from_str(data)?)
            }
            EventType::MenuItemChanged => Self::MenuItemChanged(serde_json::from_str(data)?),
            EventType::DeliveryOffered => Self::DeliveryOffered(serde_json::from_str(data)?),
            fact => Self::Fact(fact, serde_json::from_str(data)?),
        })
    }

    pub(crate) fn encode(&self) -> Result<Box<RawValue>, serde_json::Error> {
        match self {
            Self::Fact(kind, _) if kind.reach() == Reach::Private => {
                Err(serde::ser::Error::custom(format_args!("{kind} is private and not published")))
            }
            Self::Fact(_, fact) => to_raw_value(fact),
            Self::OrderPlaced(placed) => to_raw_value(placed),
            Self::OrderScheduled(scheduled) => to_raw_value(scheduled),
            Self::OrderRevised(revised) => to_raw_value(revised),
            Self::RevisionRefused(refused) => to_raw_value(refused),
            Self::OrderCancelled(ended)
            | Self::OrderCompleted(ended)
            | Self::OrderReturned(ended)
            | Self::CancellationRefused(ended) => to_raw_value(ended),
            Self::MenuItemChanged(item) => to_raw_value(item),
            Self::DeliveryOffered(offer) => to_raw_value(offer),
        }
    }
}
