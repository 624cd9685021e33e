//! Who may do what: a table by hand against every route that there is, with every kind of token.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};

use contracts::Timestamp;
use expeditor::{
    process::relaying,
    system::{Settings, System},
};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use runtime::{
    auth::{
        Algorithm, Keys,
        Role::{self, Auditor, Cook, Customer, Operator, Rider, Service, Store},
        Signer, Verifier, generate,
    },
    http::{Access, Guarded, Readiness, Server, Who},
    metrics::Metrics,
    ports::{Clock, Ports},
};
use serde_json::{Value, json};

/// A route as it is written, and the roles that it answers; `None` where it asks for no token.
type Row = (&'static str, &'static str, Option<&'static [Role]>);

const ANYBODY: Option<&[Role]> = Some(&Role::ALL);

/// A new route does not pass before it stands here.
const TABLE: &[Row] = &[
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/openapi.json", None),
    ("GET", "/docs", None),
    ("GET", "/problems/{slug}", None),
    ("GET", "/metrics", Some(&[Operator, Auditor, Service])),
    ("POST", "/orders", Some(&[Customer, Operator])),
    ("GET", "/orders/{order_id}", Some(&[Customer, Operator, Auditor])),
    ("PATCH", "/orders/{order_id}", Some(&[Customer, Operator])),
    ("DELETE", "/orders/{order_id}", Some(&[Customer, Operator])),
    ("GET", "/orders/{order_id}/events", Some(&[Customer, Operator, Auditor])),
    ("GET", "/catalog/stores/{store_id}", ANYBODY),
    ("GET", "/operator/sagas", Some(&[Operator, Auditor])),
    ("GET", "/operator/sagas/{saga_id}", Some(&[Operator, Auditor])),
    ("GET", "/operator/sagas/{saga_id}/history", Some(&[Operator, Auditor])),
    ("GET", "/orchestrator/holdings", Some(&[Auditor, Service])),
    ("GET", "/orchestrator/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/orchestrator/parked", Some(&[Operator, Auditor])),
    ("POST", "/orchestrator/parked/{id}/redrive", Some(&[Operator])),
    ("GET", "/payment/orders/{order_id}", Some(&[Customer, Operator, Auditor])),
    ("GET", "/payment/holdings", Some(&[Auditor, Service])),
    ("GET", "/payment/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/payment/parked", Some(&[Operator, Auditor])),
    ("POST", "/payment/parked/{id}/redrive", Some(&[Operator])),
    ("PUT", "/store/stores/{store_id}/menu/{menu_id}", Some(&[Store])),
    ("GET", "/store/stores/{store_id}/menu", ANYBODY),
    ("GET", "/store/stores/{store_id}/tickets", Some(&[Store, Operator])),
    ("PUT", "/store/tickets/{order_id}/acceptance", Some(&[Store])),
    ("GET", "/store/holdings", Some(&[Auditor, Service])),
    ("GET", "/store/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/store/parked", Some(&[Operator, Auditor])),
    ("POST", "/store/parked/{id}/redrive", Some(&[Operator])),
    ("GET", "/cook/stores/{store_id}/tickets", Some(&[Cook, Operator])),
    ("GET", "/cook/tickets/{order_id}", Some(&[Cook, Operator])),
    ("PUT", "/cook/tickets/{order_id}/start", Some(&[Cook])),
    ("PUT", "/cook/tickets/{order_id}/finish", Some(&[Cook])),
    ("PUT", "/cook/tickets/{order_id}/decline", Some(&[Cook])),
    ("GET", "/cook/holdings", Some(&[Auditor, Service])),
    ("GET", "/cook/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/cook/parked", Some(&[Operator, Auditor])),
    ("POST", "/cook/parked/{id}/redrive", Some(&[Operator])),
    ("GET", "/rider/districts/{district}", Some(&[Rider, Operator])),
    ("PUT", "/rider/districts/{district}", Some(&[Operator])),
    ("GET", "/rider/riders/{rider_id}", Some(&[Rider, Operator])),
    ("PUT", "/rider/riders/{rider_id}", Some(&[Rider])),
    ("GET", "/rider/riders/{rider_id}/offers", Some(&[Rider, Operator])),
    ("GET", "/rider/riders/{rider_id}/offers/events", Some(&[Rider, Operator])),
    ("GET", "/rider/deliveries/{order_id}", Some(&[Rider, Operator])),
    ("PUT", "/rider/deliveries/{order_id}/claim", Some(&[Rider])),
    ("PUT", "/rider/deliveries/{order_id}/release", Some(&[Rider])),
    ("PUT", "/rider/deliveries/{order_id}/pickup", Some(&[Rider])),
    ("PUT", "/rider/deliveries/{order_id}/confirmation", Some(&[Rider])),
    ("PUT", "/rider/deliveries/{order_id}/return", Some(&[Rider])),
    ("GET", "/rider/holdings", Some(&[Auditor, Service])),
    ("GET", "/rider/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/rider/parked", Some(&[Operator, Auditor])),
    ("POST", "/rider/parked/{id}/redrive", Some(&[Operator])),
    ("GET", "/mypage/customers/{customer_id}/orders", Some(&[Customer, Operator, Auditor])),
    ("GET", "/mypage/orders/{order_id}", Some(&[Customer, Operator, Auditor])),
    ("GET", "/mypage/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/mypage/parked", Some(&[Operator, Auditor])),
    ("POST", "/mypage/parked/{id}/redrive", Some(&[Operator])),
    ("GET", "/notification/orders/{order_id}", Some(&[Operator, Auditor])),
    ("PUT", "/notification/recipients/customer/{id}", Some(&[Customer, Operator])),
    ("PUT", "/notification/recipients/store/{id}", Some(&[Store, Operator])),
    ("PUT", "/notification/recipients/rider/{id}", Some(&[Rider, Operator])),
    ("GET", "/notification/dead-letters", Some(&[Operator, Auditor])),
    ("GET", "/notification/parked", Some(&[Operator, Auditor])),
    ("POST", "/notification/parked/{id}/redrive", Some(&[Operator])),
];

/// What a relay answers.
const RELAY: &[Row] = &[
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/openapi.json", None),
    ("GET", "/docs", None),
    ("GET", "/problems/{slug}", None),
    ("GET", "/metrics", Some(&[Operator, Auditor, Service])),
];

/// A clock that is behind.
struct HourAgo(Ports);

#[async_trait::async_trait]
impl Clock for HourAgo {
    fn now(&self) -> Timestamp {
        self.0.now().minus(Duration::from_secs(3600))
    }

    fn elapsed(&self) -> Duration {
        self.0.clock.elapsed()
    }

    /// Signing waits for nothing.
    async fn sleep(&self, _duration: Duration) {
        pending::<()>().await;
    }
}

/// A new set of one key, of that id.
fn key_set(kid: &str) -> String {
    let text = generate::key_set(Algorithm::Hs256).unwrap();
    let mut set: Value = serde_json::from_str(&text).unwrap();
    set["keys"][0]["kid"] = json!(kid);
    set.to_string()
}

fn token(keys: &str, role: Role, ports: Ports) -> String {
    let signer = Signer::new(Keys::parse(keys).unwrap(), ports).unwrap();
    signer.token(role, "somebody", Duration::from_secs(600))
}

/// A server of these routes that asks for tokens of these keys.
async fn locked(routes: Guarded, keys: &str, ports: &Ports) -> String {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", server.local_addr());
    let access = Access::Tokens(Verifier::new(Keys::parse(keys).unwrap()));
    let own = ports.clone();
    ports.spawn(async move { server.serve(routes, access, &own, pending()).await });
    url
}

#[derive(Clone, Copy)]
enum Expected {
    /// Whatever the route answers.
    LetIn,
    Status(u16),
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_answers_the_roles_of_the_table_and_nobody_else() {
    let (directory, ports) = (tempfile::tempdir().unwrap(), Ports::system());
    let (listen, settings) = (([127, 0, 0, 1], 0).into(), Settings::default());
    let system = System::start(directory.path(), listen, settings, ports.clone()).await.unwrap();
    // What is not there looks to who has no token like what is.
    let others = [("PATCH", "/orders", 405), ("GET", "/orders", 405), ("PUT", "/x", 404)];
    hold(TABLE, &others, system.routes().clone(), &ports).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_each_of_a_relay() {
    let ports = Ports::system();
    let routes = relaying::routes("Relay", Metrics::default(), Readiness::default(), &ports);
    hold(RELAY, &[("POST", "/metrics", 405), ("GET", "/orders", 404)], routes, &ports).await;
}

/// Holds routes against a table, in what they say and in what they do. `others` are none of the
/// routes, with what whoever shows a token is told.
async fn hold(table: &[Row], others: &[(&str, &str, u16)], routes: Guarded, ports: &Ports) {
    let rows: BTreeSet<_> = table.iter().copied().collect();
    let said: BTreeSet<_> = routes
        .rules()
        .iter()
        .map(|(path, rule)| match rule.who {
            Who::Open => (rule.method.as_str(), path, None),
            Who::Only(roles) => (rule.method.as_str(), path, Some(roles)),
        })
        .collect();
    let (untrue, untold): (Vec<_>, Vec<_>) =
        (rows.difference(&said).collect(), said.difference(&rows).collect());
    assert!(untrue.is_empty(), "the table says what no route does: {untrue:#?}");
    assert!(untold.is_empty(), "routes say what the table does not: {untold:#?}");

    let keys = key_set("a");
    let url = locked(routes.clone(), &keys, ports).await;
    let past = Ports { clock: Arc::new(HourAgo(ports.clone())), ..ports.clone() };
    let mut wanted = Vec::new();
    for (method, path, who) in table {
        let expected =
            |status| if who.is_none() { Expected::LetIn } else { Expected::Status(status) };
        wanted.push((*method, *path, None, expected(401)));
        for role in Role::ALL {
            let forged = token(&key_set("a"), role, ports.clone());
            let unknown = token(&key_set("b"), role, ports.clone());
            let expired = token(&keys, role, past.clone());
            for bad in [forged, unknown, expired] {
                wanted.push((*method, *path, Some(bad), expected(401)));
            }
            let may = who.is_none_or(|roles| roles.contains(&role));
            let then = if may { Expected::LetIn } else { Expected::Status(403) };
            wanted.push((*method, *path, Some(token(&keys, role, ports.clone())), then));
        }
    }
    let cook = token(&keys, Cook, ports.clone());
    for &(method, path, status) in others.iter().chain(&[("GET", "/", 404)]) {
        wanted.push((method, path, None, Expected::Status(401)));
        wanted.push((method, path, Some(cook.clone()), Expected::Status(status)));
    }

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = wanted.iter().map(|(method, path, token, expected)| {
        let (client, url) = (&client, &url);
        async move {
            // Every template can be asked for as if its names were ids.
            let path = path.replace(['{', '}'], "");
            let method: Method = method.parse().unwrap();
            let mut request = client.request(method.clone(), format!("{url}{path}"));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let status = request.send().await.unwrap().status().as_u16();
            let right = match expected {
                Expected::LetIn => ![401, 403].contains(&status) && status < 500,
                Expected::Status(expected) => status == *expected,
            };
            (!right).then(|| format!("{method} {path} {token:?}: {status}"))
        }
    });
    let wrong: Vec<_> = stream::iter(asked).buffer_unordered(8).collect().await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), wanted.len());
}
