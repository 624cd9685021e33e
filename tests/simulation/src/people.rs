//! People: they do what the scenario says, over the services' routes, and ask again until they are
//! answered. They know nothing of the inside; that something may have changed they are told by the
//! [`Board`](crate::board::Board), as by an app.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use contracts::ServiceName;
use expeditor::people::outcome::Acknowledged;
use runtime::{Key, Kind, Phase, db::Reader as _};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    ask::{Answer, Ask},
    chance::Chance,
    scenario::{Cook, Owner, Rider, Wish},
    world::World,
};

/// The store.
pub(crate) const STORE: &str = "noodle-house";
/// Its dish.
pub(crate) const DISH: &str = "naengmyeon";
const DISTRICT: &str = "mapo";
/// How many bowls there are.
pub(crate) const STOCK: u64 = 30;
/// The riders, and how much each carries.
const RIDERS: [(&str, u32); 2] = [("jun", 3), ("sora", 2)];
/// How long until somebody asks again who was not told of anything.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long until somebody asks again who was not answered.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// Opens the store, and lets everybody begin.
pub(crate) async fn begin(world: &Arc<World>) {
    let put = async |service, path: String, body: Value| {
        while !put(world, service, &path, &body).await {
            world.after(ASK_AGAIN).await;
        }
    };
    let district = json!({"neighbours": ["yongsan"]});
    put(ServiceName::Rider, format!("/rider/districts/{DISTRICT}"), district).await;
    for (rider, capacity) in RIDERS {
        let body = json!({"district": DISTRICT, "on_duty": true, "capacity": capacity});
        put(ServiceName::Rider, format!("/rider/riders/{rider}"), body).await;
    }
    let price = json!({"amount": 9_500, "currency": "KRW"});
    let dish = json!({"name": "Cold noodles", "price": price, "stock": STOCK});
    put(ServiceName::Store, format!("/store/stores/{STORE}/menu/{DISH}"), dish).await;
    world.known().put_in.insert(format!("{STORE}/{DISH}"), STOCK);
    let catalog = format!("/catalog/stores/{STORE}");
    let listed = |answer: &Answer| answer.body["items"].as_array().is_some_and(|it| it.len() == 1);
    while !get(world, ServiceName::Orchestrator, &catalog).await.as_ref().is_some_and(listed) {
        world.after(ASK_AGAIN).await;
    }
    for wish in world.scenario.orders.clone() {
        let person = Person::new(world, wish);
        drop(world.ports.spawn(person.order()));
    }
}

/// Looks.
pub(crate) async fn get(world: &World, service: ServiceName, path: &str) -> Option<Answer> {
    world.ask(service, Ask { method: "GET", path, key: None, body: None }).await
}

async fn put(world: &World, service: ServiceName, path: &str, body: &Value) -> bool {
    let ask = Ask { method: "PUT", path, key: None, body: Some(body) };
    world.ask(service, ask).await.is_some_and(|answer| answer.status == 200)
}

/// Everybody who has to do with one order.
#[derive(Clone)]
struct Person {
    world: Arc<World>,
    wish: Wish,
    order: String,
    chance: Chance,
}

/// Somebody is at it, until this is dropped.
struct Busy(Arc<World>);

impl Busy {
    fn with(world: &Arc<World>) -> Self {
        world.busy.fetch_add(1, Relaxed);
        Self(Arc::clone(world))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Relaxed);
    }
}

impl Person {
    fn new(world: &Arc<World>, wish: Wish) -> Self {
        let chance = Chance::of(world.scenario.seed, &format!("order {}", wish.number));
        Self { world: Arc::clone(world), wish, order: String::new(), chance }
    }

    fn customer(&self) -> String {
        format!("customer-{}", self.wish.number)
    }

    fn spawn(&self, doing: impl Future<Output = ()> + Send + 'static) {
        let busy = Busy::with(&self.world);
        drop(self.world.ports.spawn(async move {
            doing.await;
            drop(busy);
        }));
    }

    /// A moment to think.
    async fn think(&self) {
        self.world.after(self.chance.millis(20..600)).await;
    }

