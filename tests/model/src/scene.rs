//! The services at hand, and the one order that has just been placed with them.

use std::{collections::BTreeSet, time::Duration};

use contracts::{
    Address, Currency, CustomerId, District, MenuId, Money, OrderId, RiderId, SagaId, ServiceName,
    StoreId,
};
use cook::Cook;
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
    order_checks,
    people::Deed,
    stands::{self, OrderStands, Stands},
    world::World,
};

/// Pieces that are ordered.
pub(crate) const PIECES: u64 = 2;
/// Pieces that are in stock.
pub(crate) const STOCK: u64 = 3;
/// What the order costs.
pub(crate) const TOTAL: i64 = 19_000;
/// How many deliveries the rider may carry.
pub(crate) const CAPACITY: usize = 1;

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
}

/// The services, with everything that they ever decided in one exploration.
pub struct Model {
    pub(crate) bounds: Bounds,
    pub(crate) orchestrator: Node<Orchestrator, Option<OrderStands>>,
    pub(crate) payment: Node<Payment, Stands<payment::domain::State>>,
    pub(crate) store: Node<Store, Stands<store::domain::State>>,
    pub(crate) cook: Node<Cook, Stands<cook::domain::State>>,
    pub(crate) rider: Node<Rider, Stands<rider::domain::State>>,
    pub(crate) letters: Letters,
    pub(crate) ends: Ends,
    pub(crate) order_id: OrderId,
    pub(crate) rider_id: RiderId,
    pub(crate) order_key: Key,
    pub(crate) payment_key: Key,
    start: Option<World>,
}

impl Model {
    /// The services with these mistakes, and an order that was just placed.
    pub fn new(bounds: Bounds, faults: Faults) -> Self {
        let mut settings = Settings::default();
        settings.retry.attempts = bounds.retry_limit;
        // An attempt more makes a difference only where the limit can be reached.
        let reach = u32::from(bounds.left.resends) + 1;
        let unanswered = if bounds.retry_limit > reach { 1 } else { bounds.retry_limit.into() };
        let slow = payment::Settings { slow_after: Duration::from_secs(45) };
        let order_id = OrderId::new("o1").expect("two letters are an id");
        let mut model = Self {
            bounds,
            orchestrator: Node::new(
                Orchestrator::new(settings),
                stands::order,
                order_checks::RULE,
                faults.orchestrator,
                unanswered,
            ),
            payment: Node::new(
                Payment::new(slow),
                stands::payment,
                |_, _, _| None,
                faults.payment,
                unanswered,
            ),
            store: Node::new(
                Store::new(store::Settings { auto: false }),
                stands::store,
                |_, _, _| None,
                faults.store,
                unanswered,
            ),
            cook: Node::new(Cook::default(), stands::cook, |_, _, _| None, faults.cook, unanswered),
            rider: Node::new(
                Rider::default(),
                stands::rider,
                |_, _, _| None,
                faults.rider,
                unanswered,
            ),
            letters: Letters::default(),
            ends: Ends::default(),
            order_key: orchestrator::aggregates::order_key(&order_id),
            payment_key: payment::aggregates::payment_key(&order_id),
            order_id,
            rider_id: RiderId::new("r1").expect("two letters are an id"),
            start: None,
        };
        model.start = Some(model.placed());
        model
    }

    /// The order was just placed.
    pub(crate) fn start(&self) -> World {
        self.start.clone().expect("a model is made with its start")
    }

    fn placed(&self) -> World {
        let (store_id, menu_id) = (id(StoreId::new("s1")), id(MenuId::new("m1")));
        let district = id(District::new("mapo"));
        let price = Money { amount: 9_500, currency: Currency::KRW };
        let dish = store::domain::Wanted { name: "M1".to_owned(), price, stock: STOCK };
        let put = store::Request::PutMenuItem {
            store_id: store_id.clone(),
            menu_id: menu_id.clone(),
            wanted: dish,
        };
        // The deed only names the decision; nobody does it in a state without an order.
        let set = Heard::Deed(Deed::Cancel);
        let store =
            self.store.decide(self.store.empty(), set, &self.letters, || Input::Request(put));
        let told = store.said.first().copied().expect("a new item is news");
        let menu = self.letters.get(told);
        let catalog = self.orchestrator.decide(
            self.orchestrator.empty(),
            Heard::Letter(told),
            &self.letters,
            || Input::Message(menu.incoming.clone()),
        );
        let order = PlaceOrder {
            customer_id: id(CustomerId::new("c1")),
            store_id,
            items: vec![Wanted { menu_id, quantity: 2 }],
            address: Address { district: district.clone(), line: "1".to_owned() },
            token: id(self.bounds.token.parse()),
            scheduled_for: None,
        };
        let placing = Placing {
            key: "k1".to_owned(),
            order_id: self.order_id.clone(),
            saga_id: SagaId(Uuid::from_u128(1)),
            order,
        };
        let placed = self.orchestrator.decide(catalog.state, set, &self.letters, || {
            Input::Request(Request::Place(Box::new(placing)))
        });
        let neighbours = BTreeSet::new();
        let put = rider::Request::PutDistrict { district: district.clone(), neighbours };
        let map = self.rider.decide(self.rider.empty(), set, &self.letters, || Input::Request(put));
        let put = rider::Request::PutRider {
            rider_id: self.rider_id.clone(),
            district,
            on_duty: true,
            capacity: Some(CAPACITY),
        };
        let rider = self.rider.decide(map.state, set, &self.letters, || Input::Request(put));
        let mut world = World {
            orchestrator: placed.state,
            payment: self.payment.empty(),
            store: store.state,
            cook: self.cook.empty(),
            rider: rider.state,
            on_the_way: Vec::new(),
            left: self.bounds.left,
            breach: placed.breach,
        };
        world.post(&placed.said);
        world
    }

    /// How many states each service was in, and how many decisions it took.
    pub fn counts(&self) -> [(ServiceName, (usize, usize)); 5] {
        [
            (ServiceName::Orchestrator, self.orchestrator.counts()),
            (ServiceName::Payment, self.payment.counts()),
            (ServiceName::Store, self.store.counts()),
            (ServiceName::Cook, self.cook.counts()),
            (ServiceName::Rider, self.rider.counts()),
        ]
    }
}

fn id<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.expect("it is a well-formed id")
}
