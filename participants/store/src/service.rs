//! The store on the path: inputs to calls of the domain, outcomes to effects.

use contracts::{
    Command, Event, MenuId, Message, OrderId, SagaId, ServiceName, StoreId, Timestamp,
    event::MenuItemChanged,
};
use runtime::{
    Cause, Decision, Incoming, Input, Key, Keys, Kind, Outgoing, Problem, Reply, Service, View,
    participant::{self, STALE_TIMER, answer_again, as_it_stands, changed, misrouted, news},
};

use crate::{
    Settings, StoreAggregate,
    aggregates::{MENU_ITEM, TICKET, menu_item_key, ticket_key},
    domain::{
        MenuItem, Outcome, Put, Refusal, Shortage, State, Ticket, Wanted, menu_item, revision,
        ticket,
    },
    view::{menu_item_view, ticket_view},
};

/// The store service.
#[derive(Clone, Debug, Default)]
pub struct Store {
    settings: Settings,
}

/// What a store's owner asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Put an item on the menu, or change it.
    PutMenuItem {
        /// Whose menu.
        store_id: StoreId,
        /// Which item.
        menu_id: MenuId,
        /// What it should be.
        wanted: Wanted,
    },
    /// Answer a ticket.
    Answer {
        /// Whose ticket: the order's.
        order_id: OrderId,
        /// Yes or no.
        accepted: bool,
        /// In the owner's words.
        reason: Option<String>,
    },
}

type Decided = Decision<StoreAggregate>;
type StoreView<'a> = View<'a, StoreAggregate>;

impl Store {
    /// With these settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn command(&self, incoming: &Incoming, view: &StoreView<'_>, now: Timestamp) -> Decided {
        let Message::Command(command) = &incoming.message else {
            return misrouted(ServiceName::Store, &incoming.message);
        };
        let order_id = command.order_id();
        let key = ticket_key(order_id);
        let current = ticket_of(view, &key);
        let shelf = shelf(view);
        let outcome = match command {
            Command::RequestAcceptance(asked) => {
                Ok(ticket::request(current, asked, self.settings.auto, &shelf, now))
            }
            Command::CancelTicket(_) => ticket::cancel(current, order_id, &shelf, now),
            Command::ReviseTicket(asked) => Ok(revision::revise(current, asked, now)),
            Command::KeepTicket(asked) => Ok(revision::keep(current, asked.revision, now)),
            Command::SettleStock(_) => ticket::settle(current, &shelf, now),
            Command::Restock(_) => ticket::restock(current, order_id, &shelf, now),
            _ => return misrouted(ServiceName::Store, &incoming.message),
        };
        match outcome {
            Ok(outcome) => effects(&key, current, outcome, incoming.saga),
            Err(Shortage { menu_id, wanted }) => {
                Decision::dead_letter(Cause::StockContradicts.because(format_args!(
                    "the stock of {menu_id} does not hold the {wanted} that were reserved"
                )))
            }
        }
    }
}

impl Service for Store {
    type State = StoreAggregate;
    type Request = Request;

    fn name(&self) -> ServiceName {
        ServiceName::Store
    }

    fn kinds(&self) -> &'static [Kind] {
        &[TICKET, MENU_ITEM]
    }

    fn keys(&self, input: &Input<Request>) -> Keys {
        match input {
            Input::Request(Request::PutMenuItem { store_id, menu_id, .. }) => {
                Keys::lock(menu_item_key(store_id, menu_id))
            }
            Input::Wake(key) => Keys::lock(key.clone()),
            Input::Message(_) | Input::Request(Request::Answer { .. }) => {
                order_id(input).map_or_else(Keys::default, |id| Keys::lock(ticket_key(id)))
            }
        }
    }

    /// The items whose pieces the input moves, as the ticket stands; none while it only waits.
    fn more_keys(&self, input: &Input<Request>, view: &StoreView<'_>) -> Keys {
        let Some(order_id) = order_id(input) else { return Keys::default() };
        let ticket = ticket_of(view, &ticket_key(order_id));
        let lock = match (ticket.map(|ticket| ticket.state), input) {
            (None, Input::Message(incoming)) if self.settings.auto => asked_keys(incoming),
            (Some(State::Pending), Input::Message(_)) if self.settings.auto => item_keys(ticket),
            (Some(State::Pending), Input::Request(Request::Answer { accepted: true, .. }))
            | (Some(State::Accepted), Input::Message(_)) => item_keys(ticket),
            _ => Vec::new(),
        };
        Keys { lock, look: Vec::new() }
    }

    fn decide(&self, input: &Input<Request>, view: &StoreView<'_>, now: Timestamp) -> Decided {
        match input {
            Input::Message(incoming) => self.command(incoming, view, now),
            Input::Request(Request::PutMenuItem { store_id, menu_id, wanted }) => {
                put_menu_item(store_id, menu_id, wanted, view, now)
            }
            Input::Request(Request::Answer { order_id, accepted, reason }) => {
                answer(order_id, *accepted, reason.as_deref(), view, now)
            }
            Input::Wake(_) => Decision::ignored(STALE_TIMER),
        }
    }
}

fn order_id(input: &Input<Request>) -> Option<&OrderId> {
    match input {
        Input::Message(Incoming { message: Message::Command(command), .. }) => {
            Some(command.order_id())
        }
        Input::Request(Request::Answer { order_id, .. }) => Some(order_id),
        _ => None,
    }
}

