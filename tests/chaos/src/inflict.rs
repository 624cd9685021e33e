//! How each fault is done to whom it happens to, and what is seen of it.
//!
//! Each ends when what it was done to works again and an order has ended after that: what goes
//! wrong next meets a system that was at work.

use std::{cell::Cell, time::Duration};

use expeditor::exit::Failure;
use rustix::process::{Pid, Signal, kill_process};
use servers::{Postgres, RabbitMq};
use testkit::proxy::{Proxy, Side, Trouble, Wire};
use tokio::{sync::MutexGuard, time::timeout};

use crate::{
    plan::Fault,
    stand::{Stand, of_servers},
};

/// Within this, what is waited for must come: a message that can be lost.
const CHANCE: Duration = Duration::from_secs(60);
/// Within this, an order must have ended after everything that went wrong.
const GOES_ON: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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
        }
        let back = self.now().saturating_sub(start);
        self.until_an_order_ends(fault).await?;
        Ok(Seen { back, went_on: self.now().saturating_sub(start) })
    }

    async fn kill_process(&self, name: &str, away: Duration) -> Result<(), Failure> {
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        fleet.check(name)?;
        fleet.kill(name)?;
        self.sleep(away).await;
        let _there = self.stand.database_is_there.read().await;
        fleet.launch(name).await
    }

    async fn kill_database(&self, away: Duration) -> Result<(), Failure> {
        let _away = self.stand.database_is_there.write().await;
        let mut database = self.stand.database.lock().await;
        database.act(Postgres::kill).await.map_err(of_servers)?;
        self.sleep(away).await;
        database.act(Postgres::restart).await.map_err(of_servers)
    }

    async fn kill_broker(&self, away: Duration) -> Result<(), Failure> {
        let mut broker = self.stand.broker.lock().await;
        broker.act(RabbitMq::kill).await.map_err(of_servers)?;
        self.sleep(away).await;
        broker.act(RabbitMq::restart).await.map_err(of_servers)
    }

    async fn hold(&self, name: &str, long: Duration) -> Result<(), Failure> {
        let (fleet, _alone) = (&self.stand.stage.fleet, self.stand.processes[name].lock().await);
        fleet.check(name)?;
        self.signal(name, Signal::STOP)?;
        self.sleep(long).await;
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
            self.sleep(LOOK_AGAIN).await;
        }
        self.sleep(long).await;
        proxy.cut();
        Ok(())
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
            self.sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    async fn sleep(&self, long: Duration) {
        self.stand.stage.ports.clock.sleep(long).await;
    }

    fn now(&self) -> Duration {
        self.stand.stage.ports.clock.elapsed()
    }
}
