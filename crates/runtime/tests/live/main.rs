//! Streams of events on real connections: the toy service on SQLite, its real path, a real server,
//! and a client that can be slow, or go away.
#![allow(clippy::unwrap_used, reason = "a scenario fails by panicking")]

#[path = "../http_kit/client.rs"]
#[allow(dead_code, reason = "its rude parts are for the kit's own tests")]
mod client;
mod limits;
mod listener;
mod resume;
mod served;
#[path = "../toy/mod.rs"]
mod toy;
