//! The document by itself, without anything that runs.

use std::collections::BTreeSet;

use contracts::ServiceName;
use expeditor::commands::openapi::{TITLE, rules, title};
use runtime::http::{Who, openapi};
use serde_json::{Value, json};

use crate::{
    form,
    schemas::{check, check_alone, fields, list, operations, resolved, visit},
};

/// That of all services.
pub(crate) fn whole() -> Value {
    openapi::document(TITLE, &rules(&ServiceName::ALL))
}

/// That of all services, and that of each.
fn all() -> Vec<Value> {
    let one = |service| openapi::document(&title(service), &rules(&[service]));
    ServiceName::ALL.into_iter().map(one).chain([whole()]).collect()
}

#[test]
fn it_has_the_form_of_openapi() {
    for document in all() {
        check_alone(form::openapi(), &document).unwrap();
    }
}

#[test]
fn the_form_finds_what_is_wrong() {
    let good = whole();
    for (pointer, value) in [
        ("/openapi", json!("3.0.0")),
        ("/paths/~1orders/post/responses", json!({})),
        ("/paths/~1orders/post/operationId", Value::Null),
        ("/paths/~1orders/post/parameters/0/in", json!("cookie")),
        ("/paths/~1orders/post/requestBody/content", json!({})),
        ("/paths/~1orders~1{order_id}/get/parameters/0/required", json!(false)),
        ("/components/schemas/Order/type", json!("objekt")),
        ("/components/schemas/Order/properties/total", json!("Money")),
        ("/components/responses/404.not-found/description", json!("")),
        ("/info", json!({"title": "x", "version": "1.0.0", "contract": "y"})),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        assert!(check_alone(form::openapi(), &wrong).is_err(), "{pointer}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    for document in all() {
        let mut referred = BTreeSet::new();
        visit(&document, &mut |object| {
            if let Some(to) = object.get("$ref") {
                referred.insert(to.as_str().unwrap().to_owned());
            }
        });
        for to in &referred {
            resolved(&document, &json!({ "$ref": to }));
        }
        for kind in ["schemas", "responses"] {
            for (name, _) in fields(&document["components"][kind]) {
                let place = format!("#/components/{kind}/{name}");
                assert!(referred.contains(&place), "nothing refers to {place}");
                // What two types share as a name gets a number behind it.
                assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}");
            }
        }
    }
}

#[test]
fn every_route_is_in_it_and_none_more() {
    for (services, document) in [(ServiceName::ALL.to_vec(), whole())]
        .into_iter()
        .chain(ServiceName::ALL.map(|it| (vec![it], openapi::document("x", &rules(&[it])))))
    {
        let rules = rules(&services);
        let served: BTreeSet<_> = rules
            .iter()
            .map(|(path, rule)| (path, rule.method.as_str().to_ascii_lowercase()))
            .collect();
        let told: BTreeSet<_> =
            operations(&document).map(|(path, method, _)| (path, method.to_owned())).collect();
        assert_eq!(told, served);
        for (path, rule) in rules.iter() {
            let told = &document["paths"][path][rule.method.as_str().to_ascii_lowercase()];
            let roles: Vec<_> =
                list(&told["security"]).iter().map(|it| it["token"][0].as_str().unwrap()).collect();
            let said = match rule.who {
                Who::Open => Vec::new(),
                Who::Only(roles) => roles.iter().map(|role| role.as_str()).collect(),
            };
            assert_eq!(roles, said, "{path}");
        }
    }
}

#[test]
fn an_operation_has_a_name_of_its_own_and_says_each_part_of_its_path() {
    let document = whole();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        let template: BTreeSet<&str> =
            path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
        let said: Vec<&str> = list(&operation["parameters"])
            .iter()
            .filter(|it| it["in"] == "path")
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(said.len(), template.len(), "{method} {path}");
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), template, "{method} {path}");
    }
}

#[test]
fn every_example_fits_its_schema() {
    let document = whole();
    let mut seen = 0;
    visit(&document, &mut |object| {
        let mut examples = Vec::new();
        let schema = match (object.get("example"), object.get("schema")) {
            (Some(example), Some(schema)) => {
                examples.push(example.clone());
                schema.clone()
            }
            _ => Value::Object(object.clone()),
        };
        let further = object.get("examples").and_then(Value::as_array);
        examples.extend(further.into_iter().flatten().cloned());
        for example in examples {
            seen += 1;
            check(&document, &schema, &example).unwrap();
        }
    });
    assert!(seen > 60, "{seen}");
}

#[test]
fn every_field_is_described_for_those_who_do_not_read_rust() {
    let document = whole();
    visit(&document, &mut |object| {
        if let Some(Value::String(text)) = object.get("description") {
            assert!(!text.is_empty() && !text.contains("::") && !text.contains("[`"), "{text}");
        }
    });
    for (name, schema) in fields(&document["components"]["schemas"]) {
        for (field, property) in fields(&schema["properties"]) {
            assert!(property["description"].is_string(), "{name}.{field}");
        }
    }
}

#[test]
fn the_page_shows_every_operation_and_needs_nothing_from_elsewhere() {
    let document = whole();
    let page = openapi::page::html(&document);
    for (path, _, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("<details id=\"{name}\">")), "{name}");
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    for (name, _) in fields(&document["components"]["schemas"]) {
        assert!(page.contains(&format!("id=\"type-{name}\"")), "{name}");
    }
    for foreign in ["<script", "<link", "<img", "src=", "http://", "https://", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for target in page.split("href=\"#").skip(1).map(|it| it.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target} is not on the page");
    }
    let opened = page.matches("<details").count();
    assert_eq!(page.matches("</details>").count(), opened);
}
