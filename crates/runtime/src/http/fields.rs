//! Strict reading of a JSON object: read loosely, then validated, so that every wrong field is
//! named by its full path in one answer. Never stops at the first mistake; knows no domain word.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use contracts::{Currency, Money};
use serde_json::{Map, Value};

use crate::{FieldError, Problem};

/// The largest amount of money that a client may name, in minor units: an order of the most items
/// and pieces at that price still sums up within 64 bits.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

const REQUIRED: &str = "is required";

/// A JSON object on its way to a typed value.
///
/// Each method reads one field and records what is wrong with it. One without `optional_` gives
/// `None` where the field is missing, null or wrong, and records that. One with `optional_` gives
/// `None` without an error where the field is missing or null; where it is wrong it gives `None`
/// too, but records it, so that [`finish`](Self::finish) refuses. Fields that nobody read are
/// unknown and thereby wrong.
///
/// ```
/// use contracts::MenuId;
/// use runtime::http::Fields;
///
/// let mut fields = Fields::parse(br#"{"items": [{"menu_id": "m1", "quantity": 0}], "x": 1}"#)?;
/// let items = fields.array("items", 1..=50, |item| {
///     let menu_id = item.id::<MenuId>("menu_id");
///     let quantity = item.integer("quantity", 1..=999);
///     Some((menu_id?, quantity?))
/// });
/// let problem = fields.finish(items).unwrap_err();
/// let wrong: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
/// assert_eq!(wrong, ["items[0].quantity", "x"]);
/// # Ok::<(), runtime::Problem>(())
/// ```
#[derive(Debug)]
pub struct Fields {
    /// Where this object lies; empty for the body itself.
    path: String,
    /// What has not been read yet.
    left: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a body; 400 `not-json` where it is not JSON (nested deeper than 128 included) or not
    /// an object. Of a key that stands there twice the last one counts.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self::new(object)),
            Ok(_) => Err(Problem::new(400, "not-json", "The body must be a JSON object.")),
            Err(error) => {
                let detail = format!("The body is not JSON: {error}.");
                Err(Problem::new(400, "not-json", detail))
            }
        }
    }

    /// The fields of an object.
    pub fn new(object: Map<String, Value>) -> Self {
        Self::at(String::new(), object)
    }

    fn at(path: String, object: Map<String, Value>) -> Self {
        Self { path, left: object, errors: Vec::new() }
    }

    /// A text without control characters, trimmed, of that many characters.
    pub fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        self.required(name, |value| as_text(value, &length))
    }

    /// [`text`](Self::text), which may be missing.
    pub fn optional_text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        self.optional(name, |value| as_text(value, &length))
    }

    /// A typed id, or whatever else is read from a text.
    pub fn id<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.required(name, as_id)
    }

    /// [`id`](Self::id), which may be missing.
    pub fn optional_id<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.optional(name, as_id)
    }

    /// A number without a fraction, within the range.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.required(name, |value| as_integer(value, &range))
    }

    /// [`integer`](Self::integer), which may be missing.
    pub fn optional_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.optional(name, |value| as_integer(value, &range))
    }

    /// True or false.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.required(name, as_boolean)
    }

    /// [`boolean`](Self::boolean), which may be missing.
    pub fn optional_boolean(&mut self, name: &str) -> Option<bool> {
        self.optional(name, as_boolean)
    }

    /// `{"amount": …, "currency": "KRW"}`; the amount is 0 to [`MAX_AMOUNT`].
    pub fn money(&mut self, name: &str) -> Option<Money> {
        self.object(name, money)
    }

    /// [`money`](Self::money), which may be missing.
    pub fn optional_money(&mut self, name: &str) -> Option<Money> {
        self.optional_object(name, money)
    }

    /// An object, read by `read`, which must read every field that it may have.
    pub fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let value = self.take_required(name)?;
        self.nested(name, value, read)
    }

    /// [`object`](Self::object), which may be missing.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        self.nested(name, value, read)
    }

    /// An array of that many objects, each read by `read`. `None` where one of them is wrong.
    pub fn array<T>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.take_required(name)?;
        self.elements(name, value, &count, |fields, element, value| {
            fields.nested(element, value, &mut read)
        })
    }

    /// [`array`](Self::array), which may be missing.
    pub fn optional_array<T>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.take(name)?;
        self.elements(name, value, &count, |fields, element, value| {
            fields.nested(element, value, &mut read)
        })
    }

    /// An array of that many ids. `None` where one of them is wrong.
    pub fn ids<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<T>> {
        let value = self.take_required(name)?;
        self.elements(name, value, &count, |fields, element, value| {
            fields.checked(element, &value, as_id)
        })
    }

    /// [`ids`](Self::ids), which may be missing.
    pub fn optional_ids<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<T>> {
        let value = self.take(name)?;
        self.elements(name, value, &count, |fields, element, value| {
            fields.checked(element, &value, as_id)
        })
    }

    /// Records that a field of this object is wrong.
    pub fn error(&mut self, name: &str, detail: impl Into<String>) {
        let field = self.path_of(name);
        self.errors.push(FieldError { field, detail: detail.into() });
    }

    /// The value, where nothing was wrong; otherwise 422 with every wrong and unknown field.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        self.close();
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            None if self.errors.is_empty() => {
                tracing::error!("a body was refused without a reason");
                Err(Problem::internal())
            }
            _ => Err(Problem::invalid(self.errors)),
        }
    }

    /// What nobody read is unknown.
    fn close(&mut self) {
        for (name, _) in std::mem::take(&mut self.left) {
            self.error(&name, "is unknown");
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn take_required(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name);
        if value.is_none() {
            self.error(name, REQUIRED);
        }
        value
    }

    fn required<T>(
        &mut self,
        name: &str,
        check: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take_required(name)?;
        self.checked(name, &value, check)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        check: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(name)?;
        self.checked(name, &value, check)
    }

    fn checked<T>(
        &mut self,
        name: &str,
        value: &Value,
        check: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        check(value).map_err(|detail| self.error(name, detail)).ok()
    }

    fn nested<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(object) = value else {
            self.error(name, "must be an object");
            return None;
        };
        let mut inner = Self::at(self.path_of(name), object);
        let read = read(&mut inner);
        inner.close();
        self.errors.append(&mut inner.errors);
        read
    }

    fn elements<T>(
        &mut self,
        name: &str,
        value: Value,
        count: &RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self, &str, Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(values) = value else {
            self.error(name, "must be an array");
            return None;
        };
        let fits = count.contains(&values.len());
        if !fits {
            self.error(name, format!("must have {}", span(count, "element", "elements")));
        }
        // Elements beyond the most are not looked at: the answer stays small.
        let read: Vec<Option<T>> = values
            .into_iter()
            .take(*count.end())
            .enumerate()
            .map(|(index, value)| read(self, &format!("{name}[{index}]"), value))
            .collect();
        if fits { read.into_iter().collect() } else { None }
    }
}

