//! Idempotency keys: the same request made twice makes one order, or one change of one, and is
//! answered the same.
//!
//! A key belongs to its customer and is kept. Only a success is remembered: a request that was
//! refused may be mended and tried again under its key. The request itself is not kept, for it
//! holds the means of payment; a fingerprint of its meaning is.

use contracts::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{placement::PlaceOrder, revision::Change};

/// The namespace of fingerprints: any fixed value, never to be changed, since they are stored.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x5a7c_3e9d_41b8_4f02_9e6a_0c1d_7b35_f2e4);

/// A key that was used, with the answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// What was asked, by meaning.
    pub fingerprint: Uuid,
    /// The order that it made or changed.
    pub order_id: OrderId,
    /// The status that answered it.
    #[serde(default = "created", skip_serializing_if = "is_created")]
    pub status: u16,
    /// The body of that answer.
    pub answer: Value,
    /// When.
    pub used_at: Timestamp,
}

/// The status of an order that was made: the only one that earlier builds kept, and so left unsaid.
pub(crate) const fn created() -> u16 {
    201
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_created(status: &u16) -> bool {
    *status == created()
}

/// The fingerprint of what is asked: equal where two bodies mean the same, whatever their spacing
/// and the order of their fields.
pub fn fingerprint(asked: &PlaceOrder) -> Uuid {
    of(asked)
}

/// The fingerprint of a change that is asked for, likewise.
pub fn fingerprint_of_change(order_id: &OrderId, asked: &Change) -> Uuid {
    of(&(order_id, asked))
}

fn of(asked: &impl Serialize) -> Uuid {
    let canonical = serde_json::to_vec(asked)
        .expect("a request is plain structs with text keys, which always serialize");
    Uuid::new_v5(&FINGERPRINTS, &canonical)
}

#[cfg(test)]
mod tests {
    use runtime::http::Fields;

    use super::*;
    use crate::http::orders::read_order;

    fn of_body(body: &str) -> Uuid {
        fingerprint(&read_order(Fields::parse(body.as_bytes()).unwrap()).unwrap())
    }

    #[test]
    fn bodies_are_compared_by_meaning() {
        let body = r#"{"customer_id":"c1","store_id":"s1","items":[{"menu_id":"m1","quantity":2}],
            "address":{"district":"mapo","line":"12 River Street"},"payment":{"token":"tok-ok"}}"#;
        let spaced = r#" { "payment": {"token": "tok-ok"}, "store_id": "s1",
            "items": [ {"quantity": 2, "menu_id": "m1"} ], "customer_id": "c1",
            "address": {"line": " 12 River\u0020Street ", "district": "mapo"} } "#;
        assert_eq!(of_body(body), of_body(spaced), "spacing and order of fields mean nothing");
        for (from, to) in [
            ("\"c1\"", "\"c2\""),
            ("\"s1\"", "\"s2\""),
            ("\"m1\"", "\"m2\""),
            (":2}", ":3}"),
            ("mapo", "jongno"),
            ("12 River", "13 River"),
            ("tok-ok", "tok-slow"),
            (r#""payment""#, r#""for":"2026-05-28T20:26:40Z","payment""#),
        ] {
            assert_ne!(of_body(body), of_body(&body.replace(from, to)), "{from} is not {to}");
        }
    }
}
