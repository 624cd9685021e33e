//! The orchestrator's settings: how long each step may take, how commands are sent again, and when
//! no new orders are taken.
//!
//! What stands here about a saga when it starts is pinned in it: a change applies to later orders
//! only.

use std::time::Duration;

use saga::{Definition, Millis};
use serde::{Deserialize, Deserializer, de::Error};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long each step may take.
    pub deadlines: Deadlines,
    /// How commands are sent again while they are not answered.
    pub retry: Retry,
    /// How far ahead an order for later may lie.
    pub schedule: Lead,
    /// New orders are refused while a message has lain in the outbox for longer than this, in
    /// seconds: what is promised must get through. 10 min.
    #[serde(deserialize_with = "seconds")]
    pub outbox_age_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            retry: Retry::default(),
            schedule: Lead::default(),
            outbox_age_limit: Duration::from_secs(600),
        }
    }
}

/// How long each step may take before the saga acts: in seconds, fractions allowed. What is not
/// set is as the definition's table has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// For the payment to be authorized; then the order is cancelled. 30 s.
    #[serde(deserialize_with = "some_seconds")]
    pub pay: Option<Duration>,
    /// For the store to accept; then the order is cancelled. 5 min.
    #[serde(deserialize_with = "some_seconds")]
    pub accept: Option<Duration>,
    /// For the cook to start; then the order is cancelled. 15 min.
    #[serde(deserialize_with = "some_seconds")]
    pub cook_start: Option<Duration>,
    /// For the cook to finish; then the saga is flagged as stalled. 60 min.
    #[serde(deserialize_with = "some_seconds")]
    pub cook_finish: Option<Duration>,
    /// For a rider to claim the delivery; then the search is widened, and after as long again the
    /// saga is flagged as stalled. 10 min.
    #[serde(deserialize_with = "some_seconds")]
    pub assign: Option<Duration>,
    /// For the rider to pick the food up; then the saga is flagged as stalled. 30 min.
    #[serde(deserialize_with = "some_seconds")]
    pub pickup: Option<Duration>,
    /// For the delivery to be confirmed; then the saga is flagged as stalled. 90 min.
    #[serde(deserialize_with = "some_seconds")]
    pub deliver: Option<Duration>,
    /// Of a change: for more money to be held; then the order stays as it was. 30 s.
    #[serde(deserialize_with = "some_seconds")]
    pub reprice: Option<Duration>,
    /// Of a change: for the ticket to be changed; then the order stays as it was. 30 s.
    #[serde(deserialize_with = "some_seconds")]
    pub amend: Option<Duration>,
}

/// How far ahead an order for later may lie, in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lead {
    /// At least so far. 5 min.
    #[serde(deserialize_with = "seconds")]
    pub earliest: Duration,
    /// At most so far. 14 days.
    #[serde(deserialize_with = "seconds")]
    pub latest: Duration,
}

impl Default for Lead {
    fn default() -> Self {
        let (minute, day) = (60, 86_400);
        Self { earliest: Duration::from_secs(5 * minute), latest: Duration::from_secs(14 * day) }
    }
}

/// How commands are sent again: after a pause that doubles from `first` up to `cap`, in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// The first pause. 1 s.
    #[serde(deserialize_with = "seconds")]
    pub first: Duration,
    /// The longest pause. 60 s.
    #[serde(deserialize_with = "seconds")]
    pub cap: Duration,
    /// After so many attempts without an answer, of a command that a participant answers by
    /// itself, the saga is stuck and an operator decides. 20.
    pub attempts: u32,
}

impl Deadlines {
    /// Each that is set, by the name of its step.
    fn set(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let all = [
            ("pay", self.pay),
            ("accept", self.accept),
            ("cook-start", self.cook_start),
            ("cook-finish", self.cook_finish),
            ("assign", self.assign),
            ("pickup", self.pickup),
            ("deliver", self.deliver),
            ("reprice", self.reprice),
            ("amend", self.amend),
        ];
        all.into_iter().filter_map(|(step, deadline)| Some((step, deadline?)))
    }
}

impl Default for Retry {
    fn default() -> Self {
        let retry = saga::Retry::default();
        let span = |millis: Millis| Duration::from_millis(millis.0.unsigned_abs());
        Self { first: span(retry.first_pause), cap: span(retry.cap), attempts: retry.limit }
    }
}

impl Settings {
    /// What is pinned in a saga of that definition when it starts.
    pub fn pinned(&self, definition: &Definition) -> saga::Settings {
        let mut pinned = definition.default_settings();
        for (step, deadline) in self.deadlines.set() {
            if let Some(pinned) = pinned.deadlines.get_mut(step) {
                *pinned = millis(deadline);
            }
        }
        pinned.retry.first_pause = millis(self.retry.first);
        pinned.retry.cap = millis(self.retry.cap);
        pinned.retry.limit = self.retry.attempts;
        pinned
    }
}

fn millis(duration: Duration) -> Millis {
    Millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn some_seconds<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    seconds(d).map(Some)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    let whole = Duration::try_from_secs_f64(seconds).map_err(Error::custom)?;
    if whole < Duration::from_millis(1) {
        return Err(Error::custom("must be at least 0.001 seconds"));
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_set_is_pinned_and_the_rest_is_as_the_table_has_it() {
        let set = r#"{"deadlines":{"accept":2.5,"cook_finish":7},"retry":{"attempts":3}}"#;
        let settings: Settings = serde_json::from_str(set).unwrap();
        let definition = crate::sagas::latest("order").unwrap();
        let pinned = settings.pinned(definition);
        for (step, millis) in [
            ("pay", 30_000),
            ("accept", 2_500),
            ("cook-start", 900_000),
            ("cook-finish", 7_000),
            ("assign", 600_000),
            ("pickup", 1_800_000),
            ("deliver", 5_400_000),
        ] {
            assert_eq!(pinned.deadline(step), Some(Millis(millis)), "{step}");
        }
        assert_eq!(pinned.retry, saga::Retry { limit: 3, ..saga::Retry::default() });
    }

    #[test]
    fn every_deadline_of_the_tables_can_be_set() {
        let all = Deadlines {
            pay: Some(Duration::ZERO),
            accept: Some(Duration::ZERO),
            cook_start: Some(Duration::ZERO),
            cook_finish: Some(Duration::ZERO),
            assign: Some(Duration::ZERO),
            pickup: Some(Duration::ZERO),
            deliver: Some(Duration::ZERO),
            reprice: Some(Duration::ZERO),
            amend: Some(Duration::ZERO),
        };
        let names: BTreeSet<&str> = all.set().map(|(step, _)| step).collect();
        let tables: BTreeSet<&str> = crate::sagas::all()
            .iter()
            .flat_map(saga::Definition::steps)
            .filter(|step| step.deadline.is_some())
            .map(|step| step.name)
            .collect();
        assert_eq!(names, tables);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            r#"{"deadlines":{"accept":-1}}"#,
            r#"{"deadlines":{"accept":0}}"#,
            r#"{"deadlines":{"lunch":1}}"#,
            r#"{"retries":{}}"#,
            r#"{"outbox_age_limit":0}"#,
            r#"{"schedule":{"earliest":0}}"#,
            r#"{"schedule":{"never":1}}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(bad).is_err(), "{bad}");
        }
    }
}
