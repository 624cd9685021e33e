//! I7, for the catalog: it is the fold of the stores' `menu-item-changed`. It may lag by an event
//! that is on its way.

use std::collections::BTreeMap;

use contracts::ServiceName;
use serde::Deserialize;

use super::columns;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    bodies::{CatalogItem, Offered, read},
    held::Columns,
    read::{CATALOG, MENU_ITEMS, Stored},
};

#[derive(Deserialize)]
struct Envelope {
    data: Offered,
}

/// How far back is read again: several processes write at once, and whose place in the table is
/// lower may be there later.
const OVERTAKEN: i64 = 10_000;

/// The latest that was told of an item.
struct Latest {
    sequence: u64,
    offered: Result<Offered, String>,
}

/// Judges every item of the catalog.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    report: &mut Report,
) -> Result<(), AuditError> {
    let mut told = BTreeMap::new();
    let end = fold(stored, 0, &mut told).await?;
    let copies = copies(stored, report).await?;
    // What the catalog has taken in meanwhile was published meanwhile.
    fold(stored, end.saturating_sub(OVERTAKEN), &mut told).await?;
    for (id, copy) in &copies {
        if !told.contains_key(id) {
            let complaint = format!("catalog item {id}: no event tells of it");
            report.judge(Name(7), Some(complaint));
        } else if copy.sequence > told[id].sequence {
            let complaint = format!(
                "catalog item {id}: it is of sequence {}, but {} is the last that was told",
                copy.sequence, told[id].sequence
            );
            report.judge(Name(7), Some(complaint));
        }
    }
    for (id, latest) in &told {
        let copy = copies.get(id);
        let Some(complaint) = compare(id, copy, latest) else {
            report.judge(Name(7), None);
            continue;
        };
        if copy.is_some_and(|copy| copy.sequence > latest.sequence) {
            continue; // told above
        }
        if stored.has_unsent(MENU_ITEMS, id).await? {
            report.in_flight(Name(7));
            continue;
        }
        // It has left the outbox: look again, since it was consumed, or may have been.
        let again = one(stored, id).await?;
        let newer = again.as_ref().is_some_and(|copy| copy.sequence > latest.sequence);
        let lags = again.as_ref().is_none_or(|copy| copy.sequence < latest.sequence);
        if lags && !stored.sent_is_consumed() && !known.at_rest {
            report.in_flight(Name(7));
            continue;
        }
        let still = compare(id, again.as_ref(), latest).map(|_| complaint);
        report.judge(Name(7), if newer { None } else { still });
    }
    Ok(())
}

fn compare(id: &str, copy: Option<&CatalogItem>, latest: &Latest) -> Option<String> {
    let Some(copy) = copy else { return Some(format!("catalog item {id}: it is missing")) };
    if copy.sequence < latest.sequence {
        return Some(format!(
            "catalog item {id}: it is of sequence {} and lags behind {}",
            copy.sequence, latest.sequence
        ));
    }
    match &latest.offered {
        Err(reason) => Some(reason.clone()),
        Ok(offered) if *offered == copy.offered => None,
        Ok(offered) => Some(format!(
            "catalog item {id}: it says {:?} for {}, but {:?} for {} was told",
            copy.offered.name, copy.offered.price.amount, offered.name, offered.price.amount
        )),
    }
}

/// Folds the events published after a place in the table; answers how far it has come.
async fn fold(
    stored: &dyn Stored,
    mut place: i64,
    told: &mut BTreeMap<String, Latest>,
) -> Result<i64, AuditError> {
    loop {
        let page = stored.published(ServiceName::Store, place).await?;
        let Some(last) = page.last() else { return Ok(place) };
        place = last.id;
        for event in page.iter().filter(|event| event.kind == "menu-item-changed") {
            let newest = told.get(&event.subject).is_none_or(|it| it.sequence < event.sequence);
            if newest {
                let offered = read::<Envelope>("the event of", &event.subject, &event.payload);
                let offered = offered.map(|envelope| envelope.data);
                let latest = Latest { sequence: event.sequence, offered };
                told.insert(event.subject.clone(), latest);
            }
        }
    }
}

async fn copies(
    stored: &dyn Stored,
    report: &mut Report,
) -> Result<BTreeMap<String, CatalogItem>, AuditError> {
    let mut copies = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(CATALOG, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(copies) };
        after = Some(last.clone());
        for (id, row) in page {
            match read::<CatalogItem>("catalog item", &id, &row.body) {
                Ok(item) => {
                    let complaint = columns::catalog_item(&Columns::of(&row), &id);
                    columns::judge(report, "catalog item", &id, complaint);
                    copies.insert(id, item);
                }
                Err(reason) => report.judge(Name(7), Some(reason)),
            }
        }
    }
}

async fn one(stored: &dyn Stored, id: &str) -> Result<Option<CatalogItem>, AuditError> {
    let row = stored.one(CATALOG, id).await?;
    Ok(row.and_then(|row| read::<CatalogItem>("catalog item", id, &row.body).ok()))
}
