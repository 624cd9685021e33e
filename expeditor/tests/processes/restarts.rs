//! Restarts under load, looked at closely: each process that was killed works again soon after its
//! restart, as its own counters tell, and an app that knows both replicas of a service notices
//! nothing while they are restarted in turn.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use contracts::ServiceName;
use expeditor::{
    fleet::{self, Access, FleetPlan, Ground, Member, OnServers},
    people::{
        pace::Closing,
        show::{Script, Show},
        tokens::Tokens,
    },
    system::Settings,
};
use runtime::auth::Role;
use tokio::time::timeout;

use crate::{
    place::{BOUND, Place},
    stage::{assert_holds, ground, look, start},
};

/// After any restart, orders in flight go on within that time.
const GOING_ON: Duration = Duration::from_secs(2);

/// How many messages that very process has worked on, or brought to the broker, since it started.
async fn worked(http: &reqwest::Client, address: SocketAddr, token: &str) -> f64 {
    let request = http.get(format!("http://{address}/metrics")).bearer_auth(token);
    let text = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
    let counts = |line: &str| {
        let input = line.starts_with("expeditor_inputs_total") && line.contains("kind=\"message\"");
        input || line.starts_with("expeditor_relay_confirmed_total")
    };
    let value = |line: &str| line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok());
    text.lines().filter(|line| counts(line)).filter_map(value).sum()
}

fn member(stage: &OnServers, name: &str) -> Member {
    stage.fleet.members().into_iter().find(|member| member.name == name).unwrap()
}

