//! A histogram of atomic numbers. The one of the crate that writes the text takes a lock for each
//! observation.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

/// Bounds for how long something takes, in seconds.
pub(crate) const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts observations by their size.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: the last is for what lies above all.
    counts: Box<[AtomicU64]>,
    /// The bits of an `f64`.
    sum: AtomicU64,
}

impl Histogram {
    /// With those upper bounds, which grow.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    /// Counts one.
    pub fn observe(&self, size: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < size);
        self.counts[bucket].fetch_add(1, Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + size).to_bits());
        // Never fails: the closure always has a value.
        let _ = self.sum.fetch_update(Relaxed, Relaxed, add);
    }

    pub(super) fn encode(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = f64::from_bits(self.sum.load(Relaxed));
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_counts_below_the_first_bound_that_holds_it() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for size in [0.0, 1.0, 1.5, 2.0, 2.5] {
            histogram.observe(size);
        }
        let counts: Vec<u64> = histogram.counts.iter().map(|it| it.load(Relaxed)).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert!((f64::from_bits(histogram.sum.load(Relaxed)) - 7.0).abs() < 1e-9);
    }
}
