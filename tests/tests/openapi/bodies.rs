//! What is taken, held against what the document says is taken: every body and every query parameter
//! is sent with one thing changed at a time, and is refused exactly where its schema refuses it.

use serde_json::{Value, json};
use testkit::{App, Method};

use crate::schemas::{check, fields, list, operations, resolved};

/// A body with one thing changed: where, and the whole of it.
struct Change {
    field: String,
    body: Value,
}

/// Every change of a part of a body that its schema suggests. `put` makes a body of the part.
fn changes(
    document: &Value,
    schema: &Value,
    part: &Value,
    field: &str,
    put: &dyn Fn(Value) -> Value,
    found: &mut Vec<Change>,
) {
    let schema = resolved(document, schema);
    let mut change =
        |value: Value| found.push(Change { field: field.to_owned(), body: put(value) });
    for other in
        [json!(7), json!("a b"), json!(true), json!([]), json!({}), json!(1.5), json!(null)]
    {
        change(other);
    }
    for text in ["", " ", "a", "\u{1}", "\u{85}", "키", "a\u{1}b", "KRW", "won"] {
        change(json!(text));
    }
    for bound in ["minimum", "maximum"] {
        if let Some(bound) = schema[bound].as_i64() {
            for it in [bound - 1, bound, bound + 1] {
                change(json!(it));
            }
        }
    }
    for bound in ["minLength", "maxLength"] {
        if let Some(bound) = schema[bound].as_u64() {
            let text = |length: u64| "x".repeat(usize::try_from(length).unwrap());
            for it in [bound.saturating_sub(1), bound, bound + 1] {
                change(json!(text(it)));
            }
        }
    }
    if let Some(first) = list(part).first() {
        for bound in ["minItems", "maxItems"] {
            if let Some(bound) = schema[bound].as_u64() {
                for count in [bound.saturating_sub(1), bound, bound + 1] {
                    change(vec![first.clone(); usize::try_from(count).unwrap()].into());
                }
            }
        }
        let put = |value: Value| {
            let mut list = part.clone();
            list[0] = value;
            put(list)
        };
        changes(document, &schema["items"], first, &format!("{field}[0]"), &put, found);
    }
    if schema["properties"].is_object() || schema["additionalProperties"] == false {
        let below = |name: &str| {
            if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
        };
        let mut more = part.clone();
        more["unknown"] = json!(1);
        found.push(Change { field: below("unknown"), body: put(more) });
        for (name, property) in fields(&schema["properties"]) {
            let mut less = part.clone();
            less.as_object_mut().unwrap().remove(name);
            found.push(Change { field: below(name), body: put(less) });
            let put = |value: Value| {
                let mut object = part.clone();
                object[name.as_str()] = value;
                put(object)
            };
            changes(document, property, &part[name.as_str()], &below(name), &put, found);
        }
    }
}

/// A path of that template, with parts that may be there.
fn path_of(template: &str) -> String {
    template.replace(['{', '}'], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_refused_exactly_where_its_schema_refuses_it() {
    let app = App::start().await;
    let document = app.client().get("/openapi.json").await.body;
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for (path, method, operation) in operations(&document) {
        let media = &operation["requestBody"]["content"]["application/json"];
        if media.is_null() {
            continue;
        }
        let mut found = Vec::new();
        changes(&document, &media["schema"], &media["example"], "", &|body| body, &mut found);
        found.push(Change { field: String::new(), body: media["example"].clone() });
        let method: Method = method.to_ascii_uppercase().parse().unwrap();
        for Change { field, body } in found {
            let key = [("idempotency-key", "one")];
            let answer = app.client().send(method.clone(), &path_of(path), &key, Some(&body)).await;
            let answer = answer.unwrap();
            let fits = check(&document, &media["schema"], &body).is_ok();
            let passed = match answer.slug() {
                "not-json" => false,
                "invalid-fields" => {
                    let named = answer.wrong_fields();
                    if !fits && !named.iter().any(|it| it.starts_with(&field)) {
                        wrong.push(format!("{path}: {field} is not named in {named:?}: {body}"));
                    }
                    false
                }
                _ => answer.status < 500,
            };
            if passed == fits {
                *(if fits { &mut taken } else { &mut refused }) += 1;
            } else {
                let says = format!("the schema says {fits}, the service {}", answer.text);
                wrong.push(format!("{method} {path}, {field}: {says} to {body}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
    assert!(taken > 150 && refused > 500, "{taken} taken, {refused} refused");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_refused_exactly_where_its_schema_refuses_it() {
    let app = App::start().await;
    let document = app.client().get("/openapi.json").await.body;
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    let long = [64, 65, 512, 514].map(|length| "6".repeat(length));
    let short = [
        "",
        "0",
        "1",
        "500",
        "501",
        "-1",
        "1.5",
        "x",
        "a b",
        "61",
        "6",
        "zz",
        "true",
        "yes",
        "running",
        "accepted",
        "cooking",
        "%01",
        "키",
        "2026-01-01T00:00:00Z",
        "2026-01-01",
        "yesterday",
    ];
    for (path, method, operation) in operations(&document) {
        let parameters = list(&operation["parameters"]);
        for parameter in parameters.iter().filter(|it| it["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            for text in short.iter().copied().chain(long.iter().map(String::as_str)) {
                let method: Method = method.to_ascii_uppercase().parse().unwrap();
                let path = path_of(path);
                let address = format!("{path}?{name}={}", text.replace(' ', "%20"));
                let answer = app.client().send(method, &address, &[], None).await.unwrap();
                let passed = !answer.wrong_fields().contains(&name);
                let plain = text.replace("%01", "\u{1}");
                let fits =
                    check(&document, &parameter["schema"], &typed(&plain, &document, parameter));
                // What a cursor holds is a list's own matter: the schema knows only its form.
                if passed == fits.is_ok() || (name == "cursor" && !passed) {
                    *(if passed { &mut taken } else { &mut refused }) += 1;
                } else {
                    wrong.push(format!("{address}: {fits:?}, {}", answer.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
    assert!(taken > 100 && refused > 300, "{taken} taken, {refused} refused");
    app.stop().await;
}

/// A parameter's text as a value of its type.
fn typed(text: &str, document: &Value, parameter: &Value) -> Value {
    let kind = &resolved(document, &parameter["schema"])["type"];
    let read = match kind.as_str() {
        Some("integer") => text.parse::<i64>().ok().map(Value::from),
        Some("boolean") => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    read.unwrap_or_else(|| text.into())
}
