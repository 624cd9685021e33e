//! Seeds, run from the beginning to the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use simulation::{
    Scenario, run,
    shrink::{command, shrink},
    survey::Survey,
};

/// How many seeds the suite runs. `cargo xtask simulate` goes on.
const SEEDS: u64 = 300;

#[test]
fn orders_without_a_fault_come_to_their_ends() {
    for seed in 0..3 {
        let scenario = Scenario::of(seed).calm();
        let outcome = run(&scenario, true);
        let orders: u64 = outcome.endings.values().sum();
        assert!(
            outcome.wrong.is_empty() && orders >= 5 && outcome.fired.is_empty(),
            "{scenario}{}\n{outcome}\n{:?}",
            outcome.lines.join("\n"),
            outcome.wrong
        );
    }
}

#[test]
fn the_same_seed_is_the_same_run_and_another_one_is_not() {
    let mut digests = Vec::new();
    for seed in 0..10 {
        let scenario = Scenario::of(seed);
        let (one, other) = (run(&scenario, true), run(&scenario, true));
        assert_eq!(one.lines, other.lines, "seed {seed}");
        assert_eq!((one.digest, &one.endings), (other.digest, &other.endings), "seed {seed}");
        digests.push(one.digest);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 10);
}

#[test]
fn nothing_is_wrong_in_many_seeds() {
    let survey = Survey::of(0, SEEDS, 2);
    println!("{survey}");
    if let Some((seed, wrong)) = survey.wrong.first_key_value() {
        panic!("seed {seed} is wrong: {}\n{}", wrong.join("\n"), command(*seed, &[]));
    }
    assert_eq!(survey.seeds, SEEDS);
    for ending in ["delivered", "returned (delivery_returned)", "cancelled (customer_cancelled)"] {
        assert!(survey.endings.contains_key(ending), "{ending} in {:?}", survey.endings);
    }
    assert!(survey.fired.len() >= 15, "every kind of fault comes: {:?}", survey.fired);
}

/// The harness itself: messages that the broker confirms and loses are found, and what is told of
/// it is made small.
#[test]
fn a_broker_that_loses_messages_is_found_and_the_scenario_shrinks() {
    let lossy = |seed| {
        let mut scenario = Scenario::of(seed);
        scenario.weather.lost = 30;
        scenario
    };
    let wrong = (0..5).find(|seed| !run(&lossy(*seed), false).wrong.is_empty());
    let scenario = lossy(wrong.expect("a loss is found within five seeds"));
    let shrunk = shrink(&scenario, |outcome| !outcome.wrong.is_empty());
    assert!(!shrunk.outcome.wrong.is_empty());
    let left = |scenario: &Scenario| scenario.orders.len() + scenario.faults.len();
    assert!(left(&shrunk.scenario) < left(&scenario), "{}", shrunk.scenario);
    assert!(shrunk.outcome.lines.iter().any(|line| line.contains("! lost")));
    assert!(command(scenario.seed, &shrunk.without).contains("--without"));
}
