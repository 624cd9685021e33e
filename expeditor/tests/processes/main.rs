//! Services and relays as processes of their own on real servers: the demo as a script meets it,
//! and the audit over what it leaves.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audit;
mod bench;
mod broker_away;
mod caller;
mod database_away;
mod demo;
mod eyes;
mod killed;
mod live;
mod loyalty;
mod participant;
mod place;
mod rebuild;
mod refused;
mod rolling;
mod stage;
mod takeover;
mod tap;
