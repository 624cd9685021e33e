//! Who is told: a customer, a store or a rider.

use std::fmt;

use contracts::{CustomerId, RiderId, StoreId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of recipient.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(rename = "RecipientKind")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Who has ordered.
    Customer,
    /// From whom was ordered.
    Store,
    /// Who may bring it.
    Rider,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Store, Self::Rider];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Store => "store",
            Self::Rider => "rider",
        }
    }
}

/// Who is told.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Recipient {
    /// What kind of recipient.
    pub kind: Kind,
    /// The id among those of the kind.
    pub id: String,
}

impl Recipient {
    /// What [`Display`](fmt::Display) writes, read back.
    pub fn read(text: &str) -> Option<Self> {
        let (word, id) = text.split_once(':')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word)?;
        Some(Self { kind, id: id.to_owned() })
    }
}

impl From<&CustomerId> for Recipient {
    fn from(id: &CustomerId) -> Self {
        Self { kind: Kind::Customer, id: id.to_string() }
    }
}

impl From<&StoreId> for Recipient {
    fn from(id: &StoreId) -> Self {
        Self { kind: Kind::Store, id: id.to_string() }
    }
}

impl From<&RiderId> for Recipient {
    fn from(id: &RiderId) -> Self {
        Self { kind: Kind::Rider, id: id.to_string() }
    }
}

/// `customer:mina`: no id has a colon in it.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}
