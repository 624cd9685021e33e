//! The store seen from outside: messages and owners' requests in, facts and stock out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laws;
mod menu;
mod path;
mod revisions;
mod rig;
mod table;
