//! The simulated town: its stores with menus, its districts, its riders. Set up over HTTP; a
//! repeated set-up changes nothing.

use std::{collections::BTreeMap, time::Duration};

use runtime::auth::Role;
use serde_json::json;

use super::{
    client::{Client, Trouble},
    pace::Pace,
};

const STORES: usize = 4;
const DISHES: usize = 5;
const DISTRICTS: usize = 2;
const RIDERS_A_DISTRICT: usize = 4;
/// How many deliveries a simulated rider carries at once.
pub const CAPACITY: usize = 5;
/// More of each dish than any run orders.
const STOCK: u32 = 1_000_000;

/// What a rider enters when they begin to work; entered again it changes nothing.
pub fn shift(district: &str) -> serde_json::Value {
    json!({ "district": district, "on_duty": true, "capacity": CAPACITY })
}

/// Where the simulated people live.
#[derive(Clone, Debug)]
pub struct Town {
    /// Its stores.
    pub stores: Vec<String>,
    /// Its districts.
    pub districts: Vec<String>,
    /// Its riders with their districts.
    pub riders: Vec<(String, String)>,
}

impl Town {
    /// The town; its names begin with `sim-`, so that orders placed by hand elsewhere are left to
    /// who placed them.
    pub fn plan() -> Self {
        let districts: Vec<String> = (1..=DISTRICTS).map(|n| format!("sim-district-{n}")).collect();
        Self {
            stores: (1..=STORES).map(|n| format!("sim-store-{n}")).collect(),
            riders: districts
                .iter()
                .enumerate()
                .flat_map(|(d, district)| {
                    (1..=RIDERS_A_DISTRICT)
                        .map(move |n| (format!("sim-rider-{}-{n}", d + 1), district.clone()))
                })
                .collect(),
            districts,
        }
    }

    /// How many pieces of each menu item (`<store_id>/<menu_id>`) it puts in.
    pub fn put_in(&self) -> BTreeMap<String, u64> {
        let items = |store: &String| {
            let store = store.clone();
            (1..=DISHES).map(move |dish| (format!("{store}/dish-{dish}"), u64::from(STOCK)))
        };
        self.stores.iter().flat_map(items).collect()
    }

    /// Opens stores, districts and shifts.
    pub async fn open(&self, client: &Client) -> Result<(), Trouble> {
        let operator = client.acting_as(Role::Operator);
        let (rides, owner) = (client.acting_as(Role::Rider), client.acting_as(Role::Store));
        for district in &self.districts {
            let neighbours: Vec<&String> =
                self.districts.iter().filter(|other| *other != district).collect();
            operator
                .must_put(
                    &format!("/rider/districts/{district}"),
                    &json!({ "neighbours": neighbours }),
                )
                .await?;
        }
        for (rider, district) in &self.riders {
            rides.must_put(&format!("/rider/riders/{rider}"), &shift(district)).await?;
        }
        for store in &self.stores {
            for dish in 1..=DISHES {
                let price = 7_000 + 1_500 * dish;
                owner
                    .must_put(
                        &format!("/store/stores/{store}/menu/dish-{dish}"),
                        &json!({
                            "name": format!("Dish no. {dish}"),
                            "price": { "amount": price, "currency": "KRW" },
                            "stock": STOCK,
                        }),
                    )
                    .await?;
            }
        }
        Ok(())
    }

    /// Waits until customers can see every menu: the catalog is a copy and may lag.
    pub async fn wait_for_catalog(
        &self,
        client: &Client,
        patience: Duration,
    ) -> Result<(), Trouble> {
        let client = client.acting_as(Role::Customer);
        let start = client.ports().clock.elapsed();
        let mut pace = Pace::new(Duration::from_millis(20), Duration::from_millis(500));
        for store in &self.stores {
            loop {
                let answer = client.get(&format!("/catalog/stores/{store}")).await?;
                let seen = answer.body.get("items").and_then(|items| items.as_array());
                if answer.ok() && seen.is_some_and(|items| items.len() >= DISHES) {
                    break;
                }
                let waited = client.ports().clock.elapsed().saturating_sub(start);
                if waited > patience {
                    return Err(Trouble::Odd(format!(
                        "the menu of {store} did not reach the catalog within {} s: {}",
                        patience.as_secs(),
                        answer.brief()
                    )));
                }
                client.ports().clock.sleep(pace.next(false)).await;
            }
        }
        Ok(())
    }

    /// An order that a customer composes: body of `POST /orders`.
    pub fn compose(&self, number: u64, customer: &str, token: &str) -> serde_json::Value {
        let pick = |n: u64, of: usize| usize::try_from(n % of as u64).unwrap_or(0);
        let first = pick(number, DISHES) + 1;
        let second = pick(number + 1 + number / 5 % 4, DISHES) + 1;
        let mut items =
            vec![json!({ "menu_id": format!("dish-{first}"), "quantity": 1 + number % 3 })];
        if second != first {
            items.push(json!({ "menu_id": format!("dish-{second}"), "quantity": 1 }));
        }
        json!({
            "customer_id": customer,
            "store_id": self.stores[pick(number / 3, STORES)],
            "items": items,
            "address": {
                "district": self.districts[pick(number / 2, DISTRICTS)],
                "line": format!("{} Market Street", number + 1),
            },
            "payment": { "token": token },
        })
    }
}
