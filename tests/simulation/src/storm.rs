//! Lets what is planned go wrong, each at its time, and then makes an end of it: the broker is
//! there, nobody is held, and nothing more goes wrong by chance.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use contracts::ServiceName;

use crate::{
    fault::{Fault, Planned},
    world::World,
};

/// When nothing more goes wrong by chance.
const CALM_AT: Duration = Duration::from_secs(25);

/// Plans what is to come with a commit or at a point, counted from the beginning.
pub(crate) fn gather(world: &World) {
    for Planned { at, fault, .. } in &world.scenario.faults {
        if at.is_zero() {
            foresee(world, fault);
        }
    }
}

/// Blows until it is calm.
pub(crate) async fn blow(world: Arc<World>) {
    for planned in world.scenario.faults.iter().filter(|it| !it.at.is_zero()).cloned() {
        let own = Arc::clone(&world);
        drop(world.ports.spawn(strike(own, planned)));
    }
    world.after(CALM_AT).await;
    world.network.calm();
}

async fn strike(world: Arc<World>, Planned { at, fault, .. }: Planned) {
    world.after(at).await;
    match fault {
        Fault::Commit(..) | Fault::At(..) => foresee(&world, &fault),
        Fault::Kill(service, away) => kill(&world, service, away),
        Fault::Pause(service, held) => pause(&world, service, held).await,
        Fault::Skew(service, millis) => {
            world.site(service).skew.store(millis, Relaxed);
            world.trace.fired("clock skew", format_args!("{service} by {millis} ms"));
        }
        Fault::Slow(service, millis, long) => {
            let disk = &world.site(service).disk;
            disk.slow(millis);
            world.trace.fired("slow", format_args!("{service}, up to {millis} ms a commit"));
            world.after(long).await;
            disk.slow(world.scenario.weather.commit);
        }
        Fault::Newer(service) => {
            world.network.renew(service);
            world.trace.fired("later schema", format_args!("{service}"));
        }
        Fault::BrokerAway(away) => {
            world.network.leave();
            world.trace.fired("broker away", format_args!("for {away:?}"));
            world.after(away).await;
            world.network.come_back();
            world.trace.note(format_args!("the broker is back"));
        }
    }
}

/// Plans it for when its point is reached.
fn foresee(world: &World, fault: &Fault) {
    match *fault {
        Fault::Commit(service, nth, fault) => world.site(service).disk.plan(nth, fault),
        Fault::At(service, point, nth) => world.points.plan(service, point, nth),
        _ => {}
    }
}

fn kill(world: &World, service: ServiceName, away: Duration) {
    let site = world.site(service);
    let Some(process) = site.process() else { return };
    *site.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(away);
    let kind = if away > Duration::from_secs(5) { "dead for long" } else { "kill" };
    world.trace.fired(kind, format_args!("{service}, away for {away:?}"));
    process.machine.end();
}

async fn pause(world: &World, service: ServiceName, held: Duration) {
    let Some(process) = world.site(service).process() else { return };
    process.machine.hold();
    world.trace.fired("pause", format_args!("{service} for {held:?}"));
    world.after(held).await;
    process.machine.go_on();
    world.trace.note(format_args!("{service} goes on"));
}
