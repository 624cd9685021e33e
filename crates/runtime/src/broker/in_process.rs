//! The broker within one process.
