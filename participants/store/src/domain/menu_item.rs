//! A menu item and its stock. On hand + reserved + sold is what was put in: every change either
//! moves pieces between the three or is an owner's [`put`], and nothing is ever below zero.

use contracts::{MenuId, Money, StoreId, Timestamp};
use mutants::mutant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most pieces of one item that can ever be put in: far below where sums could overflow.
pub const MAX_STOCK: u64 = 1_000_000_000;

/// An item of a store's menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MenuItem {
    /// Whose menu.
    pub store_id: StoreId,
    /// Which item of it.
    pub menu_id: MenuId,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// Pieces ever put in, as the owner says. Kept beside the three that it is the sum of, so that
    /// an audit can tell when one of them was damaged.
    pub stock: u64,
    /// Pieces that can still be reserved.
    pub on_hand: u64,
    /// Pieces that accepted tickets hold.
    pub reserved: u64,
    /// Pieces that are gone for good.
    pub sold: u64,
    /// Counts every change, of stock too.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How pieces move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// On hand → reserved.
    Reserve,
    /// Reserved → on hand.
    Release,
    /// Reserved → sold.
    Sell,
}

/// What an owner wants an item to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// Pieces ever put in, those reserved and sold included; at most [`MAX_STOCK`].
    pub stock: u64,
}

/// What putting an item came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is already so.
    Unchanged,
    /// Only its stock is another one: nobody's news.
    Restocked(MenuItem),
    /// It is new, or its name or price is.
    Changed(MenuItem),
    /// More is reserved and sold than should ever have been put in.
    TooLow {
        /// The least that it can be.
        least: u64,
    },
}

/// Puts an item on the menu, or changes it.
pub fn put(
    current: Option<&MenuItem>,
    store_id: &StoreId,
    menu_id: &MenuId,
    wanted: &Wanted,
    now: Timestamp,
) -> Put {
    let (reserved, sold, version) =
        current.map_or((0, 0, 0), |item| (item.reserved, item.sold, item.version));
    let least = reserved + sold;
    let Some(on_hand) = wanted.stock.checked_sub(least) else {
        return Put::TooLow { least };
    };
    let after = MenuItem {
        store_id: store_id.clone(),
        menu_id: menu_id.clone(),
        name: wanted.name.clone(),
        price: wanted.price,
        stock: wanted.stock,
        on_hand,
        reserved,
        sold,
        version: version + 1,
        updated_at: now,
    };
    match current {
        Some(before) if before.name == after.name && before.price == after.price => {
            if before.on_hand == on_hand { Put::Unchanged } else { Put::Restocked(after) }
        }
        _ => Put::Changed(after),
    }
}

impl MenuItem {
    /// Pieces that are somewhere; always as many as were put in.
    pub const fn accounted_for(&self) -> u64 {
        self.on_hand + self.reserved + self.sold
    }

    /// The item after so many pieces moved; `None` where there are not so many to move.
    #[must_use]
    pub fn moved(&self, movement: Movement, quantity: u64, now: Timestamp) -> Option<Self> {
        let mut after = self.clone();
        let (from, to) = match movement {
            Movement::Reserve => (&mut after.on_hand, &mut after.reserved),
            Movement::Release => (&mut after.reserved, &mut after.on_hand),
            Movement::Sell => (&mut after.reserved, &mut after.sold),
        };
        *from = if mutant!("store-reserves-what-is-not-there") {
            from.saturating_sub(quantity)
        } else {
            from.checked_sub(quantity)?
        };
        *to = to.checked_add(quantity)?;
        after.version += 1;
        after.updated_at = now;
        Some(after)
    }
}
