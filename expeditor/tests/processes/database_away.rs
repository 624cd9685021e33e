//! The database server goes away while people order, stopped in order and killed: requests are
//! answered 503 meanwhile, nothing is acknowledged that is not stored, and when it is back all goes
//! on by itself.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use expeditor::{fleet::OnServers, people::outcome::Acknowledged};
use futures_util::future::join_all;
use reqwest::StatusCode;
use runtime::auth::Role;
use testkit::Own;

use crate::{
    caller::{Call, Caller},
    eyes::Eyes,
    place::Place,
    stage::{Load, end_well, ground, long_deadlines, start_with},
};

const AWAY: Duration = Duration::from_secs(5);
/// Between two orders of the test's own.
const PAUSE: Duration = Duration::from_millis(20);

struct Outage<'a> {
    place: &'a Place,
    stage: &'a OnServers,
    caller: Caller,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_is_acknowledged_while_the_database_is_away_and_all_goes_on_by_itself() {
    let (mut server, place) = Place::with_own_database().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start_with(&place, &ground, dir.path(), |plan| {
        long_deadlines(plan, Duration::from_secs(60));
    })
    .await;
    let outage = Outage { place: &place, stage: &stage, caller: Caller::of(&stage, true) };
    let (enough, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let disturb = async {
        outage.lasts(&mut server, "stopped", servers::Postgres::stop).await;
        outage.lasts(&mut server, "killed", servers::Postgres::kill).await;
        enough.store(true, Ordering::SeqCst);
    };
    let pressing = (1..=4).map(|first| outage.press(first * 10_000, &enough, &acknowledged));
    let disturb = async {
        let eyes = Eyes::open(&place, &ground).await;
        let ordered = async || !eyes.versions().await.is_empty();
        eyes.until(eyes.now(), "people order", ordered).await;
        tokio::select! {
            _ = async { tokio::join!(disturb, join_all(pressing)) } => {}
            fallen = stage.fleet.fallen() => panic!("{fallen}"),
        }
    };
    let (mut show, ()) =
        Load { seed: 61, rate: 6.0, first: Vec::new() }.during(&stage, Box::pin(disturb)).await;
    let mut acknowledged = acknowledged.into_inner().unwrap();
    println!("{} orders of the test's own were acknowledged", acknowledged.len());
    assert!(acknowledged.len() > 20, "nothing was tried");
    show.acknowledged.append(&mut acknowledged);
    end_well(stage, &show).await;
}

impl Outage<'_> {
    async fn lasts(
        &self,
        server: &mut Own<servers::Postgres>,
        how: &str,
        end: fn(&mut servers::Postgres) -> Result<(), servers::Error>,
    ) {
        let eyes = Eyes::open(self.place, &self.stage.ground).await;
        let before = eyes.versions().await.len();
        let enough = async || eyes.versions().await.len() >= before + 20;
        eyes.until(eyes.now(), "people order", enough).await;
        server.act(end).await.unwrap();
        let gone = eyes.now();
        let (mut refused, mut longest) = (0, Duration::ZERO);
        while eyes.now().saturating_sub(gone) < AWAY {
            longest = longest.max(self.all_refuse().await);
            refused += 1;
        }
        server.act(servers::Postgres::restart).await.unwrap();
        let back = eyes.now();
        let eyes = Eyes::open(self.place, &self.stage.ground).await;
        let before = eyes.versions().await;
        let placed = async || eyes.versions().await.len() > before.len();
        let placed = eyes.until(back, "an order is placed", placed).await;
        let moved = async || {
            let after = eyes.versions().await;
            before.iter().any(|(id, version)| after.get(id).is_some_and(|it| it > version))
        };
        let moved = eyes.until(back, "an order from before goes on", moved).await;
        println!(
            "{how}: away for {:?}, each service refused {refused} times, after {longest:?} at most; \
             orders were placed again after {placed:?} and went on after {moved:?}",
            back.saturating_sub(gone),
        );
    }

    /// Nobody takes anything, and all say when to come again. Answers how long that took at most.
    async fn all_refuse(&self) -> Duration {
        let calls = [
            ("/orders/00000000-0000-7000-8000-000000000000", Role::Operator),
            ("/catalog/stores/sim-store-1", Role::Customer),
            ("/payment/dead-letters", Role::Operator),
            ("/store/stores/sim-store-1/tickets?state=pending", Role::Store),
            ("/cook/stores/sim-store-1/tickets?state=queued", Role::Cook),
            ("/rider/riders/sim-rider-1-1/offers", Role::Rider),
        ];
        let calls = calls.map(|(path, role)| Call::get(path, role));
        let calls = calls.into_iter().chain([Call::order(1_000_000)]);
        let took = join_all(calls.map(|call| self.refuses(call))).await;
        took.into_iter().max().unwrap()
    }

    async fn refuses(&self, call: Call) -> Duration {
        let began = self.place.ports.clock.elapsed();
        let replica = &self.caller.replicas(&call)[0];
        let reply = self.caller.once(replica, &call).await.unwrap();
        let refused = reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.wants_pause;
        assert!(refused, "{call:?} was answered {reply:?}");
        self.place.ports.clock.elapsed().saturating_sub(began)
    }

    /// Places orders all the time; whatever is not acknowledged is refused with 503.
    async fn press(
        &self,
        first: u64,
        enough: &AtomicBool,
        acknowledged: &Mutex<Vec<Acknowledged>>,
    ) {
        let mut number = first;
        while !enough.load(Ordering::SeqCst) {
            number += 1;
            let call = Call::order(number);
            let replica = &self.caller.replicas(&call)[0];
            let reply = self.caller.once(replica, &call).await.unwrap();
            match reply.status {
                StatusCode::CREATED => {
                    let order = call.acknowledged(&reply).unwrap();
                    acknowledged.lock().unwrap().push(order);
                }
                StatusCode::SERVICE_UNAVAILABLE => {}
                _ => panic!("{call:?} was answered {reply:?}"),
            }
            self.place.ports.clock.sleep(PAUSE).await;
        }
    }
}
