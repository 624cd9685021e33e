//! `chaos`: one run, printed with what came of it. Exit status: 0 all is well, 1 something is wrong,
//! 2 wrong usage, 3 it could not be run.
//!
//! With a service's command line it is that service: the processes that it plays with are this very
//! program, so that they are those of the tree it was built from.

use std::{process::ExitCode, time::Duration};

use chaos::{Extent, run};
use expeditor::exit::{Failure, one_line};

const USAGE: &str = "\
Usage: chaos [--minutes M] [--seed S]

  --minutes M  Let things go wrong for so long; without it, for as long as the suite does: 3000 orders.
  --seed S     What decides what goes wrong; drawn where it is not given.";

struct Options {
    extent: Extent,
    seed: u64,
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options {
        extent: Extent::of_suite(),
        seed: runtime::ports::Ports::system().ids.next().as_u64_pair().1,
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--minutes" => {
                let minutes: u64 = value.parse().ok().filter(|minutes| *minutes > 0)?;
                options.extent = Extent::lasting(Duration::from_secs(minutes.checked_mul(60)?));
            }
            "--seed" => options.seed = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(options)
}

#[tokio::main]
async fn main() -> ExitCode {
    let is_process = |word: String| matches!(word.as_str(), "serve" | "relay");
    let ended = if std::env::args().nth(1).is_some_and(is_process) {
        Box::pin(expeditor::run(std::env::args_os())).await
    } else {
        Box::pin(play()).await
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("chaos: {}", one_line(&failure.to_string()));
            ExitCode::from(failure.status())
        }
    }
}

async fn play() -> Result<(), Failure> {
    let Some(Options { extent, seed }) = options(std::env::args().skip(1)) else {
        return Err(Failure::Usage(USAGE.to_owned()));
    };
    let program =
        std::env::current_exe().ok().and_then(|path| path.into_os_string().into_string().ok());
    let program =
        program.ok_or_else(|| Failure::Environment("where is this program?".to_owned()))?;
    let report = run(&extent, seed, &program, &|line| eprintln!("{line}")).await?;
    println!("{report}");
    if report.wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::No(format!(
        "{} things are wrong; to repeat it: --seed {seed}",
        report.wrong.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Option<(Option<u64>, u64, u64)> {
        let Options { extent, seed } = options(words.iter().map(|&word| word.to_owned()))?;
        Some((extent.orders, extent.time.as_secs(), seed))
    }

    #[test]
    fn without_a_time_it_is_the_run_of_the_suite_and_with_one_it_lasts_so_long() {
        assert_eq!(parsed(&["--seed", "7"]), Some((Some(3_000), 0, 7)));
        assert_eq!(parsed(&["--minutes", "9", "--seed", "7"]), Some((None, 540, 7)));
        assert_ne!(parsed(&[]), parsed(&[]), "each run without a seed is another one");
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for words in [&["--minutes"][..], &["--minutes", "0"], &["--seed", "x"], &["--hours", "1"]]
        {
            assert_eq!(parsed(words), None, "{words:?}");
        }
    }
}
