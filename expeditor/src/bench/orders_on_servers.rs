//! Orders through services that are processes of their own, on PostgreSQL and RabbitMQ.
//!
//! What happens is overheard beside the services, in a queue of the bench's own. What the processes
//! have counted is read from their metrics, what they have used from the system. Servers are not told
//! from one another there: what they use is within what the whole machine does.

use std::{path::Path, sync::Arc, time::Duration};

use contracts::{EventType, ServiceName, routes};
use runtime::{
    auth::Role,
    broker::rabbitmq::{self, Overheard, overhear},
    db::postgres::{Connect, database_bytes},
    ports::Ports,
};

use super::{
    ceilings,
    figures::{Figures, Unit, millis, number},
    load::{LoadThread, PATIENCE},
    options::Actors,
    orders::{Counts, Driven, Plan, Told, drive, mebibytes, went_wrong, with},
    place, scraped,
    servers::{self, Servers},
    town::Town,
    usage,
    watched::{From, Watch},
};
use crate::{
    exit::Failure,
    fleet::{self, Access, Fleet, FleetPlan, Ground, Member},
    people::{client::Client, tokens::Tokens},
    process::servers::cannot_be_used,
    progress::Progress,
    system::Settings,
};

/// How long each ceiling is measured in a run.
const CEILING: Duration = Duration::from_secs(2);
/// How long a process may take to tell what it has counted.
const ANSWER: Duration = Duration::from_secs(10);

/// One run of the services profile.
pub async fn run(
    plan: &Plan,
    servers: &Servers,
    within: Option<&Path>,
    settings: &Settings,
    ports: &Ports,
    progress: Progress,
    figures: &mut Figures,
) -> Result<Progress, Failure> {
    let (broker, lone) = ceilings::on_servers(servers, CEILING, ports).await?;
    let place = place::make(within)?;
    let prepare = async |ground: &Ground| {
        let access = ground.prepare().await?;
        servers::name(ground);
        Ok(access)
    };
    let work = async |_: &Ground, access: Access| {
        let (keys, tokens) = fleet::new_keys(place.path(), ports)?;
        let access = Access { keys: Some(keys), ..access };
        let settings = with(settings, plan.actors);
        let fleet = FleetPlan::new(place.path(), access.clone(), settings)?.start(ports).await?;
        let run = Run { plan, access: &access, fleet: &fleet, tokens, ports };
        let measured = tokio::select! {
            measured = run.measure(progress) => measured,
            fallen = fleet.fallen() => Err(fallen),
        };
        let stopped = fleet.stop_all().await;
        let measured = measured?;
        stopped.map(|()| measured)
    };
    let (progress, measured) = servers.on_ground(ports, prepare, work).await?;
    let Measured { driven, used, bytes } = measured;
    let Told { speed, messages, transactions } = plan.tell(driven, figures);
    used.tell(plan.of_an_order(), figures);
    let bytes = number(bytes) * plan.of_an_order();
    figures.tell("database_bytes", "an order in the databases", Unit::Bytes, bytes);
    let says = "ceiling: broker, window 1000";
    figures.tell("ceiling_broker_per_second", says, Unit::PerSecond, broker);
    let says = "ceiling: commits of a row to PostgreSQL";
    figures.tell("ceiling_commits_per_second", says, Unit::PerSecond, lone);
    let ratio = speed * messages / broker;
    figures.tell("ratio_to_broker", "messages to the broker's ceiling", Unit::Ratio, ratio);
    let ratio = speed * transactions / lone;
    figures.tell("ratio_to_commits", "transactions to the ceiling of commits", Unit::Ratio, ratio);
    Ok(progress)
}

/// What a run has found.
struct Measured {
    driven: Driven,
    used: Used,
    bytes: u64,
}

/// A run, as long as its processes run.
struct Run<'a> {
    plan: &'a Plan,
    access: &'a Access,
    fleet: &'a Fleet,
    tokens: Arc<dyn Tokens>,
    ports: &'a Ports,
}

impl Run<'_> {
    async fn measure(&self, progress: Progress) -> Result<(Progress, Measured), Failure> {
        let town = Town::new(self.plan.concurrency as usize);
        town.open(&self.client()).await.map_err(went_wrong)?;
        let before = self.database_bytes().await?;
        let people = self.plan.actors == Actors::Http;
        let watch = Arc::new(Watch::new(people, From::Beside));
        let heard = self.overhear(people).await?;
        let listening = self.ports.spawn(listen(heard, Arc::clone(&watch), self.ports.clone()));
        let scrape = reqwest::Client::builder().timeout(ANSWER).no_proxy().build();
        let scrape = scrape.expect("a client without TLS and proxies has nothing that could fail");

        let thread = LoadThread::start()?;
        let start = Used::so_far(&self.fleet.members());
        let load = self.plan.load(self.client(), &town, &watch, self.ports);
        let counted = async || self.counted(&scrape).await;
        let driven = drive(load, self.plan.warm_up(), &thread, progress, counted).await;
        let used = Used::so_far(&self.fleet.members()).since(&start);
        listening.abort();
        let (progress, driven) = driven?;
        let bytes = self.database_bytes().await?.saturating_sub(before);
        Ok((progress, Measured { driven, used, bytes }))
    }

    fn client(&self) -> Client {
        let client = Client::of(self.fleet.addresses(), self.ports.clone(), PATIENCE);
        client.with_tokens(Arc::clone(&self.tokens))
    }

    async fn database_bytes(&self) -> Result<u64, Failure> {
        let mut all = 0;
        for reach in self.access.services.values() {
            all += database_bytes(&Connect::to(&reach.database_url)?, self.ports).await?;
        }
        Ok(all)
    }

    async fn overhear(&self, people: bool) -> Result<Overheard, Failure> {
        let url = self.access.amqp_url.as_deref().unwrap_or_default();
        let options = rabbitmq::Options::new(url, &ServiceName::ALL, "expeditor bench");
        let heard = overhear(&options, &bindings(people), self.ports).await;
        heard.map_err(|error| cannot_be_used(url, &error))
    }

    /// What all processes have counted so far.
    async fn counted(&self, http: &reqwest::Client) -> Result<Counts, Failure> {
        let mut counts = Counts { messages: 0, transactions: 0 };
        let token = self.tokens.token(Role::Auditor).map_err(Failure::Environment)?;
        for Member { name, address, .. } in self.fleet.members() {
            let Some(address) = address else { continue };
            let request = http.get(format!("http://{address}/metrics")).bearer_auth(&token);
            let text = async { request.send().await?.error_for_status()?.text().await };
            let text = text.await.map_err(|error| {
                Failure::Environment(format!("the metrics of {name} cannot be read: {error}"))
            })?;
            counts.messages += scraped::total(&text, "expeditor_relay_confirmed");
            counts.transactions += scraped::total(&text, "expeditor_transactions");
        }
        Ok(counts)
    }
}

