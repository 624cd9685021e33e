//! The relay's loop: read, publish, hear confirms, delete.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use runtime::{
    ServiceName,
    broker::{Broker, Confirm, Outcome, Publication},
    db::{Database, DbError, OutboxRow},
    host::told_to_stop,
    ports::Ports,
};
use tokio::sync::watch;

use crate::{Options, held::Held};

/// How often all rows are looked at again, wherever the floor is.
pub const RESCAN: Duration = Duration::from_secs(30);
/// Rows committed by another process are found this often.
const POLL: Duration = Duration::from_secs(1);
/// How many held keys are tried again in one go.
const KEYS_AT_ONCE: usize = 64;

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
    /// Ids published and neither deleted nor refused.
    in_flight: HashSet<i64>,
    waiting: FuturesUnordered<Waiting>,
    held: Held,
    /// How many rows of a held key are being tried again.
    tried: HashMap<Arc<str>, usize>,
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
            held: Held::default(),
            tried: HashMap::new(),
            rescan_at,
        }
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let pause = match self.turn().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(source = %self.source, %error, "the outbox cannot be read");
                    Some(POLL)
                }
            };
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
        self.retry_held(now).await?;
        let room = self.options.window.saturating_sub(self.waiting.len());
        let limit = self.options.batch.min(u32::try_from(room).unwrap_or(u32::MAX));
        if limit > 0 {
            let rows = self.database.outbox().read(self.floor, limit).await?;
            let full = rows.len() >= limit as usize;
            if let Some(last) = rows.last() {
                self.floor = last.id;
            }
            let fresh = rows.into_iter().filter(|row| !self.held.holds(&row.key)).collect();
            self.publish(fresh, false).await;
            if full {
                // Confirms that have come meanwhile make room.
                while let Some(Some(settled)) = self.waiting.next().now_or_never() {
                    self.hear(settled).await;
                }
                return Ok(None);
            }
        }
        let next = self.held.next().map_or(POLL, |at| at.saturating_sub(now).min(POLL));
        Ok(Some(next))
    }

    /// Tries again the rows of keys whose pause is over.
    async fn retry_held(&mut self, now: Duration) -> Result<(), DbError> {
        for key in self.held.due(now, KEYS_AT_ONCE) {
            let rows = match self.database.outbox().read_key(&key, self.options.batch).await {
                Ok(rows) => rows,
                Err(error) => {
                    self.held.put_off(&key, now + self.options.longest_pause);
                    return Err(error);
                }
            };
            // Rows behind the floor's back only: those after it are read in their turn, and wait
            // for as long as the key is held.
            let rows: Vec<_> = rows
                .into_iter()
                .filter(|row| row.id <= self.floor && !self.in_flight.contains(&row.id))
                .collect();
            if rows.is_empty() {
                self.held.release(&key);
                continue;
            }
            self.tried.insert(Arc::from(key.as_str()), rows.len());
            self.publish(rows, true).await;
        }
        Ok(())
    }

    async fn publish(&mut self, rows: Vec<OutboxRow>, again: bool) {
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
                payload: Bytes::from(row.payload),
            });
        }
        tracing::trace!(source = %self.source, rows = sent.len(), again, "publishing");
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
        let now = self.ports.clock.elapsed();
        let taken = settled.outcome == Outcome::Confirmed;
        if taken {
            confirmed.push(settled.id);
        } else {
            self.in_flight.remove(&settled.id);
            if settled.outcome == Outcome::Unroutable {
                let (source, key) = (self.source, &*settled.key);
                tracing::error!(%source, key, id = settled.id, "no queue takes this message");
            }
        }
        let Some(left) = self.tried.get_mut(&settled.key) else {
            if !taken {
                self.hold(&settled.key, now);
            }
            return;
        };
        *left -= 1;
        let last = *left == 0;
        if !taken {
            self.hold(&settled.key, now);
        }
        if last {
            self.tried.remove(&settled.key);
            // Rows of the key that came meanwhile were passed over; trying it once more finds
            // them, and finds nothing where there are none.
            if taken {
                self.held.put_off(&settled.key, now);
            }
        }
    }

    fn hold(&mut self, key: &str, now: Duration) {
        self.held.hold(key, now, self.options.first_pause, self.options.longest_pause);
    }
}

async fn settled(id: i64, key: Arc<str>, confirm: Confirm) -> Settled {
    let outcome = confirm.await.unwrap_or(Outcome::Unavailable);
    Settled { id, key, outcome }
}
