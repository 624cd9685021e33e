//! I2, for menu items: what is reserved and sold is what the tickets say, and on hand, reserved and
//! sold are together what was put in, where that is known: the store keeps it, or who put it in.
//!
//! Tickets and items are not read at one moment. Every movement changes the item's version, so an
//! item whose version is the same before and after all tickets were read has not moved meanwhile.

use std::collections::BTreeMap;

use super::columns;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    bodies::{Holding, MenuItem, read},
    held::Columns,
    read::{MENU_ITEMS, Stored, TICKETS},
};

/// How often items that keep moving are looked at again.
const ROUNDS: u32 = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    reserved: u64,
    sold: u64,
}

struct Item {
    version: u64,
    body: MenuItem,
}

/// Judges every menu item.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    report: &mut Report,
) -> Result<(), AuditError> {
    let mut open: Option<Vec<String>> = None;
    for round in 1..=ROUNDS {
        let before = items(stored, report, round == 1).await?;
        let sums = tickets(stored).await?;
        let after = items(stored, report, false).await?;
        let judged = open.unwrap_or_else(|| before.keys().cloned().collect());
        let mut moving = Vec::new();
        for id in judged {
            let (Some(first), Some(second)) = (before.get(&id), after.get(&id)) else { continue };
            if first.version != second.version {
                moving.push(id);
                continue;
            }
            let found = Sums { reserved: second.body.reserved, sold: second.body.sold };
            let expected = sums.get(&id).copied().unwrap_or_default();
            let complaint = (found != expected).then(|| {
                format!(
                    "menu item {id}: {} reserved and {} sold, but the tickets say {} and {}",
                    found.reserved, found.sold, expected.reserved, expected.sold
                )
            });
            report.judge(Name(2), complaint.or_else(|| lost(&id, &second.body, known)));
        }
        // Tickets for items that are on no menu.
        if round == 1 {
            for id in sums.keys().filter(|id| !after.contains_key(*id)) {
                let complaint = format!("menu item {id}: tickets reserve it and it does not exist");
                report.judge(Name(2), Some(complaint));
            }
        }
        if moving.is_empty() {
            return Ok(());
        }
        open = Some(moving);
    }
    for _ in open.into_iter().flatten() {
        report.in_flight(Name(2));
    }
    Ok(())
}

/// Pieces that are neither on hand nor reserved nor sold, or more than were put in.
fn lost(id: &str, item: &MenuItem, known: &Knowledge) -> Option<String> {
    let sum = item.on_hand + item.reserved + item.sold;
    // What the store says was put in, and what those who did it know.
    let told = [Some(item.stock), known.put_in.get(id).copied()];
    told.into_iter().flatten().find(|put_in| *put_in != sum).map(|put_in| {
        format!(
            "menu item {id}: {} on hand, {} reserved and {} sold, but {put_in} were put in",
            item.on_hand, item.reserved, item.sold
        )
    })
}

async fn items(
    stored: &dyn Stored,
    report: &mut Report,
    complain: bool,
) -> Result<BTreeMap<String, Item>, AuditError> {
    let mut items = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(MENU_ITEMS, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(items) };
        after = Some(last.clone());
        for (id, row) in page {
            match read::<MenuItem>("menu item", &id, &row.body) {
                Ok(body) => {
                    if complain {
                        let complaint = columns::menu_item(&Columns::of(&row), &body);
                        columns::judge(report, "menu item", &id, complaint);
                    }
                    items.insert(id, Item { version: row.version, body });
                }
                Err(reason) if complain => report.judge(Name(2), Some(reason)),
                Err(_) => {}
            }
        }
    }
}

/// What the tickets say, by menu item.
async fn tickets(stored: &dyn Stored) -> Result<BTreeMap<String, Sums>, AuditError> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(TICKETS, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(sums) };
        after = Some(last.clone());
        for (id, row) in page {
            // One that cannot be read is an offender of its own already.
            let Ok(ticket) = read::<Holding>("ticket", &id, &row.body) else { continue };
            let record = &ticket.record;
            if !record.has("order-accepted")
                || record.has("ticket-cancelled")
                || record.has("stock-restocked")
            {
                continue;
            }
            for line in ticket.asked.iter().flat_map(|asked| &asked.items) {
                let store = ticket.asked.as_ref().map_or("", |asked| asked.store_id.as_str());
                let sums = sums.entry(format!("{store}/{}", line.menu_id)).or_default();
                if record.has("stock-settled") {
                    sums.sold += line.quantity;
                } else {
                    sums.reserved += line.quantity;
                }
            }
        }
    }
}
