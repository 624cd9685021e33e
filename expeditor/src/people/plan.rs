//! What people are going to do with an order, and how it must end then.
//!
//! Plans are drawn from a seed and nothing else: the same seed and number of orders gives the
//! same plans, whatever the machine does.

use std::fmt;

use fastrand::Rng;

/// The kinds of ending, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The customer has the food.
    Delivered,
    /// The store said no.
    Rejected,
    /// The payment or the kitchen was declined.
    Declined,
    /// The customer cancelled before cooking started.
    CancelledInTime,
    /// The customer cancelled after cooking had started: refused, and delivered.
    CancelledTooLate,
    /// Somebody did not answer in time.
    TimedOut,
    /// The delivery came back.
    Returned,
}

impl Ending {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Delivered,
        Self::Rejected,
        Self::Declined,
        Self::CancelledInTime,
        Self::CancelledTooLate,
        Self::TimedOut,
        Self::Returned,
    ];

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Declined => "declined",
            Self::CancelledInTime => "cancelled in time",
            Self::CancelledTooLate => "cancelled too late",
            Self::TimedOut => "timed out",
            Self::Returned => "returned",
        }
    }

    /// Of a hundred orders, about so many end this way.
    const fn weight(self) -> u32 {
        match self {
            Self::Delivered => 60,
            Self::Rejected => 7,
            Self::Declined => 8,
            Self::CancelledInTime => 9,
            Self::CancelledTooLate | Self::Returned => 6,
            Self::TimedOut => 4,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What happens on purpose to one order; everything else goes its usual way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// Nothing special.
    Deliver,
    /// The first rider gives it back before pickup; another takes it.
    DeliverAfterRelease,
    /// No rider near takes it, so the search is widened, and one from a neighbouring district does.
    DeliverFromAfar,
    /// It is ordered for later.
    DeliverLater,
    /// The customer wants more before the owner has answered.
    DeliverChanged,
    /// The same, but the higher sum is declined: it is delivered as it was ordered.
    DeliverUnchanged,
    /// The owner rejects it.
    Reject,
    /// The means of payment is declined.
    DeclinePayment,
    /// The cook declines it.
    DeclineCooking,
    /// The customer cancels as soon as the order is placed.
    CancelAtOnce,
    /// It is ordered for later, and the customer cancels before it starts.
    CancelBeforeStart,
    /// The customer cancels while the owner has not answered.
    CancelBeforeAcceptance,
    /// The customer cancels while the ticket waits in the kitchen.
    CancelBeforeCooking,
    /// The customer cancels at the very moment in which cooking has started.
    CancelAtStart,
    /// The customer cancels once they see that it is being cooked.
    CancelWhileCooking,
    /// The payment gateway answers after the deadline.
    SlowPayment,
    /// The owner never answers.
    SilentOwner,
    /// The cook never starts.
    SilentCook,
    /// The rider brings the food back.
    Return,
}

impl Plan {
    /// The kind of ending that it must lead to.
    pub const fn ending(self) -> Ending {
        match self {
            Self::Deliver
            | Self::DeliverAfterRelease
            | Self::DeliverFromAfar
            | Self::DeliverLater
            | Self::DeliverChanged
            | Self::DeliverUnchanged => Ending::Delivered,
            Self::Reject => Ending::Rejected,
            Self::DeclinePayment | Self::DeclineCooking => Ending::Declined,
            Self::CancelAtOnce
            | Self::CancelBeforeStart
            | Self::CancelBeforeAcceptance
            | Self::CancelBeforeCooking => Ending::CancelledInTime,
            Self::CancelAtStart | Self::CancelWhileCooking => Ending::CancelledTooLate,
            Self::SlowPayment | Self::SilentOwner | Self::SilentCook => Ending::TimedOut,
            Self::Return => Ending::Returned,
        }
    }

    /// The order's status and reason at its end.
    pub const fn end(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Deliver
            | Self::DeliverAfterRelease
            | Self::DeliverFromAfar
            | Self::DeliverLater
            | Self::DeliverChanged
            | Self::DeliverUnchanged
            | Self::CancelAtStart
            | Self::CancelWhileCooking => ("delivered", None),
            Self::Reject => ("cancelled", Some("store_rejected")),
            Self::DeclinePayment => ("cancelled", Some("payment_declined")),
            Self::DeclineCooking => ("cancelled", Some("kitchen_declined")),
            Self::CancelAtOnce
            | Self::CancelBeforeStart
            | Self::CancelBeforeAcceptance
            | Self::CancelBeforeCooking => ("cancelled", Some("customer_cancelled")),
            Self::SlowPayment => ("cancelled", Some("payment_timeout")),
            Self::SilentOwner => ("cancelled", Some("store_timeout")),
            Self::SilentCook => ("cancelled", Some("kitchen_timeout")),
            Self::Return => ("returned", Some("delivery_returned")),
        }
    }

    /// The token of the means of payment that the customer gives.
    pub const fn token(self) -> &'static str {
        match self {
            Self::DeclinePayment => "tok-declined",
            Self::SlowPayment => "tok-slow",
            Self::DeliverUnchanged => "tok-limit",
            _ => "tok-ok",
        }
    }

    /// Whether the order waits out a deadline, or for its time: it takes seconds, and nobody waits
    /// for it.
    pub const fn is_slow(self) -> bool {
        matches!(self.ending(), Ending::TimedOut)
            || self.is_for_later()
            || matches!(self, Self::DeliverFromAfar)
    }

    /// Whether it is ordered for later.
    pub const fn is_for_later(self) -> bool {
        matches!(self, Self::DeliverLater | Self::CancelBeforeStart)
    }

    /// What becomes of the change that the customer asks for, where they ask for one.
    pub const fn change(self) -> Option<&'static str> {
        match self {
            Self::DeliverChanged => Some("made"),
            Self::DeliverUnchanged => Some("refused"),
            _ => None,
        }
    }

    const fn variants(ending: Ending) -> &'static [Self] {
        match ending {
            Ending::Delivered => &[
                Self::Deliver,
                Self::DeliverChanged,
                Self::Deliver,
                Self::DeliverAfterRelease,
                Self::DeliverLater,
                Self::Deliver,
                Self::DeliverUnchanged,
                Self::Deliver,
                Self::DeliverFromAfar,
                Self::Deliver,
            ],
            Ending::Rejected => &[Self::Reject],
            Ending::Declined => &[Self::DeclinePayment, Self::DeclineCooking],
            Ending::CancelledInTime => &[
                Self::CancelBeforeCooking,
                Self::CancelAtOnce,
                Self::CancelBeforeAcceptance,
                Self::CancelBeforeStart,
            ],
            Ending::CancelledTooLate => &[Self::CancelWhileCooking, Self::CancelAtStart],
            Ending::TimedOut => &[Self::SilentOwner, Self::SilentCook, Self::SlowPayment],
            Ending::Returned => &[Self::Return],
        }
    }
}

