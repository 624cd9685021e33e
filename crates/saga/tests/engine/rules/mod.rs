//! The rules of the engine, one by one. Rule 10 is in `operators`, beside this.

mod deaf;
mod halting;
mod hearing;
mod passing;
mod retrying;
mod undoing;
