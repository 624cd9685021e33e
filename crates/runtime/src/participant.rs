//! What the participants in an order have in common, so that a client or an operator who knows one
//! of them knows them all: how facts are told and told again, under which names inputs that change
//! nothing are counted, and how requests are read and holdings shown. Never decides.

use axum::{
    body::HttpBody,
    extract::{FromRequest, Request},
};
use contracts::{Event, Message, Milestone, OrderId, Record, SagaId, ServiceName, Timestamp};
use mutants::mutant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Cause, Content, Decision, Key, Kind, Outgoing, Problem,
    db::ListQuery,
    http::{JsonBody, Page},
};

/// The longest reason that a person gives, in characters.
pub const MAX_REASON: usize = 200;

/// Counted: a command was sent again while its answer is not there yet, since somebody has still
/// to decide; that decision will be the answer.
pub const ANSWER_PENDING: &str = "answer-pending";
/// Counted: it is so already.
pub const HEARD_BEFORE: &str = "heard-before";
/// Counted: a command for an order of which nothing is held, and that asks for nothing without.
pub const UNKNOWN_ORDER: &str = "unknown-order";
/// Counted: a timer that nothing waits for any more.
pub const STALE_TIMER: &str = "stale-timer";
/// Counted: a timer before its time.
pub const EARLY_TIMER: &str = "early-timer";

/// The fact that tells the latest of what happened to an order's aggregate; none where nothing
/// has. `repeat` where it was told before.
pub fn fact(
    about: &Key,
    (order_id, state): (&OrderId, &str),
    record: &Record,
    saga: Option<SagaId>,
    repeat: bool,
) -> Option<Outgoing> {
    let event = record.event(order_id, state)?;
    let repeat = repeat && !mutant!("participant-tells-repeats-as-news");
    let content = Content::Event { event, sequence: record.sequence, repeat };
    Some(Outgoing { about: about.clone(), content, saga })
}

/// Any other event, told for the first time.
pub fn news(about: &Key, event: Event, sequence: u64, saga: Option<SagaId>) -> Outgoing {
    let content = Content::Event { event, sequence, repeat: false };
    Outgoing { about: about.clone(), content, saga }
}

/// A new version, and what it tells.
pub fn changed<S>(key: Key, state: S, told: Option<Outgoing>) -> Decision<S> {
    Decision {
        saves: vec![(key, state)],
        messages: told.into_iter().collect(),
        ..Decision::default()
    }
}

/// A command that changes nothing is answered with the latest fact. Where none has happened it is
/// not answered yet.
pub fn answer_again<S>(latest: Option<Outgoing>) -> Decision<S> {
    match latest.filter(|_| !mutant!("participant-answers-once")) {
        Some(fact) => Decision { messages: vec![fact], ..Decision::default() },
        None => Decision::ignored(ANSWER_PENDING),
    }
}

/// A person's request for what is so already is answered with what there is.
pub fn as_it_stands<S>(view: &impl Serialize) -> Decision<S> {
    Decision { ignored: Some(HEARD_BEFORE), ..Decision::answered(200, view) }
}

/// A message that is not for this service: a dead letter, since whoever sent it believes that it
/// was heard.
pub fn misrouted<S>(service: ServiceName, message: &Message) -> Decision<S> {
    Decision::dead_letter(Cause::Misrouted.because(match message {
        Message::Command(command) => {
            format!("{service} has no command {}", command.kind().as_str())
        }
        Message::Event(event) => format!("{service} does not listen to {}", event.kind()),
    }))
}

/// One page of a kind of aggregate, in order of id; in any state where no state is given.
pub fn list(kind: Kind, owner: Option<&str>, states: Vec<String>, page: &Page) -> ListQuery {
    ListQuery {
        kind: kind.name,
        owner: owner.map(str::to_owned),
        states,
        after: page.cursor.clone(),
        descending: false,
        limit: page.limit,
    }
}

/// What was read from two places of a request, its path and its body for example. Where fields of
/// both are wrong, all of them are named in one answer.
///
/// ```
/// use contracts::{OrderId, StoreId};
/// use runtime::{http::path_id, participant::both};
///
/// let wrong = both(path_id::<StoreId>("s 1", "store_id"), path_id::<OrderId>("", "order_id"));
/// let fields: Vec<String> = wrong.unwrap_err().errors.into_iter().map(|it| it.field).collect();
/// assert_eq!(fields, ["store_id", "order_id"]);
/// ```
pub fn both<A, B>(one: Result<A, Problem>, other: Result<B, Problem>) -> Result<(A, B), Problem> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(one), Err(other)) if !one.errors.is_empty() && !other.errors.is_empty() => {
            Err(Problem::invalid([one.errors, other.errors].concat()))
        }
        // What is no matter of fields comes first: with it the fields may not have been read.
        (Err(one), Err(other)) => Err(if one.errors.is_empty() { one } else { other }),
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem),
    }
}

/// A request that says everything by its path: without a body, or with an empty object.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NoFields {}

impl<S: Send + Sync> FromRequest<S> for NoFields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self {});
        }
        let JsonBody(fields) = JsonBody::from_request(request, state).await?;
        fields.finish(Some(Self {}))
    }
}

/// What a participant holds for an order, as an auditor reads it; a service adds its `own` fields
/// beside these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{T}Holding", description = "What the service holds for an order.")]
pub struct Holding<'a, T> {
    /// The order.
    pub order_id: &'a OrderId,
    /// The service's own word for how things stand.
    pub state: &'static str,
    /// Whether something is still held or to be done for it.
    pub active: bool,
    /// What only this service holds.
    #[serde(flatten)]
    pub own: T,
    /// What has happened, oldest first.
    pub milestones: &'a [Milestone],
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; it is the `sequence` of the facts that tell of them.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use crate::FieldError;

    use super::*;

    #[test]
    fn of_two_problems_the_fields_are_named_together() {
        let fields = |names: &[&str]| {
            let wrong = |name: &&str| FieldError { field: (*name).to_owned(), detail: "x".into() };
            Err::<(), _>(Problem::invalid(names.iter().map(wrong).collect()))
        };
        let other = || Err(Problem::internal());
        for (one, two, slug, named) in [
            (fields(&["a"]), fields(&["b", "c"]), "invalid-fields", &["a", "b", "c"][..]),
            (fields(&["a"]), Ok(()), "invalid-fields", &["a"]),
            (Ok(()), fields(&["b"]), "invalid-fields", &["b"]),
            (fields(&["a"]), other(), "internal", &[]),
            (other(), fields(&["b"]), "internal", &[]),
        ] {
            let problem = both(one, two).unwrap_err();
            let found: Vec<&str> = problem.errors.iter().map(|it| it.field.as_str()).collect();
            assert_eq!((problem.slug(), &found[..]), (slug, named));
        }
    }
}
