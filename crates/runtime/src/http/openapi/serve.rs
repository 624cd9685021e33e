//! Where the document is found: `/openapi.json` for programs, `/docs` for people, and a page for each
//! problem. They want no token: they tell nothing but what this program is, and a browser has none.

use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contracts::errors;
use serde_json::{Map, Value};

use super::{document, page};
use crate::{
    Problem,
    http::{Guarded, Operation, Rules, Who},
};

/// A page may show text and its own style, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// These routes, and besides them `GET /openapi.json`, `GET /docs` and `GET /problems/{slug}`, which
/// stand in the document themselves.
#[must_use]
pub fn routes(title: &str, routes: Guarded) -> Guarded {
    let mut rules = routes.rules().clone();
    add_rules(&mut rules);
    let told = document(title, &rules);
    let page = page::html(&told);
    routes.merge(own(Bytes::from(told.to_string()), Bytes::from(page)))
}

/// Adds what holds for those routes, which are there wherever a document is served.
pub fn add_rules(rules: &mut Rules) {
    rules.extend(own(Bytes::new(), Bytes::new()).rules().clone());
}

fn own(document: Bytes, page: Bytes) -> Guarded {
    let json = move || async move {
        ([(header::CONTENT_TYPE, "application/json")], document).into_response()
    };
    let html = move || async move { html(page) };
    let slug = |Path(slug): Path<String>| async move {
        let text = errors::meaning(&slug).ok_or_else(|| Problem::not_found("problem"))?;
        let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        Ok::<_, Problem>((headers, text).into_response())
    };
    Guarded::new()
        .get(
            "/openapi.json",
            Who::Open,
            Operation::new("openapi", "Tells how this process is asked: this document.")
                .answer::<Map<String, Value>>(200, "An OpenAPI 3.1 document."),
            json,
        )
        .get(
            "/docs",
            Who::Open,
            Operation::new("docs", "Shows this document to people.").media::<String>(
                200,
                "text/html",
                "A page that needs nothing from elsewhere.",
            ),
            html,
        )
        .get(
            "/problems/{slug}",
            Who::Open,
            Operation::new("problem", "Tells what a problem means, and what to do.")
                .path::<String>("slug")
                .media::<String>(200, "text/plain", "What it means.")
                .not_found(),
            slug,
        )
}

fn html(text: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, text).into_response()
}
