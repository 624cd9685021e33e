//! Operators look at sagas: a list, one with its steps, its history.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use contracts::{CustomerId, OrderId, SagaId, StoreId, Timestamp};
use runtime::{
    Problem, SagaRow,
    db::SagaQuery,
    http::{
        Handle, Operation, Page, Shape, StrictQuery,
        handle::read_problem,
        list_response, path_id,
        shape::{one_of, text},
    },
};
use uuid::Uuid;

use crate::{
    Orchestrator,
    aggregates::{self, order_key},
    views::{EntryView, SagaSummary, SagaView, entry_view},
};

/// The status words that a list may be asked for.
const STATUSES: [&str; 7] =
    ["running", "compensating", "completed", "cancelled", "returned", "suspended", "stuck"];
/// The longest text that may be searched for: an id.
const MAX_TEXT: usize = 64;

/// What is asked by [`list`].
pub(super) fn listed() -> Operation {
    Operation::new("list_sagas", "Lists sagas, newest first.")
        .query("status", "Only those that stand so.", one_of(&STATUSES))
        .query("step", "Only those that wait on this step.", text(1, MAX_TEXT))
        .query("customer_id", "Only those of this customer.", Shape::of::<CustomerId>())
        .query("store_id", "Only those of this store.", Shape::of::<StoreId>())
        .query("q", "Only those whose id or order's id begins so.", text(1, MAX_TEXT))
        .query("stalled", "Only those at which a person should look.", Shape::of::<bool>())
        .query("since", "Only those that were started then or later.", Shape::of::<Timestamp>())
        .query("until", "Only those that were started before.", Shape::of::<Timestamp>())
        .list::<SagaSummary>("Sagas.")
}

/// What is asked by [`show`].
pub(super) fn shown() -> Operation {
    Operation::new("show_saga", "Shows a saga with its steps.")
        .path::<Uuid>("saga_id")
        .answer::<SagaView>(200, "The saga.")
        .not_found()
}

/// What is asked by [`history`].
pub(super) fn told() -> Operation {
    Operation::new("saga_history", "Lists what happened to a saga, oldest first.")
        .path::<Uuid>("saga_id")
        .list::<EntryView>("Events.")
        .not_found()
}

/// `GET /operator/sagas`
pub(super) async fn list(
    State(handle): State<Handle<Orchestrator>>,
    query: StrictQuery,
) -> Result<Response, Problem> {
    let query = read_query(query)?;
    let found = handle.reader().sagas(&query).await.map_err(|error| read_problem(&error))?;
    let now = handle.ports().now();
    let summaries: Vec<SagaSummary> =
        found.into_iter().map(|row| SagaSummary::of(row, now)).collect();
    Ok(list_response(summaries, query.limit, |last| last.id.to_string()))
}

/// `GET /operator/sagas/{saga_id}`
pub(super) async fn show(
    State(handle): State<Handle<Orchestrator>>,
    Path(saga_id): Path<String>,
) -> Result<Response, Problem> {
    let row = row(&handle, &saga_id).await?;
    // The row and the order are stored together: the one without the other is damage.
    let order_id = OrderId::new(row.order_id).map_err(|_| Problem::internal())?;
    let state = handle.get(&order_key(&order_id)).await?;
    let order = state.as_ref().and_then(aggregates::State::as_order);
    let order = order.ok_or_else(Problem::internal)?;
    let saga = order.saga(SagaId(row.saga_id)).ok_or_else(Problem::internal)?;
    Ok(Json(SagaView::of(order, saga, handle.ports().now())).into_response())
}

