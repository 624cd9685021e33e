//! The cook's scenarios: the table of state and input, laws over any sequence, and the service.

mod builders;
mod http;
mod laws;
mod rig;
mod scenarios;
mod table;
