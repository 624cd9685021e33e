//! The broker goes away while people order: killed, for longer than the deadlines last, and stopped in
//! order, to come back at once. Orders are accepted meanwhile; no deadline that ran meanwhile cancels
//! an order; when it is back, all that waited goes out in order. Processes that are started meanwhile
//! wait for it.

use std::time::Duration;

use expeditor::{
    fleet::OnServers,
    people::{outcome::Acknowledged, plan::Plan},
};
use futures_util::future::join_all;
use reqwest::StatusCode;
use runtime::auth::Role;
use testkit::Own;

use crate::{
    caller::{Call, Caller},
    eyes::Eyes,
    place::Place,
    stage::{Load, end_well, ground, long_deadlines, start_with},
    tap,
};

/// What people are given to answer: enough for all that waited to go out before, on a slow machine too.
const DEADLINE: Duration = Duration::from_secs(15);
/// Processes that are killed and started again during the long outage.
const BEGIN: [&str; 3] = ["orchestrator-2", "payment-1", "relay-1"];
/// Between two orders of the test's own.
const PAUSE: Duration = Duration::from_millis(250);

/// The states of orders that have not ended.
const OPEN: &[&str] =
    &["placed", "paid", "accepted", "cooking", "cooked", "on_the_way", "cancelling", "returning"];

/// How the broker goes, and for how long at least.
struct Going {
    how: &'static str,
    end: fn(&mut servers::RabbitMq) -> Result<(), servers::Error>,
    away: Duration,
    begin: &'static [&'static str],
}

const KILLED: Going = Going {
    how: "killed",
    end: servers::RabbitMq::kill,
    // Longer than deadlines last.
    away: Duration::from_secs(17),
    begin: &BEGIN,
};

const STOPPED: Going =
    Going { how: "stopped", end: servers::RabbitMq::stop, away: PAUSE, begin: &[] };

struct Outage<'a> {
    stage: &'a OnServers,
    eyes: &'a Eyes,
    caller: Caller,
    /// What was acknowledged while the broker was away.
    acknowledged: Vec<Acknowledged>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn orders_are_accepted_while_the_broker_is_away_and_none_is_cancelled_for_it() {
    let (mut broker, place) = Place::with_own_broker().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage =
        start_with(&place, &ground, dir.path(), |plan| long_deadlines(plan, DEADLINE)).await;
    tap::open(&place.amqp_url).await;
    let eyes = Eyes::open(&place, &ground).await;
    let caller = Caller::of(&stage, true);
    let mut outage = Outage { stage: &stage, eyes: &eyes, caller, acknowledged: Vec::new() };
    let disturb = async {
        outage.lasts(&mut broker, KILLED).await;
        outage.lasts(&mut broker, STOPPED).await;
    };
    let disturb = async {
        tokio::select! {
            () = disturb => {}
            fallen = stage.fleet.fallen() => panic!("{fallen}"),
        }
    };
    let first = vec![Plan::SilentOwner, Plan::SilentCook];
    let (mut show, ()) = Load { seed: 53, rate: 5.0, first }.during(&stage, disturb).await;
    let events = tap::in_order(&place.amqp_url).await;
    println!("{events} events came in order");
    assert!(events > 5 * show.acknowledged.len(), "{events} are not all");
    show.acknowledged.append(&mut outage.acknowledged);
    end_well(stage, &show).await;
}

impl Outage<'_> {
    async fn lasts(&mut self, broker: &mut Own<servers::RabbitMq>, going: Going) {
        let (Going { how, end, away, begin }, eyes) = (going, self.eyes);
        let before = eyes.versions().await.len();
        let enough = async || eyes.versions().await.len() >= before + 20;
        eyes.until(eyes.now(), "people order", enough).await;
        broker.act(end).await.unwrap();
        let gone = eyes.now();
        for name in begin {
            self.stage.fleet.kill(name).unwrap();
        }
        for name in begin {
            self.stage.fleet.begin(name).unwrap();
        }
        for name in begin {
            self.is_alive_and_not_ready(name).await;
        }
        let mut placed = Vec::new();
        while eyes.now().saturating_sub(gone) < away {
            placed.push(self.order().await);
            eyes.ports.clock.sleep(PAUSE).await;
        }
        assert_eq!(self.probe("orchestrator-1", "readyz").await, Some(StatusCode::OK));
        let open = eyes.orders(OPEN).await;
        broker.act(servers::RabbitMq::restart).await.unwrap();
        let back = eyes.now();
        let ready = join_all(begin.iter().map(|name| self.stage.fleet.ready(name))).await;
        ready.into_iter().collect::<Result<(), _>>().unwrap();
        let ready = eyes.now().saturating_sub(back);
        let first = async || self.ended(&placed).await > 0;
        let first = eyes.until(back, "an order goes on", first).await;
        let all = async || self.ended(&placed).await == placed.len();
        let all = eyes.until(back, "all that were placed meanwhile end", all).await;
        // Those that wait out a deadline do so from then on.
        let ended = async || open.is_disjoint(&eyes.orders(OPEN).await);
        let ended = eyes.until(back, "all that were open end", ended).await;
        println!(
            "{how}: away for {:?}; what was started meanwhile was ready {ready:?} after that; {} \
             orders placed meanwhile went on after {first:?}, and all had ended after {all:?}; {} \
             that were open had ended after {ended:?}",
            back.saturating_sub(gone),
            placed.len(),
            open.len(),
        );
        for order in &placed {
            let call = Call::get(format!("/orders/{}", order.order_id), Role::Operator);
            let replica = &self.caller.replicas(&call)[0];
            let reply = self.caller.once(replica, &call).await.unwrap();
            let reason = reply.body.get("reason").cloned();
            assert_eq!(reason, Some("payment_declined".into()), "{:?}", reply.body);
        }
        self.acknowledged.append(&mut placed);
    }

    /// A process that was started while there is no broker lives, and waits for it.
    async fn is_alive_and_not_ready(&self, name: &str) {
        let listens = async || self.probe(name, "healthz").await == Some(StatusCode::OK);
        self.eyes.until(self.eyes.now(), &format!("{name} lives"), listens).await;
        let ready = self.probe(name, "readyz").await;
        assert_eq!(ready, Some(StatusCode::SERVICE_UNAVAILABLE), "{name}");
    }

    async fn probe(&self, name: &str, path: &str) -> Option<StatusCode> {
        let member = self.stage.fleet.members().into_iter().find(|member| member.name == name)?;
        let answer = reqwest::get(format!("http://{}/{path}", member.address?)).await;
        answer.ok().map(|answer| answer.status())
    }

    /// Places an order at an orchestrator; it is accepted at the first attempt, also by one that is
    /// not ready.
    async fn order(&self) -> Acknowledged {
        let eyes = self.eyes;
        let call = Call::order(u64::try_from(eyes.now().as_micros()).unwrap());
        let replica = &self.caller.replicas(&call)[0];
        let reply = self.caller.once(replica, &call).await.unwrap();
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        call.acknowledged(&reply).unwrap()
    }

    /// How many of these have ended.
    async fn ended(&self, placed: &[Acknowledged]) -> usize {
        let ended = self.eyes.orders(&["cancelled"]).await;
        placed.iter().filter(|order| ended.contains(&order.order_id)).count()
    }
}
