//! What may happen in one exploration, and how often. Everything that is not counted here may
//! happen at any time and any number of times.

use contracts::ServiceName;

/// The bounds of one exploration. [`Bounds::default`] is an order with which nothing goes wrong but
/// that its messages may overtake one another.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many orders are placed: one, or two at the same store for the same dish.
    pub orders: u8,
    /// How many pieces the store has; each order wants [`PIECES`](crate::PIECES).
    pub stock: u64,
    /// The means of payment, which says how the test gateway answers.
    pub token: &'static str,
    /// Whether the store's owner may reject and the cook may decline.
    pub refusals: bool,
    /// Whether the rider may bring the food back.
    pub returns: bool,
    /// After how many attempts without an answer the saga is stuck.
    pub retry_limit: u32,
    /// The subscriber that listens, if one does.
    pub listener: Option<ServiceName>,
    /// How often each of these may happen.
    pub left: Left,
}

/// How often each may still happen, to all orders together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// The customer cancels.
    pub cancels: u8,
    /// A deadline passes.
    pub deadlines: u8,
    /// A command is sent again, or all that are awaited are at once.
    pub resends: u8,
    /// A message takes effect and stays on its way, to come again.
    pub repeats: u8,
    /// A message is lost.
    pub losses: u8,
    /// The rider gives the delivery back.
    pub releases: u8,
    /// An operator acts. To resume is not counted.
    pub operations: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            orders: 1,
            stock: 3,
            token: "tok-ok",
            refusals: false,
            returns: false,
            retry_limit: 20,
            listener: None,
            left: Left::default(),
        }
    }
}
