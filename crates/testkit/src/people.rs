//! People who act over HTTP: a store with one dish, its cook, a rider, customers.

use serde_json::{Value, json};

use crate::{Answer, App};

/// The store.
pub const STORE: &str = "noodle-house";
/// Its dish.
pub const DISH: &str = "naengmyeon";
/// What the dish costs, in won.
pub const PRICE: i64 = 9_500;
/// Where everybody lives.
pub const DISTRICT: &str = "mapo";
/// The district beside it.
pub const NEXT: &str = "yongsan";
/// The rider.
pub const RIDER: &str = "jun";

/// An order for so many bowls.
pub fn order_body(customer: &str, quantity: u32, token: &str) -> Value {
    json!({
        "customer_id": customer,
        "store_id": STORE,
        "items": [{"menu_id": DISH, "quantity": quantity}],
        "address": {"district": DISTRICT, "line": "12 Wausan-ro"},
        "payment": {"token": token},
    })
}

impl App {
    /// Opens the store with that many portions of its dish, and puts the rider on duty.
    pub async fn open(&self, stock: i64, capacity: u32) {
        let path = format!("/rider/districts/{DISTRICT}");
        assert_eq!(self.client().put(&path, &json!({"neighbours": [NEXT]})).await.status, 200);
        self.hire(RIDER, capacity).await;
        self.put_menu(stock).await;
        let catalog = format!("/catalog/stores/{STORE}");
        self.until("the dish is in the catalog", || async {
            self.client().get(&catalog).await.body["items"]
                .as_array()
                .is_some_and(|it| it.len() == 1)
        })
        .await;
    }

    /// Puts a rider on duty where everybody lives.
    pub async fn hire(&self, rider: &str, capacity: u32) {
        self.hire_in(DISTRICT, rider, capacity).await;
    }

