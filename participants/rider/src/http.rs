//! The rider service's HTTP: requests are read strictly and taken through the path. Nothing is
//! decided here.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use contracts::{District, OrderId, RiderId, ServiceName};
use runtime::{
    Problem,
    auth::Role,
    http::{
        Guarded, Handle, JsonBody, Operation, Page, Who, list_response, path_id, shape::PLAIN_TEXT,
    },
    participant::{MAX_REASON, both, list},
};
use schemars::JsonSchema;
use serde_json::json;

use crate::{
    Request, Rider,
    aggregates::{DELIVERY, Kept, delivery_key, district_key, load_key, rider_key},
    domain::Act,
    events,
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
pub fn routes() -> Guarded<Handle<Rider>> {
    let show_district =
        Operation::new("show_district", "Shows a district and who is on duty there.")
            .path::<District>("district")
            .answer::<DistrictView>(200, "The district.")
            .not_found();
    let enter_district =
        Operation::new("put_district", "Says where a district's deliveries spread.")
            .path::<District>("district")
            .body::<Neighbours>(json!({"neighbours": ["yongsan", "seodaemun"]}))
            .answer::<DistrictView>(200, "The district.");
    let show_rider = Operation::new("show_rider", "Shows a rider.")
        .path::<RiderId>("rider_id")
        .answer::<RiderView>(200, "The rider.")
        .not_found();
    let enter_rider = Operation::new("put_rider", "Puts a rider on duty or off it.")
        .path::<RiderId>("rider_id")
        .body::<Working>(json!({"district": "mapo", "on_duty": true, "capacity": 3}))
        .answer::<RiderView>(200, "The rider.")
        .conflicts(&["capacity-too-low"]);
    let near = Operation::new("offers", "Lists the deliveries on offer near a rider, by order id.")
        .path::<RiderId>("rider_id")
        .list::<Offer>("Deliveries on offer.")
        .not_found();
    let show_delivery = Operation::new("show_delivery", "Shows a delivery.")
        .path::<OrderId>("order_id")
        .answer::<DeliveryView>(200, "The delivery.")
        .not_found();
    let held = Operation::new("rider_holdings", "Lists what is held for each order, by order id.")
        .list::<Holding<'_>>("What is held.");
    let deliver = |guarded: Guarded<Handle<Rider>>, it: Act| {
        let path = format!("/rider/deliveries/{{order_id}}/{}", path_of(it));
        let handler = move |State(handle): State<Handle<Rider>>,
                            Path(order_id): Path<String>,
                            body| { take(handle, order_id, it, body) };
        guarded.put(&path, RIDERS, act(it), handler)
    };
    let guarded = Guarded::new()
        .get("/rider/districts/{district}", READERS, show_district, district)
        .put("/rider/districts/{district}", Who::OPERATOR, enter_district, put_district)
        .get("/rider/riders/{rider_id}", READERS, show_rider, rider)
        .put("/rider/riders/{rider_id}", RIDERS, enter_rider, put_rider)
        .get("/rider/riders/{rider_id}/offers", READERS, near, offers_near)
        .get("/rider/riders/{rider_id}/offers/events", READERS, events::streamed(), events::stream)
        .get("/rider/deliveries/{order_id}", READERS, show_delivery, delivery)
        .get("/rider/holdings", Who::AUDIT, held, holdings);
    Act::ALL.into_iter().fold(guarded, deliver).of(ServiceName::Rider)
}

/// The last part of the path of an act.
const fn path_of(act: Act) -> &'static str {
    match act {
        Act::Claim => "claim",
        Act::Release => "release",
        Act::Pickup => "pickup",
        Act::Confirm => "confirmation",
        Act::Return => "return",
    }
}

/// What a rider does with a delivery, and why it may be refused.
fn act(act: Act) -> Operation {
    let (id, summary, refused): (_, _, &[_]) = match act {
        Act::Claim => {
            ("claim_delivery", "Claims a delivery on offer.", &["off-duty", "rider-full"])
        }
        Act::Release => ("release_delivery", "Gives a claimed delivery back.", &[]),
        Act::Pickup => ("pick_up_delivery", "Tells that the food is fetched.", &["food-not-ready"]),
        Act::Confirm => {
            ("confirm_delivery", "Tells that the customer has the food.", &["not-picked"])
        }
        Act::Return => ("return_delivery", "Tells that the food comes back.", &["not-picked"]),
    };
    Operation::new(id, summary)
        .path::<OrderId>("order_id")
        .body::<Acting>(json!({"rider_id": "jun"}))
        .answer::<DeliveryView>(200, "The delivery.")
        .not_found()
        .conflicts(&[
            "not-on-offer",
            "claimed",
            "not-claimed",
            "already-picked",
            "already-delivered",
            "already-returned",
        ])
        .conflicts(refused)
}

/// Where a district's deliveries are offered when the search is widened.
#[derive(JsonSchema)]
#[schemars(rename = "PutDistrict", deny_unknown_fields)]
struct Neighbours {
    /// Other districts.
    #[schemars(length(max = MAX_NEIGHBOURS))]
    neighbours: Vec<District>,
}

/// Where a rider works.
#[derive(JsonSchema)]
#[schemars(rename = "PutRider", deny_unknown_fields)]
struct Working {
    /// The district.
    district: District,
    /// Whether they are at work.
    on_duty: bool,
    /// How many deliveries they carry at once; 3 unless it is said.
    #[schemars(range(min = 1, max = MAX_CAPACITY))]
    capacity: Option<usize>,
}

/// Who does something with a delivery.
#[derive(JsonSchema)]
#[schemars(rename = "ActOnDelivery", deny_unknown_fields)]
struct Acting {
    /// The rider.
    rider_id: RiderId,
    /// Why, in a person's words.
    #[schemars(length(min = 1, max = MAX_REASON), regex(pattern = PLAIN_TEXT))]
    reason: Option<String>,
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
    let read = fields.finish(neighbours.map(|neighbours| Neighbours { neighbours }));
    let (district, Neighbours { neighbours }) = both(district, read)?;
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
    let capacity = capacity.and_then(|it| usize::try_from(it).ok());
    let duty = district.zip(on_duty);
    let duty = duty.map(|(district, on_duty)| Working { district, on_duty, capacity });
    let (rider_id, Working { district, on_duty, capacity }) = both(rider_id, fields.finish(duty))?;
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
    let acting = fields.finish(rider_id.map(|rider_id| Acting { rider_id, reason }));
    let (order_id, Acting { rider_id, reason }) = both(order_id, acting)?;
    Ok(handle.submit(Request::Act { order_id, rider_id, act, reason }).await)
}

async fn holdings(State(handle): State<Handle<Rider>>, page: Page) -> Result<Response, Problem> {
    let kept = handle.list(&list(DELIVERY, None, Vec::new(), &page)).await?;
    let held: Vec<Holding<'_>> =
        kept.iter().filter_map(|(_, kept)| kept.delivery()).map(holding).collect();
    Ok(list_response(held, page.limit, |last| last.order_id.to_string()))
}
