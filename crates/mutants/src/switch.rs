//! Which mutant is switched on: read once, since a process has one or none for all its life.

/// The environment's variable that names the mutant.
pub const VARIABLE: &str = "EXPEDITOR_MUTANT";

/// Whether the mutant of that place in the catalogue is switched on.
#[cfg(all(feature = "seeded", debug_assertions))]
#[inline]
pub fn is_on(position: usize) -> bool {
    use std::sync::OnceLock;

    /// The place of the one that is switched on; beyond all places where none is.
    static CHOSEN: OnceLock<usize> = OnceLock::new();
    *CHOSEN.get_or_init(chosen) == position
}

/// A name that is not known stops the process: a mutant that is not there would survive everything.
#[cfg(all(feature = "seeded", debug_assertions))]
#[cold]
fn chosen() -> usize {
    match std::env::var(VARIABLE) {
        Ok(name) if !name.is_empty() => crate::all()
            .position(|mutant| mutant.name == name)
            .unwrap_or_else(|| panic!("{VARIABLE} is {name}, and there is no such mutant")),
        _ => usize::MAX,
    }
}

/// Whether the mutant of that place in the catalogue is switched on: never, in this build.
#[cfg(not(all(feature = "seeded", debug_assertions)))]
#[inline]
pub const fn is_on(_: usize) -> bool {
    false
}