/// Waits until so many more orders have ended.
async fn more_ended(place: &Place, ended: &AtomicU32, more: u32) {
    let wanted = ended.load(Ordering::SeqCst) + more;
    place.until("orders end", || ended.load(Ordering::SeqCst) >= wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_process_that_was_killed_works_within_two_seconds_of_being_ready_again() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let script = Script { orders: 220, rate: 10.0, seed: 43 };
    let (_open, closing) = Closing::new();
    let ended = AtomicU32::new(0);
    let play = Show::play(&stage, &script, closing, || _ = ended.fetch_add(1, Ordering::SeqCst));
    let (http, clock) = (reqwest::Client::new(), &place.ports.clock);
    let disturb = async {
        let mut took = Vec::new();
        for Member { name, address, .. } in stage.fleet.members() {
            more_ended(&place, &ended, 4).await;
            stage.fleet.kill(&name).unwrap();
            stage.fleet.launch(&name).await.unwrap();
            let ready = clock.elapsed();
            let works = async {
                let token = stage.tokens.as_ref().unwrap().token(Role::Operator).unwrap();
                while worked(&http, address.unwrap(), &token).await < 1.0 {
                    clock.sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(BOUND, works).await.unwrap_or_else(|_| panic!("{name} does nothing"));
            assert_eq!(member(&stage, &name).address, address);
            took.push((name, clock.elapsed().saturating_sub(ready)));
        }
        took
    };
    let (show, took) = tokio::join!(play, disturb);
    let show = show.unwrap();
    println!("from ready to the first message: {took:?}");
    assert!(took.iter().all(|(_, took)| *took <= GOING_ON), "{took:?}");
    assert_eq!(took.len(), 8);
    ends_well(&stage, &ground, &script, &show).await;
}

/// Every order has ended as it was meant to, and the audit holds.
async fn ends_well(stage: &OnServers, ground: &Ground, script: &Script, show: &Show) {
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    assert_eq!(show.ended.values().sum::<u64>(), u64::from(script.orders));
    assert_holds(&look(ground, &show.knowledge()).await, "after all that");
}

/// Starts two replicas of each service and two relays.
async fn two_of_each(place: &Place, ground: &Arc<Ground>, directory: &Path) -> OnServers {
    let (keys, tokens) = fleet::new_keys(directory, &place.ports).unwrap();
    let access = Access { keys: Some(keys), ..ground.prepare().await.unwrap() };
    let settings = Show::settings(Settings::default());
    let mut plan = FleetPlan::new(directory, access, settings).unwrap();
    plan.program = env!("CARGO_BIN_EXE_expeditor").into();
    plan.replicas.values_mut().for_each(|replicas| *replicas = 2);
    OnServers {
        fleet: plan.start(&place.ports).await.unwrap(),
        ground: Arc::clone(ground),
        databases: ground.databases().await.unwrap(),
        tokens: Some(tokens),
        ports: place.ports.clone(),
    }
}

/// How often all replicas may send an app away, as a loaded machine does, before it gives up.
const ROUNDS: usize = 10;

/// An app that knows both replicas of each service, and turns to the other one only where nobody
/// listens or the answer is 503. A request that is cut off has failed.
struct App {
    http: reqwest::Client,
    replicas: Vec<(ServiceName, Vec<SocketAddr>)>,
    tokens: Arc<dyn Tokens>,
    asked: AtomicU32,
    turned: AtomicU32,
}

impl App {
    fn of(stage: &OnServers) -> Self {
        let members = stage.fleet.members();
        let of = |service: ServiceName| {
            let its = members.iter().filter(|it| it.name.starts_with(service.as_str()));
            (service, its.filter_map(|it| it.address).collect::<Vec<_>>())
        };
        Self {
            http: reqwest::Client::builder().timeout(BOUND).no_proxy().build().unwrap(),
            replicas: ServiceName::ALL.map(of).into(),
            tokens: stage.tokens.clone().unwrap(),
            asked: AtomicU32::new(0),
            turned: AtomicU32::new(0),
        }
    }

    /// Asks a service for something that it has to look up.
    async fn ask(
        &self,
        service: ServiceName,
        replicas: &[SocketAddr],
        stage: &OnServers,
    ) -> Result<(), String> {
        let token = self.tokens.token(Role::Operator)?;
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) as usize;
        for place in 0..ROUNDS * replicas.len() {
            if place > 0 && place % replicas.len() == 0 {
                stage.ports.clock.sleep(Duration::from_millis(100)).await;
            }
            let address = replicas[(turn + place) % replicas.len()];
            let url = format!("http://{address}/{service}/dead-letters");
            match self.http.get(&url).bearer_auth(&token).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status() == 503 => {}
                Ok(answer) => return Err(format!("{url}: {}", answer.status())),
                Err(error) if error.is_connect() => {}
                Err(error) => return Err(format!("{url}: {error:?}")),
            }
            self.turned.fetch_add(1, Ordering::SeqCst);
        }
        Err(format!("no replica of {service} answers"))
    }

    /// Asks all of them again and again; resolves with the first thing that failed.
    async fn ask_until_it_fails(&self, stage: &OnServers) -> String {
        loop {
            for (service, replicas) in &self.replicas {
                if let Err(failed) = self.ask(*service, replicas, stage).await {
                    return failed;
                }
            }
            stage.ports.clock.sleep(Duration::from_millis(3)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_notices_that_the_replicas_of_each_service_are_restarted_in_turn() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = two_of_each(&place, &ground, dir.path()).await;
    let script = Script { orders: 150, rate: 8.0, seed: 47 };
    let (_open, closing) = Closing::new();
    let ended = AtomicU32::new(0);
    let play = Show::play(&stage, &script, closing, || _ = ended.fetch_add(1, Ordering::SeqCst));
    let app = App::of(&stage);
    let disturb = async {
        more_ended(&place, &ended, 5).await;
        let restart = async {
            for member in stage.fleet.members() {
                stage.fleet.restart(&member.name).await.unwrap();
            }
        };
        tokio::select! {
            () = restart => {}
            failed = app.ask_until_it_fails(&stage) => panic!("{failed}"),
        }
    };
    let (show, ()) = tokio::join!(play, disturb);
    let show = show.unwrap();
    let (asked, turned) = (app.asked.into_inner(), app.turned.into_inner());
    println!("asked {asked} times, turned to the other replica {turned} times");
    assert!(turned > 0 && asked > turned, "replicas were away, which the app has met");
    ends_well(&stage, &ground, &script, &show).await;
}
