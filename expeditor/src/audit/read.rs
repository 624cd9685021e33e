//! Where the audit reads: pages of what each service has stored. Nothing here judges.

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use contracts::ServiceName;
use runtime::{
    HistoryEntry, Key, Kind, Phase,
    db::{
        Database, DbError, ListQuery, Migrations, OutboxRow, PublishedEvent, Row, SagaRow,
        postgres::{Connect, PostgresDatabase},
        sqlite::SqliteDatabase,
    },
    ports::Ports,
};
use uuid::Uuid;

use crate::{exit::Failure, system};

/// How many rows are read at once.
pub const PAGE: u32 = 500;

/// A kind of aggregate of one service, as the audit names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose database.
    pub service: ServiceName,
    /// Which kind.
    pub kind: &'static str,
}

/// Orders.
pub const ORDERS: Place = Place { service: ServiceName::Orchestrator, kind: "order" };
/// Used idempotency keys, by `<customer_id>/<key>`.
pub const KEYS: Place = Place { service: ServiceName::Orchestrator, kind: "idempotency_key" };
/// The catalog, by `<store_id>/<menu_id>`.
pub const CATALOG: Place = Place { service: ServiceName::Orchestrator, kind: "catalog_item" };
/// Payments, by order.
pub const PAYMENTS: Place = Place { service: ServiceName::Payment, kind: "payment" };
/// The stores' tickets, by order.
pub const TICKETS: Place = Place { service: ServiceName::Store, kind: "ticket" };
/// Menu items, by `<store_id>/<menu_id>`.
pub const MENU_ITEMS: Place = Place { service: ServiceName::Store, kind: "menu_item" };
/// The kitchens' tickets, by order.
pub const KITCHEN: Place = Place { service: ServiceName::Cook, kind: "ticket" };
/// Deliveries, by order.
pub const DELIVERIES: Place = Place { service: ServiceName::Rider, kind: "delivery" };
/// Riders.
pub const RIDERS: Place = Place { service: ServiceName::Rider, kind: "rider" };
/// What riders carry, by rider.
pub const LOADS: Place = Place { service: ServiceName::Rider, kind: "load" };

/// Orders as MyPage shows them.
pub const SHOWN: Place = Place { service: ServiceName::Mypage, kind: "order" };

/// What is stored, to be looked at.
#[async_trait]
pub trait Stored: Send + Sync {
    /// Whether a message that has left its outbox was consumed. Where it was merely handed to a
    /// broker, it may still be on its way, and nothing that is stored tells.
    fn sent_is_consumed(&self) -> bool;
    /// One aggregate.
    async fn one(&self, place: Place, id: &str) -> Result<Option<Row>, DbError>;
    /// At most [`PAGE`] aggregates by id, after that id.
    async fn page(&self, place: Place, after: Option<&str>) -> Result<Vec<(String, Row)>, DbError>;
    /// One saga's search row.
    async fn saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError>;
    /// At most [`PAGE`] saga search rows, the newest first, before that id.
    async fn sagas(&self, before: Option<Uuid>) -> Result<Vec<SagaRow>, DbError>;
    /// At most [`PAGE`] sagas that have a history, by id, after that one.
    async fn streams(&self, after: Option<Uuid>) -> Result<Vec<Uuid>, DbError>;
    /// A saga's whole history.
    async fn history(&self, saga_id: Uuid) -> Result<Vec<HistoryEntry>, DbError>;
    /// At most [`PAGE`] published events after that place in the table.
    async fn published(
        &self,
        service: ServiceName,
        after: i64,
    ) -> Result<Vec<PublishedEvent>, DbError>;
    /// What a service has published about any of these subjects: of each in order.
    async fn published_about(
        &self,
        service: ServiceName,
        subjects: &[String],
    ) -> Result<Vec<PublishedEvent>, DbError>;
    /// At most [`PAGE`] messages not yet sent, after that place in the table.
    async fn unsent(&self, service: ServiceName, after: i64) -> Result<Vec<OutboxRow>, DbError>;
    /// Whether an aggregate has messages not yet sent.
    async fn has_unsent(&self, place: Place, id: &str) -> Result<bool, DbError>;
    /// The places in the table of at most [`PAGE`] dead letters, after that one.
    async fn dead_letters(&self, service: ServiceName, after: i64) -> Result<Vec<i64>, DbError>;
}

/// Every service's database, which is only read.
pub struct Databases {
    databases: HashMap<ServiceName, Arc<dyn Database>>,
    sent_is_consumed: bool,
}

/// An audit reads one page after another: one connection would do, a second one is there at once
/// where the first was lost.
const READERS: u32 = 2;

impl Databases {
    /// The files of a data directory. A missing one is a matter of usage: this is not the directory.
    pub async fn in_directory(data: &Path) -> Result<Self, Failure> {
        let mut databases: HashMap<_, Arc<dyn Database>> = HashMap::new();
        for service in ServiceName::ALL {
            let path = system::database_path(data, service);
            if !path.is_file() {
                return Err(Failure::Usage(format!(
                    "there is no {}: is {} a data directory?",
                    path.display(),
                    data.display()
                )));
            }
            let migrations = Migrations::sqlite(service);
            let database = SqliteDatabase::open_read_only(&path, &migrations).await?;
            databases.insert(service, Arc::new(database));
        }
        Ok(Self { databases, sent_is_consumed: true })
    }

