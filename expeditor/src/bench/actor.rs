//! One order from its customer's request to its end, and the people who act on the way. They are
//! told what they are asked (as by a push message) and send what they do as requests.

use std::{sync::Arc, time::Duration};

use runtime::auth::Role;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    options::Actors,
    watched::{Progress, Sight, Watch},
};
use crate::people::client::{Client, Trouble};

/// Nothing that is measured takes this long; what does has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long until a service is asked again that has not heard yet what it is about.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// How long an order took from the moment at which its request was sent.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Until it was acknowledged.
    pub placed: Duration,
    /// Until customers saw it delivered.
    pub delivered: Duration,
}

/// Takes orders to their end, one after another.
pub struct Actor {
    /// Speaks to the services.
    pub client: Client,
    /// Tells what happens.
    pub watch: Arc<Watch>,
    /// Whether the participants decide, or people.
    pub actors: Actors,
    /// The rider who is going to deliver.
    pub rider: String,
}

impl Actor {
    /// Places an order and answers when it is at its end: delivered, paid and settled.
    pub async fn order(&self, body: &Value, key: &str) -> Result<Took, Trouble> {
        let start = self.client.ports().clock.elapsed();
        let since = |at: Duration| at.saturating_sub(start);
        let customer = self.client.acting_as(Role::Customer);
        let answer = customer.post("/orders", body, key).await?;
        let placed = since(self.client.ports().clock.elapsed());
        if answer.status != 201 {
            return Err(Trouble::Odd(format!("an order was answered {}", answer.brief())));
        }
        let order_id = answer.text("order_id");
        let progress = self.watch.follow(order_id);
        let took = async {
            if self.actors == Actors::Http {
                self.serve(order_id, &progress).await?;
            }
            let delivered = since(progress.wait(Sight::Delivered).await);
            progress.wait(Sight::Completed).await;
            Ok(Took { placed, delivered })
        };
        let took = timeout(PATIENCE, took).await.unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(Trouble::Odd(format!("order {order_id} was not at its end after {seconds} s")))
        });
        self.watch.forget(order_id);
        took
    }

    /// What owner, cook and rider do, each as soon as they can.
    async fn serve(&self, order_id: &str, progress: &Progress) -> Result<(), Trouble> {
        let ride = async |what: &str| {
            let path = format!("/rider/deliveries/{order_id}/{what}");
            self.put(Role::Rider, path, json!({ "rider_id": self.rider })).await
        };
        let cook = async |what: &str| {
            let path = format!("/cook/tickets/{order_id}/{what}");
            self.put(Role::Cook, path, json!({})).await
        };
        progress.wait(Sight::AcceptanceAsked).await;
        let path = format!("/store/tickets/{order_id}/acceptance");
        self.put(Role::Store, path, json!({ "accepted": true })).await?;
        progress.wait(Sight::CookingAsked).await;
        cook("start").await?;
        cook("finish").await?;
        progress.wait(Sight::Offered).await;
        ride("claim").await?;
        progress.wait(Sight::Cooked).await;
        ride("pickup").await?;
        ride("confirmation").await?;
        Ok(())
    }

    /// What must be done. A service that has not heard yet what it is about is asked again.
    async fn put(&self, role: Role, path: String, body: Value) -> Result<(), Trouble> {
        let client = self.client.acting_as(role);
        loop {
            let answer = client.put(&path, &body).await?;
            if answer.ok() {
                return Ok(());
            }
            if !self.watch.is_early() || ![404, 409].contains(&answer.status) {
                return Err(Trouble::Odd(format!("PUT {path} was answered {}", answer.brief())));
            }
            client.ports().clock.sleep(ASK_AGAIN).await;
        }
    }
}
