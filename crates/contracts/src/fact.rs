//! Facts carry state and sequence.
//!
//! A participant's event about an order repeats every milestone so far, complete and in order,
//! and the sequence of the aggregate. A consumer keeps the last sequence applied: a lower one is
//! dropped; an equal one changes no step but counts as an answer; of a higher one the milestones
//! not yet applied are applied in order. So duplicates, reordering and a lost message heal alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Event, EventType, Money, OrderId, RiderId, Timestamp};

/// The payload of every participant's event about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The order.
    pub order_id: OrderId,
    /// The participant's own word for how things stand after the fact.
    pub state: String,
    /// What has happened so far, oldest first, without gaps.
    pub milestones: Vec<Milestone>,
}

/// One thing that happened to the aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// What happened; [`EventType::Unknown`] where a later version published it.
    #[serde(rename = "type")]
    #[schemars(description = "What happened. Later versions add types: keep what is not known.")]
    pub kind: EventType,
    /// When.
    pub at: Timestamp,
    /// Particulars.
    #[serde(default)]
    pub data: Detail,
}

/// Particulars of a milestone; a type of milestone fills those that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Detail {
    /// How much was held, taken or given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Which rider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_id: Option<RiderId>,
    /// Why, in a slug or in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The public record of a participant's aggregate: its sequence and its milestones. Part of the
/// aggregate's state; the pure domain of each participant writes it through here, so that every
/// fact carries what facts must carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The aggregate's version: one more with every change, published or not.
    pub sequence: u64,
    /// What has happened, oldest first.
    pub milestones: Vec<Milestone>,
}

impl core::hash::Hash for Milestone {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.at.hash(state);
    }
}

impl Record {
    /// Counts a change that is nobody's business: the sequence grows, no milestone is added.
    pub fn touch(&mut self) {
        self.sequence += 1;
    }

    /// Adds a milestone; the sequence grows by one.
    pub fn add(&mut self, kind: EventType, at: Timestamp, data: Detail) {
        self.sequence += 1;
        self.milestones.push(Milestone { kind, at, data });
    }

    /// Adds milestones that happened in one decision, oldest first; the sequence grows by one for
    /// all of them, since they are one version and are told by one event. Changes nothing where
    /// there are none.
    pub fn add_all(&mut self, at: Timestamp, news: impl IntoIterator<Item = (EventType, Detail)>) {
        let before = self.milestones.len();
        self.milestones.extend(news.into_iter().map(|(kind, data)| Milestone { kind, at, data }));
        if self.milestones.len() > before {
            self.sequence += 1;
        }
    }

    /// Whether a milestone of that type is there.
    pub fn has(&self, kind: EventType) -> bool {
        self.milestones.iter().any(|milestone| milestone.kind == kind)
    }

    /// The latest milestone.
    pub fn latest(&self) -> Option<&Milestone> {
        self.milestones.last()
    }

    /// The event that tells the latest milestone, with all before it; `None` where nothing has
    /// happened yet.
    pub fn event(&self, order_id: &OrderId, state: &str) -> Option<Event> {
        let kind = self.latest()?.kind;
        Some(Event::Fact(
            kind,
            Fact {
                order_id: order_id.clone(),
                state: state.to_owned(),
                milestones: self.milestones.clone(),
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_milestone_is_kept_as_unknown() {
        let json = r#"{"order_id":"o1","state":"x","milestones":[
            {"type":"taste-tested","at":"2026-01-01T00:00:00Z","data":{"score":5}}]}"#;
        let fact: Fact = serde_json::from_str(json).unwrap();
        assert_eq!(fact.milestones[0].kind, EventType::Unknown);
    }

    #[test]
    fn the_sequence_grows_with_every_change() {
        let mut record = Record::default();
        let order = OrderId::new("o1").unwrap();
        assert_eq!(record.event(&order, "new"), None);
        record.touch();
        record.add(EventType::CookStarted, Timestamp::from_millis(1), Detail::default());
        assert_eq!(record.sequence, 2);
        let Some(Event::Fact(EventType::CookStarted, fact)) = record.event(&order, "cooking")
        else {
            panic!("the latest milestone names the event");
        };
        assert_eq!((fact.state.as_str(), fact.milestones.len()), ("cooking", 1));
    }

    #[test]
    fn milestones_of_one_decision_are_one_version() {
        let mut record = Record::default();
        let at = Timestamp::from_millis(1);
        let news = [EventType::CookStarted, EventType::CookFinished];
        record.add_all(at, news.map(|kind| (kind, Detail::default())));
        assert_eq!((record.sequence, record.milestones.len()), (1, 2));
        record.add_all(at, []);
        assert_eq!((record.sequence, record.milestones.len()), (1, 2));
        assert_eq!(record.latest().map(|latest| latest.kind), Some(EventType::CookFinished));
    }
}