    /// Places the order, and lets everybody go on with it.
    fn order(mut self) -> impl Future<Output = ()> + Send + 'static {
        let busy = Busy::with(&self.world);
        async move {
            self.world.after(self.wish.at).await;
            if let Some(order) = self.place().await {
                self.order = order;
                self.go_on();
            }
            drop(busy);
        }
    }

    async fn place(&self) -> Option<String> {
        let number = self.wish.number;
        let mut body = json!({
            "customer_id": self.customer(),
            "store_id": STORE,
            "items": [{"menu_id": DISH, "quantity": self.wish.quantity}],
            "address": {"district": DISTRICT, "line": "12 Wausan-ro"},
            "payment": {"token": self.wish.token},
        });
        let mut key = format!("key-{number}");
        if let Some(later) = self.wish.later {
            let at = self.world.ports.now().plus(later);
            body["for"] = serde_json::to_value(at).expect("a time is a text");
        }
        loop {
            let ask = Ask { method: "POST", path: "/orders", key: Some(&key), body: Some(&body) };
            match self.world.ask(ServiceName::Orchestrator, ask).await {
                Some(Answer { status: 200 | 201, body }) => {
                    let order_id = body["order_id"].as_str().unwrap_or_default().to_owned();
                    let (customer_id, key) = (self.customer(), key);
                    let order = order_id.clone();
                    self.world.known().acknowledged.push(Acknowledged {
                        order_id,
                        customer_id,
                        key,
                    });
                    return Some(order);
                }
                // By the service's clock it is too late for that, or too early.
                Some(Answer { status: 422, .. }) if body["for"].is_string() => {
                    body["for"].take();
                    body.as_object_mut()?.remove("for");
                    key = format!("key-{number}-now");
                }
                Some(Answer { status: 400..500, body }) => {
                    self.world.remark(format_args!("order {number} is refused: {body}"));
                    return None;
                }
                _ => self.world.after(ASK_AGAIN).await,
            }
        }
    }

    fn go_on(&self) {
        let wish = &self.wish;
        if let Some(after) = wish.cancel {
            self.spawn(self.clone().cancel(after));
        }
        if let Some((after, quantity)) = wish.change {
            self.spawn(self.clone().change(after, quantity));
        }
        if wish.owner != Owner::Silent {
            self.spawn(self.clone().answer());
        }
        if wish.cook != Cook::Silent {
            self.spawn(self.clone().cook());
        }
        self.spawn(self.clone().ride());
    }

    async fn cancel(self, after: Duration) {
        self.world.after(after).await;
        let path = format!("/orders/{}", self.order);
        self.until_answered(Ask { method: "DELETE", path: &path, key: None, body: None }).await;
    }

    async fn change(self, after: Duration, quantity: u32) {
        self.world.after(after).await;
        let (path, key) =
            (format!("/orders/{}", self.order), format!("change-{}", self.wish.number));
        let body = json!({"items": [{"menu_id": DISH, "quantity": quantity}]});
        let ask = Ask { method: "PATCH", path: &path, key: Some(&key), body: Some(&body) };
        self.until_answered(ask).await;
    }

    async fn until_answered(&self, ask: Ask<'_>) {
        let Ask { method, path, key, body } = ask;
        let ask = || self.world.ask(ServiceName::Orchestrator, Ask { method, path, key, body });
        while ask().await.is_none_or(|answer| answer.status >= 500) {
            self.world.after(ASK_AGAIN).await;
        }
    }

    async fn answer(self) {
        let bell = self.watch(ServiceName::Store);
        let path = format!("/store/tickets/{}/acceptance", self.order);
        let accepted = json!({"accepted": self.wish.owner == Owner::Accepts});
        self.insist(&bell, ServiceName::Store, &path, &accepted).await;
    }

    async fn cook(self) {
        let bell = self.watch(ServiceName::Cook);
        let path = |what| format!("/cook/tickets/{}/{what}", self.order);
        if self.wish.cook == Cook::Declines {
            let body = json!({"reason": "no gas"});
            self.insist(&bell, ServiceName::Cook, &path("decline"), &body).await;
            return;
        }
        for what in ["start", "finish"] {
            if !self.insist(&bell, ServiceName::Cook, &path(what), &json!({})).await {
                return;
            }
        }
    }

    async fn ride(self) {
        let bell = self.watch(ServiceName::Rider);
        let (rider, _) = RIDERS[usize::from(self.wish.number % 2 == 1)];
        let body = json!({"rider_id": rider});
        let steps: &[&str] = match self.wish.rider {
            Rider::Delivers => &["claim", "pickup", "confirmation"],
            Rider::ReleasesOnce => &["claim", "release", "claim", "pickup", "confirmation"],
            Rider::Returns => &["claim", "pickup", "return"],
        };
        for what in steps {
            let path = format!("/rider/deliveries/{}/{what}", self.order);
            if !self.insist(&bell, ServiceName::Rider, &path, &body).await {
                return;
            }
        }
    }

    fn watch(&self, service: ServiceName) -> Arc<Notify> {
        self.world.board.watch(&self.order, &[service, ServiceName::Orchestrator])
    }

    /// Asks whenever something has changed, until it is done; not done where the order has ended.
    async fn insist(&self, bell: &Notify, service: ServiceName, path: &str, body: &Value) -> bool {
        loop {
            if self.has_ended().await {
                return false;
            }
            let there = self.world.holds(service, &self.order).await;
            if there {
                self.think().await;
                if put(&self.world, service, path, body).await {
                    return true;
                }
            }
            tokio::select! {
                biased;
                () = bell.notified() => {}
                () = self.world.after(LOOK_AGAIN) => {}
            }
        }
    }

    async fn has_ended(&self) -> bool {
        let state = self.world.state(ServiceName::Orchestrator, "order", &self.order).await;
        state.is_some_and(|state| matches!(&*state, "cancelled" | "returned" | "delivered"))
    }
}

impl World {
    /// The word of an aggregate, as it is stored.
    async fn state(&self, service: ServiceName, kind: &'static str, id: &str) -> Option<String> {
        let key = Key::new(Kind { name: kind, phase: Phase::First, rank: 0 }, id);
        self.site(service).eye.get(&key).await.ok().flatten().map(|row| row.state)
    }

    /// Whether the service has heard of the order.
    async fn holds(&self, service: ServiceName, order: &str) -> bool {
        let kind = if service == ServiceName::Rider { "delivery" } else { "ticket" };
        self.state(service, kind, order).await.is_some()
    }
}
