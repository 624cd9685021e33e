//! Relays with one protection taken out each, by what lies around their outbox and their broker.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::{ServiceName, Timestamp};
use runtime::{
    broker::{Broker, Confirm, Delivery, Outcome, Publication},
    db::{
        DbError, Floor, Leases, Outbox, OutboxRow, Parked, PutOff, SharedOutbox, SharedRow,
        postgres::PostgresOutbox,
    },
    ports::Ports,
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::relays::Fault;

/// Longer than the relay looks back by itself.
const BACK: Duration = Duration::from_millis(3_200);

pub(crate) struct Faulty<T> {
    pub(crate) inner: Arc<T>,
    pub(crate) fault: Fault,
    pub(crate) ports: Ports,
    /// By bucket: when which id was given out, the highest so far each time.
    pub(crate) given: Mutex<HashMap<u16, Vec<(Duration, i64)>>>,
    pub(crate) leased: AtomicBool,
}

impl<T> Faulty<T> {
    pub(crate) fn new(inner: Arc<T>, fault: Fault, ports: &Ports) -> Arc<Self> {
        let given = Mutex::default();
        Arc::new(Self { inner, fault, ports: ports.clone(), given, leased: AtomicBool::default() })
    }

    /// The highest id of the bucket that was given out so long ago.
    fn given(&self, bucket: u16, ago: Duration) -> i64 {
        let until = self.ports.clock.elapsed().saturating_sub(ago);
        let given = self.given.lock().unwrap();
        let of_bucket = given.get(&bucket).into_iter().flatten();
        of_bucket.filter(|(at, _)| *at <= until).map(|(_, id)| *id).max().unwrap_or(0)
    }
}

#[async_trait]
impl<B: Broker> Broker for Faulty<B> {
    async fn publish(&self, publications: Vec<Publication>) -> Vec<Confirm> {
        let confirms = self.inner.publish(publications).await;
        if self.fault == Fault::DeleteBeforeConfirm {
            return confirms.iter().map(|_| now(Outcome::Confirmed)).collect();
        }
        let mut outcomes = Vec::with_capacity(confirms.len());
        for confirm in confirms {
            outcomes.push(confirm.await.unwrap_or(Outcome::Unavailable));
        }
        match self.fault {
            Fault::NotMandatory => {
                for outcome in &mut outcomes {
                    if *outcome == Outcome::Unroutable {
                        *outcome = Outcome::Confirmed;
                    }
                }
            }
            // A returned message is taken for its neighbour's.
            Fault::OwnConfirm => {
                for n in 1..outcomes.len() {
                    if outcomes[n - 1] == Outcome::Unroutable && outcomes[n] == Outcome::Confirmed {
                        outcomes.swap(n - 1, n);
                    }
                }
            }
            Fault::None
            | Fault::DeleteBeforeConfirm
            | Fault::Cursor
            | Fault::NoRescan
            | Fault::CannotRenew => {}
        }
        outcomes.into_iter().map(now).collect()
    }

    async fn consume(&self, service: ServiceName, prefetch: usize) -> mpsc::Receiver<Delivery> {
        self.inner.consume(service, prefetch).await
    }
}

fn now(outcome: Outcome) -> Confirm {
    let (confirm, confirmed) = oneshot::channel();
    confirm.send(outcome).unwrap();
    confirmed
}

#[async_trait]
impl SharedOutbox for Faulty<PostgresOutbox> {
    async fn lease(&self, owner: Uuid) -> Result<Leases, DbError> {
        if self.leased.swap(true, SeqCst) && self.fault == Fault::CannotRenew {
            return Err(DbError::Unavailable("the test says so".to_owned()));
        }
        self.inner.lease(owner).await
    }

    async fn give_up(&self, owner: Uuid, buckets: &[u16], ending: bool) -> Result<(), DbError> {
        self.inner.give_up(owner, buckets, ending).await
    }

    async fn read_leased(
        &self,
        owner: Uuid,
        floors: &[Floor],
        limit: u32,
    ) -> Result<Vec<SharedRow>, DbError> {
        let ago = match self.fault {
            Fault::Cursor => Some(Duration::ZERO),
            Fault::NoRescan => Some(BACK),
            _ => None,
        };
        let mut floors = floors.to_vec();
        for floor in floors.iter_mut().filter(|_| ago.is_some()) {
            floor.after = floor.after.max(self.given(floor.bucket, ago.unwrap()));
        }
        let rows = self.inner.read_leased(owner, &floors, limit).await?;
        let at = self.ports.clock.elapsed();
        let mut given = self.given.lock().unwrap();
        for row in &rows {
            given.entry(row.bucket).or_default().push((at, row.row.id));
        }
        Ok(rows)
    }

    async fn delete_sent(&self, rows: &[(u16, i64)]) -> Result<(), DbError> {
        self.inner.delete_sent(rows).await
    }

    async fn put_off(&self, rows: &[PutOff]) -> Result<(), DbError> {
        self.inner.put_off(rows).await
    }

    async fn park(&self, bucket: u16, id: i64, error: &str) -> Result<bool, DbError> {
        self.inner.park(bucket, id, error).await
    }

    async fn parked(&self, after: i64, limit: u32) -> Result<Vec<Parked>, DbError> {
        self.inner.parked(after, limit).await
    }

    async fn parked_count(&self) -> Result<u64, DbError> {
        self.inner.parked_count().await
    }

    async fn redrive(&self, ids: &[i64]) -> Result<u64, DbError> {
        self.inner.redrive(ids).await
    }
}

#[async_trait]
impl Outbox for Faulty<PostgresOutbox> {
    async fn read(&self, after: i64, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        self.inner.read(after, limit).await
    }

    async fn read_key(&self, key: &str, limit: u32) -> Result<Vec<OutboxRow>, DbError> {
        self.inner.read_key(key, limit).await
    }

    async fn delete(&self, ids: Vec<i64>) -> Result<(), DbError> {
        self.inner.delete(ids).await
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), DbError> {
        self.inner.backlog().await
    }

    async fn written(&self) {
        self.inner.written().await;
    }
}
