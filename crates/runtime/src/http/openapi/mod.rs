//! The document that tells how services are asked: OpenAPI 3.1, made of the routes themselves. A
//! route that is served stands in it, since nothing can be served without its [`Operation`].
//!
//! - `schemas`: the types, described once each.
//! - `page`: the document as a page for people.
//! - `serve`: where both are found.

use contracts::ServiceName;
use serde_json::{Map, Value, json};

use super::{
    guarded::{Rule, Rules, Who},
    operation::{Answer, Operation, Parameter},
};
use schemas::Schemas;

pub mod page;
mod schemas;
mod serve;

pub use serve::{add_rules, routes};

/// The version of OpenAPI.
pub const OPENAPI: &str = "3.1.0";

/// The media type of problems.
const PROBLEM: &str = "application/problem+json";

const DESCRIPTION: &str = "\
Bodies are JSON objects of at most 64 KiB; a field or a query parameter that is not in here is \
refused. Times are RFC 3339 in UTC, money is in minor units. Every response carries `x-request-id`. \
Refusals are problem details (RFC 9457); what each slug means is at `/problems/<slug>`. What is \
answered may get more fields, and more words where a text is one of some, within a version: ignore \
what you do not know. `GET` answers `HEAD` too. Paths that are not in here answer 404 `not-found`, \
methods that are not 405 `method-not-allowed`.";

/// The document of these routes.
pub fn document(title: &str, routes: &Rules) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for (path, rule) in routes.iter() {
        if !tags.contains(&rule.tag) {
            tags.push(rule.tag);
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[rule.method.as_str().to_ascii_lowercase()] = operation(rule, &mut schemas);
    }
    tags.sort_unstable_by_key(|tag| place_of(tag));
    let tags: Vec<Value> = tags.into_iter().map(|name| json!({ "name": name })).collect();
    let (types, responses) = schemas.end();
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": types,
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A signed token (RFC 7519) with a role. Roles of which any one \
                        is enough stand as alternatives.",
                },
            },
        },
    })
}

/// Services in their usual order, then what every process has.
fn place_of(tag: &str) -> usize {
    let place = ServiceName::ALL.iter().position(|service| service.as_str() == tag);
    place.unwrap_or(ServiceName::ALL.len())
}

fn operation(rule: &Rule, schemas: &mut Schemas) -> Value {
    let Operation { id, summary, parameters, body, .. } = &*rule.operation;
    let parameters: Vec<Value> = parameters.iter().map(|it| parameter(it, schemas)).collect();
    let mut told = json!({
        "operationId": id,
        "summary": summary,
        "tags": [rule.tag],
        "security": security(rule.who),
        "responses": responses(rule, schemas),
    });
    if !parameters.is_empty() {
        told["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        told["requestBody"] = json!({
            "required": body.required,
            "content": {
                "application/json": { "schema": schemas.read(&body.shape), "example": body.example }
            },
        });
    }
    told
}

/// Any one of the roles; nothing where nobody is asked for a token.
fn security(who: Who) -> Value {
    match who {
        Who::Open => json!([]),
        Who::Only(roles) => roles.iter().map(|role| json!({ "token": [role.as_str()] })).collect(),
    }
}

fn parameter(parameter: &Parameter, schemas: &mut Schemas) -> Value {
    let mut told = json!({
        "name": parameter.name,
        "in": parameter.place.as_str(),
        "required": parameter.required,
        "schema": schemas.read(&parameter.shape),
    });
    if !parameter.says.is_empty() {
        told["description"] = parameter.says.into();
    }
    told
}

fn responses(rule: &Rule, schemas: &mut Schemas) -> Value {
    let mut told = Map::new();
    for answer in &rule.operation.answers {
        told.insert(answer.status.to_string(), response(answer, schemas));
    }
    let problems = rule.operation.every_problem(rule.who);
    for problems in problems.chunk_by(|(one, _), (next, _)| one == next) {
        let status = problems[0].0;
        let slugs: Vec<&str> = problems.iter().map(|(_, slug)| *slug).collect();
        match told.get_mut(&status.to_string()) {
            // A status with an answer of its own besides: told apart by the media type.
            Some(answer) => answer["content"][PROBLEM] = schemas.problem_content(status, &slugs),
            None => {
                told.insert(status.to_string(), schemas.problem(status, &slugs));
            }
        }
    }
    told.into()
}

fn response(answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut told = json!({ "description": answer.says });
    if let Some((media_type, shape)) = &answer.content {
        told["content"] = json!({ *media_type: { "schema": schemas.written(shape) } });
    }
    for (name, says) in &answer.headers {
        told["headers"][*name] = json!({ "description": says, "schema": { "type": "string" } });
    }
    told
}
