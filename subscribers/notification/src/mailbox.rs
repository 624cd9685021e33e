//! A recipient: the language, and what is to be said and is not said yet, in order. Who sends to a
//! recipient claims the mailbox first, so that nobody is sent two messages at a time, nor out of
//! order, by however many processes. A claim ends by itself when its time is over.

use std::{collections::VecDeque, time::Duration};

use contracts::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{recipient::Recipient, templates::Language};

/// What is kept of a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Whose it is.
    pub recipient: Recipient,
    /// The language that was chosen; none as long as none was.
    pub language: Option<Language>,
    /// The ids of the messages that wait, the oldest first.
    queue: VecDeque<String>,
    /// Who sends now.
    claim: Option<Claim>,
    /// Nothing is tried before, where the last try failed.
    not_before: Option<Timestamp>,
    /// Counts the changes.
    pub version: u64,
}

/// That somebody sends to the recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    id: Uuid,
    until: Timestamp,
}

impl Mailbox {
    /// One of which nothing is known.
    pub fn unknown(recipient: Recipient) -> Self {
        Self {
            recipient,
            language: None,
            queue: VecDeque::new(),
            claim: None,
            not_before: None,
            version: 0,
        }
    }

    /// How many messages wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Adds a message behind all others.
    pub fn add(&mut self, message: String) {
        self.queue.push_back(message);
    }

    /// `idle`: nothing waits. `sending`: somebody has claimed it. `waiting`: the last try failed.
    /// `ready`: somebody should send.
    pub fn state(&self) -> &'static str {
        match (self.queue.is_empty(), self.claim, self.not_before) {
            (true, _, _) => "idle",
            (false, Some(_), _) => "sending",
            (false, None, Some(_)) => "waiting",
            (false, None, None) => READY,
        }
    }

    /// When a claim or a pause is over.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let claimed = self.claim.map(|claim| claim.until);
        claimed.or(self.not_before).filter(|_| !self.queue.is_empty())
    }

    /// Ends the claim and the pause whose time is over; false where there are none.
    pub fn wake(&mut self, now: Timestamp) -> bool {
        let before = (self.claim, self.not_before);
        self.claim = self.claim.filter(|claim| now < claim.until);
        self.not_before = self.not_before.filter(|at| now < *at);
        (self.claim, self.not_before) != before
    }

    /// Claims it for that long, where something is to be sent now and nobody does; answers what.
    pub fn claim(&mut self, id: Uuid, lease: Duration, now: Timestamp) -> Option<String> {
        self.wake(now);
        if self.claim.is_some() || self.not_before.is_some() {
            return None;
        }
        let next = self.queue.front()?.clone();
        self.claim = Some(Claim { id, until: now.plus(lease) });
        Some(next)
    }

    /// Whether that claim still holds and that message is its next.
    pub fn is_claimed(&self, id: Uuid, message: &str) -> bool {
        self.claim.is_some_and(|claim| claim.id == id)
            && self.queue.front().is_some_and(|next| next == message)
    }

    /// The claim is given back. Nothing is tried for that long.
    pub fn give_back(&mut self, pause: Option<Duration>, now: Timestamp) {
        self.claim = None;
        self.not_before = pause.map(|pause| now.plus(pause));
    }

    /// The first message is over. The claim goes on for that long where there is another; answers
    /// which. Without a lease it is given back.
    pub fn next(&mut self, lease: Option<Duration>, now: Timestamp) -> Option<String> {
        self.queue.pop_front();
        let (Some(claim), Some(lease), Some(next)) = (self.claim, lease, self.queue.front()) else {
            self.give_back(None, now);
            return None;
        };
        self.claim = Some(Claim { until: now.plus(lease), ..claim });
        Some(next.clone())
    }
}

/// The state in which somebody should send.
pub const READY: &str = "ready";
