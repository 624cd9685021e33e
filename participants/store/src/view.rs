//! What is shown of menus and tickets over HTTP.

use std::collections::BTreeMap;

use contracts::{Line, MenuId, Money, OrderId, StoreId, Timestamp};
use runtime::participant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    aggregates::menu_item_key,
    domain::{MenuItem, State, Ticket},
};

/// A menu item as owners see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Menu", inline)]
pub struct MenuItemView<'a> {
    item: &'a MenuItem,
}

/// A menu item with its stock.
pub fn menu_item_view(item: &MenuItem) -> MenuItemView<'_> {
    MenuItemView { item }
}

impl MenuItemView<'_> {
    /// The id under which it is stored, by which lists go on.
    pub fn key(&self) -> String {
        menu_item_key(&self.item.store_id, &self.item.menu_id).id.to_string()
    }
}

/// A ticket as owners see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "StoreTicket")]
pub struct TicketView<'a> {
    /// The order.
    order_id: &'a OrderId,
    /// Whose ticket; none where the order was undone before its ticket came.
    store_id: Option<&'a StoreId>,
    /// How it stands.
    #[schemars(with = "State")]
    state: &'static str,
    /// What is wanted.
    items: &'a [Line],
    /// What it costs in all.
    total: Option<Money>,
    /// Why the owner answered so.
    reason: Option<&'a str>,
    /// When it came.
    requested_at: Option<Timestamp>,
    /// When the owner answered.
    answered_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
    /// Counts its changes.
    version: u64,
}

/// A ticket as people see it.
pub fn ticket_view(ticket: &Ticket) -> TicketView<'_> {
    let (asked, answer) = (ticket.asked.as_ref(), ticket.answer.as_ref());
    TicketView {
        order_id: &ticket.order_id,
        store_id: ticket.store_id(),
        state: ticket.state.as_str(),
        items: asked.map_or(&[], |asked| &asked.items),
        total: asked.map(|asked| asked.total),
        reason: answer.and_then(|answer| answer.reason.as_deref()),
        requested_at: asked.map(|asked| asked.at),
        answered_at: answer.map(|answer| answer.at),
        updated_at: ticket.updated_at,
        version: ticket.record.sequence,
    }
}

impl TicketView<'_> {
    /// Whose ticket it is.
    pub const fn order_id(&self) -> &OrderId {
        self.order_id
    }
}

/// Whose ticket, and the pieces that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Store")]
pub struct HeldPieces<'a> {
    /// Whose ticket.
    store_id: Option<&'a StoreId>,
    /// The pieces that are kept for it.
    reserved: Vec<Pieces<'a>>,
    /// The pieces that are gone with it.
    sold: Vec<Pieces<'a>>,
}

/// So many pieces of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pieces<'a> {
    /// Which item.
    menu_id: &'a MenuId,
    /// How many.
    quantity: u64,
}

/// What the service holds for an order, as the auditor reads it.
pub type Holding<'a> = participant::Holding<'a, HeldPieces<'a>>;

/// What is held for an order: its pieces, reserved or sold, with every milestone. It is active
/// where the owner still has to answer, or pieces are reserved.
pub fn holding(ticket: &Ticket) -> Holding<'_> {
    let pieces = |state| {
        let held = if ticket.state == state { ticket.quantities() } else { BTreeMap::new() };
        held.into_iter().map(|(menu_id, quantity)| Pieces { menu_id, quantity }).collect()
    };
    Holding {
        order_id: &ticket.order_id,
        state: ticket.state.as_str(),
        active: ticket.is_active(),
        own: HeldPieces {
            store_id: ticket.store_id(),
            reserved: pieces(State::Accepted),
            sold: pieces(State::Settled),
        },
        milestones: &ticket.record.milestones,
        updated_at: ticket.updated_at,
        version: ticket.record.sequence,
    }
}
