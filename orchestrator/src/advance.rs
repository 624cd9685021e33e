//! The engine on the path: gives one input to the sagas of an order and turns what the engine decided
//! into what the path carries out. Pure, like the engine. It decides one thing itself: that a change
//! which the store can no longer take is given up.

use std::fmt;

use contracts::{Command, CommandId, CommandType, Event, SagaId, Timestamp};
use mutants::mutant;
use runtime::{Content, Decision, HistoryEntry, Key, Outgoing, SagaRow};
use saga::{Cursors, Definition, Effect, Input, Instance, Outcome, StepStatus};
use uuid::Uuid;

use crate::{
    Settings, State,
    aggregates::order_key,
    announce,
    order::{Order, engine_time, timestamp},
    revision::{self, Revision, RevisionState},
    sagas,
    schedule::Schedule,
};

/// Why a change is given up that the store has answered before, as it was accepted.
pub(crate) const ALREADY_ACCEPTED: &str = "already_accepted";
/// Why a change is given up of an order that is being undone.
pub(crate) const ORDER_CANCELLED: &str = "order_cancelled";

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
    changed: bool,
}

impl<'a> Turn<'a> {
    /// A new order. It starts at once, or at its time, where it has one.
    pub(crate) fn place(
        settings: &'a Settings,
        order: Order,
        saga_id: SagaId,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order, now);
        turn.change();
        match turn.order.schedule.as_ref().map(|schedule| schedule.starts_at) {
            Some(starts_at) => turn.say(announce::scheduled(&turn.order, starts_at), None),
            None => turn.begin(saga_id.0)?,
        }
        Ok(turn)
    }

    /// The time of an order has come that was placed for later.
    pub(crate) fn start_scheduled(
        settings: &'a Settings,
        order: &Order,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order.clone(), now);
        turn.change();
        turn.begin(schedule.saga_id)?;
        Ok(turn)
    }

    /// Ends an order before its time: nobody has heard of it, and nothing is to be undone.
    pub(crate) fn end_scheduled(
        settings: &'a Settings,
        order: &Order,
        reason: &str,
        now: Timestamp,
    ) -> Self {
        let mut turn = Self::new(settings, order.clone(), now);
        turn.change();
        if let Some(schedule) = &mut turn.order.schedule {
            schedule.cancelled = Some(reason.to_owned());
        }
        turn.say(announce::cancelled(&turn.order, now), None);
        turn
    }

    /// Changes an order before its time: nobody has to be asked.
    pub(crate) fn revise_scheduled(
        settings: &'a Settings,
        order: &Order,
        wanted: revision::Content,
        now: Timestamp,
    ) -> Self {
        let mut turn = Self::new(settings, order.clone(), now);
        turn.change();
        turn.note_revision(None, wanted.clone());
        turn.order.set_content(wanted);
        turn.say(announce::revised(&turn.order, now), None);
        turn
    }

    /// Begins the saga of a change, which goes on from what the order's own saga has heard.
    pub(crate) fn revise(
        settings: &'a Settings,
        order: &Order,
        saga_id: SagaId,
        wanted: revision::Content,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order.clone(), now);
        turn.change();
        turn.note_revision(Some(saga_id.0), wanted);
        let cursors = order.latest().map(|saga| saga.cursors().clone()).unwrap_or_default();
        turn.start(sagas::revise::NAME, saga_id.0, &cursors)?;
        Ok(turn)
    }

    /// Gives an input to the order's own saga. A fact or a timer goes to that of a change first, so
    /// that whatever follows is said of the order as it then is.
    pub(crate) fn take(
        settings: &'a Settings,
        order: &Order,
        input: &Input,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        Self::take_both(settings, order, input, input, now)
    }

    /// [`take`](Self::take), with an input of its own for the saga of a change.
    pub(crate) fn take_both(
        settings: &'a Settings,
        order: &Order,
        input: &Input,
        of_change: &Input,
        now: Timestamp,
    ) -> Result<Self, UnknownDefinition> {
        let mut turn = Self::new(settings, order.clone(), now);
        if matches!(input, Input::Fact(_) | Input::Wake { .. })
            && let Some(place) = turn.order.place_of_revising()
        {
            turn.feed(place, of_change)?;
        }
        let place = turn.order.place_of_latest();
        let place = place.expect("an order that has started is stored with the saga that it began");
        turn.outcome = turn.feed(place, input)?;
        turn.give_up_change()?;
        turn.say_once();
        Ok(turn)
    }

    fn feed(&mut self, place: usize, input: &Input) -> Result<Outcome, UnknownDefinition> {
        let saga = self.order.sagas[place].clone();
        let definition = sagas::of(&saga).ok_or_else(|| {
            UnknownDefinition(format!("{} {}", saga.definition(), saga.definition_version()))
        })?;
        let decision = saga::decide(definition, &saga, input, engine_time(self.now));
        if !decision.events.is_empty() {
            self.change();
            self.absorb(definition, Some((place, saga)), &decision)?;
        }
        Ok(decision.outcome)
    }

    /// A change is for the store to decide as long as the order waits for its answer. Once the order
    /// is known to go another way the change is revoked: whoever asked need not wait for deadlines.
    fn give_up_change(&mut self) -> Result<(), UnknownDefinition> {
        let Some(place) = self.order.place_of_revising() else { return Ok(()) };
        let Some(reason) = self.order.latest().and_then(overtaken) else { return Ok(()) };
        if !self.order.sagas[place].cancellable() {
            return Ok(());
        }
        let by = "order".to_owned();
        self.feed(place, &Input::Cancel { reason: reason.to_owned(), by })?;
        Ok(())
    }

    /// One version tells one event. That a change was refused is left out beside an end.
    fn say_once(&mut self) {
        let is_event = |it: &Outgoing| matches!(it.content, Content::Event { .. });
        if self.messages.iter().filter(|it| is_event(it)).count() > 1 {
            let refused = |it: &Outgoing| {
                matches!(&it.content, Content::Event { event: Event::RevisionRefused(_), .. })
            };
            self.messages.retain(|it| !refused(it));
        }
    }

    /// Whether anything has changed.
    pub(crate) fn changed(&self) -> bool {
        self.changed
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
            changed: false,
        }
    }

    /// One decision is one version, however much comes of it.
    fn change(&mut self) {
        if !std::mem::replace(&mut self.changed, true) {
            self.order.version += 1;
            self.order.updated_at = self.now;
        }
    }

    /// `order-placed` goes out before the first command, so that listeners know the order before
    /// they are asked about it.
    fn begin(&mut self, saga_id: Uuid) -> Result<(), UnknownDefinition> {
        self.say(announce::placed(&self.order), Some(SagaId(saga_id)));
        self.start(sagas::order::NAME, saga_id, &Cursors::new())
    }

    fn note_revision(&mut self, saga_id: Option<Uuid>, wanted: revision::Content) {
        let made = saga_id.is_none();
        self.order.revisions.push(Revision {
            number: self.order.next_revision(),
            saga_id,
            state: if made { RevisionState::Made } else { RevisionState::Pending },
            reason: None,
            before: self.order.content(),
            wanted,
            asked_at: self.now,
            decided_at: made.then_some(self.now),
        });
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
        before: Option<(usize, Instance)>,
        decision: &saga::Decision,
    ) -> Result<(), UnknownDefinition> {
        let (place, before) = before.unzip();
        let first = before.as_ref().map_or(0, Instance::version) + 1;
        let Some(saga) = decision.apply(definition, before) else { return Ok(()) };
        let saga_id = SagaId(saga.saga_id());
        for (version, event) in (first..).zip(&decision.events) {
            if mutant!("orchestrator-leaves-a-line-out") && version == 2 {
                continue;
            }
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
        if let Some(revision) = self.order.revisions.last_mut()
            && revision.saga_id == Some(saga_id.0)
            && let Some(content) = revision.follow(&saga, self.now)
        {
            self.order.set_content(content);
        }
        match place {
            Some(place) => self.order.sagas[place] = saga,
            None => self.order.sagas.push(saga),
        }
        for effect in &decision.effects {
            match effect {
                Effect::Send { command, command_id, .. } => {
                    let command = render(&self.order, command);
                    self.send(command, CommandId(*command_id), saga_id);
                }
                Effect::Publish { event } => {
                    if let Some(event) = announce::of_saga(&self.order, event, self.now) {
                        self.say(event, Some(saga_id));
                    }
                }
                Effect::HandOver { definition } => {
                    let next = Uuid::new_v5(&saga_id.0, definition.as_bytes());
                    if !mutant!("orchestrator-forgets-the-saga-that-follows") {
                        self.start(definition, next, &cursors)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, command: Command, command_id: CommandId, saga: SagaId) {
        let content = Content::Command { command, command_id };
        self.messages.push(Outgoing { about: self.key.clone(), content, saga: Some(saga) });
    }

    fn say(&mut self, event: Event, saga: Option<SagaId>) {
        let content = Content::Event { event, sequence: self.order.version, repeat: false };
        self.messages.push(Outgoing { about: self.key.clone(), content, saga });
    }
}

/// Why the store can no longer take a change of that order, as far as the order's own saga knows.
fn overtaken(own: &Instance) -> Option<&'static str> {
    let accept = own.step("accept").map(|step| step.status);
    match accept {
        _ if own.is_compensating() => Some(ORDER_CANCELLED),
        Some(StepStatus::Requested) if !own.is_terminal() => None,
        Some(StepStatus::Failed | StepStatus::Undone | StepStatus::Undoing) => {
            Some(ORDER_CANCELLED)
        }
        _ => Some(ALREADY_ACCEPTED),
    }
}

fn render(order: &Order, command: &str) -> Command {
    let kind = CommandType::parse(command)
        .expect("a test holds every command of the tables against the published language");
    sagas::payload(order, kind)
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
