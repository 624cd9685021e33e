//! Who can do what in which database.

use contracts::ServiceName;
use runtime::{
    db::{
        SharedOutbox,
        postgres::{Connect, PostgresOutbox},
    },
    ports::Ports,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::world::{World, close, code, connect, execute, other_database};

/// `insufficient_privilege`.
const REFUSED: Option<&str> = Some("42501");

async fn refused(connection: &mut PgConnection, sql: &str) {
    let code = code(execute(connection, sql).await);
    assert_eq!(code.as_deref(), REFUSED, "{sql}");
}

async fn tables(connection: &mut PgConnection) -> Vec<String> {
    let query = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    sqlx::query_scalar(query).fetch_all(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn everybody_enters_their_own_database_and_the_auditor_each() {
    let world = World::new().await;
    world.provision(&[]);
    for (service, url) in world.logins() {
        close(connect(&url).await.unwrap()).await;
        let auditor = url.contains(&world.names.auditor());
        for other in ServiceName::ALL.into_iter().filter(|other| *other != service) {
            let other = other_database(&url, &world.names.service(other));
            let refused = connect(&other).await;
            assert_eq!(refused.is_ok(), auditor, "{other}");
            assert_eq!(code(refused).as_deref(), REFUSED.filter(|_| !auditor));
        }
    }
    // Neither does anybody else whom the server knows.
    let mut admin = world.admin().await;
    let stranger = format!("{}_stranger", world.prefix);
    execute(&mut admin, &format!("CREATE ROLE {stranger} LOGIN PASSWORD 'x'")).await.unwrap();
    let url = crate::world::other_login(&world.service_url(ServiceName::Cook), &stranger, "x");
    assert_eq!(code(connect(&url).await).as_deref(), REFUSED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_owns_all_that_is_in_its_database() {
    let world = World::new().await;
    world.provision(&[]);
    for service in ServiceName::ALL {
        let mut own = connect(&world.service_url(service)).await.unwrap();
        let foreign: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relowner <> current_user::regrole",
        )
        .fetch_one(&mut own)
        .await
        .unwrap();
        assert_eq!(foreign, 0, "{service}");
        assert!(tables(&mut own).await.len() > 7, "{service}");
        execute(&mut own, "DELETE FROM inbox").await.unwrap();
        refused(&mut own, "CREATE ROLE other").await;
        refused(&mut own, "CREATE DATABASE other").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_works_on_the_outbox_and_sees_nothing_else() {
    let world = World::new().await;
    world.provision(&[]);
    let service = ServiceName::Orchestrator;
    let url = world.relay_url(service);
    let connect_to = Connect::to(&url).unwrap();
    let outbox = PostgresOutbox::open(&connect_to, &Ports::system()).await.unwrap();
    assert_eq!(outbox.lease(Uuid::from_u128(1)).await.unwrap().held.len(), 64);
    outbox.close().await;

    let mut relay = connect(&url).await.unwrap();
    let all = tables(&mut relay).await;
    let (outboxes, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|table| table.starts_with("outbox"));
    assert_eq!((outboxes.len(), others.len()), (4, 7), "{outboxes:?} {others:?}");
    for table in others {
        for sql in ["SELECT * FROM", "DELETE FROM"] {
            refused(&mut relay, &format!("{sql} {table}")).await;
        }
    }
    for sql in [
        "INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload)
         VALUES (0, 'k', 1, gen_random_uuid(), 'e', 'r', '')",
        "DELETE FROM outbox_lease",
        "DELETE FROM outbox_parked",
        "UPDATE outbox_parked SET attempts = 0",
        "TRUNCATE outbox",
        "SELECT nextval('outbox_parked_id_seq')",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
    ] {
        refused(&mut relay, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_auditor_reads_everything_also_what_comes_later_and_writes_nothing() {
    let world = World::new().await;
    world.provision(&[]);
    for service in ServiceName::ALL {
        let mut own = connect(&world.service_url(service)).await.unwrap();
        execute(&mut own, "CREATE TABLE later (id int)").await.unwrap();
        let mut auditor = connect(&world.auditor_url(service)).await.unwrap();
        for table in tables(&mut auditor).await {
            execute(&mut auditor, &format!("SELECT * FROM {table}")).await.unwrap();
            for sql in ["DELETE FROM", "TRUNCATE", "INSERT INTO"] {
                let values = if sql == "INSERT INTO" { "DEFAULT VALUES" } else { "" };
                refused(&mut auditor, &format!("{sql} {table} {values}")).await;
            }
        }
        refused(&mut auditor, "CREATE TABLE mine (id int)").await;
        refused(&mut auditor, "CREATE TEMP TABLE mine (id int)").await;
        let mut relay = connect(&world.relay_url(service)).await.unwrap();
        refused(&mut relay, "SELECT * FROM later").await;
    }
}

/// Rights that somebody has changed are set right again.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rights_are_what_they_should_be_after_each_run() {
    let world = World::new().await;
    world.provision(&[]);
    let service = ServiceName::Rider;
    let (relay, auditor) = (world.names.relay(service), world.names.auditor());
    let database = world.names.service(service);
    for (sql, role_url, then) in [
        (
            format!("GRANT SELECT ON inbox TO {relay}"),
            world.relay_url(service),
            "SELECT * FROM inbox",
        ),
        (
            format!("GRANT UPDATE ON inbox TO {auditor}"),
            world.auditor_url(service),
            "UPDATE inbox SET time = now()",
        ),
        (
            format!("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC"),
            world.relay_url(service),
            "CREATE TEMP TABLE mine (id int)",
        ),
    ] {
        execute(&mut world.admin_in(service).await, &sql).await.unwrap();
        let mut role = connect(&role_url).await.unwrap();
        execute(&mut role, then).await.unwrap();
        let lines = world.provision(&[]);
        let changed: Vec<_> = lines.iter().filter(|line| line.ends_with("changed")).collect();
        assert_eq!(changed, [&format!("rights in {database}: changed")], "{lines:?}");
        refused(&mut connect(&role_url).await.unwrap(), then).await;
    }
    let revoke = format!("REVOKE SELECT ON outbox FROM {relay}");
    execute(&mut world.admin_in(service).await, &revoke).await.unwrap();
    world.provision(&[]);
    let mut relay = connect(&world.relay_url(service)).await.unwrap();
    execute(&mut relay, "SELECT * FROM outbox").await.unwrap();
    assert!(world.provision(&[]).last().unwrap().ends_with("nothing was changed"));
}
