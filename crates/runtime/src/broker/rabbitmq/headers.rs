//! A message's headers as a JSON object, bounded: they come from outside and go into a database.

use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value};

/// Tables and lists within one another beyond this are left out.
const DEEPEST: usize = 6;
/// Bytes of names and texts beyond this are left out.
const MOST_BYTES: usize = 16 * 1024;
/// What tells that something was left out.
const CUT: &str = "x-expeditor-cut";

/// The headers as JSON text.
pub(super) fn to_json(headers: Option<&FieldTable>) -> String {
    let Some(headers) = headers else { return "{}".to_owned() };
    let mut reader = Reader { left: MOST_BYTES, cut: false };
    let mut object = reader.table(headers, DEEPEST);
    if reader.cut {
        object.insert(CUT.to_owned(), Value::Bool(true));
    }
    Value::Object(object).to_string()
}

/// Why the broker gave a message up, as it says itself.
pub(super) fn why_dead(headers: Option<&FieldTable>) -> String {
    let said = |name| match headers?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    };
    let reason = said("x-first-death-reason").unwrap_or_else(|| "unknown reason".to_owned());
    let queue = said("x-first-death-queue").unwrap_or_else(|| "an unknown queue".to_owned());
    format!("the broker gave it up in {queue}: {reason}")
}

struct Reader {
    left: usize,
    cut: bool,
}

impl Reader {
    /// Takes so many bytes of what may still be read; `None` when they are used up.
    fn take(&mut self, bytes: usize) -> Option<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Some(())
            }
            None => {
                self.cut = true;
                None
            }
        }
    }

    fn table(&mut self, table: &FieldTable, depth: usize) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, value) in table {
            if self.take(name.as_str().len() + 8).is_some()
                && let Some(value) = self.value(value, depth)
            {
                object.insert(name.to_string(), value);
            }
        }
        object
    }

    fn value(&mut self, value: &AMQPValue, depth: usize) -> Option<Value> {
        Some(match value {
            AMQPValue::Boolean(it) => Value::from(*it),
            AMQPValue::ShortShortInt(it) => Value::from(*it),
            AMQPValue::ShortShortUInt(it) => Value::from(*it),
            AMQPValue::ShortInt(it) => Value::from(*it),
            AMQPValue::ShortUInt(it) => Value::from(*it),
            AMQPValue::LongInt(it) => Value::from(*it),
            AMQPValue::LongUInt(it) => Value::from(*it),
            AMQPValue::LongLongInt(it) => Value::from(*it),
            AMQPValue::Float(it) => Value::from(*it),
            AMQPValue::Double(it) => Value::from(*it),
            AMQPValue::Timestamp(it) => Value::from(*it),
            AMQPValue::Void => Value::Null,
            AMQPValue::DecimalValue(it) => Value::from(format!("{}e-{}", it.value, it.scale)),
            AMQPValue::ShortString(it) => self.text(it.as_str().as_bytes())?,
            AMQPValue::LongString(it) => self.text(it.as_bytes())?,
            AMQPValue::ByteArray(it) => self.text(it.as_slice())?,
            AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) if depth == 0 => {
                self.cut = true;
                return None;
            }
            AMQPValue::FieldArray(it) => {
                let mut list = Vec::new();
                for value in it.as_slice() {
                    self.take(8)?;
                    list.extend(self.value(value, depth - 1));
                }
                Value::Array(list)
            }
            AMQPValue::FieldTable(it) => Value::Object(self.table(it, depth - 1)),
        })
    }

    fn text(&mut self, bytes: &[u8]) -> Option<Value> {
        self.take(bytes.len())?;
        Some(Value::from(String::from_utf8_lossy(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;

    use super::*;

    fn table(name: &str, value: AMQPValue) -> FieldTable {
        let mut table = FieldTable::default();
        table.insert(name.into(), value);
        table
    }

    fn check(headers: &FieldTable, expected: &str) {
        assert_eq!(to_json(Some(headers)), expected);
    }

    #[test]
    fn headers_become_an_object() {
        assert_eq!(to_json(None), "{}");
        check(&table("a", AMQPValue::LongString("한".into())), r#"{"a":"한"}"#);
        check(&table("a", AMQPValue::LongLongInt(-3)), r#"{"a":-3}"#);
        let death = table("reason", AMQPValue::LongString("delivery_limit".into()));
        let list = FieldArray::from(vec![AMQPValue::FieldTable(death)]);
        let expected = r#"{"x-death":[{"reason":"delivery_limit"}]}"#;
        check(&table("x-death", AMQPValue::FieldArray(list)), expected);
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_left_out() {
        let mut deep = AMQPValue::Boolean(true);
        for _ in 0..100 {
            deep = AMQPValue::FieldArray(FieldArray::from(vec![deep]));
        }
        let headers = table("deep", deep);
        check(&headers, r#"{"deep":[[[[[[]]]]]],"x-expeditor-cut":true}"#);

        let mut headers = table("z", AMQPValue::LongString("kept".into()));
        headers.insert("a".into(), AMQPValue::LongString("x".repeat(MOST_BYTES).into()));
        check(&headers, r#"{"x-expeditor-cut":true,"z":"kept"}"#);
    }
}
