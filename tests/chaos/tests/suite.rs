//! The run that belongs to the suite.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use chaos::{Extent, run};

/// What decides it. `cargo xtask chaos` draws others.
const SEED: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_order_ends_as_planned_and_the_audit_holds_whatever_is_killed_or_held() {
    let program = env!("CARGO_BIN_EXE_chaos");
    let say = |line: &str| println!("{line}");
    let report = Box::pin(run(&Extent::of_suite(), SEED, program, &say)).await.unwrap();
    println!("{report}");
    assert_eq!(report.wrong, Vec::<String>::new());
}
