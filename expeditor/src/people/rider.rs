//! A rider: claims what is on offer nearby, picks it up, and hands it over or brings it back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    book::Book,
    client::{Answer, Client, Trouble},
    pace::{Closing, Pace},
    plan::Plan,
    town::{CAPACITY, shift},
};

/// A delivery that this rider has.
struct Carried {
    order_id: String,
    picked: bool,
}

/// Works until it is time to go.
pub async fn work(
    client: Client,
    book: Book,
    (rider, district): (String, String),
    mut closing: Closing,
) -> Result<(), Trouble> {
    let mut pace = Pace::new(Duration::from_millis(15), Duration::from_millis(200));
    // What they carried when the system was last ended, they still carry.
    let shift = client.must_put(&format!("/rider/riders/{rider}"), &shift(&district)).await?;
    let carrying = shift.body.get("carrying").and_then(Value::as_array);
    let mut carried: Vec<Carried> = carrying
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|order_id| Carried { order_id: order_id.to_owned(), picked: false })
        .collect();
    let me = Me { client: &client, book: &book, rider: &rider, district: &district };
    loop {
        let mut busy = false;
        let mut still = Vec::new();
        for delivery in carried {
            let (kept, moved) = me.ride(delivery).await?;
            busy |= moved;
            still.extend(kept);
        }
        carried = still;
        if carried.len() < CAPACITY {
            let offers = client.list(&format!("/rider/riders/{rider}/offers")).await?;
            for offer in &offers {
                if carried.len() >= CAPACITY {
                    break;
                }
                if let Some(delivery) = me.claim(offer).await? {
                    busy = true;
                    carried.push(delivery);
                }
            }
        }
        if !closing.pause(client.ports(), pace.next(busy)).await {
            return Ok(());
        }
    }
}

struct Me<'a> {
    client: &'a Client,
    book: &'a Book,
    rider: &'a str,
    district: &'a str,
}

impl Me<'_> {
    /// Claims what is on offer, unless nobody is to do so from here.
    async fn claim(&self, offer: &Value) -> Result<Option<Carried>, Trouble> {
        let order_id = offer["order_id"].as_str().unwrap_or_default().to_owned();
        let Some(plan) = self.book.plan(&order_id) else { return Ok(None) };
        let near = offer["address"]["district"].as_str() == Some(self.district);
        if near && plan == Plan::DeliverFromAfar {
            return Ok(None);
        }
        let answer = self.tell(&order_id, "claim").await?;
        if answer.ok() {
            self.book.advance(&order_id, |progress| progress.from_afar |= !near);
            return Ok(Some(Carried { order_id, picked: false }));
        }
        // Another rider was faster, or this one has enough: that is how it goes.
        if !matches!(answer.slug(), "claimed" | "rider-full") {
            self.remark(&order_id, &answer);
        }
        Ok(None)
    }

    /// One move with a delivery; answers it where it is still carried, and whether it moved.
    async fn ride(&self, mut delivery: Carried) -> Result<(Option<Carried>, bool), Trouble> {
        let order_id = &delivery.order_id;
        let plan = self.book.plan(order_id).unwrap_or(Plan::Deliver);
        let gives_back = plan == Plan::DeliverAfterRelease && !delivery.picked;
        if gives_back && !self.book.progress(order_id).released {
            let answer = self.tell(order_id, "release").await?;
            if answer.ok() {
                self.book.advance(order_id, |progress| progress.released = true);
                return Ok((None, true));
            }
            self.remark(order_id, &answer);
        }
        if !delivery.picked {
            let answer = self.tell(order_id, "pickup").await?;
            if answer.slug() == "food-not-ready" {
                return Ok((Some(delivery), false));
            }
            if !answer.ok() {
                self.remark(order_id, &answer);
                return Ok((None, true));
            }
            delivery.picked = true;
            return Ok((Some(delivery), true));
        }
        let last = if plan == Plan::Return { "return" } else { "confirmation" };
        let answer = self.tell(order_id, last).await?;
        if !answer.ok() {
            self.remark(order_id, &answer);
        }
        Ok((None, true))
    }

    async fn tell(&self, order_id: &str, what: &str) -> Result<Answer, Trouble> {
        let mut body = json!({ "rider_id": self.rider });
        if what == "return" {
            body["reason"] = json!("nobody opened");
        }
        self.client.put(&format!("/rider/deliveries/{order_id}/{what}"), &body).await
    }

    fn remark(&self, order_id: &str, answer: &Answer) {
        self.book.remark(order_id, format!("{} was answered {}", self.rider, answer.brief()));
    }
}