/// What has to be heard of: the command to settle, and the end; with people, also what they wait
/// for.
fn bindings(people: bool) -> Vec<(&'static str, String)> {
    let command = |service: ServiceName| (routes::COMMANDS_EXCHANGE, service.to_string());
    let event = |event: EventType| (routes::EVENTS_EXCHANGE, routes::event_key(event));
    let mut bindings = vec![command(ServiceName::Store), event(EventType::OrderCompleted)];
    if people {
        bindings.extend([
            command(ServiceName::Cook),
            event(EventType::CookFinished),
            event(EventType::DeliveryOffered),
        ]);
    }
    bindings
}

async fn listen(mut heard: Overheard, watch: Arc<Watch>, ports: Ports) {
    while let Some(message) = heard.next().await {
        let at = ports.clock.elapsed();
        watch.see(&message.exchange, &message.routing_key, &message.payload, at);
    }
    tracing::error!("the broker is not heard any more");
}

/// What processes have used: processor time and, at most, memory.
struct Used {
    processes: Vec<(String, Option<Duration>, Option<u64>)>,
    own: Option<Duration>,
    machine: Option<Duration>,
}

impl Used {
    fn so_far(members: &[Member]) -> Self {
        let of = |member: &Member| {
            let cpu = member.id.and_then(usage::cpu_of);
            (member.name.clone(), cpu, member.id.and_then(usage::peak_memory_of))
        };
        Self {
            processes: members.iter().map(of).collect(),
            own: usage::cpu_of(std::process::id()),
            machine: usage::cpu_of_machine(),
        }
    }

    fn since(self, start: &Self) -> Self {
        let less = |now: Option<Duration>, then: Option<Duration>| {
            now.zip(then).map(|(now, then)| now.saturating_sub(then))
        };
        let processes = self.processes.into_iter().zip(&start.processes);
        let processes =
            processes.map(|((name, cpu, memory), then)| (name, less(cpu, then.1), memory));
        Self {
            processes: processes.collect(),
            own: less(self.own, start.own),
            machine: less(self.machine, start.machine),
        }
    }

    /// Tells it of one order; memory as it is.
    fn tell(self, an_order: f64, figures: &mut Figures) {
        let cpu = |time: Option<Duration>| time.map(|time| millis(time) * an_order);
        let unit = Unit::CpuMillis;
        let all = self.processes.iter().map(|(_, cpu, _)| *cpu).sum();
        figures.tell("services_cpu_ms", "an order: services and relays", unit, cpu(all));
        for (name, time, _) in &self.processes {
            let says = format!("an order: {name}");
            figures.tell(format!("{}_cpu_ms", identifier(name)), says, unit, cpu(*time));
        }
        let says = "an order: customers, people, bench";
        figures.tell("load_cpu_ms", says, unit, cpu(self.own));
        let says = "an order: the whole machine";
        figures.tell("machine_cpu_ms", says, unit, cpu(self.machine));
        for (name, _, memory) in &self.processes {
            let (own, says) = (identifier(name), format!("peak memory: {name}"));
            let memory = memory.map(mebibytes);
            figures.tell(format!("{own}_peak_memory_mib"), says, Unit::MiB, memory);
        }
    }
}

fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_was_used_since_the_start() {
        let ms = Duration::from_millis;
        let used = |cpu, memory, own, machine| Used {
            processes: vec![
                ("cook-1".to_owned(), Some(ms(cpu)), Some(memory)),
                ("relay-1".to_owned(), Some(ms(2 * cpu)), Some(memory)),
            ],
            own: Some(ms(own)),
            machine: Some(ms(machine)),
        };
        let mut figures = Figures::default();
        let now = used(350, 3 << 20, 500, 5_000);
        now.since(&used(100, 1 << 20, 0, 1_000)).tell(0.1, &mut figures);
        for (name, expected) in [
            ("cook_1_cpu_ms", 25.0),
            ("relay_1_cpu_ms", 50.0),
            ("services_cpu_ms", 75.0),
            ("load_cpu_ms", 50.0),
            ("machine_cpu_ms", 400.0),
            ("cook_1_peak_memory_mib", 3.0),
        ] {
            let told = figures.last(name).unwrap_or(f64::NAN);
            assert!((told - expected).abs() < 1e-6, "{name}: {told}");
        }
    }
}
