//! What can be configured about notification.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use crate::templates::Language;

/// Settings of the notification service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The language of those who have not said which: `ko` or `en`.
    pub language: Language,
    /// At most so many recipients are sent to at a time, by each process.
    pub at_once: usize,
    /// How a message is tried again that the channel could not take.
    pub retry: Retry,
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: Language::Ko, at_once: 16, retry: Retry::default() }
    }
}

/// How a message is tried again: after a pause that doubles from `first` up to `cap`, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// The first pause. 1 s.
    #[serde(deserialize_with = "seconds")]
    pub first: Duration,
    /// The longest pause. 60 s.
    #[serde(deserialize_with = "seconds")]
    pub cap: Duration,
    /// After so many failures that are the message's own it is given up. 20.
    pub attempts: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), cap: Duration::from_secs(60), attempts: 20 }
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
        let read = |json| serde_json::from_str::<Settings>(json).ok();
        assert_eq!(read("{}"), Some(Settings::default()));
        let found = read(r#"{"language": "en", "retry": {"first": 0.25, "attempts": 3}}"#).unwrap();
        assert_eq!(found.language, Language::En);
        let first = Duration::from_millis(250);
        assert_eq!(found.retry, Retry { first, attempts: 3, ..Retry::default() });
        for wrong in [r#"{"language": "fr"}"#, r#"{"retry": {"cap": -1}}"#, r#"{"speed": 1}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
