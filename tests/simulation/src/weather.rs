//! How messages fare on their way.

use std::ops::Range;

use crate::chance::Chance;

/// How messages fare: parts are of a thousand, times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Whether the broker keeps what is published, as RabbitMQ does, or waits for every consumer.
    pub stored: bool,
    /// How long a message takes at most.
    pub usual: u64,
    /// How many take longer.
    pub late: u64,
    /// How long these take.
    pub lateness: Range<u64>,
    /// How many come twice.
    pub twice: u64,
    /// How many publications are not taken.
    pub untaken: u64,
    /// How many confirms are not heard.
    pub unheard: u64,
    /// How many the broker loses that it has confirmed. No broker may: this is there to show that it
    /// would be found.
    pub lost: u64,
    /// How long a commit takes at most.
    pub commit: u64,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        stored: false,
        usual: 0,
        late: 0,
        lateness: 100..101,
        twice: 0,
        untaken: 0,
        unheard: 0,
        lost: 0,
        commit: 2,
    };
}

impl Weather {
    /// A run's.
    pub(crate) fn draw(chance: &Chance) -> Self {
        let part = |of: &[u64]| chance.one_of(of);
        Self {
            stored: chance.permille(500),
            usual: part(&[1, 10, 50, 300]),
            late: part(&[0, 10, 100]),
            lateness: 200..part(&[500, 3_000, 9_000]),
            twice: part(&[0, 20, 100, 300]),
            untaken: part(&[0, 0, 20, 100]),
            unheard: part(&[0, 0, 20, 100]),
            lost: 0,
            commit: part(&[0, 2, 20]),
        }
    }
}
