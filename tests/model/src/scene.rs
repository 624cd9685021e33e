//! The services at hand, and the orders that have just been placed with them.

use std::{collections::BTreeSet, time::Duration};

use contracts::{
    Address, Currency, CustomerId, District, MenuId, Money, OrderId, RiderId, SagaId, ServiceName,
    StoreId,
};
use cook::Cook;
use mypage::Mypage;
use notification::Notification;
use orchestrator::{
    Orchestrator, Settings,
    placement::{PlaceOrder, Wanted},
    service::{Placing, Request},
};
use payment::Payment;
use rider::Rider;
use runtime::{Input, Key};
use store::Store;
use uuid::Uuid;

use crate::{
    bounds::Bounds,
    ends::Ends,
    letters::Letters,
    node::{Fault, Heard, Node},
    operations::Operation,
    order_checks,
    people::Deed,
    readers::{self, Reader},
    stands::{self, Joint, OrderStands, Stands},
    world::{Apart, ORDERS, World},
};

/// Pieces that are ordered.
pub const PIECES: u64 = 2;
/// What an order costs.
pub(crate) const TOTAL: i64 = 19_000;
/// How many deliveries the rider may carry.
pub(crate) const CAPACITY: usize = 1;
/// The orders' ids, by place.
const ORDER_IDS: [&str; ORDERS] = ["o1", "o2"];

/// Mistakes made on purpose, one for each service.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    /// The orchestrator's.
    pub orchestrator: Option<Fault<Orchestrator>>,
    /// Payment's.
    pub payment: Option<Fault<Payment>>,
    /// The store's.
    pub store: Option<Fault<Store>>,
    /// The cook's.
    pub cook: Option<Fault<Cook>>,
    /// The rider's.
    pub rider: Option<Fault<Rider>>,
    /// `MyPage`'s.
    pub mypage: Option<Fault<Mypage>>,
    /// Notification's.
    pub notification: Option<Fault<Notification>>,
}

/// The services, with everything that they ever decided in one exploration.
pub struct Model {
    pub(crate) bounds: Bounds,
    pub(crate) orchestrator: Node<Orchestrator, Option<OrderStands>>,
    pub(crate) payment: Node<Payment, Stands<payment::domain::State>>,
    pub(crate) store: Node<Store, Joint<store::domain::State>>,
    pub(crate) cook: Node<Cook, Stands<cook::domain::State>>,
    pub(crate) rider: Node<Rider, Joint<rider::domain::State>>,
    pub(crate) mypage: Node<Mypage, [Option<Reader>; ORDERS]>,
    pub(crate) notification: Node<Notification, [Option<Reader>; ORDERS]>,
    pub(crate) letters: Letters,
    pub(crate) ends: Ends,
    pub(crate) operations: Vec<Operation>,
    pub(crate) rider_id: RiderId,
    pub(crate) names: Vec<Names>,
    start: Option<World>,
}

/// The names of an order.
pub(crate) struct Names {
    pub(crate) order_id: OrderId,
    pub(crate) order_key: Key,
    pub(crate) payment_key: Key,
}

/// The place of the order with that id.
pub(crate) fn order_place(id: &str) -> Option<u8> {
    let place = ORDER_IDS.iter().position(|known| *known == id);
    place.and_then(|place| u8::try_from(place).ok())
}

impl Model {
    /// The services with these mistakes, and orders that were just placed.
    pub fn new(bounds: Bounds, faults: Faults) -> Self {
        let mut settings = Settings::default();
        settings.retry.attempts = bounds.retry_limit;
        // An attempt more makes a difference only where the limit can be reached.
        let reach = u32::from(bounds.left.resends) + 1;
        let most = if bounds.retry_limit > reach { 1 } else { bounds.retry_limit.into() };
        let slow = payment::Settings { slow_after: Duration::from_secs(45) };
        let payment = Payment::new(slow);
        let store = Store::new(store::Settings { auto: false });
        let notification = Notification::new(notification::Settings::default());
        let stock = bounds.stock;
        let mut model = Self {
            bounds,
            orchestrator: Node::new(
                Orchestrator::new(settings),
                stands::order,
                order_checks::RULE,
                faults.orchestrator,
                most,
            ),
            payment: Node::new(payment, stands::payment, |_, _, _| None, faults.payment, most),
            store: Node::new(
                store,
                move |states| stands::store(states, stock),
                |_, _, _| None,
                faults.store,
                most,
            ),
            cook: Node::new(Cook::default(), stands::cook, |_, _, _| None, faults.cook, most),
            rider: Node::new(Rider::default(), stands::rider, |_, _, _| None, faults.rider, most),
            mypage: Node::new(
                Mypage,
                readers::mypage,
                readers::MYPAGE_GOES_ON,
                faults.mypage,
                most,
            ),
            notification: Node::new(
                notification,
                readers::notification,
                readers::NOTIFICATION_GOES_ON,
                faults.notification,
                most,
            ),
            letters: Letters::new(bounds.listener),
            ends: Ends::default(),
            operations: Operation::all(),
            rider_id: id(RiderId::new("r1")),
            names: ORDER_IDS.iter().map(|name| Names::of(id(OrderId::new(*name)))).collect(),
            start: None,
        };
        model.start = Some(model.placed());
        model
    }