fn asked_keys(incoming: &Incoming) -> Vec<Key> {
    let Message::Command(Command::RequestAcceptance(asked)) = &incoming.message else {
        return Vec::new();
    };
    asked.items.iter().map(|line| menu_item_key(&asked.store_id, &line.menu_id)).collect()
}

fn item_keys(ticket: Option<&Ticket>) -> Vec<Key> {
    let Some((ticket, store_id)) = ticket.and_then(|it| Some((it, it.store_id()?))) else {
        return Vec::new();
    };
    ticket.quantities().into_keys().map(|menu_id| menu_item_key(store_id, menu_id)).collect()
}

fn ticket_of<'a>(view: &StoreView<'a>, key: &Key) -> Option<&'a Ticket> {
    view.get(key).and_then(StoreAggregate::ticket)
}

fn shelf<'a>(view: &StoreView<'a>) -> impl Fn(&StoreId, &MenuId) -> Option<&'a MenuItem> {
    move |store_id, menu_id| {
        view.get(&menu_item_key(store_id, menu_id)).and_then(StoreAggregate::menu_item)
    }
}

fn put_menu_item(
    store_id: &StoreId,
    menu_id: &MenuId,
    wanted: &Wanted,
    view: &StoreView<'_>,
    now: Timestamp,
) -> Decided {
    let key = menu_item_key(store_id, menu_id);
    let current = view.get(&key).and_then(StoreAggregate::menu_item);
    let (after, told) = match menu_item::put(current, store_id, menu_id, wanted, now) {
        Put::Unchanged => {
            return current.map_or_else(
                || Decision::refused(Problem::internal()),
                |item| as_it_stands(&menu_item_view(item)),
            );
        }
        Put::TooLow { least } => {
            return Decision::refused(Problem::conflict(
                "stock-too-low",
                format!("{least} are reserved or sold: stock cannot be less."),
            ));
        }
        Put::Restocked(after) => (after, false),
        Put::Changed(after) => (after, true),
    };
    let message = told.then(|| {
        let changed = MenuItemChanged {
            store_id: after.store_id.clone(),
            menu_id: after.menu_id.clone(),
            name: after.name.clone(),
            price: after.price,
        };
        news(&key, Event::MenuItemChanged(changed), after.version, None)
    });
    let reply = Reply::json(200, &menu_item_view(&after));
    Decision { reply, ..changed(key, StoreAggregate::MenuItem(Box::new(after)), message) }
}

fn answer(
    order_id: &OrderId,
    accepted: bool,
    reason: Option<&str>,
    view: &StoreView<'_>,
    now: Timestamp,
) -> Decided {
    let key = ticket_key(order_id);
    let current = ticket_of(view, &key);
    let outcome = match ticket::answer(current, accepted, reason, &shelf(view), now) {
        Ok(outcome) => outcome,
        Err(refusal) => return Decision::refused(problem(&refusal)),
    };
    let shown = match &outcome {
        Outcome::News(after, _) | Outcome::Quiet(after) => Some(after.as_ref()),
        Outcome::Repeat | Outcome::Nothing(_) => current,
    };
    let reply = shown.map_or_else(
        || Reply::Refused(Problem::not_found("ticket")),
        |ticket| Reply::json(200, &ticket_view(ticket)),
    );
    Decision { reply, ..effects(&key, current, outcome, None) }
}

fn problem(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("ticket"),
        Refusal::AlreadyAccepted => {
            Problem::conflict("already-accepted", "The ticket was accepted before.")
        }
        Refusal::AlreadyRejected => {
            Problem::conflict("already-rejected", "The ticket was rejected before.")
        }
        Refusal::Cancelled => {
            Problem::conflict("ticket-cancelled", "The ticket is void: the order was undone.")
        }
        Refusal::OutOfStock(Shortage { menu_id, wanted }) => Problem::conflict(
            "out-of-stock",
            format!("There are fewer than {wanted} of {menu_id} on hand; the ticket is pending."),
        ),
    }
}

/// What an outcome means for database and outbox. A fact belongs to the saga that asked, or, where
/// an owner brought it about, to the one that asked first.
fn effects(
    key: &Key,
    current: Option<&Ticket>,
    outcome: Outcome,
    asked_by: Option<SagaId>,
) -> Decided {
    let (mut after, moved, told) = match outcome {
        Outcome::Nothing(label) => return Decision::ignored(label),
        Outcome::Repeat => {
            return answer_again(current.and_then(|ticket| fact(key, ticket, asked_by, true)));
        }
        Outcome::News(after, moved) => (after, moved, true),
        Outcome::Quiet(after) => (after, Vec::new(), false),
    };
    after.saga = after.saga.or(asked_by);
    let message = if told { fact(key, &after, asked_by, false) } else { None };
    let mut decision = changed(key.clone(), StoreAggregate::Ticket(after), message);
    decision.saves.extend(moved.into_iter().map(|item| {
        let key = menu_item_key(&item.store_id, &item.menu_id);
        (key, StoreAggregate::MenuItem(Box::new(item)))
    }));
    decision
}

fn fact(key: &Key, ticket: &Ticket, asked_by: Option<SagaId>, repeat: bool) -> Option<Outgoing> {
    let stands = (&ticket.order_id, ticket.state.as_str());
    participant::fact(key, stands, &ticket.record, asked_by.or(ticket.saga), repeat)
}
