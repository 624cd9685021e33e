//! Processes that are killed, relays that stay dead, and replicas that are restarted in turn, while
//! people order: nobody is refused anything, every order ends as it was meant to, and the audit holds.

use std::time::Duration;

use contracts::ServiceName;
use expeditor::{
    fleet::{Ground, OnServers},
    people::{
        pace::Closing,
        show::{Script, Show},
    },
};

use crate::{
    place::Place,
    stage::{self, assert_holds, ground, look, start},
};

/// After any restart, orders in flight go on within that time.
const GOING_ON: Duration = Duration::from_secs(2);
/// A dead relay's buckets are taken over by another one within that time.
const TAKEOVER: Duration = Duration::from_secs(15);

/// What the processes have done, as their databases tell.
struct Watch<'a> {
    place: &'a Place,
    ground: &'a Ground,
}

impl Watch<'_> {
    /// How many messages a service has worked on.
    async fn heard(&self, service: ServiceName) -> i64 {
        self.count(service, "SELECT count(*) FROM inbox").await
    }

    async fn heard_by_all(&self) -> i64 {
        let mut all = 0;
        for service in ServiceName::ALL {
            all += self.heard(service).await;
        }
        all
    }

    /// How many orders were taken on.
    async fn orders(&self) -> i64 {
        self.count(ServiceName::Orchestrator, "SELECT count(*) FROM saga").await
    }

    /// How old the oldest message is that no relay has sent, in milliseconds.
    async fn oldest(&self, service: ServiceName) -> i64 {
        let sql =
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000, 0)
                       ::bigint FROM outbox";
        self.count(service, sql).await
    }

    async fn count(&self, service: ServiceName, sql: &'static str) -> i64 {
        let database = format!("{}_{service}", self.ground.prefix());
        let mut connection = self.place.connect(&database).await;
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    /// Waits until so many more orders were taken on.
    async fn more_orders(&self, more: i64) {
        let wanted = self.orders().await + more;
        self.place
            .until_it("orders are taken on", || async { self.orders().await >= wanted })
            .await;
    }

    /// How long it took until that grew.
    async fn grown<F: Future<Output = i64>>(&self, what: &str, count: impl Fn() -> F) -> Duration {
        let (clock, before) = (&self.place.ports.clock, count().await);
        let begun = clock.elapsed();
        self.place.until_it(what, || async { count().await > before }).await;
        clock.elapsed().saturating_sub(begun)
    }
}

/// Plays a script while something is done to the processes; all must end well. Answers what the
/// disturbance answered.
async fn disturbed<T>(
    place: &Place,
    ground: &std::sync::Arc<Ground>,
    stage: OnServers,
    script: &Script,
    disturb: impl AsyncFnOnce(&OnServers) -> T,
) -> T {
    let (_open, closing) = Closing::new();
    let mut ended = 0;
    let play = Show::play(&stage, script, closing, || ended += 1);
    let (show, answer) = tokio::join!(play, disturb(&stage));
    let show = show.unwrap();
    assert_eq!(ended, script.orders);
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    assert_eq!(show.planned, show.ended);
    let report = look(ground, &show.knowledge()).await;
    assert_holds(&report, &format!("on {}", place.database_url.rsplit('@').next().unwrap()));
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_go_on_within_two_seconds_of_each_process_that_was_killed() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let watch = Watch { place: &place, ground: &ground };
    let script = Script { orders: 220, rate: 8.0, seed: 23 };
    let took = disturbed(&place, &ground, stage, &script, async |stage| {
        let mut took = Vec::new();
        for member in stage.fleet.members() {
            watch.more_orders(2).await;
            stage.fleet.kill(&member.name).unwrap();
            // Some orders wait for it now.
            watch.more_orders(4).await;
            stage.fleet.launch(&member.name).await.unwrap();
            let (kind, _) = member.name.rsplit_once('-').unwrap();
            let going_on = match ServiceName::parse(kind) {
                Some(service) => watch.grown("it works again", || watch.heard(service)).await,
                None => watch.grown("messages flow", || watch.heard_by_all()).await,
            };
            took.push((member.name, going_on));
        }
        took
    })
    .await;
    println!("until orders went on: {took:?}");
    assert!(took.iter().all(|(_, took)| *took <= GOING_ON), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_that_stays_dead_is_replaced_by_the_other_one() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let watch = Watch { place: &place, ground: &ground };
    let script = Script { orders: 250, rate: 6.0, seed: 29 };
    let took = disturbed(&place, &ground, stage, &script, async |stage| {
        let clock = &place.ports.clock;
        let mut took = Vec::new();
        for name in ["relay-1", "relay-2"] {
            watch.more_orders(6).await;
            stage.fleet.kill(name).unwrap();
            let killed = clock.elapsed();
            let orchestrator = ServiceName::Orchestrator;
            place
                .until_it("messages wait for it", || async {
                    watch.oldest(orchestrator).await > 2_000
                })
                .await;
            place
                .until_it("none waits any more", || async {
                    watch.oldest(orchestrator).await < 1_000
                })
                .await;
            took.push(clock.elapsed().saturating_sub(killed));
            stage.fleet.launch(name).await.unwrap();
        }
        took
    })
    .await;
    println!("until another one had taken over: {took:?}");
    assert!(took.iter().all(|took| *took <= TAKEOVER), "{took:?}");
}

/// The app knows both replicas of each service, and asks the other one where one is not there or says
/// that it cannot work. What it complains of is a request that failed all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_request_fails_while_replicas_are_restarted_in_turn() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = stage::start_replicas(&place, &ground, dir.path(), 2).await;
    let script = Script { orders: 150, rate: 8.0, seed: 31 };
    let restarted = disturbed(&place, &ground, stage, &script, async |stage| {
        let members = stage.fleet.members();
        for member in &members {
            stage.fleet.restart(&member.name).await.unwrap();
        }
        members.len()
    })
    .await;
    assert_eq!(restarted, 2 * ServiceName::ALL.len() + 2);
}

/// While the broker is away orders are taken on; no deadline runs out; afterwards all of it drains.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_outlive_restarts_and_crashes_of_the_broker() {
    let mut broker =
        stage::own(|| servers::RabbitMq::start(&servers::RabbitMqOptions::default())).await;
    let place = Place::on_broker(&broker.url()).await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let watch = Watch { place: &place, ground: &ground };
    let script = Script { orders: 120, rate: 6.0, seed: 37 };
    disturbed(&place, &ground, stage, &script, async |_| {
        for end in [servers::RabbitMq::stop, servers::RabbitMq::kill] {
            watch.more_orders(10).await;
            broker = stage::own_of(broker, end).await;
            watch.more_orders(20).await;
            broker = stage::own_of(broker, servers::RabbitMq::restart).await;
        }
    })
    .await;
}

/// While the database is away services answer that they cannot; nothing is acknowledged that was not
/// stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_outlive_restarts_and_crashes_of_the_database() {
    let mut server =
        stage::own(|| servers::Postgres::start(&servers::PostgresOptions::default())).await;
    let place = Place::on_database(&server.url()).await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let watch = Watch { place: &place, ground: &ground };
    let script = Script { orders: 120, rate: 8.0, seed: 41 };
    disturbed(&place, &ground, stage, &script, async |_| {
        for end in [servers::Postgres::stop, servers::Postgres::kill] {
            watch.more_orders(20).await;
            server = stage::own_of(server, end).await;
            server = stage::own_of(server, servers::Postgres::restart).await;
        }
    })
    .await;
}
