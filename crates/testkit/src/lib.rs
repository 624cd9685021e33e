//! What tests share. Used as a development dependency only.
//!
//! [`App`] is the whole system on a temporary directory, reached over HTTP as people reach it.
//! When a test is done with it, [`App::finish`] waits until nothing is on its way any more and
//! lets the auditor look at everything that was stored.
//!
//! [`servers`] has the databases and brokers of tests that are about those.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod client;
mod people;

pub use app::{App, BOUND};
pub use client::{Answer, Client, Event, Events};
pub use people::{DISH, DISTRICT, NEXT, PRICE, RIDER, STORE, order_body};
pub use reqwest::Method;
pub use servers;
