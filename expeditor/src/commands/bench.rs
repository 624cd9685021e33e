//! `bench`: measures, and tells the medians. Nothing fails by being slow.

use std::path::Path;

use runtime::ports::Ports;
use serde_json::{Value, json};

use crate::{
    bench::{
        ceilings,
        figures::Figures,
        options::{BenchCommand, BenchFile, Common, Profile},
        orders::{self, Plan},
        orders_on_servers, place, relay,
        servers::{ENDED_EARLY, Servers},
        streams,
    },
    cli::Output,
    config::File,
    exit::Failure,
    people::pace::Closing,
    print,
    progress::Progress,
    signals,
};

const RUNS: u32 = 3;
const ORDERS: u32 = 3_000;
const CONCURRENCY: u32 = 128;
const SEED: u64 = 1;
const MESSAGES: u32 = 50_000;
const OPEN: u32 = 5_000;

/// Measures and prints.
pub async fn run(command: BenchCommand, file: File) -> Result<(), Failure> {
    let ports = Ports::system();
    let mut closing = signals::closing(&ports);
    let setting = Setting::of(command.common(), &file.bench, &closing)?;
    let measuring = measure(&command, &setting, &file, &ports);
    if setting.servers.is_some() {
        // Ends by itself when it is told to, once what was made on the servers is removed.
        return measuring.await;
    }
    tokio::select! {
        result = measuring => result,
        () = closing.wait() => Err(Failure::No(ENDED_EARLY.to_owned())),
    }
}

async fn measure(
    command: &BenchCommand,
    setting: &Setting<'_>,
    file: &File,
    ports: &Ports,
) -> Result<(), Failure> {
    let section = &file.bench;
    match command {
        BenchCommand::Ceilings(_) => ceilings(setting, ports).await,
        BenchCommand::Orders(options) => {
            let plan = Plan {
                actors: options.actors.or(section.actors).unwrap_or_default(),
                orders: options.orders.or(section.orders).unwrap_or(ORDERS).max(1),
                concurrency: options
                    .concurrency
                    .or(section.concurrency)
                    .unwrap_or(CONCURRENCY)
                    .max(1),
                seed: options.seed.or(section.seed).unwrap_or(SEED),
            };
            orders(setting, &plan, file, ports).await
        }
        BenchCommand::Relay(options) => {
            let messages = options.messages.or(section.messages).unwrap_or(MESSAGES).max(1);
            relay(setting, messages, ports).await
        }
        BenchCommand::Streams(options) => {
            let open = options.open.or(section.open).unwrap_or(OPEN).max(1);
            streams(setting, open, ports).await
        }
    }
}

/// What every measurement is told, with what the file says and the defaults.
struct Setting<'a> {
    data: Option<&'a Path>,
    runs: u32,
    profile: Profile,
    /// Of the services profile.
    servers: Option<Servers>,
    output: Output,
}

impl<'a> Setting<'a> {
    fn of(common: &'a Common, file: &'a BenchFile, closing: &Closing) -> Result<Self, Failure> {
        let profile = common.profile.or(file.profile).unwrap_or_default();
        let servers = match profile {
            Profile::Embedded => None,
            Profile::Services => Some(Servers::named(common, file, closing.clone())?),
        };
        Ok(Self {
            data: common.data.as_deref().or(file.data.as_deref()),
            runs: common.runs.or(file.runs).unwrap_or(RUNS).max(1),
            profile,
            servers,
            output: common.output.or(file.output).unwrap_or_default(),
        })
    }

    fn tell(&self, what: &str, options: &Value, figures: &Figures) {
        match self.output {
            Output::Table => {
                let runs = self.runs;
                print::line(figures.table());
                print::line(format_args!(
                    "Medians of {runs} runs, {} profile.",
                    self.profile.as_str()
                ));
            }
            Output::Json => print::line(json!({
                "bench": what,
                "profile": self.profile.as_str(),
                "runs": self.runs,
                "options": options,
                "figures": figures.json(),
            })),
        }
    }

    fn say(&self, run: u32) {
        print::aside(format_args!("run {run} of {}", self.runs));
    }
}

async fn ceilings(setting: &Setting<'_>, ports: &Ports) -> Result<(), Failure> {
    let mut figures = Figures::default();
    for run in 1..=setting.runs {
        setting.say(run);
        let place = place::make(setting.data)?;
        match &setting.servers {
            None => ceilings::run(place.path(), ports, &mut figures).await?,
            Some(servers) => {
                ceilings::run_on_servers(place.path(), servers, ports, &mut figures).await?;
            }
        }
    }
    setting.tell("ceilings", &json!({}), &figures);
    Ok(())
}

async fn orders(
    setting: &Setting<'_>,
    plan: &Plan,
    file: &File,
    ports: &Ports,
) -> Result<(), Failure> {
    let mut figures = Figures::default();
    let mut progress = Progress::new(u64::from(plan.orders) * u64::from(setting.runs));
    for run in 1..=setting.runs {
        progress.say(&format!("run {run} of {}", setting.runs));
        let (data, settings) = (setting.data, &file.services);
        progress = match &setting.servers {
            None => orders::run(plan, data, settings, ports, progress, &mut figures).await?,
            Some(servers) => {
                let (plan, figures) = (plan, &mut figures);
                orders_on_servers::run(plan, servers, data, settings, ports, progress, figures)
                    .await?
            }
        };
    }
    progress.end();
    let options = json!({
        "actors": plan.actors.as_str(),
        "orders": plan.orders,
        "concurrency": plan.concurrency,
        "seed": plan.seed,
    });
    setting.tell("orders", &options, &figures);
    Ok(())
}

async fn relay(setting: &Setting<'_>, messages: u32, ports: &Ports) -> Result<(), Failure> {
    let mut figures = Figures::default();
    for run in 1..=setting.runs {
        setting.say(run);
        match &setting.servers {
            None => relay::run(messages, setting.data, ports, &mut figures).await?,
            Some(servers) => {
                relay::run_on_servers(messages, servers, ports, &mut figures).await?;
            }
        }
    }
    setting.tell("relay", &json!({ "messages": messages }), &figures);
    Ok(())
}

async fn streams(setting: &Setting<'_>, open: u32, ports: &Ports) -> Result<(), Failure> {
    if setting.profile == Profile::Services {
        let text = "bench streams knows the embedded profile only";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut figures = Figures::default();
    for run in 1..=setting.runs {
        setting.say(run);
        streams::run(open, setting.data, ports, &mut figures).await?;
    }
    setting.tell("streams", &json!({ "open": open }), &figures);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_services_want_their_servers() {
        let file = BenchFile { runs: Some(5), output: Some(Output::Json), ..BenchFile::default() };
        let common = Common { runs: Some(9), ..Common::default() };
        let (_open, closing) = Closing::new();
        let setting = Setting::of(&common, &file, &closing).unwrap();
        assert_eq!((setting.runs, setting.output), (9, Output::Json));
        let common = Common { profile: Some(Profile::Services), ..Common::default() };
        let Err(failure) = Setting::of(&common, &file, &closing) else { panic!("without any") };
        assert_eq!(failure.status(), 2);
    }
}
