//! The deliveries on offer near a rider: those in their own district, and those of districts that
//! name it as a neighbour once the search for a rider has been widened. Read from what was
//! committed; a claim decides again.

use contracts::{District, RiderId};
use runtime::{
    Problem,
    http::{Handle, Page},
    participant::list,
};

use crate::{
    Rider,
    aggregates::{DELIVERY, Kept, district_key, rider_key},
    domain::{Delivery, State},
    views::Offer,
};

/// One page of the offers near a rider, in order of their orders' ids; 404 for an unknown rider.
pub(crate) async fn offers(
    handle: &Handle<Rider>,
    rider_id: &RiderId,
    page: &Page,
) -> Result<Vec<Offer>, Problem> {
    let home = home(handle, rider_id).await?;
    let neighbours = neighbours(handle, &home).await?;
    offers_in(handle, &home, &neighbours, page).await
}

/// Where a rider works.
pub(crate) async fn home(handle: &Handle<Rider>, rider_id: &RiderId) -> Result<District, Problem> {
    let kept = handle.get(&rider_key(rider_id)).await?;
    let rider = kept.as_ref().and_then(Kept::rider);
    Ok(rider.ok_or_else(|| Problem::not_found("rider"))?.district.clone())
}

/// The districts whose deliveries riders of `home` may see once the search is widened.
pub(crate) async fn neighbours(
    handle: &Handle<Rider>,
    home: &District,
) -> Result<Vec<District>, Problem> {
    let kept = handle.get(&district_key(home)).await?;
    let row = kept.as_ref().and_then(Kept::district);
    Ok(row.into_iter().flat_map(|row| &row.neighbour_of).cloned().collect())
}

/// One page of the offers that riders of `home` see, which is all that those depend on.
pub(crate) async fn offers_in(
    handle: &Handle<Rider>,
    home: &District,
    neighbours: &[District],
    page: &Page,
) -> Result<Vec<Offer>, Problem> {
    let mut offers =
        of_district(handle, home, home, &[State::Offered, State::OfferedWide], page).await?;
    for neighbour in neighbours {
        offers.extend(of_district(handle, neighbour, home, &[State::OfferedWide], page).await?);
    }
    offers.sort_by(|one, other| one.order_id.cmp(&other.order_id));
    offers.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    Ok(offers)
}

/// Up to a page of the offers of one district that riders of `home` may see. A page is read again
/// while deliveries that are not for them (their district is a neighbour no more) thin it out.
async fn of_district(
    handle: &Handle<Rider>,
    district: &District,
    home: &District,
    states: &[State],
    page: &Page,
) -> Result<Vec<Offer>, Problem> {
    let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let states = states.iter().map(|state| state.as_str().to_owned()).collect();
    let mut query = list(DELIVERY, Some(district.as_str()), states, page);
    let mut offers: Vec<Offer> = Vec::new();
    loop {
        let rows = handle.list(&query).await?;
        let full = rows.len() >= wanted;
        query.after = rows.last().map(|(id, _)| id.clone());
        let for_home = |delivery: &&Delivery| delivery.districts().contains(home);
        let deliveries = rows.iter().filter_map(|(_, kept)| kept.delivery());
        offers.extend(deliveries.filter(for_home).map(Offer::from));
        if !full || offers.len() >= wanted {
            return Ok(offers);
        }
    }
}
