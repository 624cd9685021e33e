//! The model of one order, or two: the deciders that are shipped, with everything between them that
//! may come late, twice, in another order or not at all, explored until nothing new is found.
//!
//! No rule of the domain is written here a second time. [`Model`] holds the services and asks their
//! `decide`; [`World`] is one state of everything at once; [`Bounds`] say what may happen how often;
//! [`laws`] are what must hold in every state; [`explore()`] walks through all of them.
//!
//! A decision depends on its service's state and on the input alone, since `decide` is pure. So each
//! is taken once and remembered, and a state of the world is a handful of numbers.
//!
//! # What is left out
//!
//! * How late it is. Whatever has happened has happened now, and a clock that runs may run out at
//!   any moment (see [`clocks`]). So every length of a deadline and of a pause is covered, and none
//!   is tested.
//! * The same message twice under one id: the inbox drops it. What comes twice here is what an inbox
//!   lets through: a command sent again, a dead letter sent again long after.
//! * Two equal messages on their way at once are one.
//! * Where a message is on its way. In the outbox of a process that was lost between commit and
//!   publish it is no less so than in a queue. What a service does differently while its outbox is
//!   full, or after it could hear nobody, is held against what it does else with every clock that
//!   runs out: only the clock may differ.
//! * Changes of an order and orders for later, the sender of notifications, and the loyalty service,
//!   which is not in Rust.

pub mod bounds;
pub mod clocks;
mod ends;
mod explore;
pub mod laws;
mod letters;
mod node;
pub mod operations;
mod order_checks;
pub mod people;
mod readers;
mod scene;
mod stands;
mod step;
mod timeline;
mod world;

pub use bounds::{Bounds, Left};
pub use explore::{Found, explore, explore_until};
pub use node::{Breach, Fault};
pub use scene::{Faults, Model, PIECES};
pub use world::{Happens, World};
