//! The orchestrator on the path: which aggregates an input is about, and what is decided upon it.

use contracts::{Event, EventType, Fact, Message, OrderId, SagaId, ServiceName, Timestamp};
use mutants::mutant;
use runtime::{Cause, Decision, Incoming, Input, Key, Keys, Kind, Problem, Reply, Service, View};
use saga::{Ignored, Outcome, Refusal};

use crate::{
    Settings, State,
    advance::{ALREADY_ACCEPTED, ORDER_CANCELLED, Turn},
    aggregates::{KINDS, item_key, order_key, used_key},
    catalog,
    idempotency::{UsedKey, created, fingerprint},
    operate::operate,
    order::{Order, engine_time},
    placement::{self, PlaceOrder},
    revise::revise,
    schedule::{self, Schedule},
    views::OrderView,
};

pub use crate::{operate::Operating, revise::Revising};

/// The slug of a customer's cancellation.
const CUSTOMER_CANCELLED: &str = "customer_cancelled";

/// The orchestrator.
#[derive(Debug)]
pub struct Orchestrator {
    settings: Settings,
}

/// What is asked of it over HTTP.
#[derive(Clone, Debug)]
pub enum Request {
    /// Place an order.
    Place(Box<Placing>),
    /// Change an order.
    Revise(Box<Revising>),
    /// Cancel an order.
    Cancel(OrderId),
    /// Act on an order's saga, as an operator. No route asks for it yet.
    Operate(Box<Operating>),
}

/// A request to place an order, with the ids that it will have if it does.
#[derive(Clone, Debug)]
pub struct Placing {
    /// The customer's idempotency key.
    pub key: String,
    /// The order's id.
    pub order_id: OrderId,
    /// Its saga's id.
    pub saga_id: SagaId,
    /// What is asked.
    pub order: PlaceOrder,
}

