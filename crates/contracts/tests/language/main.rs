//! The published language held against itself: types and schemas, what consumers read and what is
//! published, today's language and the released one, and the document that tells all of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asyncapi;
mod builders;
mod compare;
mod compatibility;
mod consumers;
mod every_break;
mod paths;
mod released;
mod schemas;
mod validator;
