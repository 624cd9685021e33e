//! HTTP as an app does it: JSON in and out, patient with a service that cannot answer now.
//!
//! Every request that people send is idempotent, so that one which was not answered, or which the
//! service could not answer, is simply sent again. A service that cannot be reached or says that it
//! cannot work is down; one that goes on saying that it is broken is a finding.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runtime::ports::Ports;
use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where there was none.
    pub body: Value,
    /// Whether the service said that it had answered this before (`idempotent-replayed`).
    pub replayed: bool,
}

impl Answer {
    /// Whether it was done.
    pub const fn ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The problem's slug: `cooking-started`; empty where it is none.
    pub fn slug(&self) -> &str {
        self.text("type").strip_prefix("/problems/").unwrap_or("")
    }

    /// A text field of the body; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or("")
    }

    /// The answer in a few words, for a remark.
    pub fn brief(&self) -> String {
        match self.slug() {
            "" => self.status.to_string(),
            slug => format!("{} {slug}: {}", self.status, self.text("detail")),
        }
    }
}

/// Why there is no answer to go on with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// The system does not answer, or says for a long time that it cannot.
    #[error("{0}")]
    Down(String),
    /// An answer that makes no sense where it came.
    #[error("{0}")]
    Odd(String),
}

/// An app's connection to the system.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    ports: Ports,
    patience: Duration,
    token: Option<String>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// A client of the system at `base` (`http://127.0.0.1:8080`); gives up on a request that is
    /// not answered for `patience`.
    pub fn new(base: impl Into<String>, ports: Ports, patience: Duration) -> Self {
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .build()
            .expect("a client without TLS and proxies has nothing that could fail to load");
        let base = base.into().trim_end_matches('/').to_owned();
        Self { http, base, ports, patience, token: None }
    }

    /// Showing that token with each request.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Clock, ids and tasks.
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(Method::GET, path, None, None).await
    }

    /// GET of something that must be there.
    pub async fn must_get(&self, path: &str) -> Result<Answer, Trouble> {
        let answer = self.get(path).await?;
        if answer.ok() { Ok(answer) } else { Err(odd("GET", path, &answer)) }
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        self.send(Method::PUT, path, Some(body), None).await
    }

    /// PUT that must be done.
    pub async fn must_put(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        let answer = self.put(path, body).await?;
        if answer.ok() { Ok(answer) } else { Err(odd("PUT", path, &answer)) }
    }

    /// POST with an idempotency key.
    pub async fn post(&self, path: &str, body: &Value, key: &str) -> Result<Answer, Trouble> {
        self.send(Method::POST, path, Some(body), Some(key)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(Method::DELETE, path, None, None).await
    }

    /// The `items` of a list, page after page.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        let join = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = match &cursor {
                None => format!("{path}{join}limit=500"),
                Some(cursor) => format!("{path}{join}limit=500&cursor={cursor}"),
            };
            let mut answer = self.must_get(&page).await?;
            if let Some(Value::Array(page)) = answer.body.get_mut("items").map(Value::take) {
                items.extend(page);
            }
            match answer.body.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, Trouble> {
        let start = self.ports.clock.elapsed();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut broken = false;
            let reason = match self.try_once(method.clone(), path, body, key).await {
                Ok(answer) if !try_again(answer.status) => return Ok(answer),
                Ok(answer) => {
                    broken = is_broken(answer.status);
                    answer.brief()
                }
                Err(error) if error.is_connect() && self.patience.is_zero() => {
                    return Err(Trouble::Down(self.nobody(&error)));
                }
                Err(error) => innermost(&error),
            };
            if self.ports.clock.elapsed().saturating_sub(start) >= self.patience {
                let waited = match self.patience.as_secs() {
                    0 => String::new(),
                    seconds => format!(" for {seconds} s"),
                };
                let request = format!("{method} {}{path}", self.base);
                return Err(if broken {
                    Trouble::Odd(format!("{request} was answered{waited} {reason}"))
                } else {
                    Trouble::Down(format!("{request} was not answered{waited}: {reason}"))
                });
            }
            self.ports.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Nobody is there to be asked.
    fn nobody(&self, error: &reqwest::Error) -> String {
        let reason = innermost(error);
        if refused(error) {
            format!("nothing listens at {}; is `expeditor dev` running?", self.base)
        } else {
            format!("cannot connect to {}: {reason}", self.base)
        }
    }

    async fn try_once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let replayed = response.headers().get("idempotent-replayed").is_some();
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, body, replayed })
    }
}

fn try_again(status: u16) -> bool {
    (500..600).contains(&status) || status == StatusCode::TOO_MANY_REQUESTS
}

/// Whether it says that it failed, and not merely that it cannot work now.
fn is_broken(status: u16) -> bool {
    (500..600).contains(&status) && status != StatusCode::SERVICE_UNAVAILABLE
}

fn odd(method: &str, path: &str, answer: &Answer) -> Trouble {
    Trouble::Odd(format!("{method} {path} was answered {}", answer.brief()))
}

/// Whether the machine is there and says that nothing listens.
fn refused(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The cause at the bottom, which says more than "error sending request".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::http;
    use runtime::http::{Access, Guarded, Server, Who};

    use super::*;

    /// Something that answers with these statuses, one after another, and then with the last.
    async fn answering(statuses: &'static [u16], patience: Duration) -> Client {
        let ports = Ports::system();
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let base = format!("http://{}", server.local_addr());
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = move || {
            let number = asked.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1);
            async move { http::StatusCode::from_u16(statuses[number]).unwrap() }
        };
        let (own, routes) = (ports.clone(), Guarded::new().get("/", Who::Open, answer));
        let never = std::future::pending();
        ports.spawn(async move { server.serve(routes, Access::Open, &own, never).await });
        Client::new(base, ports, patience)
    }

    #[tokio::test]
    async fn a_service_that_recovers_is_asked_until_it_answers() {
        let client = answering(&[500, 503, 429, 502, 200], Duration::from_secs(30)).await;
        assert_eq!(client.get("/").await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn who_stays_away_is_down_and_who_stays_broken_is_a_finding() {
        for (status, broken) in [(&[503][..], false), (&[500], true), (&[503, 502], true)] {
            let client = answering(status, Duration::from_millis(300)).await;
            let trouble = client.get("/").await.unwrap_err();
            assert_eq!(matches!(trouble, Trouble::Odd(_)), broken, "{status:?}: {trouble}");
        }
    }
}
