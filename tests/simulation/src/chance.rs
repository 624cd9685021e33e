//! Chance from a seed: each part of a simulation draws from a stream of its own, so that one more
//! draw in one part changes nothing in the others.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;

/// A stream of chance. Clones draw from the same.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<Rng>>);

impl Chance {
    /// The stream of that part of a simulation.
    pub fn of(seed: u64, part: &str) -> Self {
        // FNV-1a over the name: any fixed mixture would do.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let part = part.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        Self(Arc::new(Mutex::new(Rng::with_seed(seed ^ part))))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number below that one, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.draw(|rng| rng.u64(..end))
    }

    /// Whether it comes true, in so many of a thousand cases.
    pub fn permille(&self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// A time within these milliseconds, to the microsecond.
    pub fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_micros(self.draw(|rng| rng.u64(range.start * 1000..range.end * 1000)))
    }

    /// A number within that range.
    pub fn number(&self, range: std::ops::Range<u32>) -> u32 {
        self.draw(|rng| rng.u32(range))
    }

    /// One of these.
    pub fn one_of<T: Copy>(&self, among: &[T]) -> T {
        among[self.draw(|rng| rng.usize(..among.len()))]
    }
}
