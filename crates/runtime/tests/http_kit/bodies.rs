//! Bodies: their media type, their size, their shape, their fields.

use runtime::http::body::MAX_BODY;
use serde_json::json;

use super::{
    client::{head, say, with_body},
    kit::Running,
};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn a_body_is_json_in_name_and_in_fact() {
    let server = Running::usual().await;
    let good = json!({"name": "a", "items": [{"menu_id": "m1", "quantity": 1}]}).to_string();
    let deep = format!("{{\"name\": {}", "[".repeat(1000));
    let media = |media_type| vec![("content-type", media_type)];
    let encoded = vec![("content-type", "application/json"), ("content-encoding", "gzip")];
    for (headers, body, expected) in [
        (media("application/json"), good.as_str(), None),
        (media("Application/JSON; charset=utf-8"), &good, None),
        (vec![], &good, Some((415, "unsupported-media-type"))),
        (media("text/plain"), &good, Some((415, "unsupported-media-type"))),
        (media("application/jsonp"), &good, Some((415, "unsupported-media-type"))),
        (encoded, &good, Some((415, "unsupported-media-type"))),
        (media("application/json"), "", Some((400, "not-json"))),
        (media("application/json"), "{\"name\":", Some((400, "not-json"))),
        (media("application/json"), "[]", Some((400, "not-json"))),
        (media("application/json"), &deep, Some((400, "not-json"))),
    ] {
        let request = with_body("POST /things", &headers, body.as_bytes());
        let answer = say(server.address, request).await.unwrap();
        match expected {
            None => assert_eq!(answer.status, 200, "{answer:?}"),
            Some((status, slug)) => answer.is_problem(status, slug),
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_wrong_field_is_named_by_its_path() {
    let server = Running::usual().await;
    let fine = json!({"menu_id": "m1", "quantity": 1});
    for (body, wrong) in [
        (json!({}), vec!["name", "items"]),
        (json!({"name": "a\nb", "items": []}), vec!["name", "items"]),
        (
            json!({"name": "a", "items": [fine, fine, {"menu_id": "m1", "quantity": 1000}]}),
            vec!["items[2].quantity"],
        ),
        (
            json!({"name": "a", "items": [fine], "address": {"district": "", "x": 1}, "y": 2}),
            vec!["address.district", "address.x", "y"],
        ),
    ] {
        let request = with_body("POST /things", JSON, body.to_string().as_bytes());
        let (status, slug, fields) = say(server.address, request).await.unwrap().problem();
        assert_eq!((status, slug.as_str(), fields), (422, "invalid-fields", as_owned(&wrong)));
    }
    server.stop().await;
}

fn as_owned(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

/// A good body of exactly that many bytes.
fn body_of(bytes: usize) -> Vec<u8> {
    let body =
        |name: &str| json!({"items": [{"menu_id": "m1", "quantity": 1}], "name": name}).to_string();
    body(&"x".repeat(bytes - body("").len())).into_bytes()
}

#[tokio::test]
async fn a_body_has_64_kib_at_most_however_it_is_sent() {
    let server = Running::usual().await;
    for (bytes, fits) in [(MAX_BODY, true), (MAX_BODY + 1, false), (MAX_BODY * 8, false)] {
        let body = body_of(bytes);
        let announced = with_body("POST /things", JSON, &body);
        let chunked = chunked("POST /things", &body);
        for request in [announced, chunked] {
            let answer = say(server.address, request).await.unwrap();
            if fits {
                assert_eq!(answer.status, 200, "{answer:?}");
            } else {
                answer.is_problem(413, "body-too-large");
            }
        }
    }
    server.stop().await;
}

fn chunked(line: &str, body: &[u8]) -> Vec<u8> {
    let headers = [JSON, &[("transfer-encoding", "chunked")]].concat();
    let mut request = head(line, &headers).into_bytes();
    for chunk in body.chunks(5000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn a_body_announced_as_huge_is_not_waited_for() {
    let server = Running::usual().await;
    let headers = [JSON, &[("content-length", "1000000000")]].concat();
    let answer = say(server.address, head("POST /things", &headers)).await.unwrap();
    answer.is_problem(413, "body-too-large");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_has_the_same_limit() {
    let server = Running::usual().await;
    for (bytes, fits) in [(MAX_BODY, true), (MAX_BODY + 1, false)] {
        let request = with_body("POST /bytes", &[], &vec![b'x'; bytes]);
        let answer = say(server.address, request).await.unwrap();
        if fits {
            assert_eq!((answer.status, answer.body), (200, bytes.to_string()));
        } else {
            answer.is_problem(413, "body-too-large");
        }
    }
    server.stop().await;
}
