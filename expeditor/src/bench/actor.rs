//! One order from its customer's request to its end, and the people who act on the way. They are
//! told what they are asked (as by a push message) and send what they do as requests.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    options::Actors,
    watched::{Progress, Sight, Watch},
};
use crate::people::client::{Client, Trouble};

/// Nothing that is measured takes this long; what does has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let answer = self.client.post("/orders", body, key).await?;
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
        let put = async |path: String, body: Value| self.client.must_put(&path, &body).await;
        let ride = async |what: &str| {
            let path = format!("/rider/deliveries/{order_id}/{what}");
            put(path, json!({ "rider_id": self.rider })).await
        };
        progress.wait(Sight::AcceptanceAsked).await;
        let accepted = json!({ "accepted": true });
        put(format!("/store/tickets/{order_id}/acceptance"), accepted).await?;
        progress.wait(Sight::CookingAsked).await;
        put(format!("/cook/tickets/{order_id}/start"), json!({})).await?;
        put(format!("/cook/tickets/{order_id}/finish"), json!({})).await?;
        progress.wait(Sight::Offered).await;
        ride("claim").await?;
        progress.wait(Sight::Cooked).await;
        ride("pickup").await?;
        ride("confirmation").await?;
        Ok(())
    }
}
