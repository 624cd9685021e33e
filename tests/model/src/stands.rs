//! How things stand in a service, as far as the laws look at it. Read from what is stored.

use contracts::{EventType, Record};
use orchestrator::{Order, State, status::OrderStatus};
use payment::OrderPayment;
use rider::{aggregates::Kept, domain::delivery};
use saga::{Instance, Status, StepStatus};
use store::{StoreAggregate, domain::Ticket};

use crate::{
    node::States,
    scene::{CAPACITY, PIECES, TOTAL, order_place},
    world::ORDERS,
};

/// How the order stands.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is what a law or a choice looks at")]
pub(crate) struct OrderStands {
    pub(crate) status: OrderStatus,
    pub(crate) finished: bool,
    /// Whether its latest saga has ended though the order has not, or the other way round.
    pub(crate) torn: bool,
    /// The steps whose deadline runs, by place.
    pub(crate) deadlines: u16,
    /// The steps whose command will be sent again, by place.
    pub(crate) pauses: u16,
    /// Whether an operator has halted its latest saga.
    pub(crate) suspended: bool,
    /// Whether the turn of its delivery has not come.
    pub(crate) undelivered: bool,
    /// Whether what is done is being undone.
    pub(crate) compensating: bool,
    /// Whether one of its sagas knows that the point of no return has passed.
    pub(crate) past_pivot: bool,
    /// How far payment, store, cook and rider were heard.
    pub(crate) heard: [u64; 4],
}

/// How something that a participant keeps about the order stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stands<S> {
    /// None where it has not heard of the order.
    pub(crate) state: Option<S>,
    /// The sequence of its latest fact.
    pub(crate) sequence: u64,
    /// What has happened.
    pub(crate) facts: Facts,
    /// Whether each effect was had once at most, and all sums come out.
    pub(crate) sound: bool,
    /// Whether what must not be done any more once undone was done: cooking has started, or a
    /// gateway's answer is awaited.
    pub(crate) flag: bool,
}

/// What has happened, as far as one record tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// How many milestones there are.
    pub(crate) count: usize,
    /// Their kinds.
    kinds: u64,
    /// The kind of the last one.
    latest: Option<EventType>,
}

/// How everything that a participant keeps stands, where orders share it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint<S> {
    /// Whether all sums come out that are taken over the orders.
    pub(crate) sound: bool,
    /// By the orders' places.
    pub(crate) orders: [Stands<S>; ORDERS],
}

pub(crate) fn order(states: &States<State>) -> Option<OrderStands> {
    let order = states.values().find_map(State::as_order)?;
    Some(OrderStands::of(order, order.latest()?))
}

impl OrderStands {
    fn of(order: &Order, saga: &Instance) -> Self {
        let bits = |runs: fn(&saga::StepState) -> bool| {
            let steps = saga.steps().iter().enumerate();
            steps
                .filter(|(_, step)| runs(step))
                .fold(0_u16, |bits, (place, _)| bits | 1_u16 << place)
        };
        let heard = |source: &str| saga.cursors().get(source).map_or(0, |it| it.sequence);
        let ended = matches!(
            OrderStatus::of(order),
            OrderStatus::Delivered | OrderStatus::Cancelled | OrderStatus::Returned
        );
        // A delivered order still waits to be settled.
        let open = matches!(saga.status(), Status::Running | Status::Stuck | Status::Suspended);
        Self {
            status: OrderStatus::of(order),
            finished: order.is_finished(),
            torn: order.is_finished() != (ended && !open),
            deadlines: bits(|step| step.deadline.is_some()),
            pauses: bits(|step| step.next_attempt_at.is_some()),
            suspended: saga.is_suspended(),
            undelivered: saga.step("deliver").is_some_and(|it| it.status == StepStatus::Blocked),
            compensating: saga.is_compensating(),
            past_pivot: order.sagas.iter().any(Instance::past_pivot),
            heard: ["payment", "store", "cook", "rider"].map(heard),
        }
    }
}

fn count(record: &Record, kinds: &[EventType]) -> usize {
    record.milestones.iter().filter(|it| kinds.contains(&it.kind)).count()
}

/// Whether each of these has happened once at most.
fn once(record: &Record, groups: &[&[EventType]]) -> bool {
    groups.iter().all(|kinds| count(record, kinds) <= 1)
}

pub(crate) fn payment(states: &States<OrderPayment>) -> Stands<payment::domain::State> {
    use EventType as E;
    let Some(payment) = states.values().next() else { return Stands::nothing() };
    let effects = once(
        &payment.record,
        &[
            &[E::PaymentAuthorized, E::PaymentDeclined],
            &[E::PaymentCaptured, E::PaymentVoided],
            &[E::PaymentRefunded],
        ],
    );
    let taken = payment.capture.as_ref().map_or(TOTAL, |capture| capture.amount.amount);
    let held = payment.authorization.as_ref().map_or(TOTAL, |it| it.amount.amount);
    Stands {
        state: Some(payment.state),
        sequence: payment.record.sequence,
        facts: Facts::of(&payment.record),
        sound: effects && taken == TOTAL && held == TOTAL,
        flag: payment.awaited.is_some(),
    }
}

