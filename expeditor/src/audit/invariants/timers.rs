//! I3, for timers: each is set for when the body wants to be woken, and none stays due while its
//! service goes on working. There is no clock here: a service was alive when it last changed any
//! row, so a stopped system's timers are not overdue however long it rests.

use std::collections::{BTreeMap, BTreeSet};

use contracts::ServiceName;

use super::Verdict;
use crate::audit::{
    AuditError, Knowledge, Name, Report,
    held::{Columns, Held, PARTICIPANTS},
    read::{ORDERS, PAYMENTS, Place, Stored},
};

/// What a timer may be late by, in milliseconds: far more than a start and a backlog take.
const GRACE: i64 = 10 * 60 * 1000;
/// How many of the longest due timers are kept in mind.
const KEPT: usize = 1000;

/// Judges when the timers of one order are set for. Silent where nothing is wrong: whether a timer
/// is there at all is judged with the end of the order.
pub fn check(held: &Held, _: &Knowledge) -> Verdict {
    let of_order = held.order.as_ref().and_then(|head| {
        let wanted = head.sagas.iter().filter_map(|saga| Some((saga.wake_at()?, saga)));
        let first = wanted.min_by_key(|(at, _)| *at);
        let starts_at = head.starts_at();
        let until_start = starts_at.map_or(0, |at| at.saturating_sub(head.columns.updated_at));
        let longest = first.map_or(until_start, |(_, saga)| saga.longest_wait());
        let wanted = first.map(|(at, _)| at).or(starts_at);
        set_wrong(&head.columns, wanted).or_else(|| too_far(&head.columns, longest))
    });
    let of_payment = || {
        let payment = held.payment.as_ref()?;
        let wanted = payment.body.awaited.as_ref().map(|awaited| awaited.at.as_millis());
        let unset = payment.columns.wake_at.is_none() && wanted.is_some();
        let complaint = unset.then(|| "is not set".to_owned());
        let complaint = complaint.or_else(|| set_wrong(&payment.columns, wanted))?;
        Some(format!("of the payment {complaint}"))
    };
    match of_order.or_else(of_payment) {
        None => Verdict::Silent,
        Some(complaint) => Verdict::Violated(format!("its timer {complaint}")),
    }
}

/// A timer may have been left as it was where it fires before it is wanted. Then it lies after the
/// change that left it.
fn set_wrong(columns: &Columns, wanted: Option<i64>) -> Option<String> {
    let set = columns.wake_at?;
    let Some(wanted) = wanted else { return Some("is set and it waits for nothing".to_owned()) };
    let early = set < wanted && set <= columns.updated_at;
    let late = set > wanted.max(columns.updated_at).saturating_add(GRACE);
    (early || late).then(|| {
        let by = set.saturating_sub(wanted) / 1000;
        format!("is set {} s {} it is due", by.abs(), if early { "before" } else { "after" })
    })
}

/// Nothing is waited for longer than the longest deadline or the longest pause.
fn too_far(columns: &Columns, longest: i64) -> Option<String> {
    let latest = columns.updated_at.saturating_add(longest).saturating_add(GRACE);
    let by = columns.wake_at?.saturating_sub(latest);
    (by > 0).then(|| format!("is set {} s after everything that it may wait for", by / 1000))
}

/// The timers that are due longest, and when each service last changed anything.
#[derive(Debug, Default)]
pub struct Watch {
    latest: BTreeMap<ServiceName, i64>,
    longest_due: BTreeSet<(i64, usize, String)>,
}

const PLACES: [Place; 5] =
    [ORDERS, PARTICIPANTS[0], PARTICIPANTS[1], PARTICIPANTS[2], PARTICIPANTS[3]];

impl Watch {
    /// Keeps in mind what is held for one order.
    pub fn note(&mut self, held: &Held) {
        for (index, place) in PLACES.into_iter().enumerate() {
            let columns = match place {
                ORDERS => held.order.as_ref().map(|head| &head.columns),
                _ => held.part(place).map(|part| &part.columns),
            };
            let Some(columns) = columns else { continue };
            let latest = self.latest.entry(place.service).or_insert(i64::MIN);
            *latest = (*latest).max(columns.updated_at);
            if let Some(at) = columns.wake_at {
                self.longest_due.insert((at, index, held.id.clone()));
                if self.longest_due.len() > KEPT {
                    self.longest_due.pop_last();
                }
            }
        }
    }

    /// Judges the timers that are overdue. One that was moved meanwhile says that its service is
    /// catching up after a start, and so does a message that has waited as long.
    pub async fn judge(self, stored: &dyn Stored, report: &mut Report) -> Result<(), AuditError> {
        let mut overdue = Vec::new();
        let mut catching_up = BTreeSet::new();
        for (at, index, id) in &self.longest_due {
            let place = PLACES[*index];
            let latest = self.latest.get(&place.service).copied().unwrap_or(i64::MIN);
            if at.saturating_add(GRACE) >= latest {
                continue;
            }
            let now = stored.one(place, id).await?.and_then(|row| row.wake_at);
            if now.map(contracts::Timestamp::as_millis) == Some(*at) {
                overdue.push((place, id, latest - at));
            } else {
                catching_up.insert(place.service);
            }
        }
        for (place, id, late) in overdue {
            let service = place.service;
            if catching_up.contains(&service) || self.waits(stored, service).await? {
                report.in_flight(Name(3));
                continue;
            }
            let what = if place == PAYMENTS { "payment" } else { place.kind };
            report.judge(
                Name(3),
                Some(format!(
                    "order {id}: the timer of {service}'s {what} was due {} s before {service} \
                     last did anything, and has not fired",
                    late / 1000
                )),
            );
        }
        Ok(())
    }

    /// Whether any message has waited for as long as a timer may be late: there is an outage.
    async fn waits(&self, stored: &dyn Stored, service: ServiceName) -> Result<bool, AuditError> {
        let latest = self.latest.get(&service).copied().unwrap_or(i64::MIN);
        for sender in ServiceName::ALL {
            let oldest = stored.unsent(sender, 0).await?;
            let since = oldest.first().map(|row| row.created_at.as_millis());
            if since.is_some_and(|since| since.saturating_add(GRACE) < latest) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_when_it_is_wanted_or_lies_ahead_of_the_last_change() {
        let hour = 3_600_000;
        for (set, wanted, wrong, why) in [
            (Some(20), Some(20), false, "as wanted"),
            (Some(15), Some(20), false, "left as it was: fires early, which is harmless"),
            (Some(5), Some(20), true, "due before the change that left it"),
            (Some(20 + hour), Some(20), true, "far too late"),
            (Some(20), None, true, "for nothing"),
            (None, None, false, "none wanted"),
        ] {
            let columns = Columns { wake_at: set, updated_at: 10, ..Columns::default() };
            assert_eq!(set_wrong(&columns, wanted).is_some(), wrong, "{why}");
        }
    }
}
