//! PostgreSQL as its administrator sees it. All the SQL of this crate lies here.

pub mod postgres;
mod rights;
