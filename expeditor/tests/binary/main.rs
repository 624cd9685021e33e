//! The binary where the machine or the data are at fault: a full disk, a directory of somebody
//! else, damage; and the demo as a script meets it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod demo;
mod disk;
mod process;
#[cfg(target_os = "linux")]
mod tmpfs;
