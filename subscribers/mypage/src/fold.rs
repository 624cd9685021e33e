//! The fold: what an order's events make of it, in whatever order and however often they come.
//!
//! Each source owns fields of its own, and each field has one rule by which of two tellings the
//! better one is kept. None of the rules looks at what came first, so any order leads to the same.

use std::collections::BTreeMap;

use contracts::{
    Address, CustomerId, Event, EventType, Fact, Line, Milestone, Money, OrderId, ServiceName,
    StoreId, Timestamp,
    event::{OrderPlaced, OrderRevised, OrderScheduled},
};
use mutants::mutant;
use serde::{Deserialize, Serialize};

/// An order, as far as it was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// What was ordered for later, as it was then.
    pub scheduled: Option<Placed>,
    /// What was ordered, as it was when the order started; none as long as other news of it is all
    /// that has come.
    pub placed: Option<Placed>,
    /// The last change of it that was made.
    pub revised: Option<Revised>,
    /// The last change of it that was refused.
    pub revision_refused: Option<RevisionRefusal>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// When a cancellation was refused.
    pub refused_at: Option<Timestamp>,
    /// When its delivery was first on offer.
    pub offered: Option<Offered>,
    /// What each participant has told of it.
    pub progress: BTreeMap<ServiceName, Progress>,
    /// Counts the changes here: how many there are depends on the order in which events come, so it
    /// is shown to nobody.
    pub version: u64,
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Whose it is.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What, as priced then.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    pub at: Timestamp,
    /// For when, where it was ordered for later.
    pub scheduled_for: Option<Timestamp>,
    /// The last change that this includes; 0 for none, and where an earlier build has kept it.
    #[serde(default)]
    pub revision: u32,
}

/// What an order was changed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revised {
    /// Which change of it, counted from 1.
    pub revision: u32,
    /// What, from then on.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// When.
    pub at: Timestamp,
}

/// That a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRefusal {
    /// Which change, counted from 1.
    pub revision: u32,
    /// Why, as a slug.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl From<&OrderScheduled> for Placed {
    fn from(scheduled: &OrderScheduled) -> Self {
        Self {
            customer_id: scheduled.customer_id.clone(),
            store_id: scheduled.store_id.clone(),
            items: scheduled.items.clone(),
            total: scheduled.total,
            address: scheduled.address.clone(),
            at: scheduled.placed_at,
            scheduled_for: Some(scheduled.scheduled_for),
            revision: 0,
        }
    }
}

impl From<&OrderRevised> for Revised {
    fn from(revised: &OrderRevised) -> Self {
        Self {
            revision: revised.revision,
            items: revised.items.clone(),
            total: revised.total,
            address: revised.address.clone(),
            at: revised.at,
        }
    }
}

impl From<&OrderPlaced> for Placed {
    fn from(placed: &OrderPlaced) -> Self {
        Self {
            customer_id: placed.customer_id.clone(),
            store_id: placed.store_id.clone(),
            items: placed.items.clone(),
            total: placed.total,
            address: placed.address.clone(),
            at: placed.placed_at,
            scheduled_for: placed.scheduled_for,
            revision: placed.revision.unwrap_or(0),
        }
    }
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// `order-completed`, `order-cancelled` or `order-returned`.
    pub kind: EventType,
    /// Why, as a slug; none where all went well.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The order's version then.
    pub sequence: u64,
}

/// That a delivery was offered to riders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// When.
    pub at: Timestamp,
    /// The delivery's version then.
    pub sequence: u64,
}

/// What a participant has told of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The participant's version that the latest milestone came with.
    pub sequence: u64,
    /// All that has happened, oldest first.
    pub milestones: Vec<Milestone>,
}

impl Progress {
    /// The latest milestone.
    pub fn latest(&self) -> Option<&Milestone> {
        self.milestones.last()
    }

    /// Takes a fact in; false where it says nothing new.
    ///
    /// A fact repeats all that has happened, so the one with more milestones is the later one. An
    /// answer given again says the same under a sequence that may have grown meanwhile: of those
    /// the lowest is kept, which is that of the fact as it was first told.
    fn take(&mut self, fact: &Fact, sequence: u64) -> bool {
        let (held, told) = (self.milestones.len(), fact.milestones.len());
        let stale = told < held && mutant!("mypage-goes-back");
        if stale || told > held || (told == held && sequence < self.sequence) {
            self.milestones.clone_from(&fact.milestones);
            self.sequence = sequence;
            return true;
        }
        false
    }
}

