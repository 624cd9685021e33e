//! How riders, what they carry, districts and deliveries are stored, found and locked.
//!
//! A delivery is locked before its rider, and both before what the rider carries: whatever order
//! inputs name them in, two batches never wait for one another.

use contracts::{District, OrderId, RiderId, Timestamp};
use runtime::{Aggregate, Key, Kind, Phase, aggregate::DecodeError};
use serde::Serialize;

use crate::domain::{Delivery, DistrictRow, Load, RiderRow};

/// Deliveries, by order id; their owner is the district that they go to.
pub const DELIVERY: Kind = Kind { name: "delivery", phase: Phase::First, rank: 0 };
/// Riders; their owner is their district.
pub const RIDER: Kind = Kind { name: "rider", phase: Phase::First, rank: 1 };
/// What a rider carries, by rider id. Named by deliveries too, hence of the second phase.
pub const LOAD: Kind = Kind { name: "load", phase: Phase::Second, rank: 0 };
/// Districts with the riders on duty in them.
pub const DISTRICT: Kind = Kind { name: "district", phase: Phase::Second, rank: 1 };

/// Every kind of aggregate that this service has.
pub const KINDS: &[Kind] = &[DELIVERY, RIDER, LOAD, DISTRICT];

/// The key of an order's delivery.
pub fn delivery_key(order_id: &OrderId) -> Key {
    Key::new(DELIVERY, order_id.as_str())
}

/// The key of a rider.
pub fn rider_key(rider_id: &RiderId) -> Key {
    Key::new(RIDER, rider_id.as_str())
}

/// The key of what a rider carries.
pub fn load_key(rider_id: &RiderId) -> Key {
    Key::new(LOAD, rider_id.as_str())
}

/// The key of a district.
pub fn district_key(district: &District) -> Key {
    Key::new(DISTRICT, district.as_str())
}

/// Whatever the service keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Kept {
    /// A delivery.
    Delivery(Box<Delivery>),
    /// A rider.
    Rider(RiderRow),
    /// What a rider carries.
    Load(Load),
    /// A district.
    District(DistrictRow),
}

impl Aggregate for Kept {
    fn kind(&self) -> Kind {
        match self {
            Self::Delivery(_) => DELIVERY,
            Self::Rider(_) => RIDER,
            Self::Load(_) => LOAD,
            Self::District(_) => DISTRICT,
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Delivery(delivery) => delivery.record.sequence,
            Self::Rider(rider) => rider.version,
            Self::Load(load) => load.version,
            Self::District(district) => district.version,
        }
    }

    fn state(&self) -> &str {
        match self {
            Self::Delivery(delivery) => delivery.state.as_str(),
            Self::Rider(rider) if rider.on_duty => "on_duty",
            Self::Rider(_) => "off_duty",
            Self::Load(load) if load.is_empty() => "free",
            Self::Load(_) => "carrying",
            Self::District(_) => "known",
        }
    }

    fn owner(&self) -> Option<&str> {
        match self {
            Self::Delivery(delivery) => {
                delivery.address.as_ref().map(|address| address.district.as_str())
            }
            Self::Rider(rider) => Some(rider.district.as_str()),
            Self::Load(_) | Self::District(_) => None,
        }
    }

    /// At once, where a delivery has more riders to tell than its last decision could read of.
    fn wake_at(&self) -> Option<Timestamp> {
        self.delivery().filter(|it| it.has_more_to_tell()).map(|it| it.updated_at)
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError> {
        Ok(match kind {
            "delivery" => Self::Delivery(serde_json::from_str(body)?),
            "rider" => Self::Rider(serde_json::from_str(body)?),
            "load" => Self::Load(serde_json::from_str(body)?),
            "district" => Self::District(serde_json::from_str(body)?),
            _ => return Err(DecodeError::UnknownKind(kind.to_owned())),
        })
    }
}

impl Kept {
    /// The delivery, where it is one.
    pub fn delivery(&self) -> Option<&Delivery> {
        if let Self::Delivery(delivery) = self { Some(delivery) } else { None }
    }

    /// The rider, where it is one.
    pub fn rider(&self) -> Option<&RiderRow> {
        if let Self::Rider(rider) = self { Some(rider) } else { None }
    }

    /// What a rider carries, where it is that.
    pub fn load(&self) -> Option<&Load> {
        if let Self::Load(load) = self { Some(load) } else { None }
    }

    /// The district, where it is one.
    pub fn district(&self) -> Option<&DistrictRow> {
        if let Self::District(district) = self { Some(district) } else { None }
    }
}
