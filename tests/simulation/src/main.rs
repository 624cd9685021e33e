//! `simulate`: runs seeds and prints what came of them; of one that is wrong, the smallest scenario
//! that still is. Exit status: 0 all is well, 1 a seed is wrong, 2 wrong usage.

use std::process::ExitCode;

use simulation::{
    Outcome, Scenario,
    part::Part,
    run,
    shrink::{command, shrink},
    survey::Survey,
};

const USAGE: &str = "\
Usage: simulate [--seeds N] [--seed S [--without PART,PART]] [--first-wrong]

  --seeds N        Run so many seeds: 1000 unless --seed is given, then one.
  --seed S         Begin with this one. One seed alone is told with its scenario and its trace.
  --without PARTS  Leave these parts of the scenario out, as a seed that is wrong is told.
  --first-wrong    End with the first seed that is wrong, and do not look for what is needed of it.";

/// Lines of the trace that are printed of a seed that is wrong.
const LAST_LINES: usize = 60;

struct Options {
    seeds: u64,
    first: u64,
    without: Vec<Part>,
    first_wrong: bool,
}

fn options(mut words: impl Iterator<Item = String>) -> Option<Options> {
    let (mut seeds, mut first, mut without) = (None, None, Vec::new());
    let mut first_wrong = false;
    while let Some(word) = words.next() {
        if word == "--first-wrong" {
            first_wrong = true;
            continue;
        }
        let value = words.next()?;
        match word.as_str() {
            "--seeds" => seeds = Some(value.parse().ok()?),
            "--seed" => first = Some(value.parse().ok()?),
            "--without" => {
                without = value.split(',').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            }
            _ => return None,
        }
    }
    let seeds = seeds.unwrap_or(if first.is_some() { 1 } else { 1_000 });
    (without.is_empty() || seeds == 1).then_some(Options {
        seeds,
        first: first.unwrap_or(0),
        without,
        first_wrong,
    })
}

fn main() -> ExitCode {
    let Some(Options { seeds, first, without, first_wrong }) = options(std::env::args().skip(1))
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let well = match seeds {
        _ if first_wrong => none_wrong(first, seeds),
        1 => one(first, &without),
        _ => many(first, seeds),
    };
    ExitCode::from(u8::from(!well))
}

/// Tells of one seed; answers whether nothing is wrong.
fn one(seed: u64, without: &[Part]) -> bool {
    let scenario = Scenario::of(seed).without(without);
    let outcome = run(&scenario, true);
    println!("{scenario}\n{}\n\n{outcome}", outcome.lines.join("\n"));
    outcome.wrong.iter().for_each(|line| println!("wrong: {line}"));
    outcome.wrong.is_empty()
}

/// Runs one seed after another until one is wrong; answers whether none was.
fn none_wrong(first: u64, seeds: u64) -> bool {
    let wrong = |seed: &u64| {
        let wrong = run(&Scenario::of(*seed), false).wrong;
        wrong.first().inspect(|line| println!("seed {seed} is wrong: {line}")).is_some()
    };
    !(first..first + seeds).any(|seed| wrong(&seed))
}

/// Tells of many seeds; answers whether nothing is wrong.
#[expect(clippy::disallowed_methods, reason = "measures how long real time takes")]
fn many(first: u64, seeds: u64) -> bool {
    let began = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let survey = Survey::of(first, seeds, threads);
    let took = began.elapsed();
    println!("{survey}");
    println!("{took:.1?} on {threads} threads, in which {:.0?} have gone by", survey.took);
    for (seed, wrong) in &survey.wrong {
        println!("\nseed {seed} is wrong: {}", wrong.join("\n  "));
        println!("to repeat it: {}", command(*seed, &[]));
        tell_smaller(*seed);
    }
    survey.wrong.is_empty()
}

fn tell_smaller(seed: u64) {
    let shrunk = shrink(&Scenario::of(seed), |outcome: &Outcome| !outcome.wrong.is_empty());
    println!("what is needed of it:\n{}", shrunk.scenario);
    println!("then it is wrong: {}", shrunk.outcome.wrong.join("\n  "));
    println!("to repeat that: {}", command(seed, &shrunk.without));
    let lines = &shrunk.outcome.lines;
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    println!("the end of its trace:\n{}", last.join("\n"));
}
