//! One state of everything at once, and what may happen next.

use crate::{
    bounds::Left,
    clocks::Clock,
    node::{Breach, Heard},
    people::Deed,
};

/// One state of everything at once: what each service has stored, what is on its way between them,
/// and what may still happen. The numbers are those under which the model keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub(crate) orchestrator: u32,
    pub(crate) payment: u32,
    pub(crate) store: u32,
    pub(crate) cook: u32,
    pub(crate) rider: u32,
    /// What was said and has not arrived, whether it still lies in an outbox or not; sorted.
    pub(crate) on_the_way: Vec<u16>,
    pub(crate) left: Left,
    /// The rule that the last decision broke. Nothing happens after it.
    pub(crate) breach: Option<Breach>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// A message arrives.
    Arrives(u16),
    /// A message arrives, and will once more.
    Repeats(u16),
    /// A message never arrives.
    IsLost(u16),
    /// Somebody does something.
    Does(Deed),
    /// A clock of an order runs out.
    RunsOut(Clock),
    /// The gateway answers late.
    GatewayAnswers,
}

impl World {
    pub(crate) fn without(&self, letter: u16) -> Self {
        let mut next = self.clone();
        next.on_the_way.retain(|other| *other != letter);
        next
    }

    pub(crate) fn post(&mut self, letters: &[u16]) {
        for letter in letters {
            if let Err(place) = self.on_the_way.binary_search(letter) {
                self.on_the_way.insert(place, *letter);
            }
        }
    }
}

impl Happens {
    pub(crate) fn heard(self) -> Option<Heard> {
        match self {
            Self::Arrives(letter) | Self::Repeats(letter) => Some(Heard::Letter(letter)),
            Self::IsLost(_) => None,
            Self::Does(deed) => Some(Heard::Deed(deed)),
            Self::RunsOut(clock) => Some(Heard::Clock(clock)),
            Self::GatewayAnswers => Some(Heard::Clock(Clock::Gateway)),
        }
    }
}
