//! The rider service's scenarios: the table of state and input, every order of early facts, who
//! carries what, and laws over any sequence.

mod early;
mod fleet;
mod http;
mod laws;
mod rig;
mod table;
mod world;
