//! Messages of every type, drawn at random within what may be published.

use contracts::{
    Address, Command, CommandId, CommandType, Currency, CustomerId, Detail, District, Envelope,
    Event, EventType, Fact, Line, MenuId, MessageId, Milestone, Money, OrderId, RiderId, SagaId,
    ServiceName, StoreId, Timestamp,
    command::{
        AuthorizePayment, CapturePayment, DispatchDelivery, OrderOnly, OrderRevision, PrepareFood,
        RequestAcceptance, RevisePayment, ReviseTicket,
    },
    event::{
        DeliveryOffered, MenuItemChanged, OrderEnded, OrderPlaced, OrderRevised, OrderScheduled,
        RevisionRefused,
    },
    schema::MessageType,
};
use proptest::{collection::vec, option, prelude::*};
use uuid::Uuid;

/// The last millisecond of the year 9999: RFC 3339 has no later one.
const LAST: i64 = 253_402_300_799_999;

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._-]{1,64}"
}

fn order_id() -> impl Strategy<Value = OrderId> {
    id().prop_map(|text| OrderId::new(text).unwrap())
}

fn customer_id() -> impl Strategy<Value = CustomerId> {
    id().prop_map(|text| CustomerId::new(text).unwrap())
}

fn store_id() -> impl Strategy<Value = StoreId> {
    id().prop_map(|text| StoreId::new(text).unwrap())
}

fn menu_id() -> impl Strategy<Value = MenuId> {
    id().prop_map(|text| MenuId::new(text).unwrap())
}

fn rider_id() -> impl Strategy<Value = RiderId> {
    id().prop_map(|text| RiderId::new(text).unwrap())
}

fn district() -> impl Strategy<Value = District> {
    id().prop_map(|text| District::new(text).unwrap())
}

fn number() -> impl Strategy<Value = u32> {
    1..=u32::MAX
}

/// What an order is about: who, from whom, what, at what price, whereto.
fn ordered() -> impl Strategy<Value = (OrderId, CustomerId, StoreId, Vec<Line>, Money, Address)> {
    (order_id(), customer_id(), store_id(), lines(), money(), address())
}

fn text() -> impl Strategy<Value = String> {
    ".{0,20}"
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..=LAST).prop_map(Timestamp::from_millis)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn money() -> impl Strategy<Value = Money> {
    (0..=i64::MAX, "[A-Z]{3}")
        .prop_map(|(amount, code)| Money { amount, currency: Currency::new(&code).unwrap() })
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (menu_id(), text(), money(), 1_u32..=999).prop_map(
        |(menu_id, name, unit_price, quantity)| Line { menu_id, name, unit_price, quantity },
    );
    vec(line, 1..4)
}

fn address() -> impl Strategy<Value = Address> {
    (district(), text()).prop_map(|(district, line)| Address { district, line })
}

fn detail() -> impl Strategy<Value = Detail> {
    (option::of(money()), option::of(rider_id()), option::of(text()))
        .prop_map(|(amount, rider_id, reason)| Detail { amount, rider_id, reason })
}

fn fact() -> impl Strategy<Value = Fact> {
    let kind = proptest::sample::select(EventType::ALL);
    let milestone =
        (kind, time(), detail()).prop_map(|(kind, at, data)| Milestone { kind, at, data });
    (order_id(), text(), vec(milestone, 1..4)).prop_map(|(order_id, state, milestones)| Fact {
        order_id,
        state,
        milestones,
    })
}

fn ended() -> impl Strategy<Value = OrderEnded> {
    (order_id(), customer_id(), store_id(), text(), option::of(text()), time()).prop_map(
        |(order_id, customer_id, store_id, status, reason, at)| OrderEnded {
            order_id,
            customer_id,
            store_id,
            status,
            reason,
            at,
        },
    )
}

/// Commands of one type.
pub(crate) fn command(kind: CommandType) -> BoxedStrategy<Command> {
    let only = |wrap: fn(OrderOnly) -> Command| {
        order_id().prop_map(move |order_id| wrap(OrderOnly { order_id })).boxed()
    };
    let revision = |wrap: fn(OrderRevision) -> Command| {
        let parts = (order_id(), number());
        parts
            .prop_map(move |(order_id, revision)| wrap(OrderRevision { order_id, revision }))
            .boxed()
    };
    match kind {
        CommandType::AuthorizePayment => (order_id(), customer_id(), money(), text())
            .prop_map(|(order_id, customer_id, amount, token)| {
                let asked = AuthorizePayment { order_id, customer_id, amount, token };
                Command::AuthorizePayment(asked)
            })
            .boxed(),
        CommandType::RequestAcceptance => (order_id(), store_id(), lines(), money())
            .prop_map(|(order_id, store_id, items, total)| {
                let asked = RequestAcceptance { order_id, store_id, items, total };
                Command::RequestAcceptance(asked)
            })
            .boxed(),
        CommandType::PrepareFood => (order_id(), store_id(), lines())
            .prop_map(|(order_id, store_id, items)| {
                Command::PrepareFood(PrepareFood { order_id, store_id, items })
            })
            .boxed(),
        CommandType::DispatchDelivery => (order_id(), store_id(), option::of(number()))
            .prop_map(|(order_id, store_id, revision)| {
                Command::DispatchDelivery(DispatchDelivery { order_id, store_id, revision })
            })
            .boxed(),
        CommandType::CapturePayment => (order_id(), option::of(money()))
            .prop_map(|(order_id, amount)| {
                Command::CapturePayment(CapturePayment { order_id, amount })
            })
            .boxed(),
        CommandType::RevisePayment => (order_id(), number(), money(), text())
            .prop_map(|(order_id, revision, amount, token)| {
                Command::RevisePayment(RevisePayment { order_id, revision, amount, token })
            })
            .boxed(),
        CommandType::ReviseTicket => (order_id(), number(), lines(), money())
            .prop_map(|(order_id, revision, items, total)| {
                Command::ReviseTicket(ReviseTicket { order_id, revision, items, total })
            })
            .boxed(),
        CommandType::RestorePayment => revision(Command::RestorePayment),
        CommandType::AdjustPayment => revision(Command::AdjustPayment),
        CommandType::KeepTicket => revision(Command::KeepTicket),
        CommandType::VoidPayment => only(Command::VoidPayment),
        CommandType::RefundPayment => only(Command::RefundPayment),
        CommandType::CancelTicket => only(Command::CancelTicket),
        CommandType::SettleStock => only(Command::SettleStock),
        CommandType::Restock => only(Command::Restock),
        CommandType::CancelCooking => only(Command::CancelCooking),
        CommandType::WidenSearch => only(Command::WidenSearch),
        CommandType::RecallDelivery => only(Command::RecallDelivery),
    }
}

