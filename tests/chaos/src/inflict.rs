//! How each fault is done to whom it happens to, and what is seen of it.
//!
//! Each ends when what it was done to works again and an order has ended after that: what goes
//! wrong next meets a system that was at work.

use std::{cell::Cell, time::Duration};

use contracts::{QueueKind, ServiceName, routes::queue};
use expeditor::exit::Failure;
use rustix::process::{Pid, Signal, kill_process};
use servers::{Postgres, RabbitMq};
use testkit::proxy::{Proxy, Side, Trouble, Wire};
use tokio::{sync::MutexGuard, time::timeout};

use crate::{
    plan::{Fault, Resource},
    stand::{Stand, of_servers},
};

/// Within this, what is waited for must come: a message that can be lost.
const CHANCE: Duration = Duration::from_secs(60);
/// Within this, an order must have ended after everything that went wrong.
const GOES_ON: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// So many messages wait before they are thrown away.
const FEW: u64 = 3;

/// What was seen of a fault.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// From its beginning until what it happened to worked again.
    pub back: Duration,
    /// From its beginning until an order ended after that.
    pub went_on: Duration,
}

/// Does things to the stand while people order there.
pub struct Inflictor<'a> {
    /// What they are done to.
    pub stand: &'a Stand,
    /// How many orders have ended.
    pub ended: &'a Cell<u64>,
}

