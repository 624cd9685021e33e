//! Idempotency keys: the same request made twice makes one order and is answered the same.
//!
//! A key belongs to its customer and is kept. Only a success is remembered: a request that was
//! refused may be mended and tried again under its key. The request itself is not kept, for it
//! holds the means of payment; a fingerprint of its meaning is.

use contracts::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::placement::PlaceOrder;

/// The namespace of fingerprints: any fixed value, never to be changed, since they are stored.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x5a7c_3e9d_41b8_4f02_9e6a_0c1d_7b35_f2e4);

/// A key that was used, with the answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// What was asked, by meaning.
    pub fingerprint: Uuid,
    /// The order that it made.
    pub order_id: OrderId,
    /// The body of the 201 that answered it.
    pub answer: Value,
    /// When.
    pub used_at: Timestamp,
}

/// The fingerprint of what is asked: equal where two bodies mean the same, whatever their spacing
/// and the order of their fields.
pub fn fingerprint(asked: &PlaceOrder) -> Uuid {
    let canonical = serde_json::to_vec(asked)
        .expect("a request is plain structs with text keys, which always serialize");
    Uuid::new_v5(&FINGERPRINTS, &canonical)
}

#[cfg(test)]
mod tests {
    use runtime::http::Fields;

    use super::*;
    use crate::http::orders::read_order;

    fn of(body: &str) -> Uuid {
        fingerprint(&read_order(Fields::parse(body.as_bytes()).unwrap()).unwrap())
    }

    #[test]
    fn bodies_are_compared_by_meaning() {
        let body = r#"{"customer_id":"c1","store_id":"s1","items":[{"menu_id":"m1","quantity":2}],
            "address":{"district":"mapo","line":"12 River Street"},"payment":{"token":"tok-ok"}}"#;
        let spaced = r#" { "payment": {"token": "tok-ok"}, "store_id": "s1",
            "items": [ {"quantity": 2, "menu_id": "m1"} ], "customer_id": "c1",
            "address": {"line": " 12 River\u0020Street ", "district": "mapo"} } "#;
        assert_eq!(of(body), of(spaced), "spacing and order of fields mean nothing");
        for (from, to) in [
            ("\"c1\"", "\"c2\""),
            ("\"s1\"", "\"s2\""),
            ("\"m1\"", "\"m2\""),
            (":2}", ":3}"),
            ("mapo", "jongno"),
            ("12 River", "13 River"),
            ("tok-ok", "tok-slow"),
        ] {
            assert_ne!(of(body), of(&body.replace(from, to)), "{from} is not {to}");
        }
    }
}
