//! `demo`: the whole system with simulated people over HTTP, every kind of ending, then the audit.
//!
//! It is done only if every order has ended as planned and the audit holds. Deadlines are shortened
//! by settings alone.

use std::path::{Path, PathBuf};

use runtime::ports::Ports;
use tempfile::TempDir;

use crate::{
    audit::{self, Databases, Report},
    cli::DemoArgs,
    commands::audit::{unfinished, verdict},
    config::{File, Number},
    directory,
    exit::{Failure, disk},
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
    let home = Home::choose(options.data.or(file.demo.data))?;
    let result = play(&script, &home, file.services, ports).await;
    home.leave(result)
}

async fn play(
    script: &Script,
    home: &Home,
    settings: system::Settings,
    ports: Ports,
) -> Result<(), Failure> {
    let closing = signals::closing(&ports);
    let mut progress = Progress::new(u64::from(script.orders));
    let settings = Show::settings(settings);
    let anywhere = ([127, 0, 0, 1], 0).into();
    let system = System::start(home.path(), anywhere, settings, ports).await?;
    progress.say(&format!("seed {}, data in {}", script.seed, home.path().display()));
    let played = Show::play(&system, script, closing, || progress.step()).await;
    progress.end();
    system.stop().await;
    let show = played?;
    print::line(tables::endings(&show.planned, &show.ended));
    let audited = audit(home.path(), &show).await;
    show.verdict()?;
    audited
}

async fn audit(data: &Path, show: &Show) -> Result<(), Failure> {
    let stored = Databases::in_directory(data).await?;
    let result = audit::audit(&stored, &show.knowledge()).await;
    stored.close().await;
    let report = result.map_err(unfinished)?;
    print::line(tables::audit(&report));
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

/// Where the demo keeps its data.
enum Home {
    /// Removed when all is well.
    Temporary(TempDir),
    /// Named by the user, and kept.
    Given(PathBuf),
}

impl Home {
    fn choose(data: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(data) = data else {
            let dir = tempfile::Builder::new().prefix("expeditor-demo-").tempdir();
            return dir
                .map(Self::Temporary)
                .map_err(|error| disk("cannot make a temporary directory", &error));
        };
        directory::refuse_incomplete(&data)?;
        // Its deadlines are seconds, its people know nothing of orders that are there already.
        let used = contracts::ServiceName::ALL
            .into_iter()
            .any(|service| system::database_path(&data, service).exists());
        if used {
            return Err(Failure::Usage(format!(
                "{} holds the data of an earlier run; the demo wants a directory without any",
                data.display()
            )));
        }
        Ok(Self::Given(data))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Given(path) => path,
        }
    }

    /// Removes what nobody needs; what may tell why something failed is kept, and named.
    fn leave(self, result: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = result else { return Ok(()) };
        let kept = match self {
            Self::Temporary(dir) => dir.keep(),
            Self::Given(path) => path,
        };
        let named = |text: String| {
            if kept.is_dir() {
                format!("{text} (the data is kept in {})", kept.display())
            } else {
                text
            }
        };
        Err(match failure {
            Failure::No(text) => Failure::No(named(text)),
            Failure::Usage(text) => Failure::Usage(text),
            Failure::Environment(text) => Failure::Environment(named(text)),
        })
    }
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

    #[test]
    fn data_is_kept_and_named_where_something_failed_only() {
        let home = Home::choose(None).unwrap();
        let path = home.path().to_owned();
        home.leave(Ok(())).unwrap();
        assert!(!path.exists());

        let home = Home::choose(None).unwrap();
        let path = home.path().to_owned();
        let failure = home.leave(Err(Failure::No("one violation".into()))).unwrap_err();
        assert!(path.exists());
        assert!(failure.to_string().contains(path.to_str().unwrap()), "{failure}");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_directory_with_data_of_an_earlier_run_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Home::choose(Some(dir.path().to_owned())).is_ok());
        for (services, says) in [(1, "payment.db is missing"), (5, "an earlier run")] {
            for service in ServiceName::ALL.into_iter().take(services) {
                std::fs::write(system::database_path(dir.path(), service), "").unwrap();
            }
            let Err(failure) = Home::choose(Some(dir.path().to_owned())) else {
                panic!("it holds data");
            };
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
