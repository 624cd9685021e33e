//! The order: the orchestrator's aggregate, holding its sagas.
//!
//! What a customer sees is folded from the steps; only what the engine does not know (who rides, when
//! it starts, what its customer changes) is kept beside them. No change happens here but through
//! `advance`.

use contracts::{
    Address, CustomerId, EventType, Fact, Line, Money, OrderId, RiderId, SagaId, StoreId, Timestamp,
};
use saga::Instance;
use serde::{Deserialize, Serialize};

use crate::{
    placement::PaymentToken,
    revision::{Content, Revision, RevisionState},
    sagas::revise,
    schedule::Schedule,
};

/// An order with its sagas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What, as priced when it was ordered and as it was changed since.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
    /// The means of payment; for the payment service only.
    pub token: PaymentToken,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the sequence of the orchestrator's events about it.
    pub version: u64,
    /// Who delivers it, as the rider service last said.
    pub rider_id: Option<RiderId>,
    /// Its sagas, oldest first: the order saga, one for each change that was asked for since, and the
    /// return saga if the delivery came back.
    pub sagas: Vec<Instance>,
    /// When it starts, where it was ordered for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The changes that its customer has asked for, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
}

impl Order {
    /// Its own saga that is under way or has ended it: the order saga, or the return saga.
    pub fn latest(&self) -> Option<&Instance> {
        self.own().next_back()
    }

    /// Its own sagas, without those of its changes.
    fn own(&self) -> impl DoubleEndedIterator<Item = &Instance> {
        self.sagas.iter().filter(|saga| saga.definition() != revise::NAME)
    }

    /// The place of [`latest`](Self::latest) among its sagas.
    pub(crate) fn place_of_latest(&self) -> Option<usize> {
        self.sagas.iter().rposition(|saga| saga.definition() != revise::NAME)
    }

    /// The place of the saga of a change that is under way; there is one at most.
    pub(crate) fn place_of_revising(&self) -> Option<usize> {
        let under_way = |saga: &Instance| saga.definition() == revise::NAME && !saga.is_terminal();
        self.sagas.iter().rposition(under_way)
    }

    /// One of its sagas.
    pub fn saga(&self, id: SagaId) -> Option<&Instance> {
        self.sagas.iter().find(|saga| saga.saga_id() == id.0)
    }

    /// Whether it waits for its time.
    pub fn is_scheduled(&self) -> bool {
        self.waiting().is_some()
    }

    fn waiting(&self) -> Option<&Schedule> {
        self.schedule.as_ref().filter(|it| self.sagas.is_empty() && it.cancelled.is_none())
    }

    /// Whether it has ended: it was cancelled before its time, or all its sagas have ended.
    pub fn is_finished(&self) -> bool {
        !self.is_scheduled() && self.sagas.iter().all(Instance::is_terminal)
    }

    /// When it starts, or when the first of its sagas wants to be woken.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let running = self.sagas.iter().filter(|saga| !saga.is_terminal());
        let sagas = running.filter_map(Instance::next_wake).min().map(timestamp);
        sagas.or(self.waiting().map(|schedule| schedule.starts_at))
    }

    /// Why it is being cancelled, was cancelled or came back, as a slug.
    pub fn reason(&self) -> Option<&str> {
        let schedule = self.schedule.as_ref().and_then(|schedule| schedule.cancelled.as_deref());
        self.own().rev().find_map(Instance::reason).or(schedule)
    }

    /// What became of a wish to cancel it.
    pub fn cancellation(&self) -> Option<saga::Cancellation> {
        let schedule = self.schedule.as_ref().and_then(|schedule| schedule.cancelled.as_ref());
        let before = schedule.map(|_| saga::Cancellation::Requested);
        self.own().rev().find_map(Instance::cancellation).or(before)
    }

    /// Whether it could still be cancelled.
    pub fn cancellable(&self) -> bool {
        self.is_scheduled() || self.latest().is_some_and(Instance::cancellable)
    }

    /// What of it its customer may change, as it stands.
    pub fn content(&self) -> Content {
        Content { items: self.items.clone(), total: self.total, address: self.address.clone() }
    }

    pub(crate) fn set_content(&mut self, content: Content) {
        let Content { items, total, address } = content;
        (self.items, self.total, self.address) = (items, total, address);
    }

    /// The number of its last change that was made.
    pub fn revised(&self) -> Option<u32> {
        let made = self.revisions.iter().rev().find(|it| it.state == RevisionState::Made)?;
        Some(made.number)
    }

    /// The number of the last change that was asked for, and what was asked for; as it stands where
    /// none was.
    pub(crate) fn wanted(&self) -> (u32, Content) {
        let last = self.revisions.last();
        last.map_or_else(|| (0, self.content()), |it| (it.number, it.wanted.clone()))
    }

    /// The number of the next change.
    pub(crate) fn next_revision(&self) -> u32 {
        self.revisions.last().map_or(0, |last| last.number) + 1
    }

    /// How far the latest saga has heard that source.
    pub(crate) fn heard(&self, source: &str) -> u64 {
        let cursor = self.latest().and_then(|saga| saga.cursors().get(source));
        cursor.map_or(0, |cursor| cursor.sequence)
    }

    /// Takes over what a fact says beyond the steps: who rides. Like the saga, it holds a release
    /// after the pickup for void.
    pub(crate) fn note(&mut self, fact: &Fact) {
        let mut picked = false;
        for milestone in &fact.milestones {
            match milestone.kind {
                EventType::RiderAssigned => self.rider_id.clone_from(&milestone.data.rider_id),
                EventType::RiderReleased if !picked => self.rider_id = None,
                EventType::FoodPicked => picked = true,
                _ => {}
            }
        }
    }
}

/// The engine's time as the published language has it.
pub fn timestamp(time: saga::Time) -> Timestamp {
    Timestamp::from_millis(time.0)
}

/// The published language's time as the engine has it.
pub fn engine_time(at: Timestamp) -> saga::Time {
    saga::Time(at.as_millis())
}