    /// The places of the orders.
    pub(crate) fn orders(&self) -> impl Iterator<Item = u8> + use<> {
        0..self.bounds.orders
    }

    pub(crate) fn names(&self, order: u8) -> &Names {
        &self.names[usize::from(order)]
    }

    /// The orders were just placed.
    pub(crate) fn start(&self) -> World {
        self.start.clone().expect("a model is made with its start")
    }

    fn placed(&self) -> World {
        let (store, catalog) = self.menu();
        let mut world = World {
            orders: [Apart::default(); ORDERS],
            store,
            rider: self.on_duty(),
            listener: match self.bounds.listener {
                Some(ServiceName::Notification) => self.notification.empty(),
                _ => self.mypage.empty(),
            },
            on_the_way: Vec::new(),
            left: self.bounds.left,
            breach: None,
        };
        for order in self.orders() {
            let placing = self.placing(order);
            let placed = self.orchestrator.decide(catalog, set(order), &self.letters, || {
                Input::Request(Request::Place(Box::new(placing)))
            });
            let (payment, cook) = (self.payment.empty(), self.cook.empty());
            *world.apart_mut(order) = Apart { orchestrator: placed.state, payment, cook };
            world.post(&placed.said);
            world.breach = world.breach.or(placed.breach);
        }
        world
    }

    /// The store with its dish, and the orchestrator that was told of it.
    fn menu(&self) -> (u32, u32) {
        let price = Money { amount: 9_500, currency: Currency::KRW };
        let dish = store::domain::Wanted { name: "M1".to_owned(), price, stock: self.bounds.stock };
        let put = store::Request::PutMenuItem {
            store_id: id(StoreId::new("s1")),
            menu_id: id(MenuId::new("m1")),
            wanted: dish,
        };
        let store =
            self.store.decide(self.store.empty(), set(0), &self.letters, || Input::Request(put));
        let told = store.said.first().copied().expect("a new item is news");
        let menu = self.letters.get(told);
        let catalog = self.orchestrator.decide(
            self.orchestrator.empty(),
            Heard::Letter(told),
            &self.letters,
            || Input::Message(menu.incoming.clone()),
        );
        (store.state, catalog.state)
    }

    fn placing(&self, order: u8) -> Placing {
        let asked = PlaceOrder {
            customer_id: id(CustomerId::new("c1")),
            store_id: id(StoreId::new("s1")),
            items: vec![Wanted { menu_id: id(MenuId::new("m1")), quantity: 2 }],
            address: Address { district: id(District::new("mapo")), line: "1".to_owned() },
            token: id(self.bounds.token.parse()),
            scheduled_for: None,
        };
        Placing {
            key: format!("k{order}"),
            order_id: self.names(order).order_id.clone(),
            saga_id: SagaId(Uuid::from_u128(u128::from(order) + 1)),
            order: asked,
        }
    }

    /// One rider, at work in the one district.
    fn on_duty(&self) -> u32 {
        let district = id(District::new("mapo"));
        let neighbours = BTreeSet::new();
        let put = rider::Request::PutDistrict { district: district.clone(), neighbours };
        let map =
            self.rider.decide(self.rider.empty(), set(0), &self.letters, || Input::Request(put));
        let put = rider::Request::PutRider {
            rider_id: self.rider_id.clone(),
            district,
            on_duty: true,
            capacity: Some(CAPACITY),
        };
        self.rider.decide(map.state, set(0), &self.letters, || Input::Request(put)).state
    }
}

impl Names {
    fn of(order_id: OrderId) -> Self {
        Self {
            order_key: orchestrator::aggregates::order_key(&order_id),
            payment_key: payment::aggregates::payment_key(&order_id),
            order_id,
        }
    }
}

/// What only names a decision of the beginning: nobody does it in a state without an order.
const fn set(order: u8) -> Heard {
    Heard::Deed(order, Deed::Cancel)
}

fn id<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.expect("it is a well-formed id")
}
