//! The binary where the machine or the data are at fault: a full disk, a directory of somebody
//! else, damage; the demo as a script meets it; and the participant in Python, by what it prints.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod demo;
mod disk;
mod process;
mod python;
#[cfg(target_os = "linux")]
mod tmpfs;
