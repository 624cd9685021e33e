//! Ids in paths: parsed, or named as wrong.

use std::{fmt::Display, str::FromStr};

use crate::{FieldError, Problem};

/// An id out of a path; 422 naming it where it cannot be one.
///
/// ```
/// use contracts::OrderId;
/// use runtime::http::path_id;
///
/// assert!(path_id::<OrderId>("o-1", "order_id").is_ok());
/// let problem = path_id::<OrderId>("o 1", "order_id").unwrap_err();
/// assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "order_id"));
/// ```
pub fn path_id<T: FromStr<Err: Display>>(text: &str, name: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| {
        let error = FieldError { field: name.to_owned(), detail: error.to_string() };
        Problem::invalid(vec![error])
    })
}
