//! Consumer contracts.
