//! An order, as far as messages need it: what has happened, and what was told of that.
//!
//! Events come late, twice and in any order, and each fact repeats what has happened before. What
//! is known and not told yet is told in the order of the statuses; what is passed when it becomes
//! known is not told any more. So each milestone leads to one message at most, and a customer's
//! messages never go back. Nothing is told to a customer before it is known what was ordered.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    Event, EventType as E, Line, Money, OrderId, ServiceName, Timestamp, event::DeliveryOffered,
};
use mutants::mutant;
use serde::{Deserialize, Serialize};

use crate::{
    moments::{Leads, Stage, leads},
    recipient::Recipient,
    templates::{Basket, Template},
};

/// What is kept of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Who ordered from whom; none as long as other news of it is all that has come.
    about: Option<About>,
    /// How it is known to have stood.
    stages: BTreeSet<Stage>,
    /// The latest of these that the customer was told.
    told: Option<Stage>,
    /// Why it ended as it did.
    reason: Option<String>,
    /// Whether it has ended well, so that nothing comes back.
    completed: bool,
    /// Whether the store was told.
    store_told: bool,
    /// What became of changes that were asked for, by their number, as far as it is not told.
    revisions: BTreeMap<u32, Answer>,
    /// The last such change that the customer was told of; 0 for none.
    revision_told: u32,
    /// That a cancellation came too late.
    too_late: News,
    /// The last offer that riders were told of, by its sequence; 0 for none.
    offer_told: u64,
    /// Whose hands the delivery is in.
    hands: Hands,
    /// How many messages it has led to.
    pub messages: u32,
    /// Counts the changes here.
    pub version: u64,
}

/// Who ordered what from whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    customer: Recipient,
    store: Recipient,
    basket: Basket,
    scheduled_for: Option<Timestamp>,
    /// The last change that the basket includes; 0 for none.
    revision: u32,
}

/// Something that is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum News {
    None,
    Known,
    Told,
}

/// What became of a change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    Made(Basket),
    Refused(String),
}

/// What riders have done, by the fact with the most milestones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hands {
    milestones: usize,
    sequence: u64,
    taken: bool,
}

/// A message that an event leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its place among the order's messages, from 1.
    pub number: u32,
    /// Which moment of the order it tells of: `cooking`, `revision-2`, `offer-5`. With the order and
    /// the recipient it makes the message's identity.
    pub moment: String,
    /// Who is told.
    pub recipient: Recipient,
    /// What.
    pub template: Template,
}

impl Order {
    /// An order of which nothing is known.
    pub fn unknown(order_id: OrderId) -> Self {
        Self {
            order_id,
            about: None,
            stages: BTreeSet::new(),
            told: None,
            reason: None,
            completed: false,
            store_told: false,
            revisions: BTreeMap::new(),
            revision_told: 0,
            too_late: News::None,
            offer_told: 0,
            hands: Hands::default(),
            messages: 0,
            version: 0,
        }
    }

