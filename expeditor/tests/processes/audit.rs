//! The audit over PostgreSQL: it holds beside processes that work and after them, and in databases
//! that are damaged on purpose it finds each damage, under the right invariant and with the first
//! offender. What each invariant checks is tested over files; here, that it reads the same.

use std::{process::Command, sync::Arc, time::Duration};

use contracts::ServiceName::{self, Cook, Orchestrator, Payment, Rider, Store};
use expeditor::{
    audit::Knowledge,
    fleet::Ground,
    people::{
        pace::Closing,
        show::{Script, Show},
    },
};
use sqlx::Connection;

use crate::{
    place::Place,
    stage::{assert_holds, ground, look, start},
};

/// A damage: the invariant that it breaks, in whose database, a query for the offender's id, and a
/// statement in which `$1` is that id.
struct Case(u8, ServiceName, &'static str, &'static str);

const DELIVERED: &str =
    "SELECT id FROM aggregate WHERE kind = 'order' AND state = 'delivered' ORDER BY id LIMIT 1";
const CAPTURED: &str = "SELECT id FROM aggregate WHERE state = 'captured' ORDER BY id LIMIT 1";

const CASES: &[Case] = &[
    Case(1, Orchestrator, DELIVERED, "DELETE FROM aggregate WHERE kind = 'order' AND id = $1"),
    Case(
        2,
        Payment,
        CAPTURED,
        "UPDATE aggregate SET body = jsonb_set(body, '{capture,amount,amount}', '1')
         WHERE id = $1",
    ),
    Case(
        2,
        Store,
        "SELECT id FROM aggregate WHERE kind = 'menu_item' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           jsonb_set(body, '{sold}', to_jsonb((body->>'sold')::bigint + 1))
         WHERE kind = 'menu_item' AND id = $1",
    ),
    Case(
        3,
        Orchestrator,
        DELIVERED,
        "UPDATE aggregate SET body = jsonb_set(body, '{sagas,0,phase}', '\"running\"')
         WHERE kind = 'order' AND id = $1",
    ),
    Case(
        4,
        Cook,
        "SELECT id FROM aggregate WHERE state = 'cancelled' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body =
           jsonb_set(body, '{record,milestones,0,type}', '\"cook-started\"') WHERE id = $1",
    ),
    Case(
        5,
        Orchestrator,
        DELIVERED,
        "DELETE FROM history WHERE version = 3
           AND stream = (SELECT saga_id FROM saga WHERE order_id = $1)",
    ),
    Case(
        5,
        Rider,
        "SELECT id FROM aggregate WHERE kind = 'load' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET state = 'carrying' WHERE kind = 'load' AND id = $1",
    ),
    Case(6, Orchestrator, DELIVERED, "DELETE FROM aggregate WHERE kind = 'order' AND id = $1"),
    Case(
        7,
        Orchestrator,
        "SELECT id FROM aggregate WHERE kind = 'catalog_item' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = jsonb_set(body, '{price,amount}', '1')
         WHERE kind = 'catalog_item' AND id = $1",
    ),
    Case(
        7,
        Orchestrator,
        "SELECT id FROM aggregate WHERE kind = 'catalog_item' ORDER BY id LIMIT 1",
        "UPDATE aggregate SET body = jsonb_set(body, '{sequence}', '0')
         WHERE kind = 'catalog_item' AND id = $1",
    ),
    Case(
        8,
        Payment,
        CAPTURED,
        "UPDATE published_event SET sequence = 99
         WHERE id = (SELECT min(id) FROM published_event WHERE subject = $1)",
    ),
    Case(
        9,
        Payment,
        "SELECT 'payment'",
        "INSERT INTO outbox (bucket, key, seq, message_id, exchange, routing_key, payload)
         VALUES (0, $1, 1, gen_random_uuid(), 'e', 'r', '{}')",
    ),
    Case(
        10,
        Orchestrator,
        DELIVERED,
        "UPDATE history SET body = json_build_object('at', 0, 'event', 'operator_acted',
           'action', 'retry', 'by', ' ', 'reason', 'r')
         WHERE version = 2 AND stream = (SELECT saga_id FROM saga WHERE order_id = $1)",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_is_found_in_sound_databases_and_every_damage_in_damaged_ones() {
    let place = Place::new().await;
    let ground = ground(&place);
    place.owns(&format!("sound_{}", ground.prefix()));
    let known = run(&place, &ground).await;
    assert_holds(&look(&ground, &known).await, "at rest");
    assert_eq!(command(&place, ground.prefix()).await, Some(0));

    for case in CASES {
        each_is_found(&place, &ground, &known, case).await;
    }
    ground.remove_databases().await.unwrap();
    assert_eq!(command(&place, ground.prefix()).await, Some(3), "there are no databases");
}

/// A small run with every ending, audited again and again meanwhile: what is on its way is never
/// taken for a violation.
async fn run(place: &Place, ground: &Arc<Ground>) -> Knowledge {
    let dir = tempfile::tempdir().unwrap();
    let stage = start(place, ground, dir.path()).await;
    let script = Script { orders: 40, rate: 20.0, seed: 11 };
    let (_open, closing) = Closing::new();
    let play = Show::play(&stage, &script, closing, || ());
    let meanwhile = async {
        loop {
            let when = "beside running processes";
            assert_holds(&look(ground, &Knowledge::default()).await, when);
            place.ports.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    let show = tokio::select! {
        show = play => show.unwrap(),
        never = meanwhile => never,
        fallen = stage.fleet.fallen() => panic!("{fallen}"),
    };
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    ground.remove_queues().await.unwrap();
    show.knowledge()
}

/// Damages a database, looks, and brings the sound one back.
async fn each_is_found(place: &Place, ground: &Ground, known: &Knowledge, case: &Case) {
    let Case(invariant, service, pick, damage) = case;
    let name = format!("{}_{service}", ground.prefix());
    let sound = format!("sound_{name}");
    if place.databases(&sound).await.is_empty() {
        place.server(format!("ALTER DATABASE {name} RENAME TO {sound}")).await;
    } else {
        place.server(format!("DROP DATABASE {name}")).await;
    }
    place.server(format!("CREATE DATABASE {name} TEMPLATE {sound}")).await;

    let mut database = place.connect(&name).await;
    let offender: String = sqlx::query_scalar(*pick).fetch_one(&mut database).await.unwrap();
    let done = sqlx::query(*damage).bind(&offender).execute(&mut database).await.unwrap();
    assert!(done.rows_affected() > 0, "nothing was damaged: {damage}");
    database.close().await.unwrap();

    let report = look(ground, known).await;
    let finding = report.finding(*invariant).unwrap();
    let first = finding.first_offender.clone().unwrap_or_default();
    assert!(finding.violations > 0, "{} does not show: {damage}", finding.invariant);
    assert!(first.contains(&offender), "{first:?} does not name {offender}: {damage}");
    place.server(format!("DROP DATABASE {name}")).await;
    place.server(format!("CREATE DATABASE {name} TEMPLATE {sound}")).await;
}

/// The exit status of `audit` over the server.
async fn command(place: &Place, prefix: &str) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(["audit", "--prefix", prefix]).env_clear();
    command.env("EXPEDITOR_DATABASE_URL", &place.database_url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().count() <= 1, "{stderr}");
    output.status.code()
}
