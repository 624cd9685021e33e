//! Which bodies are taken, and what is said about each field of those that are not.

use contracts::{District, MenuId, StoreId};
use serde_json::{Value, json};

use super::*;

#[derive(Debug, PartialEq)]
struct Taken {
    store: StoreId,
    note: Option<String>,
    open: bool,
    price: Money,
    district: District,
    items: Vec<(MenuId, i64)>,
    neighbours: Option<Vec<District>>,
}

/// Reads a body that has a field of every shape.
fn read(body: &Value) -> Result<Taken, Problem> {
    let mut fields = Fields::parse(body.to_string().as_bytes())?;
    let store = fields.id("store");
    let note = fields.optional_text("note", 1..=5);
    let open = fields.boolean("open");
    let price = fields.money("price");
    let district = fields.object("address", |address| address.id("district"));
    let items = fields.array("items", 1..=2, |item| {
        let menu = item.id("menu");
        let quantity = item.integer("quantity", 1..=999);
        Some((menu?, quantity?))
    });
    let neighbours = fields.optional_ids("neighbours", 0..=2);
    let taken = (|| {
        Some(Taken {
            store: store?,
            note,
            open: open?,
            price: price?,
            district: district?,
            items: items?,
            neighbours,
        })
    })();
    fields.finish(taken)
}

fn good() -> Value {
    json!({
        "store": "s1",
        "open": true,
        "price": {"amount": 9500, "currency": "KRW"},
        "address": {"district": "mapo"},
        "items": [{"menu": "m1", "quantity": 2}],
    })
}

/// The good body with one field replaced, and the paths that are then wrong.
#[track_caller]
fn check(field: &str, value: &Value, wrong: &[&str]) {
    let mut body = good();
    body[field] = value.clone();
    let found: Vec<String> = match read(&body) {
        Ok(_) => Vec::new(),
        Err(problem) => {
            assert_eq!((problem.status, problem.slug()), (422, "invalid-fields"));
            assert!(problem.errors.iter().all(|error| !error.detail.is_empty()));
            problem.errors.into_iter().map(|error| error.field).collect()
        }
    };
    assert_eq!(found, wrong, "{field} = {value}");
}

#[test]
fn a_good_body_is_taken_as_it_is_meant() {
    let mut body = good();
    body["note"] = json!("  맵게 ");
    body["neighbours"] = json!(["jongno"]);
    let taken = read(&body).unwrap();
    assert_eq!(taken.note.as_deref(), Some("맵게"));
    assert_eq!(taken.price, Money { amount: 9_500, currency: Currency::KRW });
    assert_eq!(taken.items, [(MenuId::new("m1").unwrap(), 2)]);
    assert_eq!(taken.neighbours, Some(vec![District::new("jongno").unwrap()]));
}

#[test]
fn each_shape_has_its_limits() {
    for missing in ["store", "open", "price", "address", "items"] {
        check(missing, &Value::Null, &[missing]);
    }
    for (value, fine) in [
        (json!("s1"), true),
        (json!(""), false),
        (json!("a b"), false),
        (json!("x".repeat(65)), false),
        (json!(7), false),
    ] {
        check("store", &value, if fine { &[] } else { &["store"] });
    }
    for (value, fine) in [
        (Value::Null, true),
        (json!("김치볶음밥"), true), // five characters, fifteen bytes
        (json!("  12345  "), true),
        (json!("123456"), false),
        (json!(""), false),
        (json!("   "), false),
        (json!("a\nb"), false),
        (json!("a\u{1b}[1m"), false),
        (json!("a\u{85}"), false),
        (json!(["a"]), false),
    ] {
        check("note", &value, if fine { &[] } else { &["note"] });
    }
    for (value, fine) in [
        (json!(1), true),
        (json!(999), true),
        (json!(0), false),
        (json!(1000), false),
        (json!(-1), false),
        (json!(1.0), false),
        (json!(1.5), false),
        (json!(u64::MAX), false),
        (json!("1"), false),
        (json!(true), false),
    ] {
        let items = json!([{"menu": "m1", "quantity": value}]);
        check("items", &items, if fine { &[] } else { &["items[0].quantity"] });
    }
    for value in [json!("true"), json!(1), json!([])] {
        check("open", &value, &["open"]);
    }
}

#[test]
fn nested_fields_are_named_by_their_path() {
    check("price", &json!({"amount": -1, "currency": "won"}), &["price.amount", "price.currency"]);
    check("price", &json!({}), &["price.amount", "price.currency"]);
    check("price", &json!(9500), &["price"]);
    check("price", &json!({"amount": MAX_AMOUNT + 1, "currency": "KRW"}), &["price.amount"]);
    check("address", &json!({"district": "", "line": "x"}), &["address.district", "address.line"]);
    check("items", &json!([]), &["items"]);
    check("items", &json!({}), &["items"]);
    check(
        "items",
        &json!([1, {"menu": 1, "quantity": 0}]),
        &["items[0]", "items[1].menu", "items[1].quantity"],
    );
    let item = json!({"menu": "m1", "quantity": 1});
    check("items", &json!([item, item, item]), &["items"]);
    check("neighbours", &json!(["a", "b b"]), &["neighbours[1]"]);
    check("neighbours", &json!(["a", "b", "c"]), &["neighbours"]);
    check("stranger", &json!(null), &["stranger"]);
}

#[test]
fn every_mistake_is_told_at_once() {
    let body = json!({"store": 1, "items": [{"x": 1}], "y": 2});
    let found: Vec<String> =
        read(&body).unwrap_err().errors.into_iter().map(|error| error.field).collect();
    assert_eq!(
        found,
        [
            "store",
            "open",
            "price",
            "address",
            "items[0].menu",
            "items[0].quantity",
            "items[0].x",
            "y",
        ]
    );
}

#[test]
fn what_is_not_an_object_is_not_read() {
    let deep = "[".repeat(200);
    let cases: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b"{} {}",
        b"{\"a\": NaN}",
        b"{\"a\": \"\xff\"}",
        deep.as_bytes(),
    ];
    for body in cases {
        let problem = Fields::parse(body).unwrap_err();
        assert_eq!((problem.status, problem.slug()), (400, "not-json"), "{body:?}");
    }
    let mut twice = Fields::parse(br#"{"a": 1, "a": 2}"#).unwrap();
    assert_eq!(twice.integer("a", 0..=9), Some(2));
}

#[test]
fn a_callers_own_finding_counts() {
    let mut fields = Fields::parse(br#"{"a": {"b": 1}}"#).unwrap();
    let value = fields.object("a", |inner| {
        let value = inner.integer("b", 0..=9);
        inner.error("b", "is odd");
        value
    });
    let problem = fields.finish(value).unwrap_err();
    assert_eq!(problem.errors, [FieldError { field: "a.b".into(), detail: "is odd".into() }]);
}
