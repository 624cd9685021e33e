//! The orchestrator over HTTP: the real routes, path and database; the other services are the
//! test's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backpressure;
mod customers;
mod operators;
mod rig;
