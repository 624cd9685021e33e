//! Every service in two replicas, each replica ended in order and started again while people order:
//! a client that knows both addresses, and tries the other one where a connection is refused or the
//! answer is 503, has no request that fails, and each request that a replica has taken is answered.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use contracts::ServiceName;
use expeditor::people::outcome::Acknowledged;
use futures_util::future::join_all;
use reqwest::StatusCode;
use runtime::{auth::Role, ports::Ports};

use crate::{
    caller::{Call, Caller, Reply},
    eyes::Eyes,
    place::Place,
    stage::{Load, end_well, ground, long_deadlines, start_with},
};

/// What became of requests in the end.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicU64,
    /// Attempts that a replica did not take: it did not listen, or it said 503.
    elsewhere: AtomicU64,
    failed: Mutex<Vec<String>>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Numbers orders.
    orders: AtomicU64,
}

/// How often all replicas are asked before a request has failed.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_request_fails_while_each_replica_of_each_service_is_restarted() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start_with(&place, &ground, dir.path(), |plan| {
        long_deadlines(plan, Duration::from_secs(60));
        plan.replicas = ServiceName::ALL.into_iter().map(|service| (service, 2)).collect();
    })
    .await;
    let eyes = Eyes::open(&place, &ground).await;
    let tally = Arc::new(Tally::default());
    let enough = AtomicBool::new(false);
    let disturb = async {
        let begun = || tally.answered.load(Ordering::SeqCst) > 20;
        place.until("requests are answered", begun).await;
        for member in stage.fleet.members() {
            let began = place.ports.clock.elapsed();
            stage.fleet.terminate(&member.name).await.unwrap();
            let ended = place.ports.clock.elapsed();
            stage.fleet.launch(&member.name).await.unwrap();
            let ready = place.ports.clock.elapsed();
            println!(
                "{} had ended after {:?} and was ready again {:?} later",
                member.name,
                ended.saturating_sub(began),
                ready.saturating_sub(ended),
            );
        }
        enough.store(true, Ordering::SeqCst);
    };
    let callers = [true, false].repeat(3);
    let callers: Vec<_> = callers.into_iter().map(|keeps| Caller::of(&stage, keeps)).collect();
    let calls = join_all(callers.iter().map(async |caller| {
        let ordered = async || !eyes.versions().await.is_empty();
        eyes.until(eyes.now(), "people order", ordered).await;
        while !enough.load(Ordering::SeqCst) {
            each_service_is_asked(caller, &tally, &place.ports).await;
        }
    }));
    let load = Load { seed: 41, rate: 6.0, first: Vec::new() };
    let (mut show, _) = load.during(&stage, async { tokio::join!(calls, disturb) }).await;
    let failed = std::mem::take(&mut *tally.failed.lock().unwrap());
    let (answered, elsewhere) = (&tally.answered, &tally.elsewhere);
    let (answered, elsewhere) = (answered.load(Ordering::SeqCst), elsewhere.load(Ordering::SeqCst));
    println!("{answered} requests were answered, {elsewhere} attempts went elsewhere");
    assert_eq!(failed, Vec::<String>::new(), "{answered} were answered");
    assert!(answered > 200 && elsewhere > 0, "{answered}, {elsewhere}: nothing was tried");
    show.acknowledged.append(&mut tally.acknowledged.lock().unwrap());
    end_well(stage, &show).await;
}

/// An order is placed, and something is read of every service.
async fn each_service_is_asked(caller: &Caller, tally: &Tally, ports: &Ports) {
    let order = Call::order(tally.orders.fetch_add(1, Ordering::SeqCst));
    let Some(reply) = ask(caller, &order, StatusCode::CREATED, tally, ports).await else { return };
    let acknowledged = order.acknowledged(&reply).unwrap();
    let (id, customer) = (acknowledged.order_id.clone(), acknowledged.customer_id.clone());
    tally.acknowledged.lock().unwrap().push(acknowledged);
    for (path, role) in [
        (format!("/orders/{id}"), Role::Customer),
        ("/catalog/stores/sim-store-1".to_owned(), Role::Customer),
        ("/payment/dead-letters".to_owned(), Role::Operator),
        ("/store/stores/sim-store-1/tickets?state=pending".to_owned(), Role::Store),
        ("/cook/stores/sim-store-1/tickets?state=queued".to_owned(), Role::Cook),
        ("/rider/riders/sim-rider-1-1/offers".to_owned(), Role::Rider),
        (format!("/mypage/customers/{customer}/orders"), Role::Customer),
    ] {
        ask(caller, &Call::get(path, role), StatusCode::OK, tally, ports).await;
    }
}

/// Asks one replica after another as long as they do not take it; answers what one has answered.
async fn ask(
    caller: &Caller,
    call: &Call,
    wanted: StatusCode,
    tally: &Tally,
    ports: &Ports,
) -> Option<Reply> {
    let mut last = String::new();
    for _ in 0..ROUNDS {
        for replica in caller.replicas(call) {
            match caller.once(&replica, call).await {
                Ok(reply) if reply.status == StatusCode::SERVICE_UNAVAILABLE => {
                    last = format!("{replica}: {}", reply.body);
                }
                Ok(reply) if reply.status == wanted => {
                    tally.answered.fetch_add(1, Ordering::SeqCst);
                    return Some(reply);
                }
                Ok(reply) => return failed(tally, call, &format!("{replica}: {reply:?}")),
                Err(error) if error.is_connect() => last = format!("{replica}: {error:?}"),
                Err(error) => return failed(tally, call, &format!("{replica}: {error:?}")),
            }
            tally.elsewhere.fetch_add(1, Ordering::SeqCst);
        }
        ports.clock.sleep(Duration::from_millis(50)).await;
    }
    failed(tally, call, &format!("nobody has taken it: {last}"))
}

fn failed(tally: &Tally, call: &Call, what: &str) -> Option<Reply> {
    tally.failed.lock().unwrap().push(format!("{call:?}: {what}"));
    None
}
