//! What a test sees of orders and messages in the services' databases.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contracts::ServiceName;
use expeditor::fleet::Ground;
use runtime::ports::Ports;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use crate::place::{BOUND, Place};

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A row of an outbox that is older than this is not sent by anybody at the moment.
const STUCK: &str = "interval '700 ms'";

/// A connection to each service's database.
pub(crate) struct Eyes {
    databases: BTreeMap<ServiceName, Mutex<PgConnection>>,
    pub(crate) ports: Ports,
}

/// A row of an outbox: whose, its bucket, its id.
pub(crate) type Row = (ServiceName, i16, i64);

impl Eyes {
    pub(crate) async fn open(place: &Place, ground: &Ground) -> Self {
        let mut databases = BTreeMap::new();
        for service in ServiceName::ALL {
            let connection = place.connect(&format!("{}_{service}", ground.prefix())).await;
            databases.insert(service, Mutex::new(connection));
        }
        Self { databases, ports: place.ports.clone() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.ports.clock.elapsed()
    }

    /// The orders in one of these states.
    pub(crate) async fn orders(&self, states: &[&str]) -> BTreeSet<String> {
        let mut database = self.databases[&ServiceName::Orchestrator].lock().await;
        let sql = "SELECT id FROM aggregate WHERE kind = 'order' AND state = ANY ($1)";
        let ids = sqlx::query_scalar(sql).bind(states.to_vec());
        ids.fetch_all(&mut *database).await.unwrap().into_iter().collect()
    }

    /// All orders, with their versions.
    pub(crate) async fn versions(&self) -> BTreeMap<String, i64> {
        let mut database = self.databases[&ServiceName::Orchestrator].lock().await;
        let sql = "SELECT id, version FROM aggregate WHERE kind = 'order'";
        sqlx::query_as(sql).fetch_all(&mut *database).await.unwrap().into_iter().collect()
    }

    /// The orders that a participant has been asked for.
    pub(crate) async fn asked(&self, service: ServiceName) -> BTreeSet<String> {
        let mut database = self.databases[&service].lock().await;
        // A rider hears of an order's address before anybody asks for the delivery.
        let sql = "SELECT id FROM aggregate WHERE kind IN ('payment', 'ticket', 'delivery')
                   AND state NOT IN ('known', 'waiting')";
        sqlx::query_scalar(sql).fetch_all(&mut *database).await.unwrap().into_iter().collect()
    }

    /// How many messages a service has taken in.
    pub(crate) async fn taken_in(&self, service: ServiceName) -> i64 {
        let mut database = self.databases[&service].lock().await;
        let sql = "SELECT count(*) FROM inbox";
        sqlx::query_scalar(sql).fetch_one(&mut *database).await.unwrap()
    }

    /// The rows that have lain in an outbox for longer than it takes to send one.
    pub(crate) async fn stuck(&self) -> BTreeSet<Row> {
        let sql =
            format!("SELECT bucket, id FROM outbox WHERE created_at < clock_timestamp() - {STUCK}");
        self.rows(&sql).await
    }

    /// The rows that lie in an outbox.
    pub(crate) async fn unsent(&self) -> BTreeSet<Row> {
        self.rows("SELECT bucket, id FROM outbox").await
    }

    async fn rows(&self, sql: &str) -> BTreeSet<Row> {
        let mut all = BTreeSet::new();
        for (service, database) in &self.databases {
            let rows = sqlx::query_as::<_, (i16, i64)>(sqlx::AssertSqlSafe(sql));
            let rows = rows.fetch_all(&mut *database.lock().await).await.unwrap();
            all.extend(rows.into_iter().map(|(bucket, id)| (*service, bucket, id)));
        }
        all
    }

    /// How many relays share each outbox; the fewest.
    pub(crate) async fn relays(&self) -> i64 {
        let sql = "SELECT count(DISTINCT owner) FROM outbox_lease
                   WHERE expires_at > clock_timestamp()";
        let mut fewest = i64::MAX;
        for database in self.databases.values() {
            let mut database = database.lock().await;
            let relays: i64 = sqlx::query_scalar(sql).fetch_one(&mut *database).await.unwrap();
            fewest = fewest.min(relays);
        }
        fewest
    }

    /// How long it takes from then until something is so, looked at again and again; `what` tells
    /// what is waited for in vain. Nothing may take longer than [`BOUND`].
    pub(crate) async fn until(
        &self,
        then: Duration,
        what: &str,
        mut is_so: impl AsyncFnMut() -> bool,
    ) -> Duration {
        loop {
            let so = is_so().await;
            let took = self.now().saturating_sub(then);
            if so {
                return took;
            }
            assert!(took < BOUND, "in vain: {what}");
            self.ports.clock.sleep(LOOK_AGAIN).await;
        }
    }
}
