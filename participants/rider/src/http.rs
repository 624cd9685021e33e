//! The rider service's HTTP: requests are read strictly and taken through the path. Nothing is
//! decided here.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use contracts::{District, OrderId, RiderId};
use runtime::{
    Problem,
    auth::Role,
    http::{Guarded, Handle, JsonBody, Page, Who, list_response, path_id},
    participant::{MAX_REASON, both, list},
};

use crate::{
    Request, Rider,
    aggregates::{DELIVERY, Kept, delivery_key, district_key, load_key, rider_key},
    domain::Act,
    offers::offers,
    views::{DeliveryView, DistrictView, Holding, Offer, RiderView, holding},
};

/// The most neighbours that a district has.
const MAX_NEIGHBOURS: usize = 50;
/// The most deliveries that a rider may be allowed to carry at once.
const MAX_CAPACITY: i64 = 100;

const RIDERS: Who = Who::Only(&[Role::Rider]);
/// Who looks at what is to be brought, and by whom.
const READERS: Who = Who::Only(&[Role::Rider, Role::Operator]);

/// The routes of the rider service, under its prefix.
pub fn routes(handle: Handle<Rider>) -> Guarded {
    let act = |act: Act| {
        move |State(handle): State<Handle<Rider>>, Path(order_id): Path<String>, body| {
            take(handle, order_id, act, body)
        }
    };
    Guarded::new()
        .get("/rider/districts/{district}", READERS, district)
        .put("/rider/districts/{district}", Who::OPERATOR, put_district)
        .get("/rider/riders/{rider_id}", READERS, rider)
        .put("/rider/riders/{rider_id}", RIDERS, put_rider)
        .get("/rider/riders/{rider_id}/offers", READERS, offers_near)
        .get("/rider/deliveries/{order_id}", READERS, delivery)
        .put("/rider/deliveries/{order_id}/claim", RIDERS, act(Act::Claim))
        .put("/rider/deliveries/{order_id}/release", RIDERS, act(Act::Release))
        .put("/rider/deliveries/{order_id}/pickup", RIDERS, act(Act::Pickup))
        .put("/rider/deliveries/{order_id}/confirmation", RIDERS, act(Act::Confirm))
        .put("/rider/deliveries/{order_id}/return", RIDERS, act(Act::Return))
        .get("/rider/holdings", Who::AUDIT, holdings)
        .with_state(handle)
}

async fn put_district(
    State(handle): State<Handle<Rider>>,
    Path(district): Path<String>,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    let district = path_id::<District>(&district, "district");
    let neighbours = fields.ids::<District>("neighbours", 0..=MAX_NEIGHBOURS);
    let own = district.as_ref().ok().filter(|own| neighbours.iter().flatten().any(|it| it == *own));
    if own.is_some() {
        fields.error("neighbours", "a district is not its own neighbour");
    }
    let (district, neighbours) = both(district, fields.finish(neighbours))?;
    let neighbours = neighbours.into_iter().collect();
    Ok(handle.submit(Request::PutDistrict { district, neighbours }).await)
}

async fn district(
    State(handle): State<Handle<Rider>>,
    Path(district): Path<String>,
) -> Result<Json<DistrictView>, Problem> {
    let district: District = path_id(&district, "district")?;
    let kept = handle.get(&district_key(&district)).await?;
    let row = kept.as_ref().and_then(Kept::district);
    Ok(Json(row.ok_or_else(|| Problem::not_found("district"))?.into()))
}

async fn put_rider(
    State(handle): State<Handle<Rider>>,
    Path(rider_id): Path<String>,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    let rider_id = path_id::<RiderId>(&rider_id, "rider_id");
    let district = fields.id::<District>("district");
    let on_duty = fields.boolean("on_duty");
    let capacity = fields.optional_integer("capacity", 1..=MAX_CAPACITY);
    let (rider_id, (district, on_duty)) = both(rider_id, fields.finish(district.zip(on_duty)))?;
    let capacity = capacity.and_then(|it| usize::try_from(it).ok());
    Ok(handle.submit(Request::PutRider { rider_id, district, on_duty, capacity }).await)
}

async fn rider(
    State(handle): State<Handle<Rider>>,
    Path(rider_id): Path<String>,
) -> Result<Json<RiderView>, Problem> {
    let rider_id: RiderId = path_id(&rider_id, "rider_id")?;
    let kept = handle.get(&rider_key(&rider_id)).await?;
    let rider = kept.as_ref().and_then(Kept::rider);
    let rider = rider.ok_or_else(|| Problem::not_found("rider"))?;
    let load = handle.get(&load_key(&rider_id)).await?;
    Ok(Json(RiderView::new(rider, load.as_ref().and_then(Kept::load))))
}

async fn offers_near(
    State(handle): State<Handle<Rider>>,
    Path(rider_id): Path<String>,
    page: Result<Page, Problem>,
) -> Result<Response, Problem> {
    let (rider_id, page) = both(path_id::<RiderId>(&rider_id, "rider_id"), page)?;
    let offers: Vec<Offer> = offers(&handle, &rider_id, &page).await?;
    Ok(list_response(offers, page.limit, |last| last.order_id.to_string()))
}

async fn delivery(
    State(handle): State<Handle<Rider>>,
    Path(order_id): Path<String>,
) -> Result<Json<DeliveryView>, Problem> {
    let order_id: OrderId = path_id(&order_id, "order_id")?;
    let kept = handle.get(&delivery_key(&order_id)).await?;
    let delivery = kept.as_ref().and_then(Kept::delivery);
    Ok(Json(delivery.ok_or_else(|| Problem::not_found("delivery"))?.into()))
}

async fn take(
    handle: Handle<Rider>,
    order_id: String,
    act: Act,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    let order_id = path_id::<OrderId>(&order_id, "order_id");
    let rider_id = fields.id::<RiderId>("rider_id");
    let reason = fields.optional_text("reason", 1..=MAX_REASON);
    let (order_id, rider_id) = both(order_id, fields.finish(rider_id))?;
    Ok(handle.submit(Request::Act { order_id, rider_id, act, reason }).await)
}

async fn holdings(State(handle): State<Handle<Rider>>, page: Page) -> Result<Response, Problem> {
    let kept = handle.list(&list(DELIVERY, None, Vec::new(), &page)).await?;
    let held: Vec<Holding<'_>> =
        kept.iter().filter_map(|(_, kept)| kept.delivery()).map(holding).collect();
    Ok(list_response(held, page.limit, |last| last.order_id.to_string()))
}
