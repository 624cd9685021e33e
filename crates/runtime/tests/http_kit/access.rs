//! Who is let in, and what is told to who is not.

use std::time::Duration;

use runtime::{
    auth::{Keys, Role, Signer, Verifier},
    http::{Access, Limits, ServerSettings},
    ports::Ports,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    client::{Answer, ask, head, hear, say, soon, with_body},
    kit::Running,
};

const KEYS: &str = r#"{"keys":[{"kty":"oct","kid":"a",
    "k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}"#;

fn bearer(role: Role) -> String {
    let signer = Signer::new(Keys::parse(KEYS).unwrap(), Ports::system()).unwrap();
    format!("Bearer {}", signer.token(role, "somebody", Duration::from_secs(60)))
}

async fn locked(settings: ServerSettings) -> Running {
    let verifier = Verifier::new(Keys::parse(KEYS).unwrap());
    Running::start_for(settings, Access::Tokens(verifier)).await
}

#[track_caller]
fn is_denied(answer: &Answer, status: u16, slug: &str, challenge: &str) {
    answer.is_problem(status, slug);
    let found = answer.header("www-authenticate").unwrap();
    assert!(found.starts_with(r#"Bearer realm="expeditor""#), "{found}");
    match challenge {
        "" => assert_eq!(found, r#"Bearer realm="expeditor""#),
        code => assert!(found.contains(&format!(r#", error="{code}", error_description=""#))),
    }
}

#[tokio::test]
async fn who_shows_no_good_token_is_told_nothing_but_that() {
    let server = locked(ServerSettings::default()).await;
    let good = bearer(Role::Cook);
    let basic = "Basic c29tZWJvZHk6c2VjcmV0";
    for line in ["GET /things", "HEAD /things", "POST /things", "GET /nowhere", "PATCH /things"] {
        for (shown, slug, challenge) in [
            (&[][..], "no-token", ""),
            (&[basic], "no-token", ""),
            (&["Bearer"], "no-token", ""),
            (&["Bearer x.y.z"], "invalid-token", "invalid_token"),
            (&[&good[.."Bearer ".len() + 40]], "invalid-token", "invalid_token"),
        ] {
            let headers: Vec<_> = shown.iter().map(|value| ("authorization", *value)).collect();
            let answer = ask(server.address, line, &headers).await;
            if line.starts_with("HEAD") {
                assert_eq!((answer.status, answer.body.as_str()), (401, ""));
            } else {
                is_denied(&answer, 401, slug, challenge);
            }
        }
        let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
        let answer = ask(server.address, line, &twice).await;
        assert_eq!(answer.status, 400, "{line}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_good_token_opens_what_its_role_may_do_and_only_that() {
    let server = locked(ServerSettings::default()).await;
    let good = bearer(Role::Cook);
    let shown = [("authorization", good.as_str())];
    assert_eq!(ask(server.address, "GET /me", &shown).await.json()["who"], "cook somebody");
    assert_eq!(ask(server.address, "HEAD /me", &shown).await.status, 200);
    let lower = good.replace("Bearer ", "bearer  ");
    assert_eq!(ask(server.address, "GET /me", &[("authorization", &lower)]).await.status, 200);
    ask(server.address, "GET /nowhere", &shown).await.is_problem(404, "not-found");
    ask(server.address, "PATCH /me", &shown).await.is_problem(405, "method-not-allowed");
    let answer = ask(server.address, "POST /things", &shown).await;
    is_denied(&answer, 403, "forbidden", "insufficient_scope");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "The role cook may not do this; who may: store, operator.");
    let operator = bearer(Role::Operator);
    let operator = [("authorization", operator.as_str())];
    // Let in, and only then is the body looked at.
    ask(server.address, "POST /things", &operator).await.is_problem(415, "unsupported-media-type");
    server.stop().await;
}

#[tokio::test]
async fn the_probes_are_open_and_metrics_are_not() {
    let server = locked(ServerSettings::default()).await;
    for line in ["GET /healthz", "GET /readyz", "HEAD /readyz"] {
        assert_eq!(ask(server.address, line, &[]).await.status, 200, "{line}");
        // A token that is not needed is not looked at.
        let answer = ask(server.address, line, &[("authorization", "Bearer x")]).await;
        assert_eq!(answer.status, 200, "{line}");
    }
    is_denied(&ask(server.address, "GET /metrics", &[]).await, 401, "no-token", "");
    let service = bearer(Role::Service);
    let answer = ask(server.address, "GET /metrics", &[("authorization", &service)]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("status=\"4xx\""), "what is refused is counted: {}", answer.body);
    server.stop().await;
}

#[tokio::test]
async fn a_body_is_not_waited_for_where_nobody_may_send_it() {
    let server = locked(ServerSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let announced = head("POST /things", &[("content-length", "1000")]);
    stream.write_all(announced.as_bytes()).await.unwrap();
    is_denied(&soon(hear(&mut stream)).await.unwrap(), 401, "no-token", "");
    server.stop().await;
}

#[tokio::test]
async fn who_is_refused_holds_no_place_and_who_comes_when_all_are_taken_is_put_off() {
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let server = locked(ServerSettings { limits, ..ServerSettings::default() }).await;
    for _ in 0..3 {
        assert_eq!(ask(server.address, "GET /me", &[]).await.status, 401);
    }
    let cook = bearer(Role::Cook);
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    let waits = head("GET /gate", &[("authorization", &cook)]);
    busy.write_all(waits.as_bytes()).await.unwrap();
    soon(server.gate.entered.notified()).await;
    ask(server.address, "GET /me", &[]).await.is_problem(503, "overloaded");
    server.gate.open.notify_one();
    assert_eq!(hear(&mut busy).await.unwrap().body, "through");
    server.stop().await;
}

#[tokio::test]
async fn where_access_is_open_a_token_is_not_even_looked_at() {
    let server = Running::usual().await;
    let answer = ask(server.address, "GET /me", &[("authorization", "Bearer x")]).await;
    assert_eq!((answer.status, &answer.json()["who"]), (200, &serde_json::Value::Null));
    let body = with_body("POST /things", &[("content-type", "application/json")], b"{}");
    say(server.address, body).await.unwrap().is_problem(422, "invalid-fields");
    server.stop().await;
}