    /// Puts a rider on duty in a district.
    pub async fn hire_in(&self, district: &str, rider: &str, capacity: u32) {
        let rider_body = json!({"district": district, "on_duty": true, "capacity": capacity});
        let answer = self.client().put(&format!("/rider/riders/{rider}"), &rider_body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }

    /// Sets the total stock of the dish.
    pub async fn put_menu(&self, stock: i64) {
        let price = json!({"amount": PRICE, "currency": "KRW"});
        let dish = json!({"name": "Cold noodles", "price": price, "stock": stock});
        let path = format!("/store/stores/{STORE}/menu/{DISH}");
        let answer = self.client().put(&path, &dish).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }

    /// The dish's on hand, reserved and sold.
    pub async fn stock(&self) -> (i64, i64, i64) {
        let menu = self.client().get(&format!("/store/stores/{STORE}/menu")).await;
        let item = &menu.body["items"][0];
        let count = |field: &str| item[field].as_i64().unwrap();
        (count("on_hand"), count("reserved"), count("sold"))
    }

    /// Waits until the dish's on hand, reserved and sold are these.
    pub async fn stock_becomes(&self, expected: (i64, i64, i64)) {
        let what = format!("the stock is {expected:?}");
        self.until(&what, || async { self.stock().await == expected }).await;
    }

    /// Places an order; answers its id.
    pub async fn place(&self, customer: &str, quantity: u32, token: &str) -> String {
        let key = format!("key-{}", self.ports().ids.next());
        let answer =
            self.client().post("/orders", &key, &order_body(customer, quantity, token)).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["order_id"].as_str().unwrap().to_owned()
    }

    /// The order as it stands.
    pub async fn order(&self, order: &str) -> Value {
        let answer = self.client().get(&format!("/orders/{order}")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    /// Waits until the order has that status.
    pub async fn reaches(&self, order: &str, status: &str) {
        let what = format!("order {order} is {status}");
        self.until(&what, || async { self.order(order).await["status"] == status }).await;
    }

    /// Repeats a PUT until it is taken: what one service has said reaches another a moment later.
    pub async fn insist(&self, path: &str, body: Value) {
        let (body, path) = (&body, &path);
        self.until(&format!("PUT {path} is taken"), || async {
            self.client().put(path, body).await.status == 200
        })
        .await;
    }

    /// The owner answers the ticket.
    pub async fn answer_ticket(&self, order: &str, accepted: bool) {
        let path = format!("/store/tickets/{order}/acceptance");
        self.insist(&path, json!({"accepted": accepted})).await;
    }

    /// The cook does something with the ticket: `start`, `finish`, `decline`.
    pub async fn cook(&self, order: &str, what: &str) {
        let body = if what == "decline" { json!({"reason": "no gas"}) } else { json!({}) };
        self.insist(&format!("/cook/tickets/{order}/{what}"), body).await;
    }

    /// The rider does something with the delivery: `claim`, `release`, `pickup`, `confirmation`,
    /// `return`.
    pub async fn ride(&self, order: &str, what: &str) {
        let path = format!("/rider/deliveries/{order}/{what}");
        self.insist(&path, json!({"rider_id": RIDER})).await;
    }

    /// The deliveries on offer near a rider.
    pub async fn offers(&self, rider: &str) -> Vec<Value> {
        let offers = self.client().get(&format!("/rider/riders/{rider}/offers")).await.body;
        offers["items"].as_array().unwrap().clone()
    }

    /// Takes an order on to where cooking has started.
    pub async fn place_and_start_cooking(&self, customer: &str, quantity: u32) -> String {
        let order = self.place(customer, quantity, "tok-ok").await;
        self.answer_ticket(&order, true).await;
        self.cook(&order, "start").await;
        self.reaches(&order, "cooking").await;
        order
    }

    /// Waits until a paid order's ticket is before the owner.
    pub async fn is_asked(&self, order: &str) {
        let tickets = format!("/store/stores/{STORE}/tickets?state=pending");
        self.until("the store has been asked", || async {
            self.client().get(&tickets).await.body.to_string().contains(order)
        })
        .await;
    }

    /// The customer wants so many bowls instead.
    pub async fn change(&self, order: &str, quantity: u32) -> Answer {
        let key = format!("key-{}", self.ports().ids.next());
        let body = json!({"items": [{"menu_id": DISH, "quantity": quantity}]});
        self.client().patch(&format!("/orders/{order}"), &key, &body).await
    }

    /// Waits until the last change of the order is `made` or `refused`; answers which, and why.
    pub async fn decided(&self, order: &str) -> (String, Value) {
        self.until("the change is decided", || async {
            self.order(order).await["revision"]["status"] != "pending"
        })
        .await;
        let revision = &self.order(order).await["revision"];
        (revision["status"].as_str().unwrap().to_owned(), revision["reason"].clone())
    }

    /// The customer cancels.
    pub async fn cancel(&self, order: &str) -> Answer {
        self.client().delete(&format!("/orders/{order}")).await
    }

    /// The last word of payment about an order.
    pub async fn payment(&self, order: &str) -> Value {
        self.client().get(&format!("/payment/orders/{order}")).await.body
    }

    /// Waits until MyPage shows the order at that status, with all that the orchestrator says of
    /// it; answers what it shows.
    pub async fn is_shown(&self, order: &str, status: &str) -> Value {
        let path = format!("/mypage/orders/{order}");
        let listed = async |customer: &Value| {
            let customer = customer.as_str().unwrap_or_default();
            let list = self.client().get(&format!("/mypage/customers/{customer}/orders")).await;
            list.body["items"][0].clone()
        };
        // What has happened last may be on its way.
        self.drained().await;
        let what = format!("MyPage shows order {order} {status}");
        self.until(&what, || async {
            let shown = self.client().get(&path).await.body;
            shown["status"] == status && listed(&shown["customer_id"]).await == shown
        })
        .await;
        let (shown, truth) = (self.client().get(&path).await.body, self.order(order).await);
        for field in [
            "status",
            "reason",
            "customer_id",
            "store_id",
            "items",
            "total",
            "address",
            "placed_at",
        ] {
            assert_eq!(shown[field], truth[field], "{field} of {shown:#}");
        }
        shown
    }

    /// The latest milestone of a part of the order that MyPage shows.
    pub async fn part(&self, order: &str, part: &str) -> Value {
        self.client().get(&format!("/mypage/orders/{order}")).await.body[part]["latest"].clone()
    }
}
