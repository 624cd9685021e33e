//! Servers that are set up by the binary, and what those who are given a login can do there.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod again;
mod broker;
mod databases;
mod migrate;
mod refused;
mod started;
mod world;
