//! The relay's loop: read, publish, hear confirms, delete.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use mutants::mutant;
use runtime::{
    ServiceName,
    broker::{Broker, Confirm, Outcome, Publication},
    db::{Database, DbError, OutboxRow},
    host::told_to_stop,
    ports::Ports,
};
use tokio::sync::watch;

use crate::{Options, round::Rounds};

/// How often all rows are looked at again, wherever the floor is.
pub const RESCAN: Duration = Duration::from_secs(30);
/// Rows committed by another process are found this often.
const POLL: Duration = Duration::from_secs(1);

/// A publication whose confirm has come.
struct Settled {
    id: i64,
    key: Arc<str>,
    outcome: Outcome,
}

type Waiting = std::pin::Pin<Box<dyn Future<Output = Settled> + Send>>;

pub(crate) struct Pump {
    source: ServiceName,
    database: Arc<dyn Database>,
    broker: Arc<dyn Broker>,
    ports: Ports,
    options: Options,
    /// The last id read.
    floor: i64,
    /// Ids published and neither deleted nor refused. The broker bounds them: it refuses what it
    /// has no room for.
    in_flight: HashSet<i64>,
    waiting: FuturesUnordered<Waiting>,
    rounds: Rounds,
    rescan_at: Duration,
}

impl Pump {
    pub(crate) fn new(
        source: ServiceName,
        database: Arc<dyn Database>,
        broker: Arc<dyn Broker>,
        ports: Ports,
        options: Options,
    ) -> Self {
        let rescan_at = ports.clock.elapsed() + RESCAN;
        Self {
            source,
            database,
            broker,
            ports,
            options,
            floor: 0,
            in_flight: HashSet::new(),
            waiting: FuturesUnordered::new(),
            rounds: Rounds::default(),
            rescan_at,
        }
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.turn().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(source = %self.source, %error, "the outbox cannot be read");
                    Some(POLL)
                }
            };
            // Confirms that have come meanwhile go first: each deletes rows.
            if let Some(Some(settled)) = self.waiting.next().now_or_never() {
                self.hear(settled).await;
            }
            let Some(pause) = pause else { continue };
            let database = Arc::clone(&self.database);
            let clock = Arc::clone(&self.ports.clock);
            tokio::select! {
                biased;
                () = told_to_stop(&mut stop) => return,
                Some(settled) = self.waiting.next() => self.hear(settled).await,
                () = database.outbox().written() => {}
                () = clock.sleep(pause) => {}
            }
        }
    }

    /// Publishes what can be published now. Answers how long there is nothing more to do, unless
    /// something happens; `None` where there is more to do at once.
    async fn turn(&mut self) -> Result<Option<Duration>, DbError> {
        let now = self.ports.clock.elapsed();
        if now >= self.rescan_at {
            self.floor = 0;
            self.rescan_at = now + RESCAN;
        }
        let rows = self.read(self.floor).await?;
        let more = rows.len() >= self.options.batch as usize;
        if let Some(last) = rows.last() {
            self.floor = last.id;
        }
        let fresh = rows.into_iter().filter(|row| !self.rounds.holds(&row.key)).collect();
        self.publish(fresh).await;
        // A page of each in turn: what was not taken must not keep back what is new.
        self.try_again(now).await?;
        if more {
            return Ok(None);
        }
        let now = self.ports.clock.elapsed();
        let next = self.rounds.next(now).map_or(POLL, |at| at.saturating_sub(now).min(POLL));
        Ok(Some(next))
    }

    /// Publishes a page of rows that were not taken before.
    async fn try_again(&mut self, now: Duration) -> Result<(), DbError> {
        let Some(cursor) = self.rounds.reads_after(now) else { return Ok(()) };
        let rows = self.read(cursor).await?;
        // Rows beyond the floor are read there in their turn.
        let rows: Vec<_> = rows.into_iter().take_while(|row| row.id <= self.floor).collect();
        let Some(last) = rows.last().map(|row| row.id) else {
            self.rounds.end();
            return Ok(());
        };
        self.rounds.has_read(last);
        self.publish(rows.into_iter().filter(|row| self.rounds.tries(&row.key)).collect()).await;
        Ok(())
    }

    /// A page of rows after an id.
    fn read(&self, after: i64) -> impl Future<Output = Result<Vec<OutboxRow>, DbError>> + use<> {
        let (database, batch) = (Arc::clone(&self.database), self.options.batch);
        async move { database.outbox().read(after, batch).await }
    }

    async fn publish(&mut self, rows: Vec<OutboxRow>) {
        let rows: Vec<_> = rows.into_iter().filter(|row| self.in_flight.insert(row.id)).collect();
        if rows.is_empty() {
            return;
        }
        let mut sent = Vec::with_capacity(rows.len());
        let mut publications = Vec::with_capacity(rows.len());
        for row in rows {
            sent.push((row.id, Arc::<str>::from(row.key)));
            publications.push(Publication {
                exchange: row.exchange,
                routing_key: row.routing_key,
                message_id: row.message_id,
                payload: Bytes::from(row.payload),
            });
        }
        tracing::trace!(source = %self.source, rows = sent.len(), "publishing");
        let confirms = self.broker.publish(publications).await;
        for ((id, key), confirm) in sent.into_iter().zip(confirms) {
            self.waiting.push(Box::pin(settled(id, key, confirm)));
        }
    }

    /// Takes note of one confirm, and of all that have come with it: one delete for all of them.
    async fn hear(&mut self, first: Settled) {
        let mut confirmed = Vec::new();
        self.note(&first, &mut confirmed);
        while let Some(Some(settled)) = self.waiting.next().now_or_never() {
            self.note(&settled, &mut confirmed);
        }
        if confirmed.is_empty() {
            return;
        }
        if let Err(error) = self.database.outbox().delete(confirmed.clone()).await {
            tracing::warn!(source = %self.source, %error, "confirmed rows will be sent again");
        }
        for id in confirmed {
            self.in_flight.remove(&id);
        }
    }

    fn note(&mut self, settled: &Settled, confirmed: &mut Vec<i64>) {
        let returned = settled.outcome == Outcome::Unroutable;
        if settled.outcome == Outcome::Confirmed
            || (returned && mutant!("relay-takes-a-return-for-a-confirm"))
        {
            self.rounds.taken(settled.id);
            confirmed.push(settled.id);
            return;
        }
        self.in_flight.remove(&settled.id);
        if settled.outcome == Outcome::Unroutable {
            let (source, key) = (self.source, &*settled.key);
            tracing::error!(%source, key, id = settled.id, "no queue takes this message");
        }
        let pauses = (self.options.first_pause, self.options.longest_pause);
        self.rounds.hold(&settled.key, settled.id, self.ports.clock.elapsed(), pauses);
    }
}

async fn settled(id: i64, key: Arc<str>, confirm: Confirm) -> Settled {
    if mutant!("relay-deletes-before-confirm") {
        return Settled { id, key, outcome: Outcome::Confirmed };
    }
    let outcome = confirm.await.unwrap_or(Outcome::Unavailable);
    Settled { id, key, outcome }
}