impl Orchestrator {
    /// An orchestrator with those settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn place(&self, placing: &Placing, view: &View<'_, State>, now: Timestamp) -> Decision<State> {
        let asked = &placing.order;
        let fingerprint = fingerprint(asked);
        let key = used_key(&asked.customer_id, &placing.key);
        let used = view.get(&key).and_then(State::as_used_key);
        if let Some(used) = used.filter(|_| !mutant!("order-is-made-twice-under-one-key")) {
            return replayed(used, fingerprint);
        }
        if let Some(starts_at) = asked.scheduled_for
            && let Err(problem) = schedule::judge(starts_at, now, &self.settings.schedule)
        {
            return Decision::refused(problem);
        }
        let item = |menu: &_| view.get(&item_key(&asked.store_id, menu))?.as_item();
        let priced = match placement::price(&asked.items, item) {
            Ok(priced) => priced,
            Err(problem) => return Decision::refused(problem),
        };
        let order = Order {
            order_id: placing.order_id.clone(),
            customer_id: asked.customer_id.clone(),
            store_id: asked.store_id.clone(),
            items: priced.items,
            total: priced.total,
            address: asked.address.clone(),
            token: asked.token.clone(),
            placed_at: now,
            updated_at: now,
            version: 0,
            rider_id: None,
            sagas: Vec::new(),
            schedule: asked.scheduled_for.map(|starts_at| Schedule {
                starts_at,
                saga_id: placing.saga_id.0,
                cancelled: None,
            }),
            revisions: Vec::new(),
        };
        let Ok(turn) = Turn::place(&self.settings, order, placing.saga_id, now) else {
            return Decision::refused(Problem::internal());
        };
        let answer = serde_json::to_value(OrderView::of(&turn.order))
            .expect("views are plain structs with text keys, which always serialize");
        let used = UsedKey {
            fingerprint,
            order_id: placing.order_id.clone(),
            status: created(),
            answer: answer.clone(),
            used_at: now,
        };
        let mut decision = turn.into_decision();
        decision.saves.push((key, State::UsedKey(Box::new(used))));
        decision.reply = done(created(), &placing.order_id, answer, None);
        decision
    }

    fn cancel(&self, id: &OrderId, view: &View<'_, State>, now: Timestamp) -> Decision<State> {
        let Some(order) = order(view, &order_key(id)) else {
            return Decision::refused(Problem::not_found("order"));
        };
        if order.is_scheduled() {
            let turn = Turn::end_scheduled(&self.settings, order, CUSTOMER_CANCELLED, now);
            let reply = Reply::json(200, &OrderView::of(&turn.order));
            return Decision { reply, ..turn.into_decision() };
        }
        if order.latest().is_none() {
            return Decision::answered(200, &OrderView::of(order));
        }
        let input = saga::Input::Cancel {
            reason: CUSTOMER_CANCELLED.to_owned(),
            by: order.customer_id.to_string(),
        };
        let Ok(turn) = Turn::take(&self.settings, order, &input, now) else {
            return Decision::refused(Problem::internal());
        };
        let reply = match turn.outcome {
            Outcome::Ignored(Ignored::AlreadyCancelled) | Outcome::Refused(Refusal::Cancelled) => {
                Reply::json(200, &OrderView::of(&turn.order))
            }
            Outcome::Accepted | Outcome::Ignored(_) => {
                Reply::json(202, &OrderView::of(&turn.order))
            }
            Outcome::Refused(Refusal::PastPivot | Refusal::Completed | Refusal::Returned) => {
                Reply::Refused(Problem::conflict(
                    "cooking-started",
                    "Cooking has started; the order can no longer be cancelled.",
                ))
            }
            // No other refusal is one of a cancellation.
            Outcome::Refused(_) => Reply::Refused(Problem::internal()),
        };
        // A refusal may be worth recording too: it is told to whoever shows the order.
        let decision = if turn.changed() { turn.into_decision() } else { Decision::default() };
        Decision { reply, ..decision }
    }

    fn hear(
        &self,
        incoming: &Incoming,
        fact: &Fact,
        kind: EventType,
        view: &View<'_, State>,
        now: Timestamp,
    ) -> Decision<State> {
        let Some(order) = order(view, &order_key(&fact.order_id)) else {
            if mutant!("fact-of-no-order-is-dropped") {
                return Decision::ignored("no-such-order");
            }
            return Decision::dead_letter(Cause::NoSuchOrder.because(&fact.order_id));
        };
        if let Some(saga) = incoming.saga.filter(|saga| order.saga(*saga).is_none()) {
            return Decision::dead_letter(
                Cause::NoSuchSaga
                    .because(format_args!("order {} has no saga {saga}", fact.order_id)),
            );
        }
        let Some(sequence) = incoming.sequence else {
            return Decision::dead_letter(Cause::NoSequence.because("a fact needs a sequence"));
        };
        let source = incoming.source.as_str();
        let news = sequence > order.heard(source);
        if order.latest().is_none() {
            // Nobody was asked for anything yet, so this is no answer.
            return Decision::ignored("not-started");
        }
        let heard = saga::Fact {
            source: source.to_owned(),
            sequence,
            kind: kind.as_str().to_owned(),
            milestones: fact.milestones.iter().map(|it| it.kind.as_str().to_owned()).collect(),
            reason: refusal_reason(fact).map(str::to_owned),
        };
        let reason = revision_reason(fact).map(str::to_owned);
        let of_change = saga::Input::Fact(saga::Fact { reason, ..heard.clone() });
        let input = saga::Input::Fact(heard);
        match Turn::take_both(&self.settings, order, &input, &of_change, now) {
            Err(unknown) => Decision::dead_letter(Cause::UnknownDefinition.because(unknown)),
            Ok(mut turn) if turn.changed() => {
                if news {
                    turn.order.note(fact);
                }
                turn.into_decision()
            }
            Ok(turn) => match turn.outcome {
                // A fact is never lost: what cannot be taken in waits for an operator.
                Outcome::Refused(why) => {
                    Decision::dead_letter(Cause::FactRefused.because(why.text()))
                }
                outcome => Decision::ignored(label(outcome)),
            },
        }
    }

    fn wake(&self, key: &Key, view: &View<'_, State>, now: Timestamp) -> Decision<State> {
        let Some(order) = order(view, key) else { return Decision::ignored("unknown-order") };
        if let Some(schedule) = order.schedule.as_ref().filter(|_| order.latest().is_none()) {
            return self.start(order, schedule, now);
        }
        let mut oldest_unsent = view.oldest_unsent(key).map(engine_time);
        if mutant!("orchestrator-never-looks-into-its-outbox") {
            oldest_unsent = None;
        }
        let deaf_until = view.deaf_until().map(engine_time);
        let input = saga::Input::Wake { oldest_unsent, deaf_until };
        match Turn::take(&self.settings, order, &input, now) {
            Err(_) => Decision::ignored("unknown-definition"),
            Ok(turn) if turn.changed() => turn.into_decision(),
            Ok(turn) => Decision::ignored(label(turn.outcome)),
        }
    }

    /// The timer of an order for later has fired, in time or not.
    fn start(&self, order: &Order, schedule: &Schedule, now: Timestamp) -> Decision<State> {
        if schedule.cancelled.is_some() || now < schedule.starts_at {
            return Decision::ignored(Ignored::NothingDue.as_str());
        }
        match Turn::start_scheduled(&self.settings, order, schedule, now) {
            Ok(turn) => turn.into_decision(),
            Err(_) => Decision::ignored("unknown-definition"),
        }
    }
}

impl Service for Orchestrator {
    type State = State;
    type Request = Request;

