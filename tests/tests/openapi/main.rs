//! The document of the HTTP API held against what is served: its form, what a running system answers,
//! and what it takes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bodies;
mod document;
mod errors;
mod form;
mod schemas;
