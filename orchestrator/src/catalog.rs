//! The catalog: a copy of the stores' menus, kept from their events, by which orders are priced.
//!
//! It may lag a menu by moments. An order looks at it without a lock, or every order of one dish
//! would queue; so it must never hold anything that an order changes.

use contracts::{MenuId, Money, StoreId, Timestamp, event::MenuItemChanged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One item of one store's menu, as it was last told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogItem {
    /// Whose menu.
    pub store_id: StoreId,
    /// Which item.
    pub menu_id: MenuId,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// The store's version of the item that this copy is of.
    pub sequence: u64,
    /// When the store said so.
    pub updated_at: Timestamp,
    /// Counts the changes of the copy.
    pub version: u64,
}

/// The id of an item's aggregate: `<store_id>/<menu_id>`.
pub fn item_id(store: &StoreId, menu: &MenuId) -> String {
    format!("{store}/{menu}")
}

/// The highest price that is taken, in minor units; as over HTTP.
const MAX_PRICE: i64 = 1_000_000_000_000;

/// Whether something may cost that: what is said by message is checked as what is said by HTTP.
pub const fn is_price(price: Money) -> bool {
    0 <= price.amount && price.amount <= MAX_PRICE
}

/// Takes what a store tells of an item into the copy. `None` where the copy is as new already:
/// competing consumers may bring the store's events out of order.
pub fn apply(
    known: Option<&CatalogItem>,
    told: &MenuItemChanged,
    sequence: u64,
    at: Timestamp,
) -> Option<CatalogItem> {
    if known.is_some_and(|item| item.sequence >= sequence) {
        return None;
    }
    Some(CatalogItem {
        store_id: told.store_id.clone(),
        menu_id: told.menu_id.clone(),
        name: told.name.clone(),
        price: told.price,
        sequence,
        updated_at: at,
        version: known.map_or(0, |item| item.version) + 1,
    })
}

#[cfg(test)]
mod tests {
    use contracts::Currency;

    use super::*;

    fn told(name: &str, amount: i64) -> MenuItemChanged {
        MenuItemChanged {
            store_id: StoreId::new("s1").unwrap(),
            menu_id: MenuId::new("m1").unwrap(),
            name: name.to_owned(),
            price: Money { amount, currency: Currency::KRW },
        }
    }

    #[test]
    fn a_newer_event_changes_the_copy_and_an_older_or_equal_one_does_not() {
        let at = Timestamp::from_millis(1);
        let first = apply(None, &told("bibimbap", 9_000), 3, at).unwrap();
        assert_eq!((first.version, first.sequence), (1, 3));
        for (sequence, taken) in [(1, false), (3, false), (4, true), (9, true)] {
            let next = apply(Some(&first), &told("bibimbap", 9_500), sequence, at);
            assert_eq!(next.is_some(), taken, "sequence {sequence}");
            if let Some(next) = next {
                assert_eq!((next.version, next.price.amount), (2, 9_500));
            }
        }
    }
}
