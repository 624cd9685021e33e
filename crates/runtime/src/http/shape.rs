//! Shapes of what people send, where the type alone does not say enough.

use contracts::Currency;
use schemars::{JsonSchema, Schema, json_schema};

use super::fields::MAX_AMOUNT;

/// A text as [`Fields::text`](super::Fields::text) reads it: no control characters, and not only
/// blanks.
pub const PLAIN_TEXT: &str =
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// A text without control characters, as a query has it.
pub const NO_CONTROL: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// One of these words and no other.
pub fn one_of(words: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": words })
}

/// A text of that many characters: for a query.
pub fn text(least: usize, most: usize) -> Schema {
    json_schema!({
        "type": "string", "minLength": least, "maxLength": most, "pattern": NO_CONTROL
    })
}

/// A price as [`Fields::money`](super::Fields::money) reads it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, description = "What a client says that something costs.")]
#[allow(dead_code, reason = "only its schema is wanted: it is read as money")]
pub struct Price {
    /// In the minor unit of the currency (won, cents).
    #[schemars(range(min = 0, max = MAX_AMOUNT))]
    amount: i64,
    /// The currency.
    currency: Currency,
}
