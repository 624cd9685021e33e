//! The town in which the bench's orders happen: what is on sale, who delivers. Set up over HTTP,
//! before anything is measured.

use std::time::Duration;

use runtime::auth::Role;
use serde_json::{Value, json};

use crate::people::client::{Client, Trouble};

const STORES: usize = 4;
const DISHES: usize = 5;
const CUSTOMERS: usize = 1_000;
/// How many places of a run share a district and its rider.
const PLACES_A_RIDER: usize = 4;
/// More than a rider ever carries here: nobody waits for a rider.
const CAPACITY: usize = 50;
/// More of each dish than any run orders.
const STOCK: u32 = 1_000_000;
/// How long the menus may take to reach the catalog.
const LOOKS: u32 = 2_000;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A town with as many districts as its places need.
#[derive(Clone, Debug)]
pub struct Town {
    districts: usize,
}

impl Town {
    /// For so many orders under way at the same time, each in a place of its own.
    pub fn new(places: usize) -> Self {
        Self { districts: places.div_ceil(PLACES_A_RIDER).max(1) }
    }

    /// The rider who serves a place.
    pub fn rider(&self, place: usize) -> String {
        format!("bench-rider-{}", place % self.districts)
    }

    fn district(&self, place: usize) -> String {
        format!("bench-district-{}", place % self.districts)
    }

    /// Opens it, and waits until customers can see every menu.
    pub async fn open(&self, client: &Client) -> Result<(), Trouble> {
        let (rides, owner) = (client.acting_as(Role::Rider), client.acting_as(Role::Store));
        for place in 0..self.districts {
            let district = self.district(place);
            let path = format!("/rider/districts/{district}");
            client.must_put(&path, &json!({ "neighbours": [] })).await?;
            let shift = json!({ "district": district, "on_duty": true, "capacity": CAPACITY });
            rides.must_put(&format!("/rider/riders/{}", self.rider(place)), &shift).await?;
        }
        for store in 0..STORES {
            for dish in 0..DISHES {
                let path = format!("/store/stores/bench-store-{store}/menu/dish-{dish}");
                let dish = json!({
                    "name": format!("Dish no. {dish}"),
                    "price": { "amount": 7_000 + 1_500 * dish, "currency": "KRW" },
                    "stock": STOCK,
                });
                owner.must_put(&path, &dish).await?;
            }
        }
        for store in 0..STORES {
            Self::wait_for_menu(client, &format!("bench-store-{store}")).await?;
        }
        Ok(())
    }

    async fn wait_for_menu(client: &Client, store: &str) -> Result<(), Trouble> {
        for _ in 0..LOOKS {
            let answer = client.get(&format!("/catalog/stores/{store}")).await?;
            let seen = answer.body.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            if seen == DISHES {
                return Ok(());
            }
            client.ports().clock.sleep(LOOK_AGAIN).await;
        }
        Err(Trouble::Odd(format!("the menu of {store} did not reach the catalog")))
    }

    /// An order from a place: body of `POST /orders`.
    pub fn compose(&self, place: usize, random: &mut fastrand::Rng) -> Value {
        let first = random.usize(0..DISHES);
        let mut items =
            vec![json!({ "menu_id": format!("dish-{first}"), "quantity": random.u32(1..=3) })];
        if random.bool() {
            let second = (first + random.usize(1..DISHES)) % DISHES;
            items.push(json!({ "menu_id": format!("dish-{second}"), "quantity": 1 }));
        }
        json!({
            "customer_id": format!("bench-customer-{}", random.usize(0..CUSTOMERS)),
            "store_id": format!("bench-store-{}", random.usize(0..STORES)),
            "items": items,
            "address": {
                "district": self.district(place),
                "line": format!("{} Market Street", place + 1),
            },
            "payment": { "token": "tok-ok" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_orders_the_same_and_no_rider_is_asked_for_too_much() {
        let town = Town::new(128);
        let draw = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..20).map(|place| town.compose(place, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let riders: Vec<String> = (0..128).map(|place| town.rider(place)).collect();
        let most = riders.iter().map(|it| riders.iter().filter(|other| *other == it).count()).max();
        assert_eq!(most, Some(PLACES_A_RIDER));
    }
}
