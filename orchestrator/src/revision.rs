//! Changes of an order: what its customer asks for, and what has become of each. Pure; whether a
//! change may begin is decided in `revise`, and what becomes of it by its saga.

use contracts::{Address, Line, MenuId, Money, Timestamp};
use runtime::{FieldError, Problem};
use saga::{Instance, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::placement::{Priced, Wanted, total};

/// The most changes of one order: they are kept with it.
pub const MAX_REVISIONS: usize = 10;

/// What a customer may change of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What is ordered.
    pub items: Vec<Line>,
    /// What it costs in all.
    pub total: Money,
    /// Where it goes.
    pub address: Address,
}

/// What a customer asks for; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// All lines, each of an item that the order has.
    pub items: Option<Vec<Wanted>>,
    /// Where it goes.
    pub address: Option<Address>,
}

/// How a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevisionState {
    /// Asked for; the order may come to be the one or the other.
    Pending,
    /// The order is what was asked for.
    Made,
    /// The order is as it was.
    Refused,
}

/// One change of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Which one, counted from 1.
    pub number: u32,
    /// Its saga; none where nobody had to be asked, as the order had not started.
    pub saga_id: Option<Uuid>,
    /// How it stands.
    pub state: RevisionState,
    /// Why it was refused, as a slug.
    pub reason: Option<String>,
    /// What the order was when it was asked for.
    pub before: Content,
    /// What was asked for.
    pub wanted: Content,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was made or refused.
    pub decided_at: Option<Timestamp>,
}

impl Revision {
    /// Takes over what its saga has come to; the order's new content, where it was made just now.
    pub(crate) fn follow(&mut self, saga: &Instance, now: Timestamp) -> Option<Content> {
        if self.state != RevisionState::Pending {
            return None;
        }
        if saga.past_pivot() {
            self.state = RevisionState::Made;
            self.decided_at = Some(now);
            return Some(self.wanted.clone());
        }
        if saga.status() == Status::Cancelled {
            self.state = RevisionState::Refused;
            self.reason = saga.reason().map(str::to_owned);
            self.decided_at = Some(now);
        }
        None
    }
}

impl Content {
    /// What the order would be after that change. The price of a piece stays the one that was agreed.
    pub fn changed(&self, change: &Change) -> Result<Self, Problem> {
        let Priced { items, total } = match &change.items {
            Some(wanted) => self.priced(wanted)?,
            None => Priced { items: self.items.clone(), total: self.total },
        };
        let address = change.address.clone().unwrap_or_else(|| self.address.clone());
        Ok(Self { items, total, address })
    }

    fn priced(&self, wanted: &[Wanted]) -> Result<Priced, Problem> {
        let known = |menu: &MenuId| self.items.iter().find(|line| line.menu_id == *menu);
        let mut unknown = Vec::new();
        let mut items = Vec::with_capacity(wanted.len());
        for (index, wanted) in wanted.iter().enumerate() {
            match known(&wanted.menu_id) {
                Some(line) => items.push(Line { quantity: wanted.quantity, ..line.clone() }),
                None => unknown.push(FieldError {
                    field: format!("items[{index}].menu_id"),
                    detail: "The order has no such item.".to_owned(),
                }),
            }
        }
        if !unknown.is_empty() {
            let detail = "A change names items that the order has.";
            return Err(Problem {
                errors: unknown,
                ..Problem::new(422, "item-not-ordered", detail)
            });
        }
        let total = total(&items, self.total.currency)?;
        Ok(Priced { items, total })
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Currency, District};

    use super::*;

    fn line(menu: &str, amount: i64, quantity: u32) -> Line {
        Line {
            menu_id: MenuId::new(menu).unwrap(),
            name: menu.to_uppercase(),
            unit_price: Money { amount, currency: Currency::KRW },
            quantity,
        }
    }

    fn content() -> Content {
        Content {
            items: vec![line("rice", 1_000, 2), line("gold", i64::MAX / 4, 1)],
            total: Money { amount: i64::MAX / 4 + 2_000, currency: Currency::KRW },
            address: address("12 River Street"),
        }
    }

    fn address(line: &str) -> Address {
        Address { district: District::new("mapo").unwrap(), line: line.to_owned() }
    }

    #[test]
    fn a_change_names_lines_of_the_order_at_the_agreed_price() {
        let check = |wanted: &[(&str, u32)], expected: Result<i64, (&str, &[&str])>| {
            let wanted = wanted
                .iter()
                .map(|(menu, quantity)| Wanted {
                    menu_id: MenuId::new(*menu).unwrap(),
                    quantity: *quantity,
                })
                .collect();
            let change = Change { items: Some(wanted), address: None };
            match (content().changed(&change), expected) {
                (Ok(changed), Ok(total)) => {
                    assert_eq!(changed.total.amount, total);
                    assert_eq!(changed.address, content().address);
                }
                (Err(problem), Err((slug, fields))) => {
                    let named: Vec<_> =
                        problem.errors.iter().map(|error| error.field.as_str()).collect();
                    assert_eq!((problem.slug(), problem.status, &named[..]), (slug, 422, fields));
                }
                (got, expected) => panic!("{got:?} instead of {expected:?}"),
            }
        };
        check(&[("rice", 5)], Ok(5_000));
        check(&[("rice", 1), ("rice", 2)], Ok(3_000));
        check(
            &[("tea", 1), ("rice", 1), ("ale", 1)],
            Err(("item-not-ordered", &["items[0].menu_id", "items[2].menu_id"])),
        );
        check(&[("gold", 5)], Err(("total-too-large", &[])));
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let moved = Change { items: None, address: Some(address("1 Hill Street")) };
        let changed = content().changed(&moved).unwrap();
        assert_eq!(changed, Content { address: address("1 Hill Street"), ..content() });
        assert_eq!(content().changed(&Change::default()).unwrap(), content());
    }
}
