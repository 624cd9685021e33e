//! The engine's tests, in one binary: the table row by row, the rules one by one, the races,
//! the laws under arbitrary inputs, and what is derived from a definition.
#![allow(clippy::unwrap_used, reason = "in a test, what is missing should panic")]

#[path = "../common/mod.rs"]
mod common;

mod definition;
mod drawing;
mod laws;
mod operators;
mod preview;
mod races;
mod rules;
mod settings;
mod table;
