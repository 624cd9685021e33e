//! The crowd: everybody who is at work, and the customers who come one after another.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use runtime::auth::Role;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    book::Book,
    client::{Client, Trouble},
    cook,
    customer::{self, Errand},
    outcome::Outcome,
    owner,
    pace::Closing,
    rider,
    town::Town,
};

/// So many orders that nobody lets wait may be open at once; a slow machine then gets orders more
/// slowly, instead of deadlines that pass.
const MOST_OPEN: usize = 48;

/// How the customers' stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Every order has ended.
    AllEnded,
    /// It was time to go before that.
    Closed,
}

/// Everybody who is at work.
pub struct Crowd {
    client: Client,
    book: Book,
    town: Town,
    closing: Closing,
    home: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    troubles: mpsc::UnboundedReceiver<Trouble>,
}

impl Crowd {
    /// Opens the town, waits with `patience` for its menus, and sends its people to work. They also
    /// go home when `closing` says so.
    pub async fn gather(
        client: Client,
        book: Book,
        closing: Closing,
        patience: Duration,
    ) -> Result<Self, Trouble> {
        let town = Town::plan();
        town.open(&client).await?;
        town.wait_for_catalog(&client, patience).await?;
        let (home, go_home) = Closing::new();
        let (report, troubles) = mpsc::unbounded_channel();
        let mut crowd = Self { client, book, town, closing, home, workers: Vec::new(), troubles };
        for store in crowd.town.stores.clone() {
            let (client, book) = (crowd.client.acting_as(Role::Store), crowd.book.clone());
            crowd.employ(
                owner::work(client, book, store.clone(), go_home.clone()),
                &go_home,
                &report,
            );
            let (client, book) = (crowd.client.acting_as(Role::Cook), crowd.book.clone());
            crowd.employ(cook::work(client, book, store, go_home.clone()), &go_home, &report);
        }
        for rider in crowd.town.riders.clone() {
            let (client, book) = (crowd.client.acting_as(Role::Rider), crowd.book.clone());
            crowd.employ(rider::work(client, book, rider, go_home.clone()), &go_home, &report);
        }
        Ok(crowd)
    }

    fn employ(
        &mut self,
        work: impl Future<Output = Result<(), Trouble>> + Send + 'static,
        go_home: &Closing,
        report: &mpsc::UnboundedSender<Trouble>,
    ) {
        let (mut go_home, report) = (go_home.clone(), report.clone());
        let task = async move {
            tokio::select! {
                () = go_home.wait() => {}
                result = guarded("a person at work", work) => if let Err(trouble) = result {
                    // Nobody listens any more where the crowd was dismissed meanwhile.
                    let _ = report.send(trouble);
                }
            }
        };
        self.workers.push(self.client.ports().spawn(task));
    }

    /// Sends customers on their errands, `rate` a second at most, and calls `ended` with each
    /// order that has ended (an `Err` tells of an order that could not even be followed). Answers
    /// when all have ended; fails when the system does not answer any more.
    pub async fn serve(
        &mut self,
        errands: impl Iterator<Item = Errand>,
        rate: f64,
        patience: Duration,
        mut ended: impl FnMut(Result<Outcome, String>),
    ) -> Result<Stream, Trouble> {
        let mut errands = errands.peekable();
        let (report, mut reports) = mpsc::unbounded_channel();
        let between = interval(rate);
        let mut next = self.client.ports().clock.elapsed();
        let (mut open, mut open_slow) = (0_usize, 0_usize);
        loop {
            if errands.peek().is_none() && open == 0 {
                return Ok(Stream::AllEnded);
            }
            let may_start = open - open_slow < MOST_OPEN && errands.peek().is_some();
            let clock = &self.client.ports().clock;
            let pause = next.saturating_sub(clock.elapsed());
            tokio::select! {
                biased;
                () = self.closing.wait() => return Ok(Stream::Closed),
                Some(trouble) = self.troubles.recv() => return Err(trouble),
                Some((slow, result)) = reports.recv() => {
                    open -= 1;
                    open_slow -= usize::from(slow);
                    match result {
                        Ok(outcome) => ended(Ok(outcome)),
                        Err(Trouble::Odd(text)) => ended(Err(text)),
                        Err(down @ Trouble::Down(_)) => return Err(down),
                    }
                }
                () = clock.sleep(pause), if may_start => {
                    // What could not be placed in time is not made up for: no bursts.
                    let earliest = clock.elapsed().saturating_sub(between);
                    next = next.saturating_add(between).max(earliest);
                    if let Some(errand) = errands.next() {
                        open += 1;
                        open_slow += usize::from(errand.plan.is_slow());
                        self.send(errand, patience, report.clone());
                    }
                }
            }
        }
    }

    fn send(
        &self,
        errand: Errand,
        patience: Duration,
        report: mpsc::UnboundedSender<(bool, Result<Outcome, Trouble>)>,
    ) {
        let client = self.client.acting_as(Role::Customer);
        let (book, town) = (self.book.clone(), self.town.clone());
        let mut closing = self.closing.clone();
        self.client.ports().spawn(async move {
            let slow = errand.plan.is_slow();
            let work = customer::order(&client, &book, &town, &errand, patience);
            tokio::select! {
                () = closing.wait() => {}
                result = guarded("a customer", work) => {
                    let _ = report.send((slow, result));
                }
            }
        });
    }

    /// Sends everybody home and waits until they are gone.
    pub async fn dismiss(self) {
        let _ = self.home.send(true);
        for worker in self.workers {
            // A worker that panicked has told so.
            let _ = worker.await;
        }
    }
}

/// A rate so low that nobody would live to see the second order is no reason to overflow.
fn interval(rate: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)
}

/// A panic is told like any other trouble: whoever waits for the outcome would wait for ever.
async fn guarded<T>(
    who: &str,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Err(Trouble::Odd(format!("{who} has panicked"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_however_low_is_an_interval() {
        assert_eq!(interval(50.0), Duration::from_millis(20));
        assert_eq!(interval(1e-20), Duration::MAX);
        assert_eq!(interval(f64::MIN_POSITIVE), Duration::MAX);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_not_waited_for() {
        let work = async { if true { panic!("on purpose") } else { Ok(()) } };
        let told = guarded("a customer", work).await;
        assert!(matches!(told, Err(Trouble::Odd(text)) if text == "a customer has panicked"));
        assert!(guarded("a customer", async { Ok(1) }).await.is_ok());
    }
}
