//! A simulation of the whole system: the services that are shipped, their path, their relays and
//! their routes, in one thread, under virtual time, with everything that can go wrong drawn from a
//! seed. The same seed is the same run.
//!
//! No rule of the domain is written here. [`Scenario`] is what people want and what goes wrong;
//! [`run()`] lets it happen and asks the auditor whether everything is as it must be.
//!
//! Below the services are ports of the simulation's own: [`machine`] gives a process its clock, ids
//! and tasks, [`disk`] its database in memory, [`network`] its broker.

pub mod ask;
pub mod board;
pub mod chance;
pub mod disk;
pub mod endpoint;
pub mod fault;
pub mod machine;
pub mod network;
pub mod part;
pub mod people;
pub mod points;
pub mod process;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod storm;
pub mod survey;
pub mod sweep;
pub mod timeline;
pub mod trace;
pub mod weather;
pub mod world;

pub use run::{Outcome, run};
pub use scenario::Scenario;
