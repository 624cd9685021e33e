//! The engine on the path: gives one input to an order's latest saga and turns what the engine
//! decided into what the path carries out. Pure, like the engine; it decides nothing itself.

use std::fmt;

use contracts::{
    Command, CommandId, CommandType, Event, EventType, SagaId, Timestamp,
    event::{OrderEnded, OrderPlaced},
};
use runtime::{Content, Decision, HistoryEntry, Key, Outgoing, SagaRow};
use saga::{Cursors, Definition, Effect, Instance, Outcome};
use uuid::Uuid;

use crate::{
    Settings, State,
    aggregates::order_key,
    order::{Order, engine_time, timestamp},
    sagas,
    status::OrderStatus,
};

/// A saga was started from a definition that this build does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownDefinition(String);

impl fmt::Display for UnknownDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this build has no definition {}", self.0)
    }
}

/// An order on its way through one decision, with what has come of it so far.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    settings: &'a Settings,
    now: Timestamp,
    key: Key,
    /// The order as it stands.
    pub(crate) order: Order,
    /// What became of the input.
    pub(crate) outcome: Outcome,
    history: Vec<HistoryEntry>,
    sagas: Vec<SagaRow>,
    messages: Vec<Outgoing>,
}

impl<'a> Turn<'a> {
    /// Starts the saga of an order that has none yet. `order-placed` goes out before the first
    /// command, so that listeners know the order before they are asked about it.
    pub(crate) fn place(
        settings: &'a Settings,
        order: Order,
        saga_id: SagaId,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order, now);
        turn.change();
        let placed = Event::OrderPlaced(OrderPlaced {
            order_id: turn.order.order_id.clone(),
            customer_id: turn.order.customer_id.clone(),
            store_id: turn.order.store_id.clone(),
            items: turn.order.items.clone(),
            total: turn.order.total,
            address: turn.order.address.clone(),
            placed_at: turn.order.placed_at,
        });
        turn.say(placed, saga_id);
        turn.start(sagas::order::NAME, saga_id.0, &Cursors::new())?;
        Ok(turn)
    }

    /// Gives an input to the order's latest saga.
    pub(crate) fn take(
        settings: &'a Settings,
        order: &Order,
        input: &saga::Input,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order.clone(), now);
        let saga = turn.order.sagas.pop().expect("an order is stored with the saga that it began");
        let definition = sagas::of(&saga).ok_or_else(|| {
            UnknownDefinition(format!("{} {}", saga.definition(), saga.definition_version()))
        })?;
        let decision = saga::decide(definition, &saga, input, engine_time(now));
        turn.outcome = decision.outcome;
        if decision.events.is_empty() {
            turn.order.sagas.push(saga);
        } else {
            turn.change();
            turn.absorb(definition, Some(saga), &decision)?;
        }
        Ok(turn)
    }

    /// Whether anything has changed.
    pub(crate) fn changed(&self) -> bool {
        !self.history.is_empty()
    }

    /// What the path is to carry out.
    pub(crate) fn into_decision(self) -> Decision<State> {
        Decision {
            saves: vec![(self.key, State::Order(Box::new(self.order)))],
            history: self.history,
            sagas: self.sagas,
            messages: self.messages,
            ..Decision::default()
        }
    }

    fn new(settings: &'a Settings, order: Order, now: Timestamp) -> Self {
        Self {
            settings,
            now,
            key: order_key(&order.order_id),
            order,
            outcome: Outcome::Accepted,
            history: Vec::new(),
            sagas: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// One decision is one version, however much comes of it.
    fn change(&mut self) {
        self.order.version += 1;
        self.order.updated_at = self.now;
    }

    fn start(
        &mut self,
        name: &str,
        saga_id: Uuid,
        cursors: &Cursors,
    ) -> Result<(), UnknownDefinition> {
        let definition = sagas::latest(name).ok_or_else(|| UnknownDefinition(name.to_owned()))?;
        let settings = self.settings.pinned(definition);
        let decision = saga::start(definition, saga_id, &settings, cursors, engine_time(self.now));
        self.absorb(definition, None, &decision)
    }

    /// Folds what has happened into the saga, then renders what is to be done about it: payloads
    /// and status words are those after the events.
    fn absorb(
        &mut self,
        definition: &Definition,
        before: Option<Instance>,
        decision: &saga::Decision,
    ) -> Result<(), UnknownDefinition> {
        let first = before.as_ref().map_or(0, Instance::version) + 1;
        let Some(saga) = decision.apply(definition, before) else { return Ok(()) };
        let saga_id = SagaId(saga.saga_id());
        for (version, event) in (first..).zip(&decision.events) {
            self.history.push(HistoryEntry {
                stream: saga_id.0,
                version,
                at: timestamp(event.at),
                body: serde_json::to_string(event)
                    .expect("events are plain data with text keys, which always serialize"),
            });
        }
        self.sagas.push(search_row(&self.order, &saga));
        let cursors = saga.cursors().clone();
        self.order.sagas.push(saga);
        for effect in &decision.effects {
            match effect {
                Effect::Send { command, command_id, .. } => {
                    let command = render(&self.order, command);
                    self.send(command, CommandId(*command_id), saga_id);
                }
                Effect::Publish { event } => {
                    let event = announce(&self.order, event, self.now);
                    self.say(event, saga_id);
                }
                Effect::HandOver { definition } => {
                    let next = Uuid::new_v5(&saga_id.0, definition.as_bytes());
                    self.start(definition, next, &cursors)?;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, command: Command, command_id: CommandId, saga: SagaId) {
        let content = Content::Command { command, command_id };
        self.messages.push(Outgoing { about: self.key.clone(), content, saga: Some(saga) });
    }

    fn say(&mut self, event: Event, saga: SagaId) {
        let content = Content::Event { event, sequence: self.order.version, repeat: false };
        self.messages.push(Outgoing { about: self.key.clone(), content, saga: Some(saga) });
    }
}

fn render(order: &Order, command: &str) -> Command {
    let kind = CommandType::parse(command)
        .expect("a test holds every command of the tables against the published language");
    sagas::payload(order, kind)
}

fn announce(order: &Order, event: &str, at: Timestamp) -> Event {
    let ended = OrderEnded {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        store_id: order.store_id.clone(),
        status: OrderStatus::of(order).as_str().to_owned(),
        reason: order.reason().map(str::to_owned),
        at,
    };
    match EventType::parse(event) {
        Some(EventType::OrderCompleted) => Event::OrderCompleted(ended),
        Some(EventType::OrderCancelled) => Event::OrderCancelled(ended),
        Some(EventType::OrderReturned) => Event::OrderReturned(ended),
        Some(EventType::CancellationRefused) => Event::CancellationRefused(ended),
        _ => unreachable!("a test holds every event of the tables against the published language"),
    }
}

/// The saga as it is searched for.
fn search_row(order: &Order, saga: &Instance) -> SagaRow {
    SagaRow {
        saga_id: saga.saga_id(),
        order_id: order.order_id.to_string(),
        definition: saga.definition().to_owned(),
        definition_version: saga.definition_version(),
        version: saga.version(),
        status: saga.status().as_str().to_owned(),
        waiting_on: saga.waiting_on().map(str::to_owned),
        waiting_since: saga.waiting_since().map(timestamp),
        next_attempt_at: saga.next_attempt_at().map(timestamp),
        stalled: saga.stalled(),
        customer_id: order.customer_id.to_string(),
        store_id: order.store_id.to_string(),
        started_at: timestamp(saga.started_at()),
        updated_at: timestamp(saga.updated_at()),
    }
}
