//! `GET /rider/riders/{rider_id}/offers/events`: the offers near a rider, whenever they have changed.
//!
//! They are kept in no one place: the rider names a district, that names its neighbours, and the
//! deliveries of all these are on offer. So all of that is watched. What riders of one district see is
//! the same, and read once for all of them.

use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    response::Response,
};
use contracts::RiderId;
use runtime::{
    Key, Problem,
    db::Owned,
    http::{Handle, Operation, Page, Show, Streaming, list_body, page::DEFAULT_LIMIT, path_id},
    live::{Shown, Subject, Watch},
};

use crate::{
    Rider,
    aggregates::{DELIVERY, district_key, rider_key},
    domain,
    offers::{home, neighbours, offers_in},
};

/// The name of its events.
const OFFERS: &str = "offers";
/// The states of deliveries on offer.
const ON_OFFER: &[&str] = &[domain::State::Offered.as_str(), domain::State::OfferedWide.as_str()];
/// The first page, as it is listed.
const FIRST: Page = Page { limit: DEFAULT_LIMIT, cursor: None };

/// What is asked by [`stream`].
pub(crate) fn streamed() -> Operation {
    Operation::new("offer_events", "Streams the deliveries on offer near a rider.")
        .path::<RiderId>("rider_id")
        .stream(
            "Events `offers`, each with the first page that `offers` lists for data and a digest of \
             it for an id.",
        )
        .not_found()
}

/// `GET /rider/riders/{rider_id}/offers/events`
pub(crate) async fn stream(
    State(handle): State<Handle<Rider>>,
    Path(rider_id): Path<String>,
    streaming: Streaming,
) -> Result<Response, Problem> {
    let rider_id = path_id::<RiderId>(&rider_id, "rider_id")?;
    let (ports, live) = (handle.ports().clone(), handle.live().clone());
    streaming.open(OFFERS, &ports, &live, Near { handle, rider_id }).await
}

/// A rider who looks for work.
struct Near {
    handle: Handle<Rider>,
    rider_id: RiderId,
}

#[async_trait]
impl Show for Near {
    async fn show(&self, watch: &mut Watch) -> Result<Shown, Problem> {
        let handle = &self.handle;
        let mut subjects = Vec::new();
        let mut also = |watch: &mut Watch, subject: Subject| {
            watch.also(subject.clone());
            subjects.push(subject);
        };
        let of = |district: &str| {
            Subject::Of(Owned { by: Key::new(DELIVERY, district), states: ON_OFFER })
        };
        also(watch, Subject::One(rider_key(&self.rider_id)));
        let home = {
            let _turn = watch.turn().await;
            home(handle, &self.rider_id).await?
        };
        let district = district_key(&home);
        also(watch, Subject::One(district.clone()));
        also(watch, of(home.as_str()));
        let neighbours = {
            let _turn = watch.turn().await;
            neighbours(handle, &home).await?
        };
        for neighbour in &neighbours {
            also(watch, of(neighbour.as_str()));
        }
        watch.only(&subjects);
        let read = || async {
            let offers = offers_in(handle, &home, &neighbours, &FIRST).await?;
            Ok(Shown::told(&list_body(offers, FIRST.limit, |last| last.order_id.to_string())))
        };
        watch.shared(&district, read).await
    }
}
