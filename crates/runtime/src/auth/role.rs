//! In which capacity somebody asks.

use core::{fmt, str::FromStr};

/// In which capacity somebody asks. Each route names the roles that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Orders, and looks at what was ordered.
    Customer,
    /// Owns a store: its menu and its tickets.
    Store,
    /// Cooks.
    Cook,
    /// Rides.
    Rider,
    /// Looks at everything that goes on, and mends what is stuck.
    Operator,
    /// Recomputes from what is stored whether the invariants hold.
    Auditor,
    /// Another service, or what watches over them.
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Customer,
        Self::Store,
        Self::Cook,
        Self::Rider,
        Self::Operator,
        Self::Auditor,
        Self::Service,
    ];

    /// As it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Store => "store",
            Self::Cook => "cook",
            Self::Rider => "rider",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Service => "service",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the roles are customer, store, cook, rider, operator, auditor and service")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::parse(name).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_by_its_name_and_by_no_other() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert!(UnknownRole.to_string().contains(role.as_str()));
        }
        for name in ["", "Customer", "admin", "customer "] {
            assert_eq!(Role::parse(name), None, "{name:?}");
        }
    }
}
