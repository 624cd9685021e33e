//! I2, for riders: what they carry is what the deliveries say, and no more than they may carry.
//!
//! Deliveries and loads are not read at one moment; a load whose version is the same before and
//! after has not changed meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use super::columns;
use crate::audit::{
    AuditError, Name, Report,
    bodies::{Holding, Load, Rider, read},
    held::Columns,
    read::{DELIVERIES, LOADS, RIDERS, Stored},
};

const ROUNDS: u32 = 3;

/// Judges every rider's load.
pub async fn check(stored: &dyn Stored, report: &mut Report) -> Result<(), AuditError> {
    beside_riders(stored, report).await?;
    let mut open: Option<BTreeSet<String>> = None;
    for round in 1..=ROUNDS {
        let before = loads(stored, report, round == 1).await?;
        let carried = carried(stored).await?;
        let after = loads(stored, report, false).await?;
        let names = || before.keys().chain(after.keys()).chain(carried.keys()).cloned().collect();
        let mut moving = BTreeSet::new();
        for rider in open.unwrap_or_else(names) {
            let version = |loads: &BTreeMap<String, (u64, Load)>| {
                loads.get(&rider).map(|(version, _)| *version)
            };
            if version(&before) != version(&after) {
                moving.insert(rider);
                continue;
            }
            let says = carried.get(&rider).cloned().unwrap_or_default();
            let load = after.get(&rider).map(|(_, load)| load.orders.clone()).unwrap_or_default();
            let complaint = match load.symmetric_difference(&says).next() {
                Some(order) if load.contains(order) => {
                    Some(format!("rider {rider}: order {order} is in their load but not with them"))
                }
                Some(order) => {
                    Some(format!("rider {rider}: order {order} is with them but not in their load"))
                }
                None => too_much(stored, &rider, says.len()).await?,
            };
            report.judge(Name(2), complaint);
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

/// What stands beside the riders' bodies.
async fn beside_riders(stored: &dyn Stored, report: &mut Report) -> Result<(), AuditError> {
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(RIDERS, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (id, row) in page {
            let body = read::<Rider>("rider", &id, &row.body);
            let complaint = body.map(|body| columns::rider(&Columns::of(&row), &body));
            match complaint {
                Ok(complaint) => columns::judge(report, "rider", &id, complaint),
                Err(reason) => report.judge(Name(2), Some(reason)),
            }
        }
    }
}

async fn too_much(
    stored: &dyn Stored,
    rider: &str,
    carries: usize,
) -> Result<Option<String>, AuditError> {
    if carries == 0 {
        return Ok(None);
    }
    let Some(row) = stored.one(RIDERS, rider).await? else {
        // Where people's decisions are taken for them, one rider without end carries everything.
        return Ok((rider != "auto").then(|| format!("rider {rider}: carries and does not exist")));
    };
    Ok(match read::<Rider>("rider", rider, &row.body) {
        Err(reason) => Some(reason),
        Ok(body) => (carries > body.capacity)
            .then(|| format!("rider {rider}: carries {carries}, but may carry {}", body.capacity)),
    })
}

async fn loads(
    stored: &dyn Stored,
    report: &mut Report,
    complain: bool,
) -> Result<BTreeMap<String, (u64, Load)>, AuditError> {
    let mut loads = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(LOADS, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(loads) };
        after = Some(last.clone());
        for (id, row) in page {
            match read::<Load>("load of rider", &id, &row.body) {
                Ok(load) => {
                    if complain {
                        let complaint = columns::load(&Columns::of(&row), &load);
                        columns::judge(report, "load of rider", &id, complaint);
                    }
                    loads.insert(id, (row.version, load));
                }
                Err(reason) if complain => report.judge(Name(2), Some(reason)),
                Err(_) => {}
            }
        }
    }
}

/// The deliveries in hand, by rider: assigned, and not released, confirmed or returned since.
async fn carried(stored: &dyn Stored) -> Result<BTreeMap<String, BTreeSet<String>>, AuditError> {
    let mut carried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(DELIVERIES, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { return Ok(carried) };
        after = Some(last.clone());
        for (id, row) in page {
            let Ok(delivery) = read::<Holding>("delivery", &id, &row.body) else { continue };
            let mut rider = None;
            for milestone in &delivery.record.milestones {
                match milestone.kind.as_str() {
                    "rider-assigned" => rider.clone_from(&milestone.data.rider_id),
                    "rider-released" | "delivery-confirmed" | "delivery-returned" => rider = None,
                    _ => {}
                }
            }
            if let Some(rider) = rider {
                carried.entry(rider).or_default().insert(id);
            }
        }
    }
}
