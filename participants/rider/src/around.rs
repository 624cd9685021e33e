//! Which districts a decision about a delivery looks at, and what it sees there.
//!
//! Whatever is read here is named beforehand, by [`districts_to_see`], from the delivery alone: a
//! district whose row is not loaded yet cannot name its neighbours. So what is decided never hangs
//! on what else happened to be loaded.

use contracts::District;
use runtime::View;

use crate::{
    aggregates::{Kept, district_key},
    domain::{Delivery, DistrictRow, Heard, Surroundings},
};

/// The districts whose riders an offer tells: the address's own and, where the search is wide, its
/// neighbours as the delivery saw them last. None where nothing is offered.
pub(crate) fn districts_to_see<'a>(
    current: Option<&'a Delivery>,
    heard: &'a Heard,
) -> Vec<&'a District> {
    match heard {
        Heard::Placed { .. } | Heard::Dispatch { .. } | Heard::Widen | Heard::Due => {}
        Heard::FoodReady | Heard::Recall => return Vec::new(),
    }
    let wide = matches!(heard, Heard::Widen) || current.is_some_and(|current| current.wide);
    let further = current.filter(|_| wide).map_or(&[][..], |current| &current.neighbours[..]);
    own_district(current, heard).into_iter().chain(further).collect()
}

/// What is seen there.
pub(crate) fn surroundings(
    current: Option<&Delivery>,
    heard: &Heard,
    view: &View<'_, Kept>,
) -> Surroundings {
    let row = |district: &District| view.get(&district_key(district)).and_then(Kept::district);
    let riders = |row: &DistrictRow| row.roster.iter().cloned().collect();
    let seen = districts_to_see(current, heard);
    let own = own_district(current, heard).filter(|own| seen.contains(own)).and_then(row);
    Surroundings {
        neighbours: own.map(|own| own.neighbours.iter().cloned().collect()),
        riders: seen
            .into_iter()
            .map(|district| (district.clone(), row(district).map(riders).unwrap_or_default()))
            .collect(),
    }
}

fn own_district<'a>(current: Option<&'a Delivery>, heard: &'a Heard) -> Option<&'a District> {
    let known = current.and_then(|current| current.address.as_ref());
    let told = if let Heard::Placed { address, .. } = heard { Some(address) } else { None };
    told.or(known).map(|address| &address.district)
}
