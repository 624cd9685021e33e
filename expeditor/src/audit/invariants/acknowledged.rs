//! I1: every order that was acknowledged exists; a key made exactly one, and every order has one.

use super::{
    columns,
    orders::{Claim, Seen},
};
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    bodies::{UsedKey, read},
    held::Columns,
    read::{KEYS, ORDERS, Stored},
};

/// Judges keys and acknowledgements. `seen` are the orders that were read before.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    mut seen: Seen,
    report: &mut Report,
) -> Result<(), AuditError> {
    let mut after: Option<String> = None;
    loop {
        let page = stored.page(KEYS, after.as_deref()).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (id, row) in &page {
            let beside = columns::used_key(&Columns::of(row));
            columns::judge(report, "idempotency key", id, beside);
            let complaint = match read::<UsedKey>("idempotency key", id, &row.body) {
                Err(reason) => Some(reason),
                Ok(used) if !used.made() => changed(stored, id, &used.order_id).await?,
                Ok(used) => key(stored, id, &used.order_id, &mut seen).await?,
            };
            report.judge(Name(1), complaint);
        }
    }
    // A key and its order are stored together, and keys were read after orders.
    for order_id in seen.unclaimed() {
        report.judge(Name(1), Some(format!("order {order_id}: no idempotency key made it")));
    }
    for one in &known.acknowledged {
        let order_id = &one.order_id;
        let complaint = if stored.one(ORDERS, order_id).await?.is_none() {
            Some(format!("order {order_id}: it was acknowledged and does not exist"))
        } else {
            let id = format!("{}/{}", one.customer_id, one.key);
            let used = stored.one(KEYS, &id).await?;
            let made = used.and_then(|row| read::<UsedKey>("key", &id, &row.body).ok());
            (made.as_ref().map(|used| &used.order_id) != Some(order_id)).then(|| {
                format!(
                    "order {order_id}: it was acknowledged for {id}, which made another or none"
                )
            })
        };
        report.judge(Name(1), complaint);
    }
    Ok(())
}

/// A key that changed an order made none.
async fn changed(
    stored: &dyn Stored,
    id: &str,
    order_id: &str,
) -> Result<Option<String>, AuditError> {
    Ok(stored.one(ORDERS, order_id).await?.is_none().then(|| {
        format!("order {order_id}: key {id} was answered with its change and it does not exist")
    }))
}

async fn key(
    stored: &dyn Stored,
    id: &str,
    order_id: &str,
    seen: &mut Seen,
) -> Result<Option<String>, AuditError> {
    Ok(match seen.claim(order_id) {
        Claim::First => None,
        Claim::Again => Some(format!("order {order_id}: key {id} is the second that made it")),
        // It may have been placed since.
        Claim::Unknown => stored.one(ORDERS, order_id).await?.is_none().then(|| {
            format!("order {order_id}: key {id} was answered with it and it does not exist")
        }),
    })
}
