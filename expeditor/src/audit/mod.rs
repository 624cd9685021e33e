//! The audit: recomputes from what is stored whether the invariants hold.
//!
//! It never asks the code that decided. Bodies are read with structures of its own, which fact is
//! whose and what must follow from it stands in tables of its own; only histories are replayed
//! through the saga's definition, since that is what the invariant is about. It only reads, also
//! beside a running system: what is merely on its way must never be taken for a violation, so
//! whatever looks like one is read again, the orchestrator first and the participants after it
//! (terminal is final, so what a finished order needs was committed before it was finished). Where
//! a broker stores what is on its way, a message that has left its outbox may lie there: whoever
//! has not heard of it is in flight, unless everything is known to have come to rest.
//!
//! There is no clock in it: a service was alive when it last changed a row, so a system that was
//! stopped for a month is not overdue.
//!
//! Memory is bounded by the number of menu items and riders, and by some 30 bytes an order.

pub mod bodies;
pub mod held;
pub mod invariants;
pub mod ordered;
pub mod read;
pub mod report;
pub mod shown;

use std::{collections::BTreeMap, fmt};

use contracts::ServiceName;
use runtime::db::DbError;

use crate::people::outcome::Acknowledged;

pub(crate) use read::with_database;
pub use read::{Databases, Stored};
pub use report::{Finding, Report};

/// What is known about the system beyond what it stores.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Orders that were acknowledged over HTTP, each with its key.
    pub acknowledged: Vec<Acknowledged>,
    /// How many pieces of each menu item (`<store_id>/<menu_id>`) were ever put in.
    pub put_in: BTreeMap<String, u64>,
    /// Whether everything has come to rest: every order ended, every message consumed.
    pub at_rest: bool,
}

/// Why the audit could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database cannot be read.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// An invariant's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}", self.0)
    }
}

/// Audits everything.
pub async fn audit(stored: &dyn Stored, known: &Knowledge) -> Result<Report, AuditError> {
    let mut report = Report::new();
    let told = invariants::sequences::published(stored, &mut report).await?;
    let seen = Box::pin(invariants::orders::check(stored, known, &told, &mut report)).await?;
    invariants::acknowledged::check(stored, known, seen, &mut report).await?;
    invariants::orphans::check_beyond(stored, &mut report).await?;
    invariants::stock::check(stored, known, &mut report).await?;
    invariants::riders::check(stored, &mut report).await?;
    invariants::catalog::check(stored, known, &mut report).await?;
    invariants::mypage::check(stored, known, &mut report).await?;
    invariants::outboxes::check(stored, known, &mut report).await?;
    for service in ServiceName::ALL {
        report.keeps_dead_letters(service, dead_letters(stored, service).await?);
    }
    Ok(report)
}

/// How many dead letters a service keeps.
async fn dead_letters(stored: &dyn Stored, service: ServiceName) -> Result<u64, AuditError> {
    let (mut number, mut after) = (0, 0);
    loop {
        let page = stored.dead_letters(service, after).await?;
        let Some(last) = page.last() else { return Ok(number) };
        number += page.len() as u64;
        after = *last;
    }
}