impl Inflictor<'_> {
    /// Does it. Answers when all goes on.
    pub async fn inflict(&self, fault: &Fault) -> Result<Seen, Failure> {
        let start = self.now();
        match fault {
            Fault::KillProcess(name, away) => self.kill_process(name, *away).await?,
            Fault::KillDatabase(away) => self.kill_database(*away).await?,
            Fault::KillBroker(away) => self.kill_broker(*away).await?,
            Fault::Hold(name, long) => self.hold(name, *long).await?,
            Fault::Lose(whom, trouble) => self.lose(whom, *trouble).await?,
            Fault::HalfOpen(whom, wire, side, long) => {
                self.half_open(whom, *wire, *side, *long).await?;
            }
            Fault::Lack(what, long) => self.lack(*what, *long).await?,
            Fault::Purge(name) => self.purge(name).await?,
            Fault::Clock(name, ahead, long) => self.clock(name, *ahead, *long).await?,
        }
        let back = self.now().saturating_sub(start);
        self.until_an_order_ends(fault).await?;
        Ok(Seen { back, went_on: self.now().saturating_sub(start) })
    }

    async fn kill_process(&self, name: &str, away: Duration) -> Result<(), Failure> {
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        fleet.check(name)?;
        fleet.kill(name)?;
        self.lasts(away).await;
        let _there = self.stand.database_is_there.read().await;
        fleet.launch(name).await
    }

    async fn kill_database(&self, away: Duration) -> Result<(), Failure> {
        let _away = self.stand.database_is_there.write().await;
        let mut database = self.stand.database.lock().await;
        database.act(Postgres::kill).await.map_err(of_servers)?;
        self.lasts(away).await;
        database.act(Postgres::restart).await.map_err(of_servers)
    }

    async fn kill_broker(&self, away: Duration) -> Result<(), Failure> {
        let mut broker = self.stand.broker.lock().await;
        broker.act(RabbitMq::kill).await.map_err(of_servers)?;
        self.lasts(away).await;
        broker.act(RabbitMq::restart).await.map_err(of_servers)
    }

    async fn hold(&self, name: &str, long: Duration) -> Result<(), Failure> {
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        fleet.check(name)?;
        self.signal(name, Signal::STOP)?;
        self.lasts(long).await;
        self.signal(name, Signal::CONT)?;
        fleet.ready(name).await
    }

    async fn lose(&self, whom: &str, trouble: Trouble) -> Result<(), Failure> {
        let _alone = self.replicas(whom).await;
        let wire = match trouble {
            Trouble::CutBeforeCommit | Trouble::CutAfterCommit => Wire::Postgres,
            Trouble::LoseConfirm | Trouble::LoseAck => Wire::Amqp,
        };
        let proxy = self.proxy(whom, wire);
        let before = proxy.fired();
        proxy.arm(trouble);
        if timeout(CHANCE, proxy.fires_beyond(before)).await.is_err() {
            proxy.disarm();
            let waited = CHANCE.as_secs();
            let line = format!("{whom}: for {waited} s there was no chance for {trouble:?}");
            return Err(Failure::No(line));
        }
        if trouble == Trouble::LoseAck {
            // Until then the broker takes the message to be in work.
            proxy.cut();
        }
        Ok(())
    }

    async fn half_open(
        &self,
        whom: &str,
        wire: Wire,
        side: Side,
        long: Duration,
    ) -> Result<(), Failure> {
        let _alone = self.replicas(whom).await;
        let proxy = self.proxy(whom, wire);
        let start = self.now();
        while proxy.swallow(side) == 0 {
            if self.now().saturating_sub(start) > CHANCE {
                return Err(Failure::No(format!("{whom} has no connection by {wire:?}")));
            }
            self.lasts(LOOK_AGAIN).await;
        }
        self.lasts(long).await;
        proxy.cut();
        Ok(())
    }

    /// By its limits: the broker finds itself that it is beyond them, and that it is not.
    async fn lack(&self, what: Resource, long: Duration) -> Result<(), Failure> {
        let mut broker = self.stand.broker.lock().await;
        let (none, enough) = match what {
            Resource::Memory => (
                "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000})",
                "vm_memory_monitor:set_vm_memory_high_watermark(0.4)",
            ),
            Resource::Disk => (
                "rabbit_disk_monitor:set_disk_free_limit(1000000000000000)",
                "rabbit_disk_monitor:set_disk_free_limit(1000000)",
            ),
        };
        for (limit, alarms) in [(none, true), (enough, false)] {
            let call = format!(
                "ok = {limit}, F = fun F(0) -> none; F(N) -> \
                 case rabbit_alarm:get_alarms() =/= [] of {alarms} -> came; \
                 _ -> timer:sleep(50), F(N - 1) end end, F(400)."
            );
            let said = broker.act(move |broker| broker.control(&["eval", &call])).await;
            let said = said.map_err(of_servers)?;
            if !said.contains("came") {
                return Err(Failure::No(format!("{what:?}, {alarms}: the alarm was {said}")));
            }
            if alarms {
                self.lasts(long).await;
            }
        }
        Ok(())
    }

    /// So that something waits in the queue, nobody is there to take it.
    async fn purge(&self, name: &str) -> Result<(), Failure> {
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        let service = name.rsplit_once('-').and_then(|(name, _)| ServiceName::parse(name));
        let service = service.expect("services alone are purged");
        {
            let mut broker = self.stand.broker.lock().await;
            fleet.check(name)?;
            fleet.kill(name)?;
            let start = self.now();
            while self.stand.stage.ground.queued_for(service).await? < FEW {
                if self.now().saturating_sub(start) > CHANCE {
                    return Err(Failure::No(format!("no commands wait for {name}")));
                }
                self.lasts(LOOK_AGAIN).await;
            }
            let (queue, url) = (queue(service, QueueKind::Commands), broker.server().url());
            let vhost = url.rsplit('/').next().unwrap_or_default().to_owned();
            let purge = move |broker: &mut RabbitMq| {
                broker.control(&["purge_queue", "--vhost", &vhost, &queue])
            };
            broker.act(purge).await.map_err(of_servers)?;
        }
        let _there = self.stand.database_is_there.read().await;
        fleet.launch(name).await
    }

    async fn clock(&self, name: &str, ahead: Duration, long: Duration) -> Result<(), Failure> {
        let library = tokio::task::spawn_blocking(servers::faketime).await;
        let library = library.expect("it does not panic").map_err(of_servers)?;
        let library = library.display().to_string();
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        let by = format!("+{}", ahead.as_secs());
        let variables = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME", &by),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        for variables in [&variables[..], &[]] {
            {
                let _there = self.stand.database_is_there.read().await;
                fleet.check(name)?;
                fleet.kill(name)?;
                fleet.begin_with(name, variables)?;
                fleet.ready(name).await?;
            }
            let shows = self.clock_of(name).await?.as_secs();
            let moved = !variables.is_empty();
            if moved != (shows + 5 > ahead.as_secs()) {
                return Err(Failure::No(format!(
                    "{name}'s clock is ahead by {shows} s, not {by} s"
                )));
            }
            if moved {
                self.lasts(long).await;
            }
        }
        Ok(())
    }

    /// By how much a process's clock is ahead, as the date of its answers shows.
    async fn clock_of(&self, name: &str) -> Result<Duration, Failure> {
        let lost = || Failure::No(format!("{name} does not tell the time"));
        let members = self.stand.stage.fleet.members();
        let address = members.into_iter().find(|member| member.name == name);
        let address = address.and_then(|member| member.address).ok_or_else(lost)?;
        let answer = reqwest::get(format!("http://{address}/healthz")).await.map_err(|_| lost())?;
        let date = answer.headers().get(reqwest::header::DATE).and_then(|it| it.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok()).ok_or_else(lost)?;
        let millis = self.stand.stage.ports.now().as_millis().unsigned_abs();
        let now = std::time::UNIX_EPOCH + Duration::from_millis(millis);
        Ok(date.duration_since(now).unwrap_or_default())
    }

    /// Nothing else happens meanwhile to any of the processes that share these ways.
    async fn replicas(&self, whom: &str) -> Vec<MutexGuard<'_, ()>> {
        let mut guards = Vec::new();
        for (name, alone) in &self.stand.processes {
            if name.rsplit_once('-').is_some_and(|(name, _)| name == whom) {
                guards.push(alone.lock().await);
            }
        }
        guards
    }

    fn proxy(&self, whom: &str, wire: Wire) -> &Proxy {
        let ways = &self.stand.ways[whom];
        match wire {
            Wire::Postgres => &ways.database,
            Wire::Amqp => &ways.broker,
        }
    }

    fn signal(&self, name: &str, signal: Signal) -> Result<(), Failure> {
        let members = self.stand.stage.fleet.members();
        let id = members.into_iter().find(|member| member.name == name).and_then(|it| it.id);
        let id = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or_else(|| Failure::Environment(format!("{name} does not run")))?;
        kill_process(id, signal)
            .map_err(|error| Failure::Environment(format!("{name} cannot be told: {error}")))
    }

    async fn until_an_order_ends(&self, fault: &Fault) -> Result<(), Failure> {
        let (start, before) = (self.now(), self.ended.get());
        while self.ended.get() == before {
            if self.now().saturating_sub(start) > GOES_ON {
                let waited = GOES_ON.as_secs();
                return Err(Failure::No(format!(
                    "no order has ended for {waited} s since {fault}"
                )));
            }
            self.lasts(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Lets a fault last.
    async fn lasts(&self, long: Duration) {
        let start = self.now();
        while let Some(left) = long.checked_sub(self.now().saturating_sub(start)) {
            self.stand.stage.ports.clock.sleep(left.max(LOOK_AGAIN)).await;
        }
    }

    fn now(&self) -> Duration {
        self.stand.stage.ports.clock.elapsed()
    }
}
