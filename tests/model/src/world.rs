//! One state of everything at once, and what may happen next.

use crate::{
    bounds::Left,
    clocks::Clock,
    node::{Breach, Heard},
    people::Deed,
};

/// How many orders there can be.
pub(crate) const ORDERS: usize = 2;

/// One state of everything at once: what each service has stored, what is on its way between them,
/// and what may still happen. The numbers are those under which the model keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// What is kept of each order by services that keep nothing across orders.
    pub(crate) orders: [Apart; ORDERS],
    pub(crate) store: u32,
    pub(crate) rider: u32,
    /// What the subscriber has stored.
    pub(crate) listener: u32,
    /// What was said and has not arrived, whether it still lies in an outbox or not; sorted.
    pub(crate) on_the_way: Vec<u16>,
    pub(crate) left: Left,
    /// The rule that the last decision broke. Nothing happens after it.
    pub(crate) breach: Option<Breach>,
}

/// What the services have stored about one order that keep nothing across orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Apart {
    pub(crate) orchestrator: u32,
    pub(crate) payment: u32,
    pub(crate) cook: u32,
}

/// What happens. Orders are told apart by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// A message arrives.
    Arrives(u16),
    /// A message arrives, and will once more.
    Repeats(u16),
    /// A message never arrives.
    IsLost(u16),
    /// Somebody does something about an order.
    Does(u8, Deed),
    /// A clock of an order runs out.
    RunsOut(u8, Clock),
    /// The gateway answers late.
    GatewayAnswers(u8),
}

impl World {
    pub(crate) fn apart(&self, order: u8) -> &Apart {
        &self.orders[usize::from(order)]
    }

    pub(crate) fn apart_mut(&mut self, order: u8) -> &mut Apart {
        &mut self.orders[usize::from(order)]
    }

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
            Self::Does(order, deed) => Some(Heard::Deed(order, deed)),
            Self::RunsOut(order, clock) => Some(Heard::Clock(order, clock)),
            Self::GatewayAnswers(order) => Some(Heard::Clock(order, Clock::Gateway)),
        }
    }
}
