//! The points of the way between a service and the broker at which its process may end, each with
//! the number of times that it was passed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use contracts::ServiceName;

/// Where a process may end, beside its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Its relay is about to publish rows.
    BeforePublish,
    /// The broker has the rows, and the relay does not know yet.
    AfterPublish,
    /// The broker has confirmed a row, and the relay has not heard it.
    BeforeConfirm,
    /// The relay was told, and has not deleted the row.
    AfterConfirm,
    /// A message is committed, and the broker does not know it.
    BeforeAcknowledge,
    /// The broker knows it.
    AfterAcknowledge,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BeforePublish,
        Self::AfterPublish,
        Self::BeforeConfirm,
        Self::AfterConfirm,
        Self::BeforeAcknowledge,
        Self::AfterAcknowledge,
    ];

    /// Its name, as faults are counted by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforePublish => "crash before publish",
            Self::AfterPublish => "crash after publish",
            Self::BeforeConfirm => "crash before confirm",
            Self::AfterConfirm => "crash after confirm",
            Self::BeforeAcknowledge => "crash before acknowledge",
            Self::AfterAcknowledge => "crash after acknowledge",
        }
    }
}

/// Counts who passes where. Clones share the counts.
#[derive(Clone, Default)]
pub struct Points(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    passed: BTreeMap<(ServiceName, Point), u64>,
    ends: BTreeSet<(ServiceName, Point, u64)>,
}

impl Points {
    /// Plans that a service's process ends when it passes that point for the `nth` time from now.
    pub fn plan(&self, service: ServiceName, point: Point, nth: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = counts.passed.get(&(service, point)).copied().unwrap_or_default();
        counts.ends.insert((service, point, passed + nth));
    }

    /// Passes it; answers whether the process ends here.
    pub(crate) fn pass(&self, service: ServiceName, point: Point) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = counts.passed.entry((service, point)).or_default();
        *passed += 1;
        let now = *passed;
        counts.ends.remove(&(service, point, now))
    }

    /// How often each was passed.
    pub fn all_passed(&self) -> BTreeMap<(ServiceName, Point), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).passed.clone()
    }
}
