//! What a route is asked and what it answers, for those who call it. Every route has one, and the
//! [document](super::openapi) is made of nothing else.
//!
//! Schemas come from the types that are read and written. What every route may answer beside its own
//! (no token, a body that is too long, a bug) is not said by each: it follows from what it takes.

use std::borrow::Cow;

use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::{events::EVENT_STREAM, guarded::Who, page::List};

/// A schema: of a type, or as given.
#[derive(Clone, Debug)]
pub enum Shape {
    /// That of a type, which is described once for the whole document.
    Of(fn(&mut SchemaGenerator) -> Schema),
    /// This one.
    Given(Schema),
}

impl Shape {
    /// The shape of that type.
    pub fn of<T: JsonSchema>() -> Self {
        Self::Of(SchemaGenerator::subschema_for::<T>)
    }

    pub(super) fn make(&self, generator: &mut SchemaGenerator) -> Value {
        match self {
            Self::Of(make) => make(generator).to_value(),
            Self::Given(schema) => schema.clone().to_value(),
        }
    }
}

impl From<Schema> for Shape {
    fn from(schema: Schema) -> Self {
        Self::Given(schema)
    }
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

impl Place {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) example: Value,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) says: &'static str,
    /// Its media type and shape, where it has a body.
    pub(super) content: Option<(&'static str, Shape)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

/// What a route is asked and what it answers.
///
/// ```
/// use contracts::{OrderId, Timestamp};
/// use runtime::http::Operation;
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Order {
///     order_id: OrderId,
///     placed_at: Timestamp,
/// }
///
/// let show = Operation::new("show_order", "Shows an order.")
///     .path::<OrderId>("order_id")
///     .answer::<Order>(200, "The order.")
///     .not_found();
/// ```
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) id: Cow<'static, str>,
    pub(super) summary: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    own_problems: Vec<(u16, &'static str)>,
}

impl Operation {
    /// An operation by its name among all (`place_order`), and what it does in a sentence.
    pub fn new(id: impl Into<Cow<'static, str>>, summary: &'static str) -> Self {
        Self {
            id: id.into(),
            summary,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            own_problems: Vec::new(),
        }
    }

    /// With a part of the path.
    #[must_use]
    pub fn path<T: JsonSchema>(self, name: &'static str) -> Self {
        self.parameter(Place::Path, name, "", Shape::of::<T>(), true)
    }

    /// With a query parameter, which may be missing.
    #[must_use]
    pub fn query(self, name: &'static str, says: &'static str, shape: impl Into<Shape>) -> Self {
        self.parameter(Place::Query, name, says, shape.into(), false)
    }

    /// With a header that must be there.
    #[must_use]
    pub fn header(self, name: &'static str, says: &'static str, shape: impl Into<Shape>) -> Self {
        self.parameter(Place::Header, name, says, shape.into(), true)
    }

    /// With a header that may be missing, and is not refused whatever it holds.
    #[must_use]
    pub fn optional_header(
        self,
        name: &'static str,
        says: &'static str,
        shape: impl Into<Shape>,
    ) -> Self {
        self.parameter(Place::Header, name, says, shape.into(), false)
    }

    /// With a body that must be there, as in the example.
    #[must_use]
    pub fn body<T: JsonSchema>(self, example: Value) -> Self {
        self.asked(Body { shape: Shape::of::<T>(), required: true, example })
    }

    /// With a body that may be missing, as in the example.
    #[must_use]
    pub fn optional_body<T: JsonSchema>(self, example: Value) -> Self {
        self.asked(Body { shape: Shape::of::<T>(), required: false, example })
    }

    /// Answers that as JSON.
    #[must_use]
    pub fn answer<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        self.media::<T>(status, "application/json", says)
    }

    /// Answers that in another media type.
    #[must_use]
    pub fn media<T: JsonSchema>(
        mut self,
        status: u16,
        media_type: &'static str,
        says: &'static str,
    ) -> Self {
        let content = Some((media_type, Shape::of::<T>()));
        self.answers.push(Answer { status, says, content, headers: Vec::new() });
        self
    }

    /// Answers without a body.
    #[must_use]
    pub fn empty(mut self, status: u16, says: &'static str) -> Self {
        self.answers.push(Answer { status, says, content: None, headers: Vec::new() });
        self
    }

    /// Answers a stream of server-sent events, which takes up behind the event that a client saw last.
    #[must_use]
    pub fn stream(self, says: &'static str) -> Self {
        let last = "The id of the last event that was seen: it is not sent again.";
        self.optional_header("Last-Event-ID", last, Shape::of::<String>()).media::<String>(
            200,
            EVENT_STREAM,
            says,
        )
    }

    /// Answers a page of a list: see [`list_response`](super::list_response).
    #[must_use]
    pub fn list<T: JsonSchema>(self, says: &'static str) -> Self {
        let limit = Shape::of::<super::page::Limit>();
        let cursor = Shape::of::<super::page::Cursor>();
        self.query("limit", "How many items a page has at most; 50 by default.", limit)
            .query("cursor", "The `next_cursor` of the page before.", cursor)
            .answer::<List<T>>(200, says)
    }

    /// The latest answer has that header.
    #[must_use]
    pub fn answer_header(mut self, name: &'static str, says: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, says));
        }
        self
    }

    /// May be refused with that status, for one of these reasons.
    #[must_use]
    pub fn problems(mut self, status: u16, slugs: &[&'static str]) -> Self {
        self.own_problems.extend(slugs.iter().map(|slug| (status, *slug)));
        self
    }

    /// May be refused by how things stand, for one of these reasons.
    #[must_use]
    pub fn conflicts(self, slugs: &[&'static str]) -> Self {
        self.problems(409, slugs)
    }

    /// There may be no such thing.
    #[must_use]
    pub fn not_found(self) -> Self {
        self.problems(404, &["not-found"])
    }

    /// Every problem that it may answer to who is let in so: its own, and those that follow from
    /// what it takes.
    pub(super) fn every_problem(&self, who: Who) -> Vec<(u16, &'static str)> {
        let mut all = vec![
            (431, "headers-too-large"),
            (500, "internal"),
            (503, "overloaded"),
            (503, "timeout"),
            (503, "unavailable"),
        ];
        let has = |place| {
            let may_fail = |it: &Parameter| it.required || it.place == Place::Query;
            self.parameters.iter().any(|it| it.place == place && may_fail(it))
        };
        if who != Who::Open {
            let asked = [(401, "no-token"), (401, "invalid-token"), (403, "forbidden")];
            all.extend(asked);
            all.push((400, "invalid-header"));
        }
        if has(Place::Path) {
            all.push((400, "bad-request"));
        }
        if has(Place::Query) {
            all.push((400, "bad-query"));
        }
        if has(Place::Header) {
            all.extend([(400, "missing-header"), (400, "invalid-header")]);
        }
        if self.body.is_some() {
            all.extend([(400, "not-json"), (400, "incomplete-body"), (413, "body-too-large")]);
            all.push((415, "unsupported-media-type"));
        }
        if self.body.is_some() || has(Place::Path) || has(Place::Query) {
            all.push((422, "invalid-fields"));
        }
        all.extend(&self.own_problems);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the document knows such an answer: of that status, and where it is a problem, of that
    /// slug.
    pub(super) fn tells(&self, who: Who, status: StatusCode, slug: Option<&str>) -> bool {
        let status = status.as_u16();
        match slug {
            Some(slug) => self.every_problem(who).contains(&(status, slug)),
            None => self.answers.iter().any(|answer| answer.status == status),
        }
    }

    fn parameter(
        mut self,
        place: Place,
        name: &'static str,
        says: &'static str,
        shape: Shape,
        required: bool,
    ) -> Self {
        self.parameters.push(Parameter { place, name, says, shape, required });
        self
    }

    fn asked(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_wrong_follows_from_what_is_taken() {
        let plain = || Operation::new("plain", "Nothing is asked.");
        let slugs = |operation: &Operation, who| -> Vec<&str> {
            operation.every_problem(who).into_iter().map(|(_, slug)| slug).collect()
        };
        let always = ["headers-too-large", "internal", "overloaded", "timeout", "unavailable"];
        assert_eq!(slugs(&plain(), Who::Open), always);
        for (operation, more) in [
            (plain().path::<String>("x"), &["bad-request", "invalid-fields"][..]),
            (plain().query("x", "", Shape::of::<u8>()), &["bad-query", "invalid-fields"]),
            (plain().header("x", "", Shape::of::<u8>()), &["missing-header", "invalid-header"]),
            (plain().stream("Events."), &[]),
            (plain().body::<u8>(1.into()), &["not-json", "body-too-large", "invalid-fields"]),
            (plain().conflicts(&["claimed"]), &["claimed"]),
        ] {
            let told = slugs(&operation, Who::ANYBODY);
            let token = ["no-token", "invalid-token", "forbidden", "invalid-header"];
            for slug in always.iter().chain(&token).chain(more) {
                assert_eq!(told.iter().filter(|it| *it == slug).count(), 1, "{slug}: {told:?}");
            }
        }
    }

    #[test]
    fn an_answer_is_told_or_it_is_not() {
        let operation = Operation::new("x", "X.").answer::<u8>(200, "One.").conflicts(&["claimed"]);
        for (status, slug, told) in [
            (200, None, true),
            (201, None, false),
            (409, Some("claimed"), true),
            (409, Some("picked"), false),
            (410, Some("claimed"), false),
            (409, None, false),
            (401, Some("no-token"), true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(operation.tells(Who::ANYBODY, status, slug), told, "{status} {slug:?}");
        }
    }
}
