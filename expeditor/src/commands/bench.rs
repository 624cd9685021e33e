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
        place, relay,
    },
    cli::Output,
    config::File,
    exit::Failure,
    print,
    progress::Progress,
    signals,
};

const RUNS: u32 = 3;
const ORDERS: u32 = 3_000;
const CONCURRENCY: u32 = 128;
const SEED: u64 = 1;
const MESSAGES: u32 = 50_000;

/// Measures and prints.
pub async fn run(command: BenchCommand, file: File) -> Result<(), Failure> {
    let ports = Ports::system();
    let mut closing = signals::closing(&ports);
    tokio::select! {
        result = measure(command, file, &ports) => result,
        () = closing.wait() => Err(Failure::No("ended before everything was measured".to_owned())),
    }
}

async fn measure(command: BenchCommand, file: File, ports: &Ports) -> Result<(), Failure> {
    match command {
        BenchCommand::Ceilings(options) => ceilings(&options.common, &file.bench, ports).await,
        BenchCommand::Orders(options) => {
            let of_file = file.bench.clone();
            let plan = Plan {
                actors: options.actors.or(of_file.actors).unwrap_or_default(),
                orders: options.orders.or(of_file.orders).unwrap_or(ORDERS).max(1),
                concurrency: options
                    .concurrency
                    .or(of_file.concurrency)
                    .unwrap_or(CONCURRENCY)
                    .max(1),
                seed: options.seed.or(of_file.seed).unwrap_or(SEED),
            };
            orders(&options.common, &plan, &file, ports).await
        }
        BenchCommand::Relay(options) => {
            let messages = options.messages.or(file.bench.messages).unwrap_or(MESSAGES).max(1);
            relay(&options.common, messages, &file.bench, ports).await
        }
    }
}

/// What every measurement is told, with what the file says and the defaults.
struct Setting<'a> {
    data: Option<&'a Path>,
    runs: u32,
    profile: Profile,
    output: Output,
}

impl<'a> Setting<'a> {
    fn of(common: &'a Common, file: &'a BenchFile) -> Result<Self, Failure> {
        let setting = Self {
            data: common.data.as_deref().or(file.data.as_deref()),
            runs: common.runs.or(file.runs).unwrap_or(RUNS).max(1),
            profile: common.profile.or(file.profile).unwrap_or_default(),
            output: common.output.or(file.output).unwrap_or_default(),
        };
        match setting.profile {
            Profile::Embedded => Ok(setting),
            Profile::Services => Err(Failure::Usage(
                "the services profile cannot be measured yet; --profile embedded can".to_owned(),
            )),
        }
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

async fn ceilings(common: &Common, file: &BenchFile, ports: &Ports) -> Result<(), Failure> {
    let setting = Setting::of(common, file)?;
    let mut figures = Figures::default();
    for run in 1..=setting.runs {
        setting.say(run);
        let place = place::make(setting.data)?;
        ceilings::run(place.path(), ports, &mut figures).await?;
    }
    setting.tell("ceilings", &json!({}), &figures);
    Ok(())
}

async fn orders(common: &Common, plan: &Plan, file: &File, ports: &Ports) -> Result<(), Failure> {
    let setting = Setting::of(common, &file.bench)?;
    let mut figures = Figures::default();
    let mut progress = Progress::new(u64::from(plan.orders) * u64::from(setting.runs));
    for run in 1..=setting.runs {
        progress.say(&format!("run {run} of {}", setting.runs));
        progress =
            orders::run(plan, setting.data, &file.services, ports, progress, &mut figures).await?;
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

async fn relay(
    common: &Common,
    messages: u32,
    file: &BenchFile,
    ports: &Ports,
) -> Result<(), Failure> {
    let setting = Setting::of(common, file)?;
    let mut figures = Figures::default();
    for run in 1..=setting.runs {
        setting.say(run);
        relay::run(messages, setting.data, ports, &mut figures).await?;
    }
    setting.tell("relay", &json!({ "messages": messages }), &figures);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_services_are_refused() {
        let file = BenchFile { runs: Some(5), output: Some(Output::Json), ..BenchFile::default() };
        let common = Common { runs: Some(9), ..Common::default() };
        let setting = Setting::of(&common, &file).unwrap();
        assert_eq!((setting.runs, setting.output), (9, Output::Json));
        let common = Common { profile: Some(Profile::Services), ..Common::default() };
        let Err(failure) = Setting::of(&common, &file) else { panic!("it is not there yet") };
        assert_eq!(failure.status(), 2);
    }
}