/// Plans without end, one an order.
#[derive(Debug)]
pub struct Plans {
    rng: Rng,
    drawn: [usize; Ending::ALL.len()],
}

impl Plans {
    /// The plans of that seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), drawn: [0; Ending::ALL.len()] }
    }

    /// The next plan. Within a kind of ending the ways to it take turns.
    pub fn draw(&mut self) -> Plan {
        let total = Ending::ALL.iter().map(|ending| ending.weight()).sum();
        let mut point = self.rng.u32(0..total);
        for ending in Ending::ALL {
            if point < ending.weight() {
                return self.turn(ending);
            }
            point -= ending.weight();
        }
        self.turn(Ending::Delivered)
    }

    /// So many plans; from seven on every kind of ending is among them.
    pub fn draw_all(mut self, orders: u32) -> Vec<Plan> {
        let orders = orders as usize;
        let mut plans: Vec<Plan> =
            Ending::ALL.into_iter().take(orders).map(|ending| self.turn(ending)).collect();
        while plans.len() < orders {
            plans.push(self.draw());
        }
        self.rng.shuffle(&mut plans);
        plans
    }

    fn turn(&mut self, ending: Ending) -> Plan {
        let variants = Plan::variants(ending);
        let drawn = &mut self.drawn[ending as usize];
        let plan = variants[*drawn % variants.len()];
        *drawn += 1;
        plan
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn counts(plans: &[Plan]) -> BTreeMap<Ending, usize> {
        let mut counts = BTreeMap::new();
        for plan in plans {
            *counts.entry(plan.ending()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn the_same_seed_draws_the_same_plans_and_another_seed_others() {
        let draw = |seed| Plans::new(seed).draw_all(300);
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn from_seven_orders_on_every_kind_of_ending_is_planned() {
        for (seed, orders) in [(1, 7), (2, 8), (3, 50), (4, 500)] {
            let plans = Plans::new(seed).draw_all(orders);
            assert_eq!(plans.len(), orders as usize);
            assert_eq!(counts(&plans).len(), Ending::ALL.len(), "seed {seed}, {orders} orders");
        }
        assert_eq!(Plans::new(1).draw_all(3).len(), 3);
    }

    #[test]
    fn among_five_hundred_orders_every_way_is_planned() {
        let plans: HashSet<Plan> = Plans::new(7).draw_all(500).into_iter().collect();
        assert_eq!(plans.len(), 19, "{plans:?}");
    }
}