/// Events of one type.
pub(crate) fn event(kind: EventType) -> BoxedStrategy<Event> {
    match kind {
        EventType::OrderPlaced => (ordered(), time(), option::of(time()), option::of(number()))
            .prop_map(|(ordered, placed_at, scheduled_for, revision)| {
                let (order_id, customer_id, store_id, items, total, address) = ordered;
                Event::OrderPlaced(OrderPlaced {
                    order_id,
                    customer_id,
                    store_id,
                    items,
                    total,
                    address,
                    placed_at,
                    scheduled_for,
                    revision,
                })
            })
            .boxed(),
        EventType::OrderScheduled => (ordered(), time(), time())
            .prop_map(|(ordered, placed_at, scheduled_for)| {
                let (order_id, customer_id, store_id, items, total, address) = ordered;
                Event::OrderScheduled(OrderScheduled {
                    order_id,
                    customer_id,
                    store_id,
                    items,
                    total,
                    address,
                    placed_at,
                    scheduled_for,
                })
            })
            .boxed(),
        EventType::OrderRevised => (ordered(), number(), time())
            .prop_map(|(ordered, revision, at)| {
                let (order_id, customer_id, store_id, items, total, address) = ordered;
                Event::OrderRevised(OrderRevised {
                    order_id,
                    customer_id,
                    store_id,
                    revision,
                    items,
                    total,
                    address,
                    at,
                })
            })
            .boxed(),
        EventType::RevisionRefused => {
            let parts = (order_id(), customer_id(), store_id(), number(), text(), time());
            parts
                .prop_map(|(order_id, customer_id, store_id, revision, reason, at)| {
                    Event::RevisionRefused(RevisionRefused {
                        order_id,
                        customer_id,
                        store_id,
                        revision,
                        reason,
                        at,
                    })
                })
                .boxed()
        }
        EventType::OrderCancelled => ended().prop_map(Event::OrderCancelled).boxed(),
        EventType::OrderCompleted => ended().prop_map(Event::OrderCompleted).boxed(),
        EventType::OrderReturned => ended().prop_map(Event::OrderReturned).boxed(),
        EventType::CancellationRefused => ended().prop_map(Event::CancellationRefused).boxed(),
        EventType::MenuItemChanged => (store_id(), menu_id(), text(), money())
            .prop_map(|(store_id, menu_id, name, price)| {
                Event::MenuItemChanged(MenuItemChanged { store_id, menu_id, name, price })
            })
            .boxed(),
        EventType::DeliveryOffered => {
            let lists = (vec(district(), 0..3), vec(rider_id(), 0..3));
            (order_id(), store_id(), address(), lists)
                .prop_map(|(order_id, store_id, address, (districts, riders))| {
                    Event::DeliveryOffered(DeliveryOffered {
                        order_id,
                        store_id,
                        address,
                        districts,
                        riders,
                    })
                })
                .boxed()
        }
        kind => fact().prop_map(move |fact| Event::Fact(kind, fact)).boxed(),
    }
}

/// Messages of one type in their envelopes.
pub(crate) fn message(kind: MessageType) -> BoxedStrategy<Envelope> {
    let wrapped = match kind {
        MessageType::Command(kind) => {
            let parts = (uuid(), time(), command(kind), uuid(), option::of(uuid()));
            parts
                .prop_map(|(id, time, command, command_id, saga)| {
                    let (id, command_id) = (MessageId(id), CommandId(command_id));
                    let source = ServiceName::Orchestrator;
                    let saga = saga.map(SagaId);
                    Envelope::of_command(id, time, source, &command, command_id, saga).unwrap()
                })
                .boxed()
        }
        MessageType::Event(kind) => (uuid(), time(), event(kind), any::<u64>())
            .prop_map(|(id, time, event, sequence)| {
                Envelope::of_event(MessageId(id), time, &event, sequence).unwrap()
            })
            .boxed(),
    };
    let trace = "00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]";
    (wrapped, option::of(uuid()), option::of(trace), option::of(text()))
        .prop_map(|(envelope, causationid, traceparent, tracestate)| Envelope {
            causationid,
            traceparent,
            tracestate,
            ..envelope
        })
        .boxed()
}

/// Draws some messages of every type and has a look at each.
pub(crate) fn for_messages(look: impl Fn(MessageType, &Envelope) -> Result<(), String>) {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    for kind in MessageType::all() {
        proptest!(config.clone(), |(envelope in message(kind))| {
            look(kind, &envelope).map_err(TestCaseError::fail)?;
        });
    }
}
