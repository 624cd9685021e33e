//! An order on MyPage, and what it must say: the fold of what was published, with structures and
//! rules of the audit's own.

use std::collections::BTreeMap;

use contracts::ServiceName;
use runtime::db::PublishedEvent;
use serde::{Deserialize, Deserializer};

use super::bodies::{Line, Money, read};

/// An order on MyPage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Shown {
    /// What was ordered for later.
    pub scheduled: Option<Placed>,
    /// What was ordered.
    pub placed: Option<Placed>,
    /// The last change that was made.
    pub revised: Option<Revised>,
    /// The last change that was refused.
    pub revision_refused: Option<RevisionRefusal>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// When a cancellation was refused.
    pub refused_at: Option<String>,
    /// When its delivery was first on offer.
    pub offered: Option<Offered>,
    /// What each participant has told, by its name.
    pub progress: BTreeMap<String, Progress>,
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Placed {
    /// Whose it is.
    pub customer_id: String,
    /// From whom.
    pub store_id: String,
    /// What.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    #[serde(alias = "placed_at")]
    pub at: String,
    /// For when.
    pub scheduled_for: Option<String>,
    /// The last change that this includes.
    #[serde(default, deserialize_with = "or_zero")]
    pub revision: u32,
}

/// What an order was changed to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Revised {
    /// Which change.
    pub revision: u32,
    /// What.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    pub at: String,
}

/// That a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RevisionRefusal {
    /// Which change.
    pub revision: u32,
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
}

fn or_zero<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(0))
}

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// Its district.
    pub district: String,
    /// The rest.
    pub line: String,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ended {
    /// By which event.
    pub kind: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: String,
    /// The order's version then.
    pub sequence: u64,
}

/// That a delivery was offered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Offered {
    /// When.
    pub at: String,
    /// The delivery's version then.
    pub sequence: u64,
}

/// What a participant has told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// Its version at the latest milestone.
    pub sequence: u64,
    /// What has happened.
    pub milestones: Vec<Milestone>,
}

/// One thing that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Milestone {
    /// What.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: String,
    /// Particulars.
    #[serde(default)]
    pub data: Detail,
}

/// Particulars of a milestone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Detail {
    /// How much.
    pub amount: Option<Money>,
    /// Who.
    pub rider_id: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    time: String,
    sequence: u64,
    data: T,
}

#[derive(Deserialize)]
struct End {
    reason: Option<String>,
    at: String,
}

#[derive(Deserialize)]
struct Fact {
    milestones: Vec<Milestone>,
}

#[derive(Deserialize)]
struct Nothing {}

impl Shown {
    /// Takes in what a service has published about the order; of each service in its order.
    ///
    /// # Errors
    ///
    /// An event that cannot be read.
    pub fn take(&mut self, service: ServiceName, event: &PublishedEvent) -> Result<(), String> {
        let (id, payload) = (event.subject.as_str(), event.payload.as_str());
        match event.kind.as_str() {
            "menu-item-changed" => {}
            "order-placed" => {
                self.placed = Some(read::<Envelope<Placed>>("the event of", id, payload)?.data);
            }
            "order-scheduled" => {
                self.scheduled = Some(read::<Envelope<Placed>>("the event of", id, payload)?.data);
            }
            "order-revised" => {
                self.revised = Some(read::<Envelope<Revised>>("the event of", id, payload)?.data);
            }
            "revision-refused" => {
                let told = read::<Envelope<RevisionRefusal>>("the event of", id, payload)?.data;
                self.revision_refused = Some(told);
            }
            "delivery-offered" => {
                let Envelope { time: at, sequence, .. } =
                    read::<Envelope<Nothing>>("the event of", id, payload)?;
                self.offered.get_or_insert(Offered { at, sequence });
            }
            "cancellation-refused" => {
                let end = read::<Envelope<End>>("the event of", id, payload)?.data;
                self.refused_at.get_or_insert(end.at);
            }
            kind @ ("order-completed" | "order-cancelled" | "order-returned") => {
                let Envelope { sequence, data: End { reason, at }, .. } =
                    read("the event of", id, payload)?;
                self.ended = Some(Ended { kind: kind.to_owned(), reason, at, sequence });
            }
            _ => {
                let Envelope { sequence, data: Fact { milestones }, .. } =
                    read("the event of", id, payload)?;
                let told = Progress { sequence, milestones };
                self.progress.insert(service.as_str().to_owned(), told);
            }
        }
        Ok(())
    }

