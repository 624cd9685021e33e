//! Sets servers up for the services: a database, a role and a broker's user each, with no more rights
//! than they need, and the files that processes are started with.
//!
//! It can be run again at any time, also after a crash in the middle: what is there stays, what is
//! missing is made. What is on the servers under a name of ours and was not made here is never
//! touched.

pub mod files;
pub mod names;
pub mod passwords;
pub mod places;
pub mod postgres;
pub mod report;
mod rights;
