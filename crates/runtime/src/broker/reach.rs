//! Whether messages can reach a service: said by its consumer and by the look at its outbox, read by
//! its timers, by `/readyz` and by metrics.
//!
//! While nothing can reach a service, an answer that was given may wait somewhere, so no deadline
//! may run out for the lack of it. The same holds for the time before a process subscribed first:
//! nobody knows what happened then.

use std::sync::Arc;

use contracts::Timestamp;
use tokio::sync::watch;

/// Whether messages can reach one service, and since when. Clones share it.
#[derive(Clone, Debug)]
pub struct Reach(Arc<watch::Sender<Standing>>);

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Messages have always reached it.
    Always,
    /// They reach it since then; before that they did not, or not all of them, or nobody knows.
    Since(Timestamp),
    /// They do not reach it; this lasts since then, or since the process began.
    Deaf(Option<Timestamp>),
}

impl Reach {
    /// Of a broker that cannot be away.
    pub fn always() -> Self {
        Self::of(Standing::Always)
    }

    /// Of a service that has not subscribed yet.
    pub fn none_yet() -> Self {
        Self::of(Standing::Deaf(None))
    }

    fn of(standing: Standing) -> Self {
        Self(Arc::new(watch::channel(standing).0))
    }

    /// How it stands now.
    pub fn standing(&self) -> Standing {
        *self.0.borrow()
    }

    /// Whether messages reach it now.
    pub fn is_connected(&self) -> bool {
        !matches!(self.standing(), Standing::Deaf(_))
    }

    /// As a check of `/readyz`: who has never been connected cannot work; who was, and is not now, can
    /// do what is left to do meanwhile, and it is noted.
    ///
    /// # Errors
    ///
    /// It has never been connected.
    pub fn check(&self) -> Result<Option<String>, String> {
        match self.standing() {
            Standing::Always | Standing::Since(_) => Ok(None),
            Standing::Deaf(Some(since)) => Ok(Some(format!("not connected since {since}"))),
            Standing::Deaf(None) => Err("not connected yet".to_owned()),
        }
    }

    /// The end of the last time in which no message reached it, which is now while none does; `None`
    /// where they always have.
    pub fn deaf_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.standing() {
            Standing::Always => None,
            Standing::Since(heard) => Some(heard),
            Standing::Deaf(_) => Some(now),
        }
    }

    /// The consumer has lost its broker. Said again, it changes nothing.
    pub fn lost(&self, now: Timestamp) {
        self.0.send_if_modified(|standing| {
            let connected = !matches!(standing, Standing::Deaf(_));
            if connected {
                *standing = Standing::Deaf(Some(now));
            }
            connected
        });
    }

    /// The consumer has subscribed.
    pub fn regained(&self, now: Timestamp) {
        self.0.send_replace(Standing::Since(now));
    }

    /// Messages do not get through, although the consumer is connected: the service's own wait, and
    /// so may those that are meant for it.
    pub fn hindered(&self, now: Timestamp) {
        self.0.send_if_modified(|standing| {
            let connected = !matches!(standing, Standing::Deaf(_));
            if connected {
                *standing = Standing::Since(now);
            }
            connected
        });
    }

    /// Resolves when messages reach it.
    pub async fn connected(&self) {
        let mut standing = self.0.subscribe();
        // The sender cannot be gone: it is held by `self`.
        drop(standing.wait_for(|standing| !matches!(standing, Standing::Deaf(_))).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_of_deafness_ends_when_the_consumer_has_subscribed() {
        let at = Timestamp::from_millis;
        let reach = Reach::none_yet();
        assert_eq!((reach.is_connected(), reach.deaf_until(at(5))), (false, Some(at(5))));
        reach.regained(at(10));
        assert_eq!((reach.is_connected(), reach.deaf_until(at(99))), (true, Some(at(10))));
        reach.lost(at(20));
        reach.lost(at(25));
        assert_eq!(reach.standing(), Standing::Deaf(Some(at(20))), "since it was lost first");
        assert_eq!(reach.deaf_until(at(30)), Some(at(30)));
        reach.regained(at(40));
        assert_eq!(reach.deaf_until(at(99)), Some(at(40)));
        assert_eq!(Reach::always().deaf_until(at(99)), None);
    }

    #[test]
    fn while_the_services_own_messages_wait_those_for_it_may_wait_too() {
        let at = Timestamp::from_millis;
        for reach in [Reach::always(), Reach::none_yet()] {
            reach.hindered(at(10));
            reach.hindered(at(20));
            let connected = reach.is_connected();
            assert_eq!(reach.deaf_until(at(99)), Some(at(if connected { 20 } else { 99 })));
        }
    }
}
