//! What tests share. Used as a development dependency only.
//!
//! [`App`] is the whole system on a temporary directory, reached over HTTP as people reach it.
//! When a test is done with it, [`App::finish`] waits until nothing is on its way any more and
//! lets the auditor look at everything that was stored.
//!
//! [`fleet`] is the same as processes of its own on servers, with people who order there, and [`Own`]
//! a server that a test may do anything to.
//!
//! A [`proxy::Proxy`] stands between a service and its server, and loses one thing that they say.
//!
//! [`servers`] has the databases and brokers of tests that are about those.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod app;
mod client;
pub mod fleet;
mod own;
mod people;
pub mod proxy;

pub use app::{App, BOUND};
pub use client::{Answer, Client, Event, Events};
pub use own::Own;
pub use people::{DISH, DISTRICT, NEXT, PRICE, RIDER, STORE, order_body};
pub use reqwest::Method;
pub use servers;