/// `GET /operator/sagas/{saga_id}/history`
pub(super) async fn history(
    State(handle): State<Handle<Orchestrator>>,
    Path(saga_id): Path<String>,
    mut query: StrictQuery,
) -> Result<Response, Problem> {
    let Page { limit, cursor } = query.page();
    let after = read_cursor::<u64>(&mut query, cursor.as_deref());
    let after = query.finish(after)?.unwrap_or(0);
    let row = row(&handle, &saga_id).await?;
    let entries = handle.reader().history(row.saga_id, after, limit).await;
    let entries = entries.map_err(|error| read_problem(&error))?;
    let views: Vec<_> = entries.iter().map(entry_view).collect();
    Ok(list_response(views, limit, |last| last.version.to_string()))
}

async fn row(handle: &Handle<Orchestrator>, saga_id: &str) -> Result<SagaRow, Problem> {
    let saga_id = path_id::<Uuid>(saga_id, "saga_id")?;
    let row = handle.reader().saga(saga_id).await.map_err(|error| read_problem(&error))?;
    row.ok_or_else(|| Problem::not_found("saga"))
}

/// Reads what a list is asked for; refuses with every wrong parameter named.
pub(crate) fn read_query(mut query: StrictQuery) -> Result<SagaQuery, Problem> {
    let time =
        |text: &str| Timestamp::parse(text).ok_or_else(|| "must be a time in RFC 3339".to_owned());
    let status = query.one_of("status", &STATUSES);
    let step = query.text("step", 1..=MAX_TEXT);
    let customer_id = query.id::<CustomerId>("customer_id");
    let store_id = query.id::<StoreId>("store_id");
    let text = query.text("q", 1..=MAX_TEXT);
    let stalled = query.boolean("stalled");
    let since = query.read("since", time);
    let until = query.read("until", time);
    let Page { limit, cursor } = query.page();
    let before = read_cursor::<Uuid>(&mut query, cursor.as_deref());
    query.finish(SagaQuery {
        status,
        step,
        customer_id: customer_id.map(|id| id.to_string()),
        store_id: store_id.map(|id| id.to_string()),
        text,
        stalled,
        since,
        until,
        before,
        limit,
    })
}

fn read_cursor<T: std::str::FromStr>(query: &mut StrictQuery, cursor: Option<&str>) -> Option<T> {
    let cursor = cursor?;
    let read = cursor.parse().ok();
    if read.is_none() {
        query.error("cursor", "must be a next_cursor of this list");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<SagaQuery, Problem> {
        let uri = format!("/operator/sagas?{query}").parse().unwrap();
        read_query(StrictQuery::parse(&uri).unwrap())
    }

    #[test]
    fn every_filter_is_read() {
        let query = read(
            "status=stuck&step=capture&customer_id=c1&store_id=s1&q=0190&stalled=true\
             &since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00%2B09:00&limit=7",
        )
        .unwrap();
        assert_eq!(query.status.as_deref(), Some("stuck"));
        assert_eq!(query.step.as_deref(), Some("capture"));
        assert_eq!(query.customer_id.as_deref(), Some("c1"));
        assert_eq!(query.store_id.as_deref(), Some("s1"));
        assert_eq!(query.text.as_deref(), Some("0190"));
        assert_eq!(query.stalled, Some(true));
        assert_eq!(query.since, Timestamp::parse("2026-01-01T00:00:00Z"));
        assert_eq!(query.until, Timestamp::parse("2026-01-01T15:00:00Z"));
        assert_eq!(query.limit, 7);
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        for (query, wrong) in [
            ("status=lunch", "status"),
            ("customer_id=a%20b", "customer_id"),
            ("store_id=", "store_id"),
            ("q=", "q"),
            ("stalled=yes", "stalled"),
            ("since=yesterday", "since"),
            ("until=1", "until"),
            ("cursor=61", "cursor"),
            ("limit=0", "limit"),
            ("stat=stuck", "stat"),
        ] {
            let problem = read(query).unwrap_err();
            let fields: Vec<_> = problem.errors.iter().map(|it| it.field.as_str()).collect();
            assert_eq!((problem.status, &fields[..]), (422, &[wrong][..]), "{query}");
        }
    }
}
