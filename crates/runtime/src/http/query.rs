//! Strict reading of a query string: a parameter that is unknown, repeated or wrong is refused,
//! each of them named. Ignoring one would answer another question than was asked.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Display,
    ops::RangeInclusive,
    str::FromStr,
};

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};

use super::Page;
use crate::{FieldError, Problem};

/// The parameters of a request. Every one is optional: the methods give `None` where it is missing
/// and also where it is wrong, which [`finish`](Self::finish) then refuses. Parameters that nobody
/// read are unknown.
///
/// ```
/// use runtime::http::StrictQuery;
///
/// let address = axum::http::Uri::from_static("/tickets?state=pending&limit=10");
/// let mut query = StrictQuery::parse(&address)?;
/// let state = query.one_of("state", &["pending", "accepted"]);
/// let page = query.page();
/// let (state, page) = query.finish((state, page))?;
/// assert_eq!((state.as_deref(), page.limit), (Some("pending"), 10));
/// # Ok::<(), runtime::Problem>(())
/// ```
#[derive(Debug)]
pub struct StrictQuery {
    left: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl StrictQuery {
    /// The parameters of an address. 400 `bad-query` where they cannot be told apart.
    pub fn parse(uri: &Uri) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::new(400, "bad-query", "The query string cannot be read."))?;
        let mut query = Self { left: BTreeMap::new(), errors: Vec::new() };
        for (name, value) in pairs {
            match query.left.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(seen) => query.errors.push(FieldError {
                    field: seen.key().clone(),
                    detail: "must not be repeated".to_owned(),
                }),
            }
        }
        Ok(query)
    }

    /// A text without control characters, of that many characters.
    pub fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        self.read(name, |text| {
            let plain = !text.chars().any(char::is_control);
            if plain && length.contains(&text.chars().count()) {
                Ok(text.to_owned())
            } else {
                let (least, most) = length.into_inner();
                Err(format!("must have {least} to {most} characters, none of them control"))
            }
        })
    }

    /// One of these words.
    pub fn one_of(&mut self, name: &str, words: &[&str]) -> Option<String> {
        self.read(name, |text| {
            if words.contains(&text) {
                Ok(text.to_owned())
            } else {
                Err(format!("must be one of {}", words.join(", ")))
            }
        })
    }

    /// A typed id, or whatever else is read from a text.
    pub fn id<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.read(name, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A number without a fraction, within the range.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.read(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| {
                format!("must be an integer from {} to {}", range.start(), range.end())
            })
        })
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, |text| text.parse().map_err(|_| "must be true or false".to_owned()))
    }

    /// Which page of a list: `limit` and `cursor`.
    pub fn page(&mut self) -> Page {
        Page::from_query(self)
    }

    /// A parameter as `check` takes it; what `check` says otherwise is recorded.
    pub fn read<T>(
        &mut self,
        name: &str,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.left.remove(name)?;
        check(&text).map_err(|detail| self.error(name, detail)).ok()
    }

    /// Records that a parameter is wrong.
    pub fn error(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), detail: detail.into() });
    }

    /// The value, where nothing was wrong; otherwise 422 with every wrong and unknown parameter.
    pub fn finish<T>(mut self, value: T) -> Result<T, Problem> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.error(&name, "is unknown");
        }
        if self.errors.is_empty() { Ok(value) } else { Err(Problem::invalid(self.errors)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StrictQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::parse(&parts.uri)
    }
}

#[cfg(test)]
mod tests {
    use contracts::StoreId;

    use super::*;

    #[track_caller]
    fn check(query: &str, wrong: &[&str]) {
        let mut query = StrictQuery::parse(&format!("/x?{query}").parse().unwrap()).unwrap();
        let _ = query.text("q", 1..=3);
        let _ = query.one_of("state", &["a", "b"]);
        let _ = query.id::<StoreId>("store");
        let _ = query.integer("n", 1..=9);
        let _ = query.boolean("flag");
        let found: Vec<String> = match query.finish(()) {
            Ok(()) => Vec::new(),
            Err(problem) => {
                assert_eq!((problem.status, problem.slug()), (422, "invalid-fields"));
                problem.errors.into_iter().map(|error| error.field).collect()
            }
        };
        assert_eq!(found, wrong);
    }

    #[test]
    fn each_wrong_parameter_is_named() {
        for (query, wrong) in [
            ("", [].as_slice()),
            ("q=abc&state=a&store=s1&n=9&flag=true", &[]),
            ("q=%EA%B9%80%EB%B0%A5", &[]),
            ("q=abcd", &["q"]),
            ("q=%0A", &["q"]),
            ("state=c&n=0", &["state", "n"]),
            ("store=a%20b&flag=yes", &["store", "flag"]),
            ("n=1&n=1", &["n"]),
            ("stat=a&x=1", &["stat", "x"]),
            ("n", &["n"]),
        ] {
            check(query, wrong);
        }
    }
}