fn money(fields: &mut Fields) -> Option<Money> {
    let amount = fields.integer("amount", 0..=MAX_AMOUNT);
    let currency = fields.required("currency", |value| match value.as_str() {
        Some(code) => Currency::new(code).map_err(|error| error.to_string()),
        None => Err("must be a text".to_owned()),
    });
    Some(Money { amount: amount?, currency: currency? })
}

fn as_text(value: &Value, length: &RangeInclusive<usize>) -> Result<String, String> {
    let text = value.as_str().ok_or("must be a text")?;
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".to_owned());
    }
    let text = text.trim();
    if length.contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("must have {}", span(length, "character", "characters")))
    }
}

fn as_id<T: FromStr<Err: Display>>(value: &Value) -> Result<T, String> {
    let text = value.as_str().ok_or("must be a text")?;
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn as_integer(value: &Value, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let wanted = || format!("must be an integer from {} to {}", range.start(), range.end());
    value.as_i64().filter(|number| range.contains(number)).ok_or_else(wanted)
}

fn as_boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

fn span(range: &RangeInclusive<usize>, one: &str, many: &str) -> String {
    match (*range.start(), *range.end()) {
        (1, 1) => format!("1 {one}"),
        (least, most) if least == most => format!("{least} {many}"),
        (least, most) => format!("{least} to {most} {many}"),
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
