//! What has happened, in order: a number that two runs share only where everything was the same, and
//! the lines themselves where somebody wants to read them.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::timeline::Timeline;

/// The trace of one run. Clones write to the same.
#[derive(Clone)]
pub struct Trace {
    timeline: Timeline,
    written: Arc<Mutex<Written>>,
}

struct Written {
    digest: u64,
    lines: Option<Vec<String>>,
    fired: BTreeMap<&'static str, u64>,
    line: String,
}

impl Trace {
    /// An empty one, which keeps its lines where that is wanted.
    pub fn new(timeline: Timeline, keep: bool) -> Self {
        let written = Written {
            digest: 0xcbf2_9ce4_8422_2325,
            lines: keep.then(Vec::new),
            fired: BTreeMap::new(),
            line: String::new(),
        };
        Self { timeline, written: Arc::new(Mutex::new(written)) }
    }

    /// Something has happened.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let now = self.timeline.now();
        let mut written = self.written();
        let Written { digest, lines, line, .. } = &mut *written;
        line.clear();
        write!(line, "{:>11} {what}", now.as_micros()).expect("writing to a string does not fail");
        for byte in line.bytes() {
            *digest = (*digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = lines {
            lines.push(line.clone());
        }
    }

    /// A fault has come.
    pub fn fired(&self, kind: &'static str, what: fmt::Arguments<'_>) {
        *self.written().fired.entry(kind).or_default() += 1;
        self.note(format_args!("! {kind}: {what}"));
    }

    /// A number that stands for all that was written.
    pub fn digest(&self) -> u64 {
        self.written().digest
    }

    /// How often each kind of fault has come.
    pub fn all_fired(&self) -> BTreeMap<&'static str, u64> {
        self.written().fired.clone()
    }

    /// The lines, as far as they are kept.
    pub fn lines(&self) -> Vec<String> {
        self.written().lines.clone().unwrap_or_default()
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