    fn name(&self) -> ServiceName {
        ServiceName::Orchestrator
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn keys(&self, input: &Input<Request>) -> Keys {
        match input {
            Input::Message(incoming) => match &incoming.message {
                Message::Event(Event::Fact(_, fact)) => Keys::lock(order_key(&fact.order_id)),
                Message::Event(Event::MenuItemChanged(item)) => {
                    Keys::lock(item_key(&item.store_id, &item.menu_id))
                }
                Message::Event(_) | Message::Command(_) => Keys::default(),
            },
            Input::Request(Request::Place(placing)) => {
                let asked = &placing.order;
                let item = |menu| item_key(&asked.store_id, menu);
                let mut look: Vec<Key> =
                    asked.items.iter().map(|wanted| item(&wanted.menu_id)).collect();
                look.sort();
                look.dedup();
                let key = used_key(&asked.customer_id, &placing.key);
                Keys { lock: vec![key, order_key(&placing.order_id)], look }
            }
            Input::Request(Request::Revise(asked)) => {
                let key = used_key(&asked.customer_id, &asked.key);
                Keys { lock: vec![key, order_key(&asked.order_id)], look: Vec::new() }
            }
            Input::Request(Request::Cancel(id)) => Keys::lock(order_key(id)),
            Input::Request(Request::Operate(asked)) => Keys::lock(order_key(&asked.order_id)),
            Input::Wake(key) => Keys::lock(key.clone()),
        }
    }

    fn decide(
        &self,
        input: &Input<Request>,
        view: &View<'_, State>,
        now: Timestamp,
    ) -> Decision<State> {
        match input {
            Input::Message(incoming) => match &incoming.message {
                Message::Event(Event::Fact(kind, fact)) => {
                    self.hear(incoming, fact, *kind, view, now)
                }
                Message::Event(Event::MenuItemChanged(told)) => {
                    if !catalog::is_price(told.price) {
                        return Decision::dead_letter(
                            Cause::ImpossibleAmount
                                .because("a price is from 0 to 10^12 minor units"),
                        );
                    }
                    let key = item_key(&told.store_id, &told.menu_id);
                    let known = view.get(&key).and_then(State::as_item);
                    let Some(sequence) = incoming.sequence else {
                        return Decision::dead_letter(
                            Cause::NoSequence.because("an event needs a sequence"),
                        );
                    };
                    match catalog::apply(known, told, sequence, incoming.time) {
                        Some(item) => Decision {
                            saves: vec![(key, State::CatalogItem(Box::new(item)))],
                            ..Decision::default()
                        },
                        None => Decision::ignored(Ignored::Stale.as_str()),
                    }
                }
                Message::Event(_) => Decision::ignored("unheard"),
                Message::Command(_) => Decision::dead_letter(
                    Cause::Misrouted.because("the orchestrator takes no commands from the broker"),
                ),
            },
            Input::Request(Request::Place(placing)) => self.place(placing, view, now),
            Input::Request(Request::Revise(asked)) => revise(&self.settings, asked, view, now),
            Input::Request(Request::Cancel(id)) => self.cancel(id, view, now),
            Input::Request(Request::Operate(asked)) => operate(&self.settings, asked, view, now),
            Input::Wake(key) => self.wake(key, view, now),
        }
    }
}

fn order<'a>(view: &View<'a, State>, key: &Key) -> Option<&'a Order> {
    view.get(key).and_then(State::as_order)
}

/// A key that was used before: the same answer, or a refusal where something else is asked.
pub(crate) fn replayed(used: &UsedKey, fingerprint: uuid::Uuid) -> Decision<State> {
    if used.fingerprint != fingerprint && !mutant!("key-serves-for-another-request") {
        return Decision::refused(Problem::new(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request.",
        ));
    }
    let replayed = ("idempotent-replayed", "true".to_owned());
    let reply = done(used.status, &used.order_id, used.answer.clone(), Some(replayed));
    Decision { reply, ..Decision::default() }
}

fn done(
    status: u16,
    id: &OrderId,
    body: serde_json::Value,
    further: Option<(&'static str, String)>,
) -> Reply {
    let location = ("location", format!("/orders/{id}"));
    let location = Some(location).filter(|_| status == created());
    Reply::Done { status, body, headers: location.into_iter().chain(further).collect() }
}

/// What a refusal says of itself, where that is a reason of its own for customers.
fn refusal_reason(fact: &Fact) -> Option<&'static str> {
    let rejected =
        fact.milestones.iter().find(|milestone| milestone.kind == EventType::OrderRejected)?;
    match rejected.data.reason.as_deref()? {
        "out_of_stock" | "out-of-stock" => Some("out_of_stock"),
        _ => None,
    }
}

/// Why a ticket was not changed, as its customer is told.
fn revision_reason(fact: &Fact) -> Option<&'static str> {
    let refused = |it: &&contracts::Milestone| it.kind == EventType::TicketRevisionRefused;
    let refused = fact.milestones.iter().rev().find(refused)?;
    Some(match refused.data.reason.as_deref() {
        Some(ALREADY_ACCEPTED) => ALREADY_ACCEPTED,
        _ => ORDER_CANCELLED,
    })
}

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ignored(why) => why.as_str(),
        Outcome::Refused(why) => why.as_str(),
        Outcome::Accepted => "no-change",
    }
}