    /// The databases `<prefix>_<service>` of a PostgreSQL server. The URL names the server and as
    /// whom to look; which database it names makes no difference.
    pub async fn on_server(url: &str, prefix: &str, ports: &Ports) -> Result<Self, Failure> {
        let mut databases: HashMap<_, Arc<dyn Database>> = HashMap::new();
        for service in ServiceName::ALL {
            let name = format!("{prefix}_{service}");
            let mut connect = Connect::to(&with_database(url, &name)?)?;
            connect.readers = READERS;
            let migrations = Migrations::postgres(service);
            let database = PostgresDatabase::open_read_only(&connect, &migrations, ports).await?;
            databases.insert(service, Arc::new(database));
        }
        Ok(Self { databases, sent_is_consumed: false })
    }

    /// Databases that are open already, one of every service.
    pub fn of(databases: HashMap<ServiceName, Arc<dyn Database>>, sent_is_consumed: bool) -> Self {
        Self { databases, sent_is_consumed }
    }

    /// How many messages wait in all outboxes.
    pub async fn backlog(&self) -> Result<u64, DbError> {
        let mut rows = 0;
        for database in self.databases.values() {
            rows += database.outbox().backlog().await?.0;
        }
        Ok(rows)
    }

    /// Closes them.
    pub async fn close(&self) {
        for database in self.databases.values() {
            database.close().await;
        }
    }

    fn at(&self, service: ServiceName) -> &dyn Database {
        let database = self.databases.get(&service);
        database.expect("whoever makes this opens the database of every service").as_ref()
    }
}

/// The URL with another database in it.
pub(crate) fn with_database(url: &str, name: &str) -> Result<String, Failure> {
    let mut url = reqwest::Url::parse(url).map_err(|error| {
        Failure::Usage(format!("the database's address cannot be read: {error}"))
    })?;
    url.set_path(name);
    Ok(url.into())
}

#[async_trait]
impl Stored for Databases {
    fn sent_is_consumed(&self) -> bool {
        self.sent_is_consumed
    }

    async fn one(&self, place: Place, id: &str) -> Result<Option<Row>, DbError> {
        // Phase and rank order locks; reading takes none.
        let kind = Kind { name: place.kind, phase: Phase::First, rank: 0 };
        self.at(place.service).reader().get(&Key::new(kind, id)).await
    }

    async fn page(&self, place: Place, after: Option<&str>) -> Result<Vec<(String, Row)>, DbError> {
        let query = ListQuery {
            kind: place.kind,
            owner: None,
            states: Vec::new(),
            after: after.map(str::to_owned),
            descending: false,
            limit: PAGE,
        };
        self.at(place.service).reader().list(&query).await
    }

    async fn saga(&self, saga_id: Uuid) -> Result<Option<SagaRow>, DbError> {
        self.at(ServiceName::Orchestrator).reader().saga(saga_id).await
    }

    async fn sagas(&self, before: Option<Uuid>) -> Result<Vec<SagaRow>, DbError> {
        let query = runtime::db::SagaQuery { before, limit: PAGE, ..Default::default() };
        self.at(ServiceName::Orchestrator).reader().sagas(&query).await
    }

    async fn streams(&self, after: Option<Uuid>) -> Result<Vec<Uuid>, DbError> {
        self.at(ServiceName::Orchestrator).reader().streams(after, PAGE).await
    }

    async fn history(&self, saga_id: Uuid) -> Result<Vec<HistoryEntry>, DbError> {
        let reader = self.at(ServiceName::Orchestrator).reader();
        let mut history: Vec<HistoryEntry> = Vec::new();
        loop {
            let after = history.last().map_or(0, |entry| entry.version);
            let page = reader.history(saga_id, after, PAGE).await?;
            let full = page.len() == PAGE as usize;
            history.extend(page);
            if !full {
                return Ok(history);
            }
        }
    }

    async fn published(
        &self,
        service: ServiceName,
        after: i64,
    ) -> Result<Vec<PublishedEvent>, DbError> {
        self.at(service).reader().published(after, PAGE).await
    }

    async fn published_about(
        &self,
        service: ServiceName,
        subjects: &[String],
    ) -> Result<Vec<PublishedEvent>, DbError> {
        self.at(service).reader().published_about(subjects).await
    }

    async fn unsent(&self, service: ServiceName, after: i64) -> Result<Vec<OutboxRow>, DbError> {
        self.at(service).outbox().read(after, PAGE).await
    }

    async fn has_unsent(&self, place: Place, id: &str) -> Result<bool, DbError> {
        let key = format!("{}/{id}", place.kind);
        Ok(!self.at(place.service).outbox().read_key(&key, 1).await?.is_empty())
    }

    async fn dead_letters(&self, service: ServiceName, after: i64) -> Result<Vec<i64>, DbError> {
        let letters = self.at(service).reader().dead_letters(after, PAGE).await?;
        Ok(letters.into_iter().map(|letter| letter.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_and_all_that_is_said_of_it_stay_when_the_database_is_another() {
        for (url, other) in [
            ("postgres://u:p@h:5432/postgres", "postgres://u:p@h:5432/a_b"),
            ("postgres://u:p%40@h?sslmode=require", "postgres://u:p%40@h/a_b?sslmode=require"),
            ("postgresql:///x?host=/run", "postgresql:///a_b?host=/run"),
        ] {
            assert_eq!(with_database(url, "a_b").unwrap(), other);
        }
        assert_eq!(with_database("localhost", "a_b").unwrap_err().status(), 2);
    }
}