    /// The word for how it stands, as far as the customer was told.
    pub fn state(&self) -> &'static str {
        self.told.map_or("unknown", Stage::as_str)
    }

    /// Takes an event in; answers what is to be said, or none where it is no news.
    pub fn take(&mut self, event: &Event, sequence: u64) -> Option<Vec<Draft>> {
        let before = self.clone();
        let mut drafts = Vec::new();
        self.note(event, sequence);
        if let Event::DeliveryOffered(offer) = event {
            self.offer(offer, sequence, &mut drafts);
        }
        self.tell(&mut drafts);
        if *self == before {
            return None;
        }
        self.version += 1;
        Some(drafts)
    }

    /// Notes what the event says; looks at nothing that was told.
    fn note(&mut self, event: &Event, sequence: u64) {
        match event {
            Event::Fact(kind, fact) => {
                let milestones = fact.milestones.iter().map(|it| it.kind);
                if kind.source() == ServiceName::Rider {
                    let latest = fact.milestones.last().map(|it| it.kind);
                    self.hands.note(fact.milestones.len(), sequence, latest);
                }
                milestones.for_each(|kind| self.reached(kind));
            }
            Event::OrderPlaced(placed) => self.about(About {
                customer: (&placed.customer_id).into(),
                store: (&placed.store_id).into(),
                basket: basket(&placed.items, placed.total),
                scheduled_for: None,
                revision: placed.revision.unwrap_or(0),
            }),
            Event::OrderScheduled(scheduled) => self.about(About {
                customer: (&scheduled.customer_id).into(),
                store: (&scheduled.store_id).into(),
                basket: basket(&scheduled.items, scheduled.total),
                scheduled_for: Some(scheduled.scheduled_for),
                revision: 0,
            }),
            Event::OrderRevised(revised) => {
                self.answered(
                    revised.revision,
                    Answer::Made(basket(&revised.items, revised.total)),
                );
            }
            Event::RevisionRefused(refused) => {
                self.answered(refused.revision, Answer::Refused(refused.reason.clone()));
            }
            Event::CancellationRefused(_) if self.too_late == News::None => {
                self.too_late = News::Known;
            }
            Event::OrderCancelled(ended) | Event::OrderReturned(ended) => {
                if self.reason.is_none() {
                    self.reason.clone_from(&ended.reason);
                }
            }
            Event::OrderCompleted(_) => self.completed = true,
            Event::CancellationRefused(_)
            | Event::DeliveryOffered(_)
            | Event::MenuItemChanged(_) => {}
        }
        self.reached(event.kind());
    }

    fn reached(&mut self, kind: E) {
        if let Leads::Status(stage) = leads(kind) {
            self.stages.insert(stage);
        }
    }

    /// The first telling of it counts, and whatever else one of them knows.
    fn about(&mut self, told: About) {
        match &mut self.about {
            None => self.about = Some(told),
            Some(about) => {
                about.scheduled_for = about.scheduled_for.or(told.scheduled_for);
                if told.revision > about.revision {
                    (about.basket, about.revision) = (told.basket, told.revision);
                }
            }
        }
    }

    fn answered(&mut self, number: u32, answer: Answer) {
        if number > self.revision_told {
            self.revisions.entry(number).or_insert(answer);
        }
    }

    /// Says what is known, was not said and is not passed.
    fn tell(&mut self, drafts: &mut Vec<Draft>) {
        let Some(about) = self.about.clone() else { return };
        let news: Vec<Stage> =
            self.stages.iter().copied().filter(|stage| Some(*stage) > self.told).collect();
        for stage in news {
            if self.contradicts(stage) {
                continue;
            }
            self.told = Some(stage);
            let template = self.status(stage, &about);
            self.draft(drafts, stage.as_str().to_owned(), &about.customer, template);
            if stage == Stage::Paid && self.wants_answer() && !self.store_told {
                self.store_told = true;
                let template = Template::NewOrder { basket: about.basket.clone() };
                self.draft(drafts, "new-order".to_owned(), &about.store, template);
            }
        }
        let over = self.told.is_some_and(Stage::is_last);
        for (number, answer) in std::mem::take(&mut self.revisions) {
            self.revision_told = self.revision_told.max(number);
            let template = match answer {
                _ if over => continue,
                Answer::Made(basket) => Template::Revised { basket },
                Answer::Refused(reason) => Template::RevisionRefused { reason },
            };
            self.draft(drafts, format!("revision-{number}"), &about.customer, template);
        }
        if self.too_late == News::Known {
            self.too_late = News::Told;
            if !over {
                let template = Template::CancellationTooLate;
                self.draft(drafts, "cancellation-refused".to_owned(), &about.customer, template);
            }
        }
    }

    /// What is undone before cooking cannot be news of an order that is cooked, nor can a finished
    /// one come back.
    fn contradicts(&self, stage: Stage) -> bool {
        match stage {
            Stage::Cancelling => self.stages.contains(&Stage::Cooking),
            Stage::Returning | Stage::Returned => self.completed,
            _ => false,
        }
    }

    /// Whether the store has still to answer.
    fn wants_answer(&self) -> bool {
        !self.stages.iter().any(|stage| *stage > Stage::Paid)
    }

    fn status(&self, stage: Stage, about: &About) -> Template {
        let basket = about.basket.clone();
        match stage {
            Stage::Scheduled => Template::Scheduled { basket, at: about.scheduled_for },
            Stage::Placed => Template::Placed { basket },
            Stage::Paid => Template::Paid,
            Stage::Accepted => Template::Accepted { store: about.store.id.clone() },
            Stage::Cooking => Template::Cooking,
            Stage::Cooked => Template::Cooked,
            Stage::OnTheWay => Template::OnTheWay,
            Stage::Delivered => Template::Delivered,
            Stage::Cancelling => Template::Cancelling,
            Stage::Returning => Template::Returning,
            Stage::Cancelled => Template::Cancelled { reason: self.reason.clone() },
            Stage::Returned => Template::Returned { reason: self.reason.clone() },
        }
    }

    /// Tells the riders of an offer, unless a later one was told or somebody has taken it since.
    fn offer(&mut self, offer: &DeliveryOffered, sequence: u64, drafts: &mut Vec<Draft>) {
        let over = self.stages.iter().any(|stage| *stage > Stage::Cooked);
        let told = sequence <= self.offer_told && !mutant!("notification-offers-twice");
        if told || over || self.hands.have_taken_since(sequence) {
            return;
        }
        self.offer_told = sequence;
        let riders: BTreeSet<_> = offer.riders.iter().collect();
        for rider in riders {
            let template = Template::Offered {
                store: offer.store_id.to_string(),
                district: offer.address.district.to_string(),
                line: offer.address.line.clone(),
            };
            self.draft(drafts, format!("offer-{sequence}"), &rider.into(), template);
        }
    }

    fn draft(
        &mut self,
        drafts: &mut Vec<Draft>,
        moment: String,
        recipient: &Recipient,
        template: Template,
    ) {
        self.messages += 1;
        let recipient = recipient.clone();
        drafts.push(Draft { number: self.messages, moment, recipient, template });
    }
}

impl Hands {
    /// A fact repeats all that has happened, so the one with more milestones is the later one; of an
    /// answer that is given again the first telling counts, which has the lower sequence.
    fn note(&mut self, milestones: usize, sequence: u64, latest: Option<E>) {
        if milestones > self.milestones
            || (milestones == self.milestones && sequence < self.sequence)
        {
            let taken = latest.is_some_and(|kind| kind != E::RiderReleased);
            *self = Self { milestones, sequence, taken };
        }
    }

    fn have_taken_since(&self, sequence: u64) -> bool {
        self.taken && self.sequence > sequence
    }
}

fn basket(items: &[Line], total: Money) -> Basket {
    let first = items.first().map_or_else(String::new, |line| line.name.clone());
    Basket { first, lines: items.len(), total }
}
