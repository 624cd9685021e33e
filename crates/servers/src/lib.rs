//! Private PostgreSQL and RabbitMQ servers for tests and development.
//!
//! * [`Postgres`] and [`RabbitMq`] are servers of one test's own: it may kill and restart them. They
//!   end with their value, and also when the test's process is killed.
//! * [`Services`] are one of each kind in a directory, started by whoever needs them first and
//!   remembered there: `cargo xtask services up|down|status`.
//! * [`shared()`] is what most tests want: the servers that the environment names, else those of the
//!   workspace, started when there are none yet.
//!
//! Beside them [`python()`], for participants in that language, and [`faketime()`], for a process whose
//! clock is wrong.
//!
//! Servers run from the machine's own binaries, which are installed where that can be done, or in
//! containers. All of them listen on loopback alone, with data, cookie, ports and passwords of
//! their own. A server that this crate did not start is never touched: a process is only signalled
//! when both its id and its start time are those that were written down.
//!
//! Made for tests and chores: nothing shipped uses it. Standard library only, and no async, as
//! `xtask` is built before everything else; certificates for tests (feature `authority`) are made with
//! more.

mod account;
#[cfg(feature = "authority")]
mod authority;
mod container;
mod error;
mod faketime;
mod home;
mod host;
mod install;
mod instance;
mod leash;
mod management;
mod port;
mod postgres;
mod process;
mod program;
mod python;
mod rabbitmq;
mod random;
mod record;
mod services;
mod shared;
mod wait;

#[cfg(feature = "authority")]
pub use authority::Authority;
pub use error::Error;
pub use faketime::{faketime, faketime_lacking};
pub use install::{Lacking, install, installs_packages, lacking};
pub use management::{Broker, Rights};
pub use postgres::{Postgres, PostgresOptions};
pub use python::{python, python_lacking};
pub use rabbitmq::{RabbitMq, RabbitMqOptions};
pub use services::{Kind, Services, Standing};
pub use shared::{
    AMQP_API_URL, AMQP_URL, POSTGRES_URL, Shared, shared, shared_postgres, shared_rabbitmq,
};
