//! What can be configured about the store.

use serde::Deserialize;

/// Settings of the store service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Answers every ticket as soon as it is asked for, in the owner's place: accepted where the
    /// stock suffices, otherwise rejected as `out_of_stock`. For benchmarks; off by default.
    pub auto: bool,
}
