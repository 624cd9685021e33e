//! The HTTP kit on real sockets: a server on a port of its own, and a client that says exactly the
//! bytes that a scenario wants said.
#![allow(clippy::unwrap_used, reason = "a scenario fails by panicking")]

mod access;
mod bodies;
mod client;
mod kit;
mod limits;
mod listening;
mod requests;
