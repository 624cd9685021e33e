//! Errors over HTTP: RFC 9457 problem details.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A problem: what went wrong, as a slug that programs can rely on and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// `/problems/<slug>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The slug in words, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The fields that are wrong, each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds after which to try again; becomes the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// Where: `items[2].quantity`, `address.district`.
    pub field: String,
    /// What it should be.
    pub detail: String,
}

impl Problem {
    /// A problem of that slug; its title is the slug in words.
    pub fn new(status: u16, slug: &str, detail: impl Into<String>) -> Self {
        let mut title = slug.replace('-', " ");
        if let Some(first) = title.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        Self {
            kind: format!("/problems/{slug}"),
            title,
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 409: the state of things forbids it; the slug says why.
    pub fn conflict(slug: &str, detail: impl Into<String>) -> Self {
        Self::new(409, slug, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", format!("There is no such {what}."))
    }

    /// 422: fields are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "A field is wrong.".to_owned(),
            n => format!("{n} fields are wrong."),
        };
        Self { errors, ..Self::new(422, "invalid-fields", detail) }
    }

    /// 503: it cannot be done now, but may be later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(503, "unavailable", detail) }
    }

    /// 500: a bug; the log says more.
    pub fn internal() -> Self {
        Self::new(500, "internal", "Something went wrong inside; the log has the request id.")
    }

    /// The slug.
    pub fn slug(&self) -> &str {
        self.kind.strip_prefix("/problems/").unwrap_or(&self.kind)
    }
}

/// The slug of the problem that a response tells, among its extensions.
#[derive(Clone, Debug)]
pub(super) struct Slug(pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.extensions_mut().insert(Slug(self.slug().to_owned()));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
