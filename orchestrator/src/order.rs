//! The order: the orchestrator's aggregate, holding its sagas.
//!
//! What a customer sees is folded from the steps; only what the engine does not know (who rides)
//! is kept beside them. No change happens here but through `advance`.

use contracts::{
    Address, CustomerId, EventType, Fact, Line, Money, OrderId, RiderId, SagaId, StoreId, Timestamp,
};
use saga::Instance;
use serde::{Deserialize, Serialize};

use crate::placement::PaymentToken;

/// An order with its sagas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// From whom.
    pub store_id: StoreId,
    /// What, as priced when it was ordered.
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
    /// Its sagas, oldest first: the order saga, then the return saga if the delivery came back.
    pub sagas: Vec<Instance>,
}

impl Order {
    /// The saga that facts go to.
    pub fn latest(&self) -> Option<&Instance> {
        self.sagas.last()
    }

    /// One of its sagas.
    pub fn saga(&self, id: SagaId) -> Option<&Instance> {
        self.sagas.iter().find(|saga| saga.saga_id() == id.0)
    }

    /// Whether all its sagas have ended.
    pub fn is_finished(&self) -> bool {
        self.sagas.iter().all(Instance::is_terminal)
    }

    /// When the first of its sagas wants to be woken.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let running = self.sagas.iter().filter(|saga| !saga.is_terminal());
        running.filter_map(Instance::next_wake).min().map(timestamp)
    }

    /// Why it is being cancelled, was cancelled or came back, as a slug.
    pub fn reason(&self) -> Option<&str> {
        self.sagas.iter().rev().find_map(Instance::reason)
    }

    /// What became of a wish to cancel it.
    pub fn cancellation(&self) -> Option<saga::Cancellation> {
        self.sagas.iter().rev().find_map(Instance::cancellation)
    }

    /// Whether it could still be cancelled.
    pub fn cancellable(&self) -> bool {
        self.latest().is_some_and(Instance::cancellable)
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
