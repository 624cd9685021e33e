//! Lists: which page is asked for, and how it is answered.

use axum::{
    Json,
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::StrictQuery;
use crate::{FieldError, Problem};

/// How many items a page has where the client does not say.
pub const DEFAULT_LIMIT: u32 = 50;

/// The most items that a page has.
pub const MAX_LIMIT: u32 = 500;

/// The longest cursor, in bytes before it is made opaque.
const MAX_CURSOR: usize = 256;

/// Which page of a list is asked for. As an extractor it refuses any other query parameter; a
/// route that has more of them takes a [`StrictQuery`] and asks it for the [`page`].
///
/// [`page`]: StrictQuery::page
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many items, 1–[`MAX_LIMIT`].
    pub limit: u32,
    /// After this one: what [`list_response`] was given as the cursor of the page before.
    pub cursor: Option<String>,
}

impl Page {
    /// Reads `limit` and `cursor`; what is wrong with them is recorded in the query.
    pub fn from_query(query: &mut StrictQuery) -> Self {
        let limit = query
            .integer("limit", 1..=i64::from(MAX_LIMIT))
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or(DEFAULT_LIMIT);
        let cursor = query.read("cursor", |text| {
            decode(text).ok_or_else(|| "must be a next_cursor of this list".to_owned())
        });
        Self { limit, cursor }
    }

    /// After which item, in a list that is found by numbers from 1; 0 for the first page.
    pub fn after_number(&self) -> Result<i64, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(0) };
        cursor.parse().map_err(|_| {
            let detail = "must be a next_cursor of this list".to_owned();
            Problem::invalid(vec![FieldError { field: "cursor".to_owned(), detail }])
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut query = StrictQuery::parse(&parts.uri)?;
        let page = query.page();
        query.finish(page)
    }
}

/// `{"items": […], "next_cursor": …}` of the items of one page.
///
/// `cursor` says by what the last item is found again, its id as a rule. A page with `limit` items
/// (more are cut off) names a next one, which may turn out to be empty.
pub fn list_response<T: Serialize>(
    items: Vec<T>,
    limit: u32,
    cursor: impl FnOnce(&T) -> String,
) -> Response {
    Json(list_body(items, limit, cursor)).into_response()
}

/// What a [`list_response`] says.
pub fn list_body<T: Serialize>(
    mut items: Vec<T>,
    limit: u32,
    cursor: impl FnOnce(&T) -> String,
) -> impl Serialize {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let full = items.len() >= limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| full).map(|last| Cursor(encode(&cursor(last))));
    List { items, next_cursor }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub(super) struct List<T> {
    /// What is on it.
    items: Vec<T>,
    /// With it as `cursor` the next page is found; null where there is none.
    next_cursor: Option<Cursor>,
}

/// Where a page begins: opaque, and of one list only.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct Cursor(
    #[schemars(length(min = 2, max = 2 * MAX_CURSOR), regex(pattern = "^([0-9a-fA-F]{2})+$"))]
    String,
);

/// How many items a page has at most.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Limit(
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    #[allow(dead_code, reason = "only its schema is wanted")]
    u32,
);

/// Hexadecimal, so that nobody is tempted to make one up.
fn encode(cursor: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    cursor.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    if !(2..=2 * MAX_CURSOR).contains(&text.len()) || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    let plain = String::from_utf8(bytes?).ok()?;
    (!plain.chars().any(char::is_control)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page, Vec<String>> {
        let mut query = StrictQuery::parse(&format!("/x?{query}").parse().unwrap()).unwrap();
        let page = query.page();
        query
            .finish(page)
            .map_err(|problem| problem.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn a_page_has_its_limits() {
        let of = |limit| Ok(Page { limit, cursor: None });
        let wrong = |name: &str| Err(vec![name.to_owned()]);
        let too_long = format!("cursor={}", "61".repeat(MAX_CURSOR + 1));
        for (query, expected) in [
            ("", of(50)),
            ("limit=1", of(1)),
            ("limit=500", of(500)),
            ("limit=0", wrong("limit")),
            ("limit=501", wrong("limit")),
            ("limit=-1", wrong("limit")),
            ("limit=ten", wrong("limit")),
            ("cursor=", wrong("cursor")),
            ("cursor=6", wrong("cursor")),
            ("cursor=zz", wrong("cursor")),
            ("cursor=ff", wrong("cursor")),
            ("cursor=00", wrong("cursor")),
            (too_long.as_str(), wrong("cursor")),
            ("offset=1", wrong("offset")),
        ] {
            assert_eq!(page(query), expected, "{query:?}");
        }
    }

    #[test]
    fn a_cursor_leads_back_to_where_it_was_made() {
        for id in ["a", "0190-x", "s1/m1", "김밥"] {
            let query = format!("limit=2&cursor={}", encode(id));
            assert_eq!(page(&query), Ok(Page { limit: 2, cursor: Some(id.to_owned()) }));
        }
    }
}
