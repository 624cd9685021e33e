//! Figures of several runs: their medians as one table or one object. They are told, never judged.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::tables;

/// What a figure is measured in, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Processor time of one order, in milliseconds.
    CpuMillis,
    /// Kibibytes.
    KiB,
    /// Mebibytes.
    MiB,
    /// Bytes.
    Bytes,
    /// A plain count.
    Count,
    /// One figure by another.
    Ratio,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PerSecond => "1/s",
            Self::Millis => "ms",
            Self::CpuMillis => "CPU ms",
            Self::KiB => "KiB",
            Self::MiB => "MiB",
            Self::Bytes => "bytes",
            Self::Count => "",
            Self::Ratio => "×",
        }
    }
}

/// Figures by name, in the order in which they were first told, with a value of each run.
#[derive(Debug, Default)]
pub struct Figures {
    figures: Vec<Figure>,
}

#[derive(Debug)]
struct Figure {
    name: String,
    says: String,
    unit: Unit,
    values: Vec<f64>,
}

impl Figures {
    /// A run's value of the figure of that name. What this machine cannot tell is left out.
    pub fn tell(
        &mut self,
        name: impl Into<String>,
        says: impl Into<String>,
        unit: Unit,
        value: impl Into<Option<f64>>,
    ) {
        let name = name.into();
        let Some(value) = value.into().filter(|value| value.is_finite()) else { return };
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => {
                let says = says.into();
                self.figures.push(Figure { name, says, unit, values: vec![value] });
            }
        }
    }

    /// A run's value of the figure as it stands: the last that was told.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name)?.values.last().copied()
    }

    /// For people.
    pub fn table(&self) -> String {
        let rows: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let of = |value: f64| shown(value);
                let (least, most) = figure.bounds();
                json!({
                    "figure": figure.says,
                    "median": of(median(&figure.values)),
                    "unit": figure.unit.as_str(),
                    "least – most": format!("{} – {}", of(least), of(most)),
                })
            })
            .collect();
        tables::objects(&rows, &["figure", "median", "unit", "least – most"])
    }

    /// For programs: by name the median and what each run gave.
    pub fn json(&self) -> Value {
        let figures: Map<String, Value> = self
            .figures
            .iter()
            .map(|figure| {
                let told = json!({
                    "median": median(&figure.values),
                    "runs": figure.values,
                    "unit": figure.unit.as_str(),
                    "says": figure.says,
                });
                (figure.name.clone(), told)
            })
            .collect();
        Value::Object(figures)
    }
}

impl Figure {
    fn bounds(&self) -> (f64, f64) {
        let least = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    }
}

/// The one in the middle; of an even number the mean of the two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Three digits that matter, and every digit before the point.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A count as a number to reckon with.
#[allow(clippy::cast_precision_loss, reason = "nothing that is counted here goes beyond 2^52")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// So many things in that time, a second.
pub fn rate(count: u64, time: Duration) -> f64 {
    number(count) / time.as_secs_f64()
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The time that so many of a thousand are at or under (by the nearest rank); `None` of none.
pub fn percentile(times: &mut [Duration], of_thousand: usize) -> Option<Duration> {
    times.sort_unstable();
    let rank = (times.len() * of_thousand).div_ceil(1000).max(1);
    times.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_told_with_its_bounds() {
        let mut figures = Figures::default();
        for value in [300.4, 100.0, 200.0] {
            figures.tell("speed", "how fast", Unit::PerSecond, value);
        }
        figures.tell("memory", "cannot be told here", Unit::MiB, None);
        figures.tell("ratio", "of nothing", Unit::Ratio, 1.0 / 0.0);
        let table = figures.table();
        for part in ["how fast", "200", "1/s", "100 – 300"] {
            assert!(table.contains(part), "{part} is missing in {table}");
        }
        assert!(!table.contains("cannot") && !table.contains("nothing"), "{table}");
        let object = figures.json();
        assert_eq!(object["speed"]["median"], json!(200.0));
        assert_eq!(object["speed"]["runs"], json!([300.4, 100.0, 200.0]));
        assert_eq!(figures.last("speed"), Some(200.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        for (values, expected) in [(&[4.0][..], 4.0), (&[4.0, 1.0], 2.5), (&[9.0, 1.0, 2.0], 2.0)] {
            assert_eq!(median(values).to_bits(), f64::to_bits(expected), "{values:?}");
        }
    }

    #[test]
    fn percentiles_go_by_the_nearest_rank() {
        let times = |range: std::ops::RangeInclusive<u64>| -> Vec<Duration> {
            range.rev().map(Duration::from_millis).collect()
        };
        for (mut times, of_thousand, expected) in [
            (times(1..=100), 500, Some(50)),
            (times(1..=100), 990, Some(99)),
            (times(1..=3), 500, Some(2)),
            (times(1..=3), 999, Some(3)),
            (times(7..=7), 1, Some(7)),
            (Vec::new(), 500, None),
        ] {
            let found = percentile(&mut times, of_thousand);
            assert_eq!(found, expected.map(Duration::from_millis), "{times:?} {of_thousand}");
        }
    }
}
