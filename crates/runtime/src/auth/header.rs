//! What stands in a token beside its claims.

use serde::{Deserialize, Serialize};

/// A token's header. Where a key is to be had (`jku`, `jwk`, `x5u` …) is not asked of who brings
/// the token, so those are not even read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header<'a> {
    pub(super) alg: std::borrow::Cow<'a, str>,
    pub(super) kid: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) typ: Option<std::borrow::Cow<'a, str>>,
    /// What a reader must understand; nothing of it is understood here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crit: Option<serde_json::Value>,
}
