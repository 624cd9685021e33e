//! Payment seen from outside: messages and timers in, facts out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laws;
mod revisions;
mod rig;
mod table;
