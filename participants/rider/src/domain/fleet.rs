//! Districts, riders, and what a rider carries.
//!
//! What a rider carries is an aggregate of its own beside the rider: whoever ends a delivery must
//! free the hands of a rider whom only the delivery names, and so locks them after it.

use std::collections::BTreeSet;

use contracts::{District, OrderId, RiderId, Timestamp};
use serde::{Deserialize, Serialize};

/// How many deliveries a rider carries at once, where nothing else was entered.
pub const DEFAULT_CAPACITY: usize = 3;

/// A rider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiderRow {
    /// Who.
    pub rider_id: RiderId,
    /// Where they work.
    pub district: District,
    /// Whether they are at work.
    pub on_duty: bool,
    /// How many deliveries they may carry at once.
    pub capacity: usize,
    /// Counts the changes.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a rider carries: deliveries claimed and not yet confirmed, returned, released or recalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Whose hands.
    pub rider_id: RiderId,
    /// The orders in them.
    pub orders: BTreeSet<OrderId>,
    /// Counts the changes.
    pub version: u64,
}

/// A district: its neighbours, and the riders on duty in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistrictRow {
    /// Which.
    pub district: District,
    /// Where a delivery of this district is offered when the search is widened.
    pub neighbours: BTreeSet<District>,
    /// The districts that have named this one as a neighbour, now or once: where riders of this
    /// one look for wide offers. Never shortened, since every delivery names its own districts.
    pub neighbour_of: BTreeSet<District>,
    /// The riders on duty here.
    pub roster: BTreeSet<RiderId>,
    /// Counts the changes.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Load {
    /// How many deliveries are in these hands.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether the hands are free.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The hands with one more; none where it is in them already.
    pub fn take(load: Option<&Self>, rider: &RiderId, order: &OrderId) -> Option<Self> {
        let mut load = load.cloned().unwrap_or_else(|| Self {
            rider_id: rider.clone(),
            orders: BTreeSet::new(),
            version: 0,
        });
        load.orders.insert(order.clone()).then(|| Self { version: load.version + 1, ..load })
    }

    /// The hands with one less; none where it is not in them.
    pub fn free(load: Option<&Self>, order: &OrderId) -> Option<Self> {
        let mut load = load?.clone();
        load.orders.remove(order).then(|| Self { version: load.version + 1, ..load })
    }
}

/// A rider as entered; none where nothing changes. `capacity` is what was entered or, where
/// nothing was, what it is already.
pub fn enter_rider(
    current: Option<&RiderRow>,
    rider_id: &RiderId,
    district: &District,
    on_duty: bool,
    capacity: usize,
    now: Timestamp,
) -> Option<RiderRow> {
    let version = current.map_or(0, |rider| rider.version);
    let rider = RiderRow {
        rider_id: rider_id.clone(),
        district: district.clone(),
        on_duty,
        capacity,
        version,
        updated_at: current.map_or(now, |rider| rider.updated_at),
    };
    (current != Some(&rider)).then(|| RiderRow { version: version + 1, updated_at: now, ..rider })
}

impl DistrictRow {
    fn blank(district: District, now: Timestamp) -> Self {
        Self {
            district,
            neighbours: BTreeSet::new(),
            neighbour_of: BTreeSet::new(),
            roster: BTreeSet::new(),
            version: 0,
            updated_at: now,
        }
    }

    /// The district after a change; none where it changes nothing and the district is there.
    pub fn changed(
        current: Option<&Self>,
        district: &District,
        now: Timestamp,
        change: impl FnOnce(&mut Self),
    ) -> Option<Self> {
        let mut after = current.cloned().unwrap_or_else(|| Self::blank(district.clone(), now));
        change(&mut after);
        if current == Some(&after) {
            return None;
        }
        after.version += 1;
        after.updated_at = now;
        Some(after)
    }

    /// With a rider on its roster, or not.
    pub fn with_rider(
        current: Option<&Self>,
        district: &District,
        rider: &RiderId,
        on_duty: bool,
        now: Timestamp,
    ) -> Option<Self> {
        Self::changed(current, district, now, |row| {
            if on_duty {
                row.roster.insert(rider.clone());
            } else {
                row.roster.remove(rider);
            }
        })
    }
}
