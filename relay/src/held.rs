//! Keys that wait because a row of theirs was not taken.

use std::{collections::HashMap, time::Duration};

/// The keys that wait, and until when. Times are those of [`Clock::elapsed`].
///
/// [`Clock::elapsed`]: runtime::ports::Clock::elapsed
#[derive(Default)]
pub(crate) struct Held {
    keys: HashMap<String, Hold>,
}

struct Hold {
    until: Duration,
    failures: u32,
    /// Being tried again at this moment; new rows of the key still wait.
    trying: bool,
}

impl Held {
    /// Whether rows of the key have to wait.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// A row of the key was not taken: wait longer than the last time.
    pub(crate) fn hold(&mut self, key: &str, now: Duration, first: Duration, longest: Duration) {
        let hold = self.keys.entry(key.to_owned()).or_insert(Hold {
            until: now,
            failures: 0,
            trying: false,
        });
        // Several rows of one attempt that fail together count as one failure.
        if hold.trying || hold.failures == 0 {
            let pause = first.saturating_mul(1 << hold.failures.min(16)).min(longest);
            hold.failures += 1;
            hold.until = now + pause;
            hold.trying = false;
        }
    }

    /// The keys whose time has come, at most `limit` of them; they are being tried from here on.
    pub(crate) fn due(&mut self, now: Duration, limit: usize) -> Vec<String> {
        let due = self.keys.iter_mut().filter(|(_, hold)| !hold.trying && hold.until <= now);
        due.take(limit)
            .map(|(key, hold)| {
                hold.trying = true;
                key.clone()
            })
            .collect()
    }

    /// When the next key is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.keys.values().filter(|hold| !hold.trying).map(|hold| hold.until).min()
    }

    /// Puts a key off again that could not even be tried.
    pub(crate) fn put_off(&mut self, key: &str, until: Duration) {
        if let Some(hold) = self.keys.get_mut(key) {
            hold.until = until;
            hold.trying = false;
        }
    }

    /// All rows of the key that waited were taken.
    pub(crate) fn release(&mut self, key: &str) {
        self.keys.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_millis(35);

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut held = Held::default();
        let mut now = Duration::ZERO;
        for expected in [10, 20, 35, 35] {
            held.hold("k", now, FIRST, LONGEST);
            // A second row of the same attempt does not make it longer.
            held.hold("k", now, FIRST, LONGEST);
            let next = held.next().unwrap();
            assert_eq!(next, now + Duration::from_millis(expected));
            assert_eq!(held.due(now, 9), Vec::<String>::new());
            now = next;
            assert_eq!(held.due(now, 9), ["k"]);
            assert!(held.holds("k"), "new rows wait while old ones are tried");
            assert_eq!(held.next(), None);
        }
        held.release("k");
        assert!(!held.holds("k"));
    }
}
