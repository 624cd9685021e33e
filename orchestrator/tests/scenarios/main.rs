//! Scenarios of the orchestrator as one pure decision: given what was told, when this comes, then
//! that is sent and that is seen.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod catalog;
mod changes;
mod endings;
mod idempotency;
mod laws;
mod operators;
mod payloads;
mod races;
mod replies;
mod revisions;
mod schedules;
mod timers;
mod world;
