//! What can be configured about payment.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Settings of the payment service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// After how long the test gateway answers for `tok-slow`; in a configuration file a number
    /// of seconds, which may have a fraction.
    #[serde(deserialize_with = "seconds")]
    pub slow_after: Duration,
}

impl Default for Settings {
    /// 45 s: longer than an order waits for its payment, so that the answer finds a void.
    fn default() -> Self {
        Self { slow_after: Duration::from_secs(45) }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_defaults() {
        let read = |json| serde_json::from_str::<Settings>(json).map_err(|_| ());
        let slow_after = |millis| Ok(Settings { slow_after: Duration::from_millis(millis) });
        for (json, expected) in [
            ("{}", slow_after(45_000)),
            (r#"{"slow_after": 3}"#, slow_after(3_000)),
            (r#"{"slow_after": 0.25}"#, slow_after(250)),
            (r#"{"slow_after": -1}"#, Err(())),
            (r#"{"slow": 1}"#, Err(())),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
    }
}
