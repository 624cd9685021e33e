//! I7, for MyPage: each order there is the fold of all that was published about it. It may lag by
//! events that are on their way, also by those that are sent again while it is rebuilt.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contracts::ServiceName;
use runtime::db::{DbError, Row};

use super::columns;
use crate::{
    audit::{
        AuditError, Knowledge, Name, Report,
        bodies::read,
        held::{Columns, PARTICIPANTS},
        read::{ORDERS, PAGE, Place, SHOWN, Stored},
        shown::Shown,
    },
    rebuild::REPLAY,
};

const SHOWS: Name = Name(7);

/// Judges every order that was placed, and every one that is shown.
pub async fn check(
    stored: &dyn Stored,
    known: &Knowledge,
    report: &mut Report,
) -> Result<(), AuditError> {
    let (mut orders, mut shown) = (Rows::of(ORDERS), Rows::of(SHOWN));
    loop {
        orders.fill(stored).await?;
        // Before what was published about them: what is shown was published before.
        shown.fill(stored).await?;
        let bound = match (orders.bound(), shown.bound()) {
            (Some(one), Some(other)) => one.min(other).to_owned(),
            (Some(only), None) | (None, Some(only)) => only.to_owned(),
            (None, None) => return Ok(()),
        };
        let mut rows: BTreeMap<String, Row> = shown.take(&bound).collect();
        let placed = orders.take(&bound).map(|(id, _)| id);
        let ids: BTreeSet<String> = placed.chain(rows.keys().cloned()).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let mut told = folds(stored, &ids).await?;
        for id in ids {
            let (row, told) = (rows.remove(&id), told.remove(&id).unwrap_or(Ok(Shown::default())));
            judge(stored, known, &id, row, told, report).await?;
        }
    }
}

async fn judge(
    stored: &dyn Stored,
    known: &Knowledge,
    id: &str,
    row: Option<Row>,
    told: Result<Shown, String>,
    report: &mut Report,
) -> Result<(), AuditError> {
    let judged = shown(id, row.as_ref()).and_then(|shown| Ok((shown, told?)));
    let (shown_first, told) = match judged {
        Ok(both) => both,
        Err(reason) => {
            report.judge(SHOWS, Some(reason));
            return Ok(());
        }
    };
    if let Some(row) = &row {
        columns::judge(
            report,
            "MyPage's order",
            id,
            columns::shown(&Columns::of(row), &shown_first),
        );
    }
    if shown_first == told {
        report.judge(SHOWS, None);
        return Ok(());
    }
    if let Some(what) = shown_first.beyond(&told) {
        report.judge(SHOWS, Some(format!("order {id}: MyPage shows {what} that nobody has told")));
        return Ok(());
    }
    // It lags by a moment, mostly.
    let again = async || {
        Ok::<_, DbError>(shown(id, stored.one(SHOWN, id).await?.as_ref()).unwrap_or_default())
    };
    if told.beyond(&again().await?).is_none() {
        report.judge(SHOWS, None);
        return Ok(());
    }
    if on_its_way(stored, id).await? {
        report.in_flight(SHOWS);
        return Ok(());
    }
    // All that was told has left the outboxes: look again, since it was consumed, or may have been.
    let again = again().await?;
    match told.beyond(&again) {
        None => report.judge(SHOWS, None),
        Some(_) if !stored.sent_is_consumed() && !known.at_rest => report.in_flight(SHOWS),
        Some(what) => {
            report.judge(
                SHOWS,
                Some(format!("order {id}: MyPage does not show {what} that was told")),
            );
        }
    }
    Ok(())
}

/// What is shown of an order; nothing of one that is not there.
fn shown(id: &str, row: Option<&Row>) -> Result<Shown, String> {
    row.map_or(Ok(Shown::default()), |row| read("MyPage's order", id, &row.body))
}

/// What was told about each of these orders.
async fn folds(
    stored: &dyn Stored,
    ids: &[String],
) -> Result<BTreeMap<String, Result<Shown, String>>, DbError> {
    let mut folds: BTreeMap<String, Result<Shown, String>> = BTreeMap::new();
    for service in tellers() {
        for event in stored.published_about(service, ids).await? {
            let fold = folds.entry(event.subject.clone()).or_insert(Ok(Shown::default()));
            if let Ok(shown) = fold
                && let Err(reason) = shown.take(service, &event)
            {
                *fold = Err(reason);
            }
        }
    }
    Ok(folds)
}

fn tellers() -> impl Iterator<Item = ServiceName> {
    ServiceName::ALL.into_iter().filter(|service| !service.is_subscriber())
}

/// Whether anything about the order lies in an outbox, told for the first time or again.
async fn on_its_way(stored: &dyn Stored, id: &str) -> Result<bool, DbError> {
    let again = tellers().map(|service| Place { service, kind: REPLAY });
    for place in PARTICIPANTS.into_iter().chain([ORDERS]).chain(again) {
        if stored.has_unsent(place, id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Rows of one place in order of their ids, read page by page.
struct Rows {
    place: Place,
    page: VecDeque<(String, Row)>,
    last: Option<String>,
    done: bool,
}

impl Rows {
    fn of(place: Place) -> Self {
        Self { place, page: VecDeque::new(), last: None, done: false }
    }

    /// Reads the next page where none is left.
    async fn fill(&mut self, stored: &dyn Stored) -> Result<(), DbError> {
        if self.page.is_empty() && !self.done {
            let read = stored.page(self.place, self.last.as_deref()).await?;
            self.done = read.len() < PAGE as usize;
            self.last = read.last().map(|(id, _)| id.clone()).or(self.last.take());
            self.page = read.into();
        }
        Ok(())
    }

    /// Up to which id all is known that there is; none where nothing is left.
    fn bound(&self) -> Option<&str> {
        self.page.back().map(|(id, _)| id.as_str())
    }

    /// Takes the rows up to that id.
    fn take(&mut self, bound: &str) -> impl Iterator<Item = (String, Row)> {
        let end = self.page.partition_point(|(id, _)| id.as_str() <= bound);
        self.page.drain(..end)
    }
}
