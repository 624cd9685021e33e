//! An order with everything that is held for it anywhere, read in the order that makes judging
//! safe beside a running system: the orchestrator first.

use std::collections::BTreeMap;

use contracts::Timestamp;
use runtime::db::{DbError, Row};

use super::{
    Name,
    bodies::{Holding, Order, Saga, read},
    read::{DELIVERIES, KITCHEN, ORDERS, PAGE, PAYMENTS, Place, Stored, TICKETS},
};

/// The participants that hold something for an order, in the order in which it meets them.
pub const PARTICIPANTS: [Place; 4] = [PAYMENTS, TICKETS, KITCHEN, DELIVERIES];

/// What a row says beside its body.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Counts its changes.
    pub version: u64,
    /// The word that people search by.
    pub state: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// When its timer fires, in milliseconds.
    pub wake_at: Option<i64>,
    /// When it was last changed, in milliseconds.
    pub updated_at: i64,
}

impl Columns {
    /// Of a row.
    pub fn of(row: &Row) -> Self {
        Self {
            version: row.version,
            state: row.state.clone(),
            owner: row.owner.clone(),
            wake_at: row.wake_at.map(Timestamp::as_millis),
            updated_at: row.updated_at.as_millis(),
        }
    }
}

/// A participant's row with its body.
#[derive(Clone, Debug)]
pub struct Part {
    /// What stands beside the body.
    pub columns: Columns,
    /// The body.
    pub body: Holding,
}

/// An order's row with its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// What stands beside the body.
    pub columns: Columns,
    /// The body.
    pub body: Order,
    /// Its sagas, read.
    pub sagas: Vec<Saga>,
}

impl Head {
    /// Whether all its sagas have ended, or it was cancelled before it had any.
    pub fn has_ended(&self) -> bool {
        if self.sagas.is_empty() {
            return self.cancelled_before_start();
        }
        self.sagas.iter().all(Saga::has_ended)
    }

    fn cancelled_before_start(&self) -> bool {
        self.body.schedule.as_ref().is_some_and(|it| it.cancelled.is_some())
    }

    /// When it starts, where it waits for that.
    pub fn starts_at(&self) -> Option<i64> {
        let schedule = self.body.schedule.as_ref().filter(|it| it.cancelled.is_none())?;
        self.sagas.is_empty().then_some(schedule.starts_at.as_millis())
    }

    /// The order's own saga that came last: not one of its changes.
    pub fn own(&self) -> Option<&Saga> {
        self.sagas.iter().rev().find(|saga| saga.definition != "revise")
    }

    /// Whether a change of it is under way.
    pub fn is_revising(&self) -> bool {
        self.sagas.iter().any(|saga| saga.definition == "revise" && !saga.has_ended())
    }

    /// How it ended: its own last saga says so; a return saga's completion is a return.
    pub fn end(&self) -> Option<&'static str> {
        let Some(last) = self.own() else {
            return self.cancelled_before_start().then_some("cancelled");
        };
        match (last.definition.as_str(), last.phase.as_str()) {
            ("return", "completed") => Some("returned"),
            (_, "completed") => Some("completed"),
            (_, "cancelled") => Some("cancelled"),
            _ => None,
        }
    }
}

/// Everything that is held for one order.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The order's id.
    pub id: String,
    /// The order, where the orchestrator has it.
    pub order: Option<Head>,
    /// What the payment service holds.
    pub payment: Option<Part>,
    /// What the store holds.
    pub ticket: Option<Part>,
    /// What the kitchen holds.
    pub kitchen: Option<Part>,
    /// What the rider service holds.
    pub delivery: Option<Part>,
    /// Bodies that cannot be read, and which invariant that breaks.
    pub unreadable: Vec<(Name, String)>,
}

impl Held {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// What that participant holds.
    pub fn part(&self, place: Place) -> Option<&Part> {
        match place {
            PAYMENTS => self.payment.as_ref(),
            TICKETS => self.ticket.as_ref(),
            KITCHEN => self.kitchen.as_ref(),
            DELIVERIES => self.delivery.as_ref(),
            _ => None,
        }
    }

