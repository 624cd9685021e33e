//! Addresses, methods, headers, pages, ids, probes.

use super::{
    client::{ask, say},
    kit::Running,
};

#[tokio::test]
async fn what_leads_nowhere_is_told_in_problem_details() {
    let server = Running::usual().await;
    // An answer of which its route does not tell is a bug, and debug builds say so.
    let told = if cfg!(debug_assertions) { (500, "internal") } else { (409, "untold") };
    let untold = ("GET /untold", told.0, told.1);
    for (line, status, slug) in [
        ("GET /nowhere", 404, "not-found"),
        ("GET /", 404, "not-found"),
        ("GET /things/a/b", 404, "not-found"),
        ("DELETE /things", 405, "method-not-allowed"),
        ("BREW /things", 405, "method-not-allowed"),
        ("GET /things/a%20b", 422, "invalid-fields"),
        ("GET /things/%ff", 400, "bad-request"),
        ("GET /panic", 500, "internal"),
        untold,
        ("GET /keyed", 400, "missing-header"),
        ("GET /things?limit=0", 422, "invalid-fields"),
        ("GET /things?cursor=zz", 422, "invalid-fields"),
        ("GET /things?offset=1", 422, "invalid-fields"),
        ("GET /things?limit=1&limit=2", 422, "invalid-fields"),
    ] {
        let answer = ask(server.address, line, &[]).await;
        answer.is_problem(status, slug);
        let allowed = answer.header("allow").map(|allow| {
            let mut methods: Vec<&str> = allow.split(',').collect();
            methods.sort_unstable();
            methods
        });
        let expected = (status == 405).then(|| vec!["GET", "HEAD", "POST"]);
        assert_eq!(allowed, expected, "{line}");
    }
    let after = ask(server.address, "GET /things/o-1", &[]).await;
    assert_eq!((after.status, after.body.as_str()), (200, "o-1"), "a panic ends one request only");
    server.stop().await;
}

#[tokio::test]
async fn a_list_is_walked_page_by_page() {
    let server = Running::usual().await;
    let mut seen = Vec::new();
    let mut line = "GET /things?limit=3".to_owned();
    loop {
        let page = ask(server.address, &line, &[]).await.json();
        seen.push(page["items"].to_string());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        line = format!("GET /things?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["[1,2,3]", "[4,5,6]", "[7]"]);
    server.stop().await;
}

#[tokio::test]
async fn a_request_keeps_its_id_where_it_has_a_good_one() {
    let server = Running::usual().await;
    let (longest, too_long) = ("x".repeat(128), "x".repeat(129));
    for (ids, kept) in [
        (vec!["abc-1"], true),
        (vec!["!~"], true),
        (vec![longest.as_str()], true),
        (vec![], false),
        (vec![""], false),
        (vec![too_long.as_str()], false),
        (vec!["a b"], false),
        (vec!["a\tb"], false),
        (vec!["키"], false),
        (vec!["a", "b"], false),
    ] {
        let headers: Vec<(&str, &str)> = ids.iter().map(|id| ("x-request-id", *id)).collect();
        for line in ["GET /me", "GET /nowhere", "DELETE /me", "GET /panic"] {
            let answer = ask(server.address, line, &headers).await;
            let id = answer.header("x-request-id").unwrap();
            if kept {
                assert_eq!(id, ids[0], "{line}");
            } else {
                let made: uuid::Uuid = id.parse().unwrap();
                assert_eq!(made.get_version_num(), 7, "{line} {ids:?}");
            }
            if answer.status == 200 {
                assert_eq!(answer.json()["id"], id, "the handler knows the same id");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_trace_reaches_the_handler() {
    let server = Running::usual().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (sent, known) in [(trace, Some(trace)), ("00-1-2-3", None)] {
        let answer = ask(server.address, "GET /me", &[("traceparent", sent)]).await;
        assert_eq!(answer.json()["trace"].as_str(), known);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_key_is_read_from_its_header() {
    let server = Running::usual().await;
    let answer = ask(server.address, "GET /keyed", &[("Idempotency-Key", "k-1")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "k-1"));
    let answer = ask(server.address, "GET /keyed", &[("idempotency-key", "k 1")]).await;
    answer.is_problem(400, "invalid-header");
    server.stop().await;
}

#[tokio::test]
async fn a_process_is_ready_when_every_check_passes() {
    let server = Running::usual().await;
    let ready = ask(server.address, "GET /readyz", &[]).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, r#"{"status":"ready","checks":[]}"#));

    server.readiness.add("store/database", || async { Ok(()) });
    server.readiness.add("store/broker", || async { Err("not connected".to_owned()) });
    let unready = ask(server.address, "GET /readyz", &[]).await;
    assert_eq!(unready.status, 503);
    assert_eq!(
        unready.json(),
        serde_json::json!({"status": "unavailable", "checks": [
            {"name": "store/database", "ready": true},
            {"name": "store/broker", "ready": false, "detail": "not connected"},
        ]})
    );
    assert!(unready.header("x-request-id").is_some());

    let alive = ask(server.address, "GET /healthz", &[]).await;
    assert_eq!((alive.status, alive.body.as_str()), (200, r#"{"status":"ok"}"#));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_harms_nobody() {
    let server = Running::usual().await;
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost test\r\n\r\n",
        b"POST /things HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n",
    ] {
        let answer = say(server.address, bytes).await.unwrap();
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(ask(server.address, "GET /healthz", &[]).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_the_route_and_never_by_what_was_asked() {
    let server = Running::usual().await;
    for line in
        ["GET /things/a-1", "GET /things/a-2", "GET /things/a*", "GET /secret/path", "BREW /me"]
    {
        ask(server.address, line, &[]).await;
    }
    let told = ask(server.address, "GET /metrics", &[]).await;
    assert_eq!(told.status, 200);
    assert_eq!(
        told.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    for line in [
        r#"expeditor_http_requests_total{method="GET",route="/things/{thing_id}",status="2xx"} 2"#,
        r#"expeditor_http_requests_total{method="GET",route="/things/{thing_id}",status="4xx"} 1"#,
        r#"expeditor_http_requests_total{method="GET",route="none",status="4xx"} 1"#,
        r#"expeditor_http_requests_total{method="other",route="/me",status="4xx"} 1"#,
        r#"expeditor_http_request_duration_seconds_count{method="GET",route="/things/{thing_id}"} 3"#,
        "# TYPE process_resident_memory_bytes gauge",
        "# TYPE process_cpu_seconds counter",
        "# EOF",
    ] {
        assert!(told.body.lines().any(|it| it == line), "{line} in\n{}", told.body);
    }
    assert!(!told.body.contains("a-1") && !told.body.contains("secret"), "{}", told.body);
    server.stop().await;
}
