//! How things stand in a service, as far as the laws look at it. Read from what is stored.

use contracts::{EventType, Record};
use orchestrator::{Order, State, status::OrderStatus};
use payment::OrderPayment;
use rider::{aggregates::Kept, domain::delivery};
use saga::{Instance, Status};
use store::{StoreAggregate, domain::Ticket};

use crate::{
    node::States,
    scene::{CAPACITY, PIECES, STOCK, TOTAL},
};

/// How the order stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderStands {
    pub(crate) status: OrderStatus,
    pub(crate) finished: bool,
    /// Whether its latest saga has ended though the order has not, or the other way round.
    pub(crate) torn: bool,
    /// The steps whose deadline runs, by place.
    pub(crate) deadlines: u16,
    /// The steps whose command will be sent again, by place.
    pub(crate) pauses: u16,
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
    /// Whether each effect was had once at most, and all sums come out.
    pub(crate) sound: bool,
    /// Whether what must not be done any more once undone was done: cooking has started, or a
    /// gateway's answer is awaited.
    pub(crate) flag: bool,
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
        let open = matches!(saga.status(), Status::Running | Status::Stuck);
        Self {
            status: OrderStatus::of(order),
            finished: order.is_finished(),
            torn: order.is_finished() != (ended && !open),
            deadlines: bits(|step| step.deadline.is_some()),
            pauses: bits(|step| step.next_attempt_at.is_some()),
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
        sound: effects && taken == TOTAL && held == TOTAL,
        flag: payment.awaited.is_some(),
    }
}

pub(crate) fn store(states: &States<StoreAggregate>) -> Stands<store::domain::State> {
    use EventType as E;
    use store::domain::State;
    let item = states.values().find_map(StoreAggregate::menu_item);
    let ticket = states.values().find_map(StoreAggregate::ticket);
    let state = ticket.map(|ticket| ticket.state);
    let of = |holds: State| if state == Some(holds) { PIECES } else { 0 };
    let (reserved, sold) = (of(State::Accepted), of(State::Settled));
    let stock = item.is_some_and(|item| {
        (item.on_hand, item.reserved, item.sold) == (STOCK - reserved - sold, reserved, sold)
    });
    let effects = |ticket: &Ticket| {
        once(
            &ticket.record,
            &[
                &[E::OrderAccepted, E::OrderRejected],
                &[E::TicketCancelled, E::StockSettled],
                &[E::StockRestocked, E::StockSettled],
            ],
        )
    };
    Stands {
        state,
        sequence: ticket.map_or(0, |ticket| ticket.record.sequence),
        sound: stock && ticket.is_none_or(effects),
        flag: false,
    }
}

pub(crate) fn cook(states: &States<cook::domain::Ticket>) -> Stands<cook::domain::State> {
    use EventType as E;
    let Some(ticket) = states.values().next() else { return Stands::nothing() };
    Stands {
        state: Some(ticket.state),
        sequence: ticket.record.sequence,
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

pub(crate) fn rider(states: &States<Kept>) -> Stands<delivery::State> {
    use EventType as E;
    let load = states.values().find_map(Kept::load);
    let carried = load.map_or(0, rider::domain::Load::len);
    let Some(delivery) = states.values().find_map(Kept::delivery) else {
        return Stands { sound: carried == 0, ..Stands::nothing() };
    };
    let record = &delivery.record;
    let claims = count(record, &[E::RiderAssigned]);
    let released = count(record, &[E::RiderReleased]);
    let effects = once(record, &[&[E::FoodPicked], &[E::DeliveryConfirmed, E::DeliveryReturned]]);
    let hands = carried == usize::from(delivery.state.carried()) && carried <= CAPACITY;
    Stands {
        state: Some(delivery.state),
        sequence: record.sequence,
        sound: effects && hands && claims <= released + 1,
        flag: false,
    }
}

impl<S> Stands<S> {
    const fn nothing() -> Self {
        Self { state: None, sequence: 0, sound: true, flag: false }
    }
}
