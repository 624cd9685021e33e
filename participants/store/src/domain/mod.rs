//! The store's domain: menu items with their stock, and tickets that reserve it. Pure: time and
//! the items that a ticket is about are arguments, a refusal is a value.

pub mod menu_item;
pub mod revision;
pub mod ticket;

pub use menu_item::{MAX_STOCK, MenuItem, Movement, Put, Wanted};
pub use revision::Revision;
pub use ticket::{Outcome, Refusal, Shortage, State, Ticket};