impl Order {
    /// An order of which nothing is known.
    pub fn unknown(order_id: OrderId) -> Self {
        Self {
            order_id,
            scheduled: None,
            placed: None,
            revised: None,
            revision_refused: None,
            ended: None,
            refused_at: None,
            offered: None,
            progress: BTreeMap::new(),
            version: 0,
        }
    }

    /// Takes an event in; false where it says nothing new. `at` is when it was published.
    pub fn take(&mut self, event: &Event, sequence: u64, at: Timestamp) -> bool {
        match event {
            Event::Fact(kind, fact) => {
                self.progress.entry(kind.source()).or_default().take(fact, sequence)
            }
            Event::OrderPlaced(placed) => {
                let news = self.placed.is_none();
                self.placed.get_or_insert_with(|| Placed::from(placed));
                news
            }
            Event::OrderScheduled(scheduled) => {
                let news = self.scheduled.is_none();
                self.scheduled.get_or_insert_with(|| Placed::from(scheduled));
                news
            }
            Event::OrderRevised(revised) => {
                let news = self.revised.as_ref().is_none_or(|it| it.revision < revised.revision);
                if news {
                    self.revised = Some(Revised::from(revised));
                }
                news
            }
            Event::RevisionRefused(refused) => {
                let held = self.revision_refused.as_ref();
                let news = held.is_none_or(|it| it.revision < refused.revision);
                if news {
                    let (revision, reason, at) =
                        (refused.revision, refused.reason.clone(), refused.at);
                    self.revision_refused = Some(RevisionRefusal { revision, reason, at });
                }
                news
            }
            Event::OrderCancelled(ended)
            | Event::OrderCompleted(ended)
            | Event::OrderReturned(ended) => {
                let news = self.ended.as_ref().is_none_or(|it| it.sequence < sequence);
                if news {
                    let (kind, reason, at) = (event.kind(), ended.reason.clone(), ended.at);
                    self.ended = Some(Ended { kind, reason, at, sequence });
                }
                news
            }
            Event::CancellationRefused(refused) => {
                let news = self.refused_at.is_none_or(|at| refused.at < at);
                if news {
                    self.refused_at = Some(refused.at);
                }
                news
            }
            Event::DeliveryOffered(_) => {
                let news = self.offered.is_none_or(|it| sequence < it.sequence);
                if news {
                    self.offered = Some(Offered { at, sequence });
                }
                news
            }
            Event::MenuItemChanged(_) => false,
        }
    }

    /// What was ordered, as it was first told of; none as long as nobody has told.
    pub fn ordered(&self) -> Option<&Placed> {
        self.placed.as_ref().or(self.scheduled.as_ref())
    }

    /// The last change that came after what was [ordered](Self::ordered).
    pub fn changed(&self) -> Option<&Revised> {
        let included = self.ordered()?.revision;
        self.revised.as_ref().filter(|revised| revised.revision > included)
    }

    /// What that participant has told.
    pub fn told_by(&self, service: ServiceName) -> Option<&Progress> {
        self.progress.get(&service)
    }

    /// Whether anybody has told of a milestone of that type.
    pub fn has(&self, kind: EventType) -> bool {
        let told = self.told_by(kind.source());
        told.is_some_and(|it| it.milestones.iter().any(|milestone| milestone.kind == kind))
    }

    /// When the latest of all that was told happened; none where nothing was told.
    pub fn updated_at(&self) -> Option<Timestamp> {
        let facts = self.progress.values().filter_map(Progress::latest).map(|it| it.at);
        facts
            .chain(self.ordered().map(|it| it.at))
            .chain(self.revised.as_ref().map(|it| it.at))
            .chain(self.revision_refused.as_ref().map(|it| it.at))
            .chain(self.ended.as_ref().map(|it| it.at))
            .chain(self.refused_at)
            .chain(self.offered.map(|it| it.at))
            .max()
    }
}
