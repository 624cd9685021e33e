//! By what a request is found again: its id and the trace that it belongs to. Both come from
//! outside and are taken only where they have the right shape.

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::body::visible;
use crate::ports::Ids;

/// The header that carries a [`RequestId`].
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: &str = "traceparent";

/// A request's id: the client's where it is 1–128 visible ASCII characters, else a new UUID
/// version 7. Every request has it among its extensions, every response as `x-request-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id of a request with these headers.
    pub fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        match single(headers, X_REQUEST_ID.as_str()) {
            Some(id) => Self(Arc::from(id)),
            None => Self(Arc::from(ids.next().to_string())),
        }
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a request id is visible ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The W3C trace context that the client sent; among the request's extensions where it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(Arc<str>);

tokio::task_local! {
    static CURRENT: Option<TraceParent>;
}

impl TraceParent {
    /// The trace context of the request that is being handled here, if it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }

    /// Handles a request within its trace context.
    pub(super) fn within<F: Future>(
        trace: Option<Self>,
        handling: F,
    ) -> impl Future<Output = F::Output> {
        CURRENT.scope(trace, handling)
    }

    /// The trace context of a request with these headers, where it has one of the right shape.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        single(headers, TRACEPARENT).filter(|text| is_trace_parent(text)).map(|it| Self(it.into()))
    }

    /// As it was sent: `00-<trace id>-<parent id>-<flags>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header that is there once, with 1–128 visible ASCII characters.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = visible(values.next()?.as_bytes())?;
    values.next().is_none().then_some(value)
}

fn is_trace_parent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|it| it == b'0');
    let mut parts = text.split('-');
    let (Some(version), Some(trace), Some(parent), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // A later version may append parts; version 00 has these four and no more.
    (hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none()))
        && (hex(trace, 32) && !zero(trace))
        && (hex(parent, 16) && !zero(parent))
        && hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_trace_context_is_taken() {
        for (text, taken) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, HeaderValue::from_str(text).unwrap());
            assert_eq!(TraceParent::of(&headers).is_some(), taken, "{text:?}");
        }
    }
}
