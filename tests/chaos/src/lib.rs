//! Chaos: the processes that are shipped, on a PostgreSQL and a RabbitMQ of their own, with people
//! who order while one thing after another goes wrong. A seed decides what, and when.
//!
//! What is right is not written here. The people compare how each order ended with what they had
//! planned, and keep a journal of what they were promised; the auditor compares the databases with
//! one another and with that journal, once all has healed and come to rest. A run in which too
//! little happened is wrong as well ([`Least`]).
//!
//! [`plan`] draws the faults, [`stand`] is what they happen to, [`inflict`] is how, [`run()`] is the
//! whole of it. Repeating a seed repeats the plan, not the run: machines are not repeatable. For that
//! there is the simulation.

pub mod inflict;
pub mod least;
pub mod plan;
pub mod report;
pub mod run;
pub mod stand;

pub use least::Least;
pub use report::Report;
pub use run::{Extent, run};
