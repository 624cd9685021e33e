//! HTTP as an app does it: JSON in and out, patient with a service that cannot answer now.
//!
//! Every request that people send is idempotent, so that one which was not answered, or which the
//! service could not answer, is simply sent again: to the next replica at once, and after a pause
//! where none could answer. A service that cannot be reached or says that it cannot work is down;
//! one that goes on saying that it is broken is a finding.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, Response, StatusCode, header};
use runtime::{auth::Role, ports::Ports};
use serde_json::Value;

use super::{
    addresses::Addresses,
    tokens::{self, Tokens},
};

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

/// An app's connection to the system, in the hands of somebody in one role.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    addresses: Arc<Addresses>,
    /// Which replica is asked first, counted on: all have their share.
    turn: Arc<AtomicUsize>,
    tokens: Option<Arc<dyn Tokens>>,
    role: Role,
    ports: Ports,
    patience: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A service that asks for a longer pause (`Retry-After`) is asked again after this one.
const LONGEST_WISH: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// A client of the whole system at `base` (`http://127.0.0.1:8080`); gives up on a request that
    /// is not answered for `patience`.
    pub fn new(base: impl Into<String>, ports: Ports, patience: Duration) -> Self {
        Self::of(Addresses::one(base), ports, patience)
    }

    /// A client of services at several addresses, as patient as that. Shows no token.
    pub fn of(addresses: Addresses, ports: Ports, patience: Duration) -> Self {
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .build()
            .expect("a client without TLS and proxies has nothing that could fail to load");
        Self {
            http,
            addresses: Arc::new(addresses),
            turn: Arc::default(),
            tokens: None,
            role: Role::Operator,
            ports,
            patience,
        }
    }

    /// The same, with a token from there in each request.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<dyn Tokens>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Showing that token with each request, whoever it is of.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        let tokens = token.map(|token| Arc::new(tokens::Fixed(token)) as Arc<dyn Tokens>);
        Self { tokens, ..self }
    }

    /// The same in the hands of somebody in that role.
    #[must_use]
    pub fn acting_as(&self, role: Role) -> Self {
        Self { role, ..self.clone() }
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

    /// PATCH with an idempotency key.
    pub async fn patch(&self, path: &str, body: &Value, key: &str) -> Result<Answer, Trouble> {
        self.send(Method::PATCH, path, Some(body), Some(key)).await
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
        let bases = self.addresses.of(path);
        let mut pause = FIRST_PAUSE;
        loop {
            let mut failed = None;
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            for place in 0..bases.len() {
                let base = &bases[turn.wrapping_add(place) % bases.len()];
                let request = self.request(method.clone(), base, path, body, key)?;
                match try_once(request).await {
                    Ok(answer) => return Ok(answer),
                    Err(attempt) => failed = Some(Failed::with(failed, attempt, base)),
                }
            }
            let Some(failed) = failed else {
                return Err(Trouble::Down(format!("nobody is known who answers {path}")));
            };
            let waited = self.ports.clock.elapsed().saturating_sub(start);
            if waited >= self.patience {
                return Err(self.given_up(&format!("{method} {}{path}", failed.base), &failed));
            }
            let wish = failed.wish.unwrap_or_default().min(LONGEST_WISH);
            let left = self.patience.saturating_sub(waited);
            self.ports.clock.sleep(pause.max(wish).min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn given_up(&self, request: &str, failed: &Failed<'_>) -> Trouble {
        let Failed { base, attempt, .. } = failed;
        let waited = match self.patience.as_secs() {
            0 => String::new(),
            seconds => format!(" for {seconds} s"),
        };
        match attempt {
            Attempt::Unanswered { refused: true, .. } if self.patience.is_zero() => {
                Trouble::Down(format!("nothing listens at {base}; is `expeditor dev` running?"))
            }
            Attempt::Unanswered { connected: false, reason, .. } if self.patience.is_zero() => {
                Trouble::Down(format!("cannot connect to {base}: {reason}"))
            }
            Attempt::Unanswered { reason, .. } => {
                Trouble::Down(format!("{request} was not answered{waited}: {reason}"))
            }
            Attempt::Refused { broken: false, brief, .. } => {
                Trouble::Down(format!("{request} was not answered{waited}: {brief}"))
            }
            Attempt::Refused { brief, .. } => {
                Trouble::Odd(format!("{request} was answered{waited} {brief}"))
            }
        }
    }

    fn request(
        &self,
        method: Method,
        base: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<reqwest::RequestBuilder, Trouble> {
        let mut request = self.http.request(method, format!("{base}{path}"));
        if let Some(tokens) = &self.tokens {
            let token = tokens.token(self.role).map_err(Trouble::Odd)?;
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(request)
    }
}

/// What came of asking one replica that is no answer to go on with.
enum Attempt {
    /// Nobody answered.
    Unanswered { connected: bool, refused: bool, reason: String },
    /// It says that it cannot, or that it failed.
    Refused { broken: bool, brief: String, wish: Option<Duration> },
}

/// What came of asking all replicas, none of which gave an answer to go on with.
struct Failed<'a> {
    base: &'a str,
    attempt: Attempt,
    /// After how long the first of them wants to be asked again; none where one of them gave no
    /// answer at all, since it may be back at any moment.
    wish: Option<Duration>,
}

impl<'a> Failed<'a> {
    /// Together with what was known: a replica that says that it is broken tells the most.
    fn with(known: Option<Self>, attempt: Attempt, base: &'a str) -> Self {
        let wish = match &attempt {
            Attempt::Refused { wish, .. } => *wish,
            Attempt::Unanswered { .. } => None,
        };
        let Some(known) = known else { return Self { base, attempt, wish } };
        let wish = wish.zip(known.wish).map(|(one, other)| one.min(other));
        let is_broken =
            |attempt: &Attempt| matches!(attempt, Attempt::Refused { broken: true, .. });
        if is_broken(&known.attempt) && !is_broken(&attempt) {
            Self { wish, ..known }
        } else {
            Self { base, attempt, wish }
        }
    }
}

async fn try_once(request: reqwest::RequestBuilder) -> Result<Answer, Attempt> {
    let unanswered = |error: reqwest::Error| Attempt::Unanswered {
        connected: !error.is_connect(),
        refused: refused(&error),
        reason: innermost(&error),
    };
    let response = request.send().await.map_err(unanswered)?;
    let status = response.status().as_u16();
    let replayed = response.headers().get("idempotent-replayed").is_some();
    let wish = retry_after(&response);
    let bytes = response.bytes().await.map_err(unanswered)?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let answer = Answer { status, body, replayed };
    if try_again(status) {
        return Err(Attempt::Refused { broken: is_broken(status), brief: answer.brief(), wish });
    }
    Ok(answer)
}

/// After how long a service wants to be asked again.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
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
    use axum::http;
    use contracts::ServiceName;
    use runtime::http::{Access, Guarded, Operation, Server, Who};

    use super::*;

    const PATIENT: Duration = Duration::from_secs(30);

    /// A server that answers with these, one after another, and then with the last: a status, and
    /// how many seconds it wants to be left alone.
    struct Replica {
        base: String,
        asked: Arc<AtomicUsize>,
    }

    impl Replica {
        async fn answering(answers: &'static [(u16, Option<u32>)]) -> Self {
            let ports = Ports::system();
            let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let base = format!("http://{}", server.local_addr());
            let asked = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&asked);
            let answer = move |headers: http::HeaderMap| {
                let number = counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let (status, wish) = answers[number];
                let mut response = http::Response::builder().status(status);
                if let Some(seconds) = wish {
                    response = response.header(header::RETRY_AFTER, seconds);
                }
                let token = headers.get(header::AUTHORIZATION).map(|it| it.to_str().unwrap());
                let body = serde_json::json!({ "token": token }).to_string();
                async move { response.body(axum::body::Body::from(body)).unwrap() }
            };
            let routes = Guarded::new().get("/orders", Who::Open, told(), answer.clone());
            let routes = routes.get("/", Who::Open, told(), answer);
            let (own, never) = (ports.clone(), std::future::pending());
            ports.spawn(async move { server.serve(routes, Access::Open, &own, never).await });
            Self { base, asked }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    /// Any answer that a replica may give.
    fn told() -> Operation {
        Operation::new("answer", "Answers as it is told to.")
            .answer::<String>(200, "All is well.")
            .problems(429, &["too-many-requests"])
            .problems(500, &["internal"])
            .problems(502, &["bad-gateway"])
            .problems(503, &["service-unavailable"])
    }

    /// Where nobody listens.
    async fn nobody() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    fn alone(replica: &Replica, patience: Duration) -> Client {
        Client::new(&replica.base, Ports::system(), patience)
    }

    fn of(replicas: &[&str], patience: Duration) -> Client {
        let with = |all: Addresses, base: &&str| all.with(ServiceName::Orchestrator, *base);
        let addresses = replicas.iter().fold(Addresses::default(), with);
        Client::of(addresses, Ports::system(), patience)
    }

    #[tokio::test]
    async fn a_service_that_recovers_is_asked_until_it_answers() {
        let answers = &[(500, None), (503, None), (429, None), (502, None), (200, None)];
        let replica = Replica::answering(answers).await;
        assert_eq!(alone(&replica, PATIENT).get("/").await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn who_stays_away_is_down_and_who_stays_broken_is_a_finding() {
        for (answers, broken) in [
            (&[(503, None)][..], false),
            (&[(500, None)], true),
            (&[(503, None), (502, None)], true),
        ] {
            let replica = Replica::answering(answers).await;
            let trouble = alone(&replica, Duration::from_millis(300)).get("/").await.unwrap_err();
            assert_eq!(matches!(trouble, Trouble::Odd(_)), broken, "{answers:?}: {trouble}");
        }
    }

    #[tokio::test]
    async fn the_next_replica_is_asked_at_once_where_one_is_gone_or_cannot() {
        let (gone, tired) = (nobody().await, Replica::answering(&[(503, Some(60))]).await);
        let well = Replica::answering(&[(200, None)]).await;
        // Without patience there is no second round, and no pause.
        let client = of(&[&gone, &tired.base, &well.base], Duration::ZERO);
        for _ in 0..6 {
            assert_eq!(client.get("/orders").await.unwrap().status, 200);
        }
        assert_eq!(well.asked(), 6);
        assert!((1..6).contains(&tired.asked()), "all have their share: {}", tired.asked());
    }

    #[tokio::test]
    async fn where_none_can_answer_all_are_asked_again_after_a_pause() {
        let (one, two) = (
            Replica::answering(&[(503, None), (503, None), (503, None)]).await,
            Replica::answering(&[(503, None), (200, None)]).await,
        );
        let client = of(&[&one.base, &two.base], PATIENT);
        assert_eq!(client.get("/orders").await.unwrap().status, 200);
        assert_eq!(two.asked(), 2);
        let down = of(&[&nobody().await, &one.base], Duration::from_millis(100));
        let Trouble::Down(text) = down.get("/orders").await.unwrap_err() else {
            panic!("nobody is broken")
        };
        assert!(text.contains("/orders"), "{text}");
    }

    #[tokio::test]
    async fn who_wants_to_be_left_alone_is_but_not_for_long() {
        for (wish, at_least, below) in [(Some(1), 900, 4_000), (None, 0, 900)] {
            let answers: &'static [_] = match wish {
                Some(_) => &[(503, Some(1)), (200, None)],
                None => &[(503, None), (200, None)],
            };
            let client = alone(&Replica::answering(answers).await, PATIENT);
            let clock = &client.ports().clock;
            let start = clock.elapsed();
            assert_eq!(client.get("/").await.unwrap().status, 200);
            let took = clock.elapsed().saturating_sub(start).as_millis();
            assert!((at_least..below).contains(&took), "{wish:?} took {took} ms");
        }
        let greedy = Replica::answering(&[(503, Some(3600))]).await;
        let client = alone(&greedy, Duration::from_millis(300));
        client.get("/").await.unwrap_err();
        assert_eq!(greedy.asked(), 2, "patience ends before the wish is fulfilled");
    }

    #[tokio::test]
    async fn each_shows_a_token_of_their_own_role() {
        struct Named;
        impl Tokens for Named {
            fn token(&self, role: Role) -> Result<String, String> {
                match role {
                    Role::Rider => Err("riders have none".to_owned()),
                    role => Ok(format!("{role:?}")),
                }
            }
        }
        let replica = Replica::answering(&[(200, None)]).await;
        let bare = alone(&replica, PATIENT);
        assert_eq!(bare.get("/").await.unwrap().body["token"], Value::Null);
        let client = bare.with_tokens(Arc::new(Named));
        for role in [Role::Cook, Role::Customer] {
            let answer = client.acting_as(role).get("/").await.unwrap();
            assert_eq!(answer.text("token"), format!("Bearer {role:?}"));
        }
        let trouble = client.acting_as(Role::Rider).get("/").await.unwrap_err();
        assert_eq!(trouble.to_string(), "riders have none");
    }
}
