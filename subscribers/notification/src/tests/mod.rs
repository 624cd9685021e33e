//! What orders lead to, in any order of events; the service as it runs; and sending to a receiver
//! that behaves well and badly.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod builders;
mod http;
mod laws;
mod mailboxes;
mod receiver;
mod rig;
mod sending;
mod stopped;
mod tls;
