//! Families of metrics, each with its series, and the text that is scraped.
//!
//! The parts of a process bring their own series: those of one family stand together in the text,
//! whichever service they belong to. Looking a series up takes a lock and is for starting; what
//! comes back is counted with without one.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::Histogram;

/// The labels of a series: names and values. Values must be few in all.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// Every metric of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Families>>);

type Families = BTreeMap<&'static str, Family>;

struct Family {
    help: &'static str,
    kind: MetricType,
    series: BTreeMap<Vec<(&'static str, String)>, Source>,
}

/// Where a series' value comes from.
#[derive(Clone)]
enum Source {
    Counter(Counter),
    Histogram(Arc<Histogram>),
    /// Asked when it is scraped; without an answer the series is left out.
    Read(Arc<dyn Fn() -> Option<f64> + Send + Sync>),
}

impl Metrics {
    /// A counter; its name is shown with `_total` behind it. The same one for the same labels.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Counter {
        let new = || Source::Counter(Counter::default());
        match self.series((name, help, MetricType::Counter), labels, new) {
            Source::Counter(counter) => counter,
            Source::Histogram(_) | Source::Read(_) => Counter::default(),
        }
    }

    /// A histogram with those upper bounds, which grow. The same one for the same labels.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        bounds: &'static [f64],
    ) -> Arc<Histogram> {
        let new = || Source::Histogram(Arc::new(Histogram::new(bounds)));
        match self.series((name, help, MetricType::Histogram), labels, new) {
            Source::Histogram(histogram) => histogram,
            Source::Counter(_) | Source::Read(_) => Arc::new(Histogram::new(bounds)),
        }
    }

    /// A gauge that is read when it is scraped; it must be quick. Without a value it is left out. One
    /// with the same labels takes the place of an earlier one.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        self.read((name, help, MetricType::Gauge), labels, Source::Read(Arc::new(read)));
    }

    /// A counter that is kept elsewhere and read when it is scraped, like [`gauge`](Self::gauge).
    pub fn counted(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        self.read((name, help, MetricType::Counter), labels, Source::Read(Arc::new(read)));
    }

    /// Everything, in the text format of `OpenMetrics`.
    pub fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut told = String::new();
        text::encode(&mut told, &registry).expect("writing to a string does not fail");
        told
    }

    fn read(&self, of: (&'static str, &'static str, MetricType), labels: Labels<'_>, new: Source) {
        let mut families = self.lock();
        family(&mut families, of).series.insert(owned(labels), new);
    }

    fn series(
        &self,
        of: (&'static str, &'static str, MetricType),
        labels: Labels<'_>,
        new: impl FnOnce() -> Source,
    ) -> Source {
        let mut families = self.lock();
        family(&mut families, of).series.entry(owned(labels)).or_insert_with(new).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Families> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn family<'a>(
    families: &'a mut Families,
    (name, help, kind): (&'static str, &'static str, MetricType),
) -> &'a mut Family {
    let new = || Family { help, kind, series: BTreeMap::new() };
    let family = families.entry(name).or_insert_with(new);
    debug_assert_eq!(family.kind.as_str(), kind.as_str(), "{name} is of one kind");
    family
}

fn owned(labels: Labels<'_>) -> Vec<(&'static str, String)> {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Shows the families' names.
impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, family) in &*self.lock() {
            let values: Vec<_> = family.series.iter().filter_map(Value::of).collect();
            if values.is_empty() {
                continue;
            }
            let mut metric = encoder.encode_descriptor(name, family.help, None, family.kind)?;
            for (labels, value) in values {
                let counter = matches!(family.kind, MetricType::Counter);
                if labels.is_empty() {
                    value.encode(&mut metric, counter)?;
                } else {
                    value.encode(&mut metric.encode_family(labels)?, counter)?;
                }
            }
        }
        Ok(())
    }
}

/// A series' value at the moment of the scrape.
enum Value<'a> {
    Whole(u64),
    Number(f64),
    Histogram(&'a Histogram),
}

type Series<'a> = (&'a Vec<(&'static str, String)>, &'a Source);

impl<'a> Value<'a> {
    fn of((labels, source): Series<'a>) -> Option<(&'a Vec<(&'static str, String)>, Self)> {
        let value = match source {
            Source::Counter(counter) => Self::Whole(counter.get()),
            Source::Histogram(histogram) => Self::Histogram(histogram),
            Source::Read(read) => Self::Number(read()?),
        };
        Some((labels, value))
    }

    fn encode(&self, metric: &mut MetricEncoder<'_>, counter: bool) -> fmt::Result {
        match self {
            Self::Whole(count) => metric.encode_counter::<NoLabelSet, _, u64>(count, None),
            Self::Number(number) if counter => {
                metric.encode_counter::<NoLabelSet, _, u64>(number, None)
            }
            Self::Number(number) => metric.encode_gauge(number),
            Self::Histogram(histogram) => histogram.encode(metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_family_stand_together_whoever_brought_them() {
        let metrics = Metrics::default();
        for service in ["payment", "store"] {
            let labels: Labels<'_> = &[("service", service)];
            metrics.counter("expeditor_things", "Things.", labels).inc_by(2);
            metrics.counter("expeditor_things", "Things.", labels).inc();
            metrics.gauge("expeditor_depth", "Depth.", labels, || Some(1.5));
            metrics.histogram("expeditor_wait_seconds", "Wait.", labels, &[0.1, 1.0]).observe(0.5);
        }
        metrics.gauge("expeditor_unknown", "Nobody knows.", &[], || None);
        metrics.counted("expeditor_kept", "Kept elsewhere.", &[], || Some(7.0));
        let expected = "\
# HELP expeditor_depth Depth.
# TYPE expeditor_depth gauge
expeditor_depth{service=\"payment\"} 1.5
expeditor_depth{service=\"store\"} 1.5
# HELP expeditor_kept Kept elsewhere.
# TYPE expeditor_kept counter
expeditor_kept_total 7.0
# HELP expeditor_things Things.
# TYPE expeditor_things counter
expeditor_things_total{service=\"payment\"} 3
expeditor_things_total{service=\"store\"} 3
# HELP expeditor_wait_seconds Wait.
# TYPE expeditor_wait_seconds histogram
expeditor_wait_seconds_sum{service=\"payment\"} 0.5
expeditor_wait_seconds_count{service=\"payment\"} 1
expeditor_wait_seconds_bucket{le=\"0.1\",service=\"payment\"} 0
expeditor_wait_seconds_bucket{le=\"1.0\",service=\"payment\"} 1
expeditor_wait_seconds_bucket{le=\"+Inf\",service=\"payment\"} 1
expeditor_wait_seconds_sum{service=\"store\"} 0.5
expeditor_wait_seconds_count{service=\"store\"} 1
expeditor_wait_seconds_bucket{le=\"0.1\",service=\"store\"} 0
expeditor_wait_seconds_bucket{le=\"1.0\",service=\"store\"} 1
expeditor_wait_seconds_bucket{le=\"+Inf\",service=\"store\"} 1
# EOF
";
        assert_eq!(metrics.text(), expected);
    }

    #[test]
    fn a_gauge_that_is_brought_again_takes_the_earlier_ones_place() {
        let metrics = Metrics::default();
        metrics.gauge("expeditor_depth", "Depth.", &[], || Some(1.0));
        metrics.gauge("expeditor_depth", "Depth.", &[], || Some(2.0));
        assert!(metrics.text().contains("expeditor_depth 2.0\n"), "{}", metrics.text());
        assert!(!metrics.text().contains("1.0"));
    }
}
