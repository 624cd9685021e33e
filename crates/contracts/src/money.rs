//! Amounts of money in minor units: no fractions, no floating point.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters, as in KRW")]
pub struct InvalidCurrency;

impl Currency {
    /// The South Korean won, which has no minor unit.
    pub const KRW: Self = Self(*b"KRW");

    /// Takes three capital letters.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(InvalidCurrency),
        }
    }

    /// The code, as in `KRW`.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("a currency is made of ASCII letters")
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An ISO 4217 currency code: three capital letters.",
            "pattern": "^[A-Z]{3}$",
            "examples": ["KRW"],
        })
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in the minor unit of its currency (won, cents).
///
/// ```
/// use contracts::{Currency, Money};
/// let dish = Money { amount: 9_500, currency: Currency::KRW };
/// assert_eq!(dish.times(2), Some(Money { amount: 19_000, currency: Currency::KRW }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "An amount in the minor unit of its currency (won, cents).")]
pub struct Money {
    /// How many minor units; never negative in what is published.
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// `quantity` times this amount; `None` on overflow.
    pub fn times(self, quantity: u32) -> Option<Self> {
        let amount = self.amount.checked_mul(i64::from(quantity))?;
        Some(Self { amount, ..self })
    }

    /// The sum; `None` on overflow or where the currencies differ.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        let amount = self.amount.checked_add(other.amount)?;
        Some(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_within_one_currency_and_the_range() {
        let won = |amount| Money { amount, currency: Currency::KRW };
        let cents = Money { amount: 1, currency: Currency::new("USD").unwrap() };
        assert_eq!(won(1).plus(won(2)), Some(won(3)));
        assert_eq!(won(1).plus(cents), None);
        assert_eq!(won(i64::MAX).plus(won(1)), None);
        assert_eq!(won(i64::MAX).times(2), None);
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for bad in ["", "KR", "krw", "KRWX", "K1W"] {
            assert!(Currency::new(bad).is_err(), "{bad:?}");
        }
    }
}
