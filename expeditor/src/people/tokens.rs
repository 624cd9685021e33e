//! Who somebody is to the services, and the tokens by which they are believed.

/// In which capacity somebody asks. The services let each do what is theirs to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Orders, and looks at what was ordered.
    Customer,
    /// Owns a store: its menu and its tickets.
    Store,
    /// Cooks.
    Cook,
    /// Rides.
    Rider,
    /// Looks at everything.
    Operator,
}

/// Where tokens come from. One that was given may be given again for as long as it is good.
pub trait Tokens: Send + Sync {
    /// A token of somebody in that role, good for a while yet.
    ///
    /// # Errors
    ///
    /// None can be made, for this reason.
    fn token(&self, role: Role) -> Result<String, String>;
}
