//! `demo`: the whole system with simulated people over HTTP, every kind of ending, then the audit.
//! In this process on files, or as processes of their own on servers.
//!
//! It is done only if every order has ended as planned and the audit holds. Deadlines are shortened
//! by settings alone.

mod chaos;
mod home;
mod processes;

use runtime::ports::Ports;

use self::{home::Home, processes::Servers};
use crate::{
    audit::{self, Databases, Report},
    cli::DemoArgs,
    commands::audit::{unfinished, verdict},
    config::{File, Number},
    exit::Failure,
    fleet::{Fleet, OneProcess, Toll},
    people::show::{Script, Show},
    print,
    progress::Progress,
    signals,
    system::{self, System},
    tables,
};

const ORDERS: u32 = 200;
const RATE: f64 = 50.0;

/// Runs it.
pub async fn run(options: DemoArgs, file: File) -> Result<(), Failure> {
    let ports = Ports::system();
    let script = Script {
        orders: options.orders.or(file.demo.orders).unwrap_or(ORDERS),
        rate: options.rate.or(file.demo.rate).map_or(RATE, Number::get),
        seed: options.seed.or(file.demo.seed).unwrap_or_else(|| ports.ids.next().as_u64_pair().1),
    };
    if script.orders == 0 {
        return Err(Failure::Usage("demo --orders: at least one order is wanted".to_owned()));
    }
    let data = options.data.clone().or_else(|| file.demo.data.clone());
    let chaos = options.chaos || file.demo.chaos;
    let settings = Show::settings(file.services);
    let settings = if chaos { chaos::settings(settings) } else { settings };
    match Servers::named(&options, &file.demo, data.is_some())? {
        Some(servers) => processes::run(&script, servers, settings, chaos, ports).await,
        None => {
            let home = Home::choose(data)?;
            let result = if chaos {
                play_with_chaos(&script, &home, settings, ports).await
            } else {
                play(&script, &home, settings, ports).await
            };
            home.leave(result, "the data is")
        }
    }
}

async fn play(
    script: &Script,
    home: &Home,
    settings: system::Settings,
    ports: Ports,
) -> Result<(), Failure> {
    let closing = signals::closing(&ports);
    let mut progress = Progress::new(u64::from(script.orders));
    let anywhere = ([127, 0, 0, 1], 0).into();
    let system = System::start(home.path(), anywhere, settings, ports).await?;
    progress.say(&format!("seed {}, data in {}", script.seed, home.path().display()));
    let played = Show::play(&system, script, closing, || progress.step()).await;
    progress.end();
    system.stop().await;
    let show = played?;
    judge(&show, &Toll::default(), Databases::in_directory(home.path()).await?).await
}

/// The system is a process of its own, so that it can be killed.
async fn play_with_chaos(
    script: &Script,
    home: &Home,
    settings: system::Settings,
    ports: Ports,
) -> Result<(), Failure> {
    let closing = signals::closing(&ports);
    print::aside(format_args!("seed {}, data in {}", script.seed, home.path().display()));
    let stage = OneProcess::start(home.path(), &settings, &ports).await?;
    let played = chaos::play(&stage, &stage.fleet, script, closing, true, &ports).await;
    end_and_judge(&stage.fleet, stage.databases, played).await
}

/// Ends the processes, whatever came of the play, and judges one that was played to its end.
async fn end_and_judge(
    fleet: &Fleet,
    stored: Databases,
    played: Result<(Show, Toll), Failure>,
) -> Result<(), Failure> {
    let stopped = fleet.stop_all().await;
    match played {
        Ok((show, toll)) => {
            let judged = judge(&show, &toll, stored).await;
            stopped.and(judged)
        }
        Err(failure) => {
            stored.close().await;
            Err(failure)
        }
    }
}

/// Prints what has died, how the orders ended and what the audit says of what is stored; fails where
/// orders or audit are not as they should be.
async fn judge(show: &Show, toll: &Toll, stored: Databases) -> Result<(), Failure> {
    if !toll.is_empty() {
        print::line(tables::deaths(toll));
    }
    print::line(tables::endings(&show.planned, &show.ended));
    let result = audit::audit(&stored, &show.knowledge()).await;
    stored.close().await;
    let report = result.map_err(unfinished)?;
    print::line(tables::audit(&report));
    show.verdict()?;
    verdict(&report)?;
    none_buried(&report)
}

/// Nobody in the demo sends what cannot be processed, so nothing may have become a dead letter.
fn none_buried(report: &Report) -> Result<(), Failure> {
    let kept: Vec<String> = report
        .dead_letters()
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(service, number)| format!("{number} at {service}"))
        .collect();
    if kept.is_empty() {
        return Ok(());
    }
    Err(Failure::No(format!("messages have become dead letters: {}", kept.join(", "))))
}

#[cfg(test)]
mod tests {
    use contracts::ServiceName;

    use super::*;

    #[test]
    fn a_dead_letter_is_a_no() {
        let mut report = Report::new();
        report.keeps_dead_letters(ServiceName::Cook, 0);
        none_buried(&report).unwrap();
        report.keeps_dead_letters(ServiceName::Store, 2);
        let failure = none_buried(&report).unwrap_err();
        assert_eq!(failure.status(), 1);
        assert!(failure.to_string().contains("2 at store"), "{failure}");
    }
}
