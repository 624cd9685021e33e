//! What a request carries besides its path: a JSON body within its limits, and headers that must
//! be there. Never reads more of a body than the limit into memory.

use axum::{
    body::{Body, BodyDataStream},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;

use super::Fields;
use crate::Problem;

/// The longest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// How much of a body that is too long is read and thrown away, so that a client that sends first
/// and listens then gets its answer instead of a reset connection.
const MAX_DISCARD: usize = 1024 * 1024;

/// The longest value of a header that is read by [`required_header`], in characters.
pub const MAX_HEADER_VALUE: usize = 128;

/// A request's body as the fields of a JSON object. Refuses with 415 for another media type, 413
/// above [`MAX_BODY`] (whether announced or sent in chunks), 400 `not-json`.
#[derive(Debug)]
pub struct JsonBody(pub Fields);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        if !is_json(&head.headers) {
            return Err(Problem::new(
                415,
                "unsupported-media-type",
                "The body must be application/json, without a content encoding.",
            ));
        }
        let body = read(body, announced(&head.headers)).await?;
        Fields::parse(&body).map(JsonBody)
    }
}

/// A header that a request must have once: 1–128 visible ASCII characters. 400 `missing-header`
/// or `invalid-header` where it is not so.
pub fn required_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        let detail = format!("The header {name} is required.");
        return Err(Problem::new(400, "missing-header", detail));
    };
    match visible(value.as_bytes()) {
        Some(text) if values.next().is_none() => Ok(text),
        _ => {
            let detail = format!(
                "The header {name} must be there once, with 1 to {MAX_HEADER_VALUE} visible \
                 ASCII characters."
            );
            Err(Problem::new(400, "invalid-header", detail))
        }
    }
}

/// 1–[`MAX_HEADER_VALUE`] visible ASCII characters, or nothing.
pub(super) fn visible(value: &[u8]) -> Option<&str> {
    let fits = (1..=MAX_HEADER_VALUE).contains(&value.len());
    let text = core::str::from_utf8(value).ok()?;
    (fits && value.iter().all(u8::is_ascii_graphic)).then_some(text)
}

fn is_json(headers: &HeaderMap) -> bool {
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    !encoded && media_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(body: Body, announced: Option<usize>) -> Result<Vec<u8>, Problem> {
    if announced.is_some_and(|length| length > MAX_DISCARD) {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(MAX_BODY));
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return Err(Problem::new(400, "incomplete-body", "The body could not be read."));
        };
        if bytes.len() + chunk.len() > MAX_BODY {
            discard(stream).await;
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn discard(mut stream: BodyDataStream) {
    let mut seen = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        seen += chunk.len();
        if seen > MAX_DISCARD {
            return;
        }
    }
}

pub(super) fn too_large() -> Problem {
    let detail = format!("The body may have {MAX_BODY} bytes at most.");
    Problem::new(413, "body-too-large", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_header_is_there_once_and_visible() {
        let longest = "x".repeat(MAX_HEADER_VALUE);
        let too_long = "x".repeat(MAX_HEADER_VALUE + 1);
        for (values, slug) in [
            (vec!["abc-1"], None),
            (vec![longest.as_str()], None),
            (vec![], Some("missing-header")),
            (vec![""], Some("invalid-header")),
            (vec!["a b"], Some("invalid-header")),
            (vec!["키"], Some("invalid-header")),
            (vec![too_long.as_str()], Some("invalid-header")),
            (vec!["a", "a"], Some("invalid-header")),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("idempotency-key", value.as_bytes().try_into().unwrap());
            }
            let found = required_header(&headers, "idempotency-key");
            let refused = found.as_ref().err().map(|problem| (problem.status, problem.slug()));
            assert_eq!(refused, slug.map(|slug| (400, slug)), "{values:?}");
        }
    }
}
