//! The pure part: what may happen to a delivery, and who may carry what.
//!
//! No IO, no clock, nothing of HTTP; a refusal is a value. A delivery and what its rider carries
//! are two aggregates: [`Outcome::Changed`] names both changes, which are saved together or not at
//! all.

pub mod act;
pub mod delivery;
pub mod fleet;
pub mod hear;

use contracts::{OrderId, RiderId, event::DeliveryOffered};

pub use act::{Act, act};
pub use delivery::{Delivery, State};
pub use fleet::{DEFAULT_CAPACITY, DistrictRow, Load, RiderRow};
pub use hear::{Heard, Surroundings, hear};

/// What came of an input about a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new version of the delivery.
    Changed {
        /// As it is now.
        delivery: Box<Delivery>,
        /// What others should know of it.
        tell: Tell,
        /// What changes for a rider's hands.
        hands: Option<Hands>,
    },
    /// Nothing changes. A request is answered with the delivery as it is; a command is answered
    /// with the latest fact, or not at all where none has happened: a person's decision is pending.
    Unchanged,
    /// A person asked for what cannot be.
    Refused(Refusal),
}

/// What a change tells: at most one public event a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Nobody's business.
    Nothing,
    /// The latest milestone, with all before it.
    Fact,
    /// That it is on offer.
    Offer(Box<DeliveryOffered>),
}

/// What changes for a rider's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hands {
    /// The rider carries it from now on.
    Take(RiderId, OrderId),
    /// The rider carries it no longer.
    Free(RiderId, OrderId),
}

/// Why a person's request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no delivery for that order.
    NoDelivery,
    /// There is no such rider.
    NoRider,
    /// Not asked for yet, or without an address: nobody can claim it.
    NotOnOffer,
    /// Somebody else's.
    Claimed,
    /// Nobody's; to be claimed first.
    NotClaimed,
    /// The rider is not at work.
    OffDuty,
    /// The rider carries as much as they may.
    RiderFull,
    /// Not cooked yet.
    FoodNotReady,
    /// The rider does not have the food yet.
    NotPicked,
    /// The rider has the food: it cannot be released.
    AlreadyPicked,
    /// The customer has the food.
    AlreadyDelivered,
    /// It has come back.
    AlreadyReturned,
    /// Less than the rider carries at this moment.
    CapacityTooLow,
}
