//! The rider service's scenarios: the table of state and input, every order of early facts, who
//! carries what, and laws over any sequence.

mod early;
mod fleet;
mod laws;
mod table;
mod world;