    /// The participants' holdings with their places.
    pub fn parts(&self) -> impl Iterator<Item = (Place, &Part)> {
        PARTICIPANTS.into_iter().filter_map(|place| Some((place, self.part(place)?)))
    }

    fn put_order(&mut self, row: &Row) {
        let head = read::<Order>("order", &self.id, &row.body).and_then(|body| {
            let sagas = body
                .sagas
                .iter()
                .map(|saga| {
                    serde_json::from_value::<Saga>(saga.clone())
                        .map_err(|error| format!("a saga of order {}: {error}", self.id))
                })
                .collect::<Result<_, _>>()?;
            Ok(Head { columns: Columns::of(row), body, sagas })
        });
        match head {
            Ok(head) => self.order = Some(head),
            Err(reason) => self.unreadable.push((Name(5), reason)),
        }
    }

    fn put_part(&mut self, place: Place, row: &Row) {
        let what = format!("{}'s {}", place.service, place.kind);
        match read::<Holding>(&what, &self.id, &row.body) {
            Ok(body) => {
                let part = Some(Part { columns: Columns::of(row), body });
                match place {
                    PAYMENTS => self.payment = part,
                    TICKETS => self.ticket = part,
                    KITCHEN => self.kitchen = part,
                    DELIVERIES => self.delivery = part,
                    _ => {}
                }
            }
            Err(reason) => self.unreadable.push((Name(2), reason)),
        }
    }
}

/// Reads one order, the orchestrator first.
pub async fn one(stored: &dyn Stored, id: &str) -> Result<Held, DbError> {
    let mut held = Held::new(id);
    if let Some(row) = stored.one(ORDERS, id).await? {
        held.put_order(&row);
    }
    for place in PARTICIPANTS {
        if let Some(row) = stored.one(place, id).await? {
            held.put_part(place, &row);
        }
    }
    Ok(held)
}

/// Every order by id with everything that is held for it, and whatever is held for ids that no
/// order has, slice by slice.
pub struct Slices<'a> {
    stored: &'a dyn Stored,
    after: Option<String>,
    done: bool,
}

impl<'a> Slices<'a> {
    /// From the first id on.
    pub fn new(stored: &'a dyn Stored) -> Self {
        Self { stored, after: None, done: false }
    }

    /// The next slice, in order of id; `None` after the last. It reaches as far as every page
    /// does: what lies beyond belongs to the next one.
    pub async fn next(&mut self) -> Result<Option<Vec<Held>>, DbError> {
        if self.done {
            return Ok(None);
        }
        let after = self.after.as_deref();
        let orders = self.stored.page(ORDERS, after).await?;
        let mut bound = end_of(&orders);
        let mut parts = Vec::new();
        for place in PARTICIPANTS {
            let page = self.stored.page(place, after).await?;
            bound = match (bound, end_of(&page)) {
                (Some(bound), Some(end)) => Some(bound.min(end)),
                (bound, end) => bound.or(end),
            };
            parts.push((place, page));
        }
        let within = |id: &str| bound.as_deref().is_none_or(|bound| id <= bound);
        let mut slice: BTreeMap<&str, Held> = BTreeMap::new();
        for (id, row) in orders.iter().filter(|(id, _)| within(id)) {
            slice.entry(id).or_insert_with(|| Held::new(id)).put_order(row);
        }
        for (place, page) in &parts {
            for (id, row) in page.iter().filter(|(id, _)| within(id)) {
                slice.entry(id).or_insert_with(|| Held::new(id)).put_part(*place, row);
            }
        }
        let slice = slice.into_values().collect();
        self.done = bound.is_none();
        self.after = bound;
        Ok(Some(slice))
    }
}

/// The last id of a full page: how far it reaches. One that is not full reaches to the end.
fn end_of(page: &[(String, Row)]) -> Option<String> {
    if page.len() < PAGE as usize {
        return None;
    }
    page.last().map(|(id, _)| id.clone())
}
