//! The service: what an input says over HTTP and in messages.

use std::collections::HashMap;

use contracts::{
    Command, CommandId, CommandType, Event, EventType as E, Message, MessageId, ServiceName,
    command::{OrderOnly, PrepareFood},
};
use runtime::{Aggregate, Content, Decision, Incoming, Input, Reply, Service, View};

use super::builders::{at, decline, items, order, saga, store, tickets};
use crate::{
    Cook, Request,
    aggregates::ticket_key,
    domain::{Ask, Ticket},
    holding,
};

fn command(command: Command) -> Input<Request> {
    Input::Message(Incoming {
        id: MessageId(saga().0),
        time: at(4),
        source: ServiceName::Orchestrator,
        subject: order().to_string(),
        sequence: None,
        command_id: Some(CommandId(saga().0)),
        saga: Some(saga()),
        message: Message::Command(command),
    })
}

fn prepare_food() -> Input<Request> {
    command(Command::PrepareFood(PrepareFood {
        order_id: order(),
        store_id: store(),
        items: items(),
    }))
}

fn cancel_cooking() -> Input<Request> {
    command(Command::CancelCooking(OrderOnly { order_id: order() }))
}

fn request(ask: Ask) -> Input<Request> {
    Input::Request(Request { order_id: order(), ask })
}

fn when(given: &str, input: &Input<Request>) -> Decision<Ticket> {
    let ticket = tickets().into_iter().find(|(name, _)| *name == given).unwrap().1;
    let states: HashMap<_, _> = ticket.into_iter().map(|t| (ticket_key(&order()), t)).collect();
    let cook = Cook::default();
    assert_eq!(cook.keys(input).lock, [ticket_key(&order())]);
    cook.decide(input, &View::new(&states, &HashMap::new()), at(5))
}

/// What a decision tells: the fact, its sequence, whether it is told again.
fn told(decision: &Decision<Ticket>) -> Option<(E, u64, bool)> {
    assert!(decision.messages.len() <= 1, "at most one public event a version");
    decision.messages.first().map(|message| {
        assert_eq!(message.about, ticket_key(&order()));
        assert_eq!(message.saga, Some(saga()), "an answer carries its saga");
        match &message.content {
            Content::Event { event: Event::Fact(kind, _), sequence, repeat } => {
                (*kind, *sequence, *repeat)
            }
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn commands_are_answered_with_the_latest_fact() {
    #[rustfmt::skip]
    let cases = [
        ("unknown", prepare_food(), None),
        ("unknown", cancel_cooking(), Some((E::CookingCancelled, 1, false))),
        ("queued", prepare_food(), None),
        ("queued", cancel_cooking(), Some((E::CookingCancelled, 2, false))),
        ("cooking", prepare_food(), Some((E::CookStarted, 2, true))),
        ("cooking", cancel_cooking(), Some((E::CookStarted, 2, true))),
        ("finished", cancel_cooking(), Some((E::CookFinished, 3, true))),
        ("declined", prepare_food(), Some((E::CookingDeclined, 2, true))),
        ("declined", cancel_cooking(), Some((E::CookingCancelled, 3, false))),
        ("cancelled", cancel_cooking(), Some((E::CookingCancelled, 2, true))),
        ("tombstone", prepare_food(), Some((E::CookingCancelled, 1, true))),
        ("tombstone", cancel_cooking(), Some((E::CookingCancelled, 1, true))),
    ];
    for (given, input, then) in cases {
        let decision = when(given, &input);
        assert_eq!(told(&decision), then, "{given} when {input:?}");
        let repeated = then.is_some_and(|(_, _, repeat)| repeat);
        assert!(!repeated || decision.saves.is_empty(), "an answer said again changes nothing");
        assert!(matches!(decision.reply, Reply::None));
    }
}

#[test]
fn cooks_are_answered_with_the_ticket_or_with_why_not() {
    let done = |state| Ok(state);
    #[rustfmt::skip]
    let cases = [
        ("queued", Ask::Start, done("cooking"), Some(E::CookStarted)),
        ("cooking", Ask::Start, done("cooking"), None),
        ("cooking", Ask::Finish, done("finished"), Some(E::CookFinished)),
        ("finished", Ask::Start, done("finished"), None),
        ("queued", decline("busy"), done("declined"), Some(E::CookingDeclined)),
        ("declined", decline("busy"), done("declined"), None),
        ("unknown", Ask::Start, Err((404, "not-found")), None),
        ("queued", Ask::Finish, Err((409, "not-started")), None),
        ("cooking", decline("busy"), Err((409, "already-started")), None),
        ("declined", decline("other"), Err((409, "already-declined")), None),
        ("declined", Ask::Start, Err((409, "cooking-declined")), None),
        ("cancelled", Ask::Start, Err((409, "cooking-cancelled")), None),
        ("tombstone", Ask::Finish, Err((409, "cooking-cancelled")), None),
    ];
    for (given, ask, then, fact) in cases {
        let decision = when(given, &request(ask.clone()));
        let case = format!("{given} when {ask:?}");
        assert_eq!(told(&decision).map(|(kind, ..)| kind), fact, "{case}");
        let reply = match &decision.reply {
            Reply::Done { status: 200, body, .. } => {
                Ok(body.get("state").and_then(serde_json::Value::as_str).unwrap())
            }
            Reply::Refused(problem) => Err((problem.status, problem.slug())),
            other => panic!("{case}: {other:?}"),
        };
        assert_eq!(reply, then, "{case}");
    }
}

#[test]
fn a_start_and_a_cancellation_in_one_batch_have_one_winner() {
    for (first, second, winner) in [
        (request(Ask::Start), cancel_cooking(), E::CookStarted),
        (cancel_cooking(), request(Ask::Start), E::CookingCancelled),
    ] {
        let (key, decision) = (ticket_key(&order()), when("queued", &first));
        let states: HashMap<_, _> = decision.saves.iter().cloned().collect();
        let after = Cook::default().decide(&second, &View::new(&states, &HashMap::new()), at(6));
        assert!(after.saves.is_empty());
        let record = &states[&key].record;
        assert!(record.has(winner));
        assert!(!(record.has(E::CookStarted) && record.has(E::CookingCancelled)));
    }
}

#[test]
fn what_is_not_the_cooks_is_a_dead_letter() {
    for kind in CommandType::ALL {
        let only = || OrderOnly { order_id: order() };
        let message = match kind {
            CommandType::VoidPayment => Command::VoidPayment(only()),
            CommandType::Restock => Command::Restock(only()),
            CommandType::RecallDelivery => Command::RecallDelivery(only()),
            _ => continue,
        };
        let input = command(message);
        let (states, unsent) = (HashMap::new(), HashMap::new());
        let decision = Cook::default().decide(&input, &View::new(&states, &unsent), at(5));
        assert!(decision.dead_letter.is_some(), "{kind:?}");
    }
}

#[test]
fn a_stored_ticket_reads_back_the_same() {
    for (name, ticket) in tickets() {
        let Some(ticket) = ticket else { continue };
        let body = ticket.encode().unwrap();
        assert_eq!(Ticket::decode("ticket", &body).unwrap(), ticket, "{name}");
        assert!(Ticket::decode("delivery", &body).is_err());
    }
}

#[test]
fn what_is_held_says_whether_there_is_something_to_do() {
    for (name, ticket) in tickets() {
        let Some(ticket) = ticket else { continue };
        let held = holding(&ticket);
        assert_eq!(held.active, ["queued", "cooking"].contains(&name), "{name}");
        assert_eq!((held.version, held.order_id), (ticket.record.sequence, &order()));
    }
}
