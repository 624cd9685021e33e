//! Seeded bugs. Each is a line in the code that is shipped, at the rule that it breaks:
//! `if mutant!("name") { … }`. All of them are compiled into the build of the tests, and one at most is
//! switched on, by the environment, when a process starts. `cargo xtask mutants` switches on one after
//! another and looks which tests notice.
//!
//! In every other build [`is_on`] is a constant `false`, and what stands behind it is not there: the
//! feature `seeded` is needed, which tests alone turn on, and so are debug assertions, which a release
//! build has not. Without the feature this crate needs no `std`, so that the engine needs none.
#![cfg_attr(not(all(feature = "seeded", debug_assertions)), no_std)]

mod catalogue;
mod switch;

pub use catalogue::{Layer, Mutant, all, position};
pub use switch::{VARIABLE, is_on};

/// Whether the mutant of that name is switched on. A name that the catalogue does not have does not
/// compile.
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        $crate::is_on(const { $crate::position($name) })
    };
}
