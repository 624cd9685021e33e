//! A circuit breaker: what is the fault of nothing that is sent stops all of it for a while. Pure:
//! the relay asks it about the broker, a sender about its channel.

use std::time::Duration;

/// Whether the other side is asked at all. Times are those of the clock that never goes back.
#[derive(Debug)]
pub struct Breaker {
    first: Duration,
    longest: Duration,
    /// Failures one after another.
    failures: u32,
    /// Nothing is asked before.
    until: Duration,
}

impl Breaker {
    /// Closed. Its pauses double from `first` up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0, until: Duration::ZERO }
    }

    /// Whether something may be asked. After a failure and its pause a single call finds out how
    /// things stand.
    pub fn admits(&self, now: Duration, under_way: usize) -> bool {
        self.failures == 0 || (now >= self.until && under_way == 0)
    }

    /// The other side took something, or found fault with it: it is there.
    pub const fn close(&mut self) {
        self.failures = 0;
    }

    /// The other side took nothing of all that was asked. Calls that were under way together count
    /// once.
    pub fn fail(&mut self, now: Duration) {
        if self.failures > 0 && now < self.until {
            return;
        }
        let pause = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        self.until = now + pause;
    }

    /// Whether the last that was asked failed.
    pub const fn is_open(&self) -> bool {
        self.failures > 0
    }

    /// When it lets a call through again, if it is open.
    pub fn opens(&self) -> Option<Duration> {
        self.is_open().then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_one_call_finds_out() {
        let mut breaker = Breaker::new(millis(50), millis(150));
        assert!(breaker.admits(millis(0), 7));
        breaker.fail(millis(100));
        breaker.fail(millis(120));
        assert_eq!(breaker.opens(), Some(millis(150)), "the second one was under way already");
        assert!(!breaker.admits(millis(149), 0));
        assert!(breaker.admits(millis(150), 0) && !breaker.admits(millis(150), 1));
        breaker.fail(millis(150));
        assert_eq!(breaker.opens(), Some(millis(250)));
        breaker.fail(millis(250));
        assert_eq!(breaker.opens(), Some(millis(400)), "not longer than that");
        breaker.close();
        assert!(breaker.admits(millis(251), 7) && !breaker.is_open());
    }
}
