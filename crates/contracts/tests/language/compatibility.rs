//! The comparison tells every break and no addition.

use contracts::schema::{self, routing};
use serde_json::{Value, json};

use crate::compare;

fn placed() -> Value {
    schema::schema("order-placed").unwrap()
}

/// Changes `order-placed` and has the comparison say so.
fn check(change: impl FnOnce(&mut Value), told: &[&str]) {
    let (released, mut today) = (placed(), placed());
    change(&mut today);
    assert_ne!(released, today, "the case changes something");
    assert_eq!(compare::schemas("order-placed", &released, &today), told);
}

fn properties(schema: &mut Value) -> &mut serde_json::Map<String, Value> {
    schema["properties"].as_object_mut().unwrap()
}

fn require(schema: &mut Value, name: &str) {
    schema["required"].as_array_mut().unwrap().push(json!(name));
}

#[test]
fn what_is_the_same_or_said_in_other_words_is_no_break() {
    let same = compare::schemas("order-placed", &placed(), &placed());
    assert_eq!(same, [""; 0]);
    check(|today| today["description"] = json!("Said better."), &[]);
    check(|today| today["required"].as_array_mut().unwrap().reverse(), &[]);
    check(
        |today| {
            let inlined = today["$defs"]["Address"].clone();
            properties(today).insert("address".to_owned(), inlined);
        },
        &[],
    );
    check(|today| today["additionalProperties"] = json!(true), &[]);
}

#[test]
fn an_optional_field_is_an_addition() {
    let gift = json!({ "type": ["string", "null"] });
    check(
        |today| {
            properties(today).insert("gift".to_owned(), gift);
        },
        &[],
    );
    check(
        |today| {
            properties(&mut today["$defs"]["Line"]).insert("note".to_owned(), json!({}));
        },
        &[],
    );
}

#[test]
fn a_removed_field_is_told() {
    check(
        |today| {
            properties(today).remove("total");
        },
        &["order-placed.total was removed"],
    );
    check(
        |today| {
            properties(&mut today["$defs"]["Line"]).remove("quantity");
        },
        &["order-placed.items[*].quantity was removed"],
    );
}

#[test]
fn a_renamed_field_is_told() {
    check(
        |today| {
            let total = properties(today).remove("total").unwrap();
            properties(today).insert("sum".to_owned(), total);
            require(today, "sum");
        },
        &["order-placed.total was renamed to sum"],
    );
}

#[test]
fn a_retyped_field_is_told_wherever_it_is() {
    check(
        |today| {
            today["$defs"]["Money"]["properties"]["amount"]["type"] = json!("string");
        },
        &[
            "order-placed.items[*].unit_price.amount was of type \"integer\" and is of type \
             \"string\"",
            "order-placed.total.amount was of type \"integer\" and is of type \"string\"",
        ],
    );
    check(
        |today| today["properties"]["address"] = json!({ "type": "object" }),
        &["order-placed.address.district was removed", "order-placed.address.line was removed"],
    );
}

#[test]
fn a_newly_required_field_is_told() {
    check(
        |today| {
            properties(today).insert("gift".to_owned(), json!({ "type": "string" }));
            require(today, "gift");
        },
        &["order-placed.gift is new and required: released senders do not write it"],
    );
    let ended = || schema::schema("order-cancelled").unwrap();
    let mut today = ended();
    require(&mut today, "reason");
    assert_eq!(
        compare::schemas("order-cancelled", &ended(), &today),
        ["order-cancelled.reason is newly required: released senders may leave it out"]
    );
    assert_eq!(
        compare::schemas("order-cancelled", &today, &ended()),
        ["order-cancelled.reason is no longer required: released readers cannot do without it"]
    );
}

#[test]
fn a_bound_that_moves_is_told_either_way() {
    let quantity = |today: &mut Value, name: &str, value: Value| {
        today["$defs"]["Line"]["properties"]["quantity"][name] = value;
    };
    check(
        |today| quantity(today, "maximum", json!(99)),
        &["order-placed.items[*].quantity was narrowed by its maximum: it was 999 and is 99"],
    );
    check(
        |today| quantity(today, "minimum", json!(0)),
        &["order-placed.items[*].quantity was widened by its minimum: it was 1 and is 0"],
    );
    check(
        |today| today["$defs"]["OrderId"]["pattern"] = json!("^[0-9]+$"),
        &["order-placed.order_id was changed by its pattern: it was \"^[A-Za-z0-9._-]+$\" and is \
           \"^[0-9]+$\""],
    );
    check(
        |today| today["$defs"]["Address"]["properties"]["line"]["enum"] = json!(["here"]),
        &["order-placed.address.line was narrowed by its enum: it was not set and is [\"here\"]"],
    );
    check(
        |today| today["additionalProperties"] = json!(false),
        &["order-placed was narrowed by its additionalProperties: it was not set and is false"],
    );
}

#[test]
fn what_is_rerouted_is_told_and_what_is_added_is_not() {
    type Case = (fn(&mut Value), &'static [&'static str]);
    let cases: [Case; 6] = [
        (
            |today| today["messages"]["settle-stock"]["routing_key"] = json!("payment"),
            &["the message settle-stock was rerouted: its routing_key was \"store\" and is \
               \"payment\""],
        ),
        (
            |today| today["messages"]["food-picked"]["source"] = json!("/courier"),
            &["the message food-picked was rerouted: its source was \"/rider\" and is \
               \"/courier\""],
        ),
        (
            |today| today["exchanges"]["expeditor.events"]["type"] = json!("direct"),
            &["the exchange expeditor.events was rerouted: its type was \"topic\" and is \
               \"direct\""],
        ),
        (
            |today| {
                today["queues"].as_object_mut().unwrap().remove("cook.commands");
            },
            &["the queue cook.commands was removed"],
        ),
        (
            |today| {
                today["queues"]["rider.events"]["routing_keys"].as_array_mut().unwrap().remove(0);
            },
            &["the queue rider.events is no longer bound by \"orchestrator.order-placed\""],
        ),
        (
            |today| {
                today["queues"]["courier.events"] = json!({});
                today["messages"]["feed-cat"] = json!({});
                let keys = today["queues"]["rider.events"]["routing_keys"].as_array_mut().unwrap();
                keys.push(json!("store.order-accepted"));
            },
            &[],
        ),
    ];
    for (change, told) in cases {
        let mut today = routing();
        change(&mut today);
        assert_ne!(today, routing());
        assert_eq!(compare::routes(&routing(), &today), told);
    }
}
