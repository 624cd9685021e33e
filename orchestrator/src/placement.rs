//! Placing an order: what a customer asks for, priced by the catalog.
//!
//! The price is the catalog's at that moment, never the client's; so a request carries none.

use std::{fmt, str::FromStr};

use contracts::{Address, Currency, CustomerId, Line, MenuId, Money, StoreId, Timestamp};
use runtime::{FieldError, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogItem;

/// What a customer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// Who asks.
    pub customer_id: CustomerId,
    /// The store.
    pub store_id: StoreId,
    /// What, 1–50 items.
    pub items: Vec<Wanted>,
    /// Where it goes.
    pub address: Address,
    /// The means of payment.
    pub token: PaymentToken,
    /// When it is to start; at once where it is not said.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
}

/// The most pieces of one line.
pub const MAX_QUANTITY: u16 = 999;

/// One line of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "WantedItem", deny_unknown_fields)]
pub struct Wanted {
    /// Which item of the store's menu.
    pub menu_id: MenuId,
    /// How many pieces, 1–999.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: u32,
}

/// The gateway's token for a customer's means of payment. It goes to the payment service and
/// nowhere else: no view has it, and it does not show in what is printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentToken(String);

impl PaymentToken {
    /// The most characters of a token.
    pub const MAX_LENGTH: usize = 200;

    /// The token itself, for the payment service and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A text that may not serve as a payment token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidToken;

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must have 1 to {} visible ASCII characters", PaymentToken::MAX_LENGTH)
    }
}

impl std::error::Error for InvalidToken {}

impl FromStr for PaymentToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidToken)
        }
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(…)")
    }
}

/// An order's lines with their prices, and what they cost in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The lines.
    pub items: Vec<Line>,
    /// Their sum.
    pub total: Money,
}

/// Prices what is wanted. Refuses an item that the catalog does not have, items in more than one
/// currency, and a sum beyond what can be counted.
pub fn price<'a>(
    wanted: &[Wanted],
    item: impl Fn(&MenuId) -> Option<&'a CatalogItem>,
) -> Result<Priced, Problem> {
    let found: Vec<_> = wanted.iter().map(|line| item(&line.menu_id)).collect();
    let unknown = errors(&found, |item| {
        item.is_none().then(|| "The store has no such item on its menu.".to_owned())
    });
    if !unknown.is_empty() {
        return Err(refusal("unknown-menu-item", "Not everything is on the menu.", unknown));
    }
    let items: Vec<Line> = found.iter().flatten().zip(wanted).map(line).collect();
    let Some(currency) = items.first().map(|line| line.unit_price.currency) else {
        return Err(Problem::invalid(vec![FieldError {
            field: "items".to_owned(),
            detail: "must have at least one item".to_owned(),
        }]));
    };
    let foreign = errors(&items, |line| {
        let other = line.unit_price.currency;
        (other != currency)
            .then(|| format!("is priced in {}, not in {}", other.as_str(), currency.as_str()))
    });
    if !foreign.is_empty() {
        let detail = "The items of an order are priced in one currency.";
        return Err(refusal("mixed-currencies", detail, foreign));
    }
    let total = total(&items, currency)?;
    Ok(Priced { items, total })
}

/// What lines of one currency cost in all. Refuses a sum beyond what can be counted.
pub(crate) fn total(items: &[Line], currency: Currency) -> Result<Money, Problem> {
    let sum = items.iter().try_fold(Money { amount: 0, currency }, |sum, line| {
        sum.plus(line.unit_price.times(line.quantity)?)
    });
    sum.ok_or_else(|| {
        Problem::new(422, "total-too-large", "The order costs more than can be counted.")
    })
}

fn line((item, wanted): (&&CatalogItem, &Wanted)) -> Line {
    Line {
        menu_id: item.menu_id.clone(),
        name: item.name.clone(),
        unit_price: item.price,
        quantity: wanted.quantity,
    }
}

fn errors<T>(lines: &[T], wrong: impl Fn(&T) -> Option<String>) -> Vec<FieldError> {
    let named = |(index, line)| {
        wrong(line).map(|detail| FieldError { field: format!("items[{index}].menu_id"), detail })
    };
    lines.iter().enumerate().filter_map(named).collect()
}

fn refusal(slug: &str, detail: &str, errors: Vec<FieldError>) -> Problem {
    Problem { errors, ..Problem::new(422, slug, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(menu: &str, amount: i64, currency: &str) -> CatalogItem {
        CatalogItem {
            store_id: StoreId::new("s1").unwrap(),
            menu_id: MenuId::new(menu).unwrap(),
            name: menu.to_uppercase(),
            price: Money { amount, currency: Currency::new(currency).unwrap() },
            sequence: 1,
            updated_at: Timestamp::default(),
            version: 1,
        }
    }

    #[test]
    fn an_order_is_priced_by_the_catalog_or_refused_with_every_item_named() {
        let catalog = [
            item("rice", 1_000, "KRW"),
            item("soup", 2_500, "KRW"),
            item("wine", 7, "EUR"),
            item("gold", i64::MAX, "KRW"),
        ];
        let check = |wanted: &[(&str, u32)], expected: Result<i64, (&str, &[&str])>| {
            let wanted: Vec<Wanted> = wanted
                .iter()
                .map(|(menu, quantity)| Wanted {
                    menu_id: MenuId::new(*menu).unwrap(),
                    quantity: *quantity,
                })
                .collect();
            let priced = price(&wanted, |menu| catalog.iter().find(|item| item.menu_id == *menu));
            match (priced, expected) {
                (Ok(priced), Ok(total)) => assert_eq!(priced.total.amount, total),
                (Err(problem), Err((slug, fields))) => {
                    let named: Vec<_> =
                        problem.errors.iter().map(|error| error.field.as_str()).collect();
                    assert_eq!((problem.slug(), problem.status, &named[..]), (slug, 422, fields));
                }
                (got, expected) => panic!("{wanted:?}: {got:?} instead of {expected:?}"),
            }
        };
        check(&[("rice", 2), ("soup", 1)], Ok(4_500));
        check(&[("rice", 1), ("rice", 1)], Ok(2_000));
        check(
            &[("tea", 1), ("rice", 1), ("ale", 1)],
            Err(("unknown-menu-item", &["items[0].menu_id", "items[2].menu_id"])),
        );
        check(&[("rice", 1), ("wine", 1)], Err(("mixed-currencies", &["items[1].menu_id"])));
        check(&[("gold", 2)], Err(("total-too-large", &[])));
        check(&[("gold", 1), ("rice", 1)], Err(("total-too-large", &[])));
    }

    #[test]
    fn a_token_does_not_show_when_it_is_printed() {
        let token: PaymentToken = "tok-secret".parse().unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn a_token_is_short_and_visible() {
        for (text, good) in [
            ("tok-ok".to_owned(), true),
            ("x".repeat(200), true),
            ("x".repeat(201), false),
            (String::new(), false),
            ("a b".to_owned(), false),
            ("토큰".to_owned(), false),
        ] {
            assert_eq!(text.parse::<PaymentToken>().is_ok(), good, "{text:?}");
        }
    }
}
