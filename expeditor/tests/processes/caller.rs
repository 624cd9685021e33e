//! HTTP without the patience that people's apps have: each attempt counts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use expeditor::{
    fleet::OnServers,
    people::{addresses::Addresses, outcome::Acknowledged, plan::Plan, tokens::Tokens, town::Town},
};
use reqwest::{Method, StatusCode, header};
use runtime::auth::Role;
use serde_json::Value;

/// A request to whichever replica.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    key: Option<String>,
    role: Role,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>, role: Role) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, key: None, role }
    }

    /// An order that ends by itself: its payment is declined.
    pub(crate) fn order(number: u64) -> Self {
        let customer = format!("caller-{}", number % 10);
        let body = Town::plan().compose(number, &customer, Plan::DeclinePayment.token());
        let key = format!("call-{number}");
        let (method, path) = (Method::POST, "/orders".to_owned());
        Self { method, path, body: Some(body), key: Some(key), role: Role::Customer }
    }

    /// What the audit is to know of an order that was acknowledged.
    pub(crate) fn acknowledged(&self, reply: &Reply) -> Option<Acknowledged> {
        let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
        Some(Acknowledged {
            order_id: text(&reply.body, "order_id")?,
            customer_id: text(self.body.as_ref()?, "customer_id")?,
            key: self.key.clone()?,
        })
    }
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) wants_pause: bool,
    pub(crate) body: Value,
}

/// A client that knows the addresses of all replicas.
pub(crate) struct Caller {
    http: reqwest::Client,
    addresses: Addresses,
    tokens: Arc<dyn Tokens>,
    turn: AtomicUsize,
}

impl Caller {
    /// One that keeps its connections, or one that opens one for each request.
    pub(crate) fn of(stage: &OnServers, keeps_connections: bool) -> Self {
        let idle = if keeps_connections { usize::MAX } else { 0 };
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(idle);
        let http = http.timeout(std::time::Duration::from_secs(20)).build().unwrap();
        Self {
            http,
            addresses: stage.fleet.addresses(),
            tokens: Arc::clone(stage.tokens.as_ref().unwrap()),
            turn: AtomicUsize::new(0),
        }
    }

    /// Where the call can go to, beginning with another one each time.
    pub(crate) fn replicas(&self, call: &Call) -> Vec<String> {
        let mut replicas = self.addresses.of(&call.path).to_vec();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len();
        replicas.rotate_left(turn);
        replicas
    }

    /// Asks one replica once.
    pub(crate) async fn once(&self, replica: &str, call: &Call) -> reqwest::Result<Reply> {
        let mut request = self.http.request(call.method.clone(), format!("{replica}{}", call.path));
        request = request.bearer_auth(self.tokens.token(call.role).unwrap());
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let wants_pause = response.headers().contains_key(header::RETRY_AFTER);
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Reply { status, wants_pause, body })
    }
}
