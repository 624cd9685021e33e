//! I9, as far as databases can show it: what lies in an outbox is there in the order of its key,
//! and nothing lies there once everything has come to rest. That no row was deleted without a
//! confirm cannot be seen here.

use std::collections::HashMap;

use contracts::ServiceName;

use crate::audit::{AuditError, Knowledge, Name, Report, read::Stored};

/// Judges every outbox.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    report: &mut Report,
) -> Result<(), AuditError> {
    for service in ServiceName::ALL {
        let mut latest: HashMap<String, u64> = HashMap::new();
        let (mut after, mut rows) = (0, 0_u64);
        loop {
            let page = stored.unsent(service, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for row in page {
                rows += 1;
                let before = latest.insert(row.key.clone(), row.seq);
                let complaint = before.filter(|before| *before >= row.seq).map(|before| {
                    format!("{service}: {} has message {} after {before}", row.key, row.seq)
                });
                report.judge(Name(9), complaint);
                if !known.at_rest {
                    report.in_flight(Name(9));
                }
            }
        }
        let left = known.at_rest && rows > 0;
        report.judge(Name(9), left.then(|| format!("{service}: {rows} messages were not sent")));
    }
    Ok(())
}
