//! Parts of an order that several messages carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{District, MenuId, Money};

/// One line of an order, priced by the catalog at the moment of ordering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Which item of the store's menu.
    pub menu_id: MenuId,
    /// What it was called then.
    pub name: String,
    /// What one piece cost then.
    pub unit_price: Money,
    /// How many pieces, 1–999.
    #[schemars(range(min = 1, max = 999))]
    pub quantity: u32,
}

/// Where an order is delivered to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The district, by which riders are found.
    pub district: District,
    /// Street, house, door, as the customer wrote it.
    pub line: String,
}
