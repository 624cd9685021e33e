//! The audit over what real runs have left: it finds nothing in a sound system, running or at
//! rest, and every damage in a copy that is damaged on purpose.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod damage;
mod in_flight;
mod open;
mod world;
