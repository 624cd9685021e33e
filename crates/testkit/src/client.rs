//! A client that says what it got: status, headers, JSON.

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use tokio::time::timeout;

use crate::app::BOUND;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null where it is none or no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The problem's slug; empty where the answer is no problem.
    pub fn slug(&self) -> &str {
        self.body["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).unwrap_or("")
    }

    /// The fields that a problem names.
    pub fn wrong_fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }

    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// Speaks to one base URL.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    /// A client of `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base: base.into(), http }
    }

    /// Any request; a body goes as JSON.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, text })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await.unwrap()
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await.unwrap()
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await.unwrap()
    }

    /// POST with an idempotency key.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("idempotency-key", key)], Some(body)).await.unwrap()
    }

    /// PATCH with an idempotency key.
    pub async fn patch(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[("idempotency-key", key)], Some(body)).await.unwrap()
    }
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its data; null where they are no JSON.
    pub data: Value,
}

/// A stream of events that is listened to.
#[derive(Debug)]
pub struct Events {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    heard: Vec<u8>,
}

impl Client {
    /// Listens to a stream, as who has seen that event last.
    pub async fn events(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Events { status, headers, response, heard: Vec::new() }
    }
}

impl Events {
    /// The next event; `None` where the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.heard.drain(..end + 2).collect();
                if let Some(event) = event(&String::from_utf8(block).unwrap()) {
                    return Some(event);
                }
                continue;
            }
            let chunk = timeout(BOUND, self.response.chunk()).await.expect("an event in time");
            self.heard.extend_from_slice(&chunk.unwrap()?);
        }
    }
}

/// What a block of lines tells; nothing where it is only there to be heard.
fn event(block: &str) -> Option<Event> {
    let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).unwrap_or(Value::Null);
    let text = |name| field(name).unwrap_or_default().to_owned();
    Some(Event { name: text("event: "), id: text("id: "), data })
}