    /// Where this says something that the other does not: it may know less, but nothing else.
    pub fn beyond(&self, other: &Self) -> Option<&'static str> {
        fn part<'a, T: PartialEq>(
            what: &'a str,
            mine: Option<&T>,
            other: Option<&T>,
        ) -> Option<&'a str> {
            (mine.is_some() && mine != other).then_some(what)
        }
        // Of changes it may know the one before.
        let later = |mine: Option<u32>, other: Option<u32>| mine.is_none() || mine < other;
        let made = |it: &Self| it.revised.as_ref().map(|it| it.revision);
        let refused = |it: &Self| it.revision_refused.as_ref().map(|it| it.revision);
        part("what was ordered", self.placed.as_ref(), other.placed.as_ref())
            .or_else(|| {
                part(
                    "what was ordered for later",
                    self.scheduled.as_ref(),
                    other.scheduled.as_ref(),
                )
            })
            .or_else(|| {
                let behind = later(made(self), made(other));
                let mine = self.revised.as_ref().filter(|_| !behind);
                part("a change", mine, other.revised.as_ref())
            })
            .or_else(|| {
                let behind = later(refused(self), refused(other));
                let mine = self.revision_refused.as_ref().filter(|_| !behind);
                part("a change that was refused", mine, other.revision_refused.as_ref())
            })
            .or_else(|| part("its end", self.ended.as_ref(), other.ended.as_ref()))
            .or_else(|| part("a refusal", self.refused_at.as_ref(), other.refused_at.as_ref()))
            .or_else(|| part("an offer", self.offered.as_ref(), other.offered.as_ref()))
            .or_else(|| {
                let nothing = Progress::default();
                let beyond = self.progress.iter().any(|(source, mine)| {
                    let other = other.progress.get(source).unwrap_or(&nothing);
                    let same = mine.milestones.len() == other.milestones.len();
                    !other.milestones.starts_with(&mine.milestones)
                        || (same && mine.sequence != other.sequence)
                });
                beyond.then_some("a participant's progress")
            })
    }

    /// Whether that has happened.
    fn has(&self, kind: &str) -> bool {
        let all = self.progress.values().flat_map(|told| &told.milestones);
        all.into_iter().any(|milestone| milestone.kind == kind)
    }

    /// The word that it is found by.
    pub fn status(&self) -> &'static str {
        let any = |kinds: &[&str]| kinds.iter().any(|kind| self.has(kind));
        match self.ended.as_ref().map(|ended| ended.kind.as_str()) {
            Some("order-cancelled") => return "cancelled",
            Some("order-returned") => return "returned",
            Some(_) => return "delivered",
            None => {}
        }
        if any(&["delivery-returned", "payment-refunded", "stock-restocked"]) {
            return "returning";
        }
        let given_up = [
            "payment-declined",
            "payment-voided",
            "order-rejected",
            "ticket-cancelled",
            "cooking-declined",
            "cooking-cancelled",
        ];
        if any(&given_up) && !self.has("cook-started") {
            return "cancelling";
        }
        let forward = [
            ("delivery-confirmed", "delivered"),
            ("food-picked", "on_the_way"),
            ("cook-finished", "cooked"),
            ("cook-started", "cooking"),
            ("order-accepted", "accepted"),
            ("payment-authorized", "paid"),
        ];
        let first = match (&self.placed, &self.scheduled) {
            (None, Some(_)) => "scheduled",
            _ => "placed",
        };
        forward.into_iter().find(|(kind, _)| self.has(kind)).map_or(first, |(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kinds: &[&str]) -> Shown {
        let milestone = |kind: &&str| Milestone {
            kind: (*kind).to_owned(),
            at: "t".to_owned(),
            data: Detail::default(),
        };
        let milestones = kinds.iter().map(milestone).collect();
        let progress = Progress { sequence: kinds.len() as u64, milestones };
        Shown { progress: [("cook".to_owned(), progress)].into(), ..Shown::default() }
    }

    #[test]
    fn to_know_less_is_not_to_say_something_else() {
        let nothing = Shown::default();
        let (one, two) = (told(&["cook-started"]), told(&["cook-started", "cook-finished"]));
        let other = told(&["cooking-declined"]);
        for (mine, theirs, beyond) in [
            (&nothing, &one, false),
            (&one, &one, false),
            (&one, &two, false),
            (&two, &one, true),
            (&one, &nothing, true),
            (&other, &two, true),
        ] {
            assert_eq!(mine.beyond(theirs).is_some(), beyond, "{mine:?} {theirs:?}");
        }
        let mut late = one.clone();
        late.progress.get_mut("cook").unwrap().sequence = 9;
        assert!(late.beyond(&one).is_some());
        let refused = Shown { refused_at: Some("t".to_owned()), ..Shown::default() };
        assert!(refused.beyond(&nothing).is_some() && nothing.beyond(&refused).is_none());
    }
}
