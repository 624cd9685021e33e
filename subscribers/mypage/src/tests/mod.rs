//! The fold in any order, the words that it leads to, and the service as it runs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod builders;
mod http;
mod laws;
mod rig;
mod words;
