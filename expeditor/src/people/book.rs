//! The plan book: what the simulated people are going to do, by order.
//!
//! It stands for people's intentions, which no service knows. People look an order up by the id
//! that their app shows; an order that is not in it (yet) they leave alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::plan::Plan;

/// How far the people have come with one order, where others wait for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "things that happen independently of another")]
pub struct Progress {
    /// The cook was told by the kitchen's service that cooking has started.
    pub cooking: bool,
    /// The customer has tried to cancel and was answered.
    pub cancel_answered: bool,
    /// A rider has given the delivery back once.
    pub released: bool,
    /// A rider from another district has claimed it.
    pub from_afar: bool,
    /// What the customer wanted to change was made or refused.
    pub change_decided: bool,
}

#[derive(Debug)]
struct Entry {
    plan: Plan,
    progress: watch::Sender<Progress>,
    remarks: Vec<String>,
}

/// The plan book, shared by all simulated people.
#[derive(Clone, Debug, Default)]
pub struct Book {
    entries: Arc<Mutex<HashMap<String, Entry>>>,
    /// The plan of every order whose id sorts before that one.
    earlier: Option<(String, Plan)>,
}

impl Book {
    /// A book in which orders whose ids sort before that one have that plan: a system that is
    /// started again has orders of people who are gone (ids of orders sort by age).
    pub fn with_earlier(before: impl Into<String>, plan: Plan) -> Self {
        Self { earlier: Some((before.into(), plan)), ..Self::default() }
    }

    /// Writes down what is going to happen with an order.
    pub fn write(&self, order_id: &str, plan: Plan) {
        let entry =
            Entry { plan, progress: watch::Sender::new(Progress::default()), remarks: Vec::new() };
        self.entries().insert(order_id.to_owned(), entry);
    }

    /// What is going to happen with an order, if anybody knows.
    pub fn plan(&self, order_id: &str) -> Option<Plan> {
        let written = self.entries().get(order_id).map(|entry| entry.plan);
        let earlier = self.earlier.as_ref().filter(|(before, _)| order_id < before.as_str());
        written.or(earlier.map(|(_, plan)| *plan))
    }

    /// How far the people have come.
    pub fn progress(&self, order_id: &str) -> Progress {
        self.entries().get(order_id).map(|entry| *entry.progress.borrow()).unwrap_or_default()
    }

    /// Notes that the people have come further.
    pub fn advance(&self, order_id: &str, advance: impl FnOnce(&mut Progress)) {
        if let Some(entry) = self.entries().get(order_id) {
            entry.progress.send_modify(advance);
        }
    }

    /// For waiting until the people have come further.
    pub fn follow(&self, order_id: &str) -> Option<watch::Receiver<Progress>> {
        self.entries().get(order_id).map(|entry| entry.progress.subscribe())
    }

    /// Notes an answer that nobody expected; it is told only where the order ends otherwise than
    /// planned.
    pub fn remark(&self, order_id: &str, remark: impl Into<String>) {
        if let Some(entry) = self.entries().get_mut(order_id)
            && entry.remarks.len() < 5
        {
            entry.remarks.push(remark.into());
        }
    }

    /// Strikes an order that has ended; answers how far the people came, and what was remarked.
    pub fn strike(&self, order_id: &str) -> (Progress, Vec<String>) {
        let entry = self.entries().remove(order_id);
        entry.map(|entry| (*entry.progress.borrow(), entry.remarks)).unwrap_or_default()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_nobody_wrote_down_is_left_alone_unless_it_is_older_than_the_book() {
        assert_eq!(Book::default().plan("o1"), None);
        let book = Book::with_earlier("o2", Plan::Deliver);
        assert_eq!((book.plan("o1"), book.plan("o2")), (Some(Plan::Deliver), None));
    }

    #[test]
    fn who_follows_an_order_sees_the_progress_made_before_and_after() {
        let book = Book::default();
        book.write("o1", Plan::CancelAtStart);
        book.advance("o1", |progress| progress.cooking = true);
        let follower = book.follow("o1").unwrap();
        assert!(follower.borrow().cooking);
        book.advance("o1", |progress| progress.cancel_answered = true);
        assert!(follower.borrow().cancel_answered);
        book.remark("o1", "odd");
        let (progress, remarks) = book.strike("o1");
        assert!(progress.cooking && progress.cancel_answered && !progress.released);
        assert_eq!(remarks, ["odd"]);
        assert_eq!(book.plan("o1"), None);
    }
}