pub(crate) fn store(states: &States<StoreAggregate>, stock: u64) -> Joint<store::domain::State> {
    use store::domain::State;
    let mut orders = [Stands::nothing(); ORDERS];
    for ticket in states.values().filter_map(StoreAggregate::ticket) {
        if let Some(place) = order_place(ticket.order_id.as_str()) {
            orders[usize::from(place)] = of_ticket(ticket);
        }
    }
    let pieces = |holds: State| -> u64 {
        orders.iter().filter(|it| it.state == Some(holds)).map(|_| PIECES).sum()
    };
    let (reserved, sold) = (pieces(State::Accepted), pieces(State::Settled));
    let item = states.values().find_map(StoreAggregate::menu_item);
    let sound = item.is_some_and(|item| {
        (item.on_hand + reserved + sold, item.reserved, item.sold) == (stock, reserved, sold)
    });
    Joint { sound, orders }
}

fn of_ticket(ticket: &Ticket) -> Stands<store::domain::State> {
    use EventType as E;
    Stands {
        state: Some(ticket.state),
        sequence: ticket.record.sequence,
        facts: Facts::of(&ticket.record),
        sound: once(
            &ticket.record,
            &[
                &[E::OrderAccepted, E::OrderRejected],
                &[E::TicketCancelled, E::StockSettled],
                &[E::StockRestocked, E::StockSettled],
            ],
        ),
        flag: false,
    }
}

pub(crate) fn cook(states: &States<cook::domain::Ticket>) -> Stands<cook::domain::State> {
    use EventType as E;
    let Some(ticket) = states.values().next() else { return Stands::nothing() };
    Stands {
        state: Some(ticket.state),
        sequence: ticket.record.sequence,
        facts: Facts::of(&ticket.record),
        sound: once(
            &ticket.record,
            &[
                &[E::CookStarted, E::CookingDeclined],
                &[E::CookStarted, E::CookingCancelled],
                &[E::CookFinished],
            ],
        ),
        flag: ticket.record.has(E::CookStarted),
    }
}

pub(crate) fn rider(states: &States<Kept>) -> Joint<delivery::State> {
    let mut orders = [Stands::nothing(); ORDERS];
    let mut hands = 0;
    for delivery in states.values().filter_map(Kept::delivery) {
        hands += usize::from(delivery.state.carried());
        if let Some(place) = order_place(delivery.order_id.as_str()) {
            orders[usize::from(place)] = of_delivery(delivery);
        }
    }
    let load = states.values().find_map(Kept::load);
    let carried = load.map_or(0, rider::domain::Load::len);
    Joint { sound: carried == hands && carried <= CAPACITY, orders }
}

fn of_delivery(delivery: &delivery::Delivery) -> Stands<delivery::State> {
    use EventType as E;
    let record = &delivery.record;
    let (claims, released) =
        (count(record, &[E::RiderAssigned]), count(record, &[E::RiderReleased]));
    let effects = once(record, &[&[E::FoodPicked], &[E::DeliveryConfirmed, E::DeliveryReturned]]);
    Stands {
        state: Some(delivery.state),
        sequence: record.sequence,
        facts: Facts::of(record),
        sound: effects && claims <= released + 1,
        flag: false,
    }
}

impl<S> Joint<S> {
    pub(crate) fn of(self, order: u8) -> Stands<S>
    where
        S: Copy,
    {
        self.orders[usize::from(order)]
    }
}

impl Facts {
    fn of(record: &Record) -> Self {
        Self::among(record.milestones.iter().map(|it| it.kind))
    }

    pub(crate) fn among(kinds: impl Iterator<Item = EventType>) -> Self {
        let mut facts = Self::default();
        for kind in kinds {
            facts.count += 1;
            facts.kinds |= bit(kind);
            facts.latest = Some(kind);
        }
        facts
    }

    /// Whether that has happened, and still holds: of a claim and a release the last one does.
    pub(crate) fn confirm(self, kind: EventType) -> bool {
        let taken_back = match kind {
            EventType::RiderAssigned => self.latest == Some(EventType::RiderReleased),
            EventType::RiderReleased => self.latest != Some(EventType::RiderReleased),
            _ => false,
        };
        self.kinds & bit(kind) != 0 && !taken_back
    }
}

fn bit(kind: EventType) -> u64 {
    let place = EventType::ALL.iter().position(|known| *known == kind);
    place.map_or(0, |place| 1 << place)
}

impl<S> Stands<S> {
    const fn nothing() -> Self {
        Self {
            state: None,
            sequence: 0,
            facts: Facts { count: 0, kinds: 0, latest: None },
            sound: true,
            flag: false,
        }
    }
}
