//! Counters as they stand in the text of `/metrics`.

/// The sum of a counter's series, whatever their labels; 0 where there is none.
pub fn total(text: &str, counter: &str) -> u64 {
    let series = |line: &str| {
        let rest = line.strip_prefix(counter)?.strip_prefix("_total")?;
        let value = match rest.strip_prefix('{') {
            // A label's value may hold anything but a line's end.
            Some(labels) => labels.rsplit_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.parse::<u64>().ok()
    };
    text.lines().filter_map(series).sum()
}

#[cfg(test)]
mod tests {
    use runtime::metrics::Metrics;

    use super::*;

    #[test]
    fn the_series_of_a_counter_are_added_up_and_no_others() {
        let metrics = Metrics::default();
        for (name, label, value) in [
            ("expeditor_inputs", "a} b 7", 1),
            ("expeditor_inputs", "b", 20),
            ("expeditor_inputs_ignored", "a", 300),
            ("more_expeditor_inputs", "a", 4_000),
        ] {
            metrics.counter(name, "Of a test.", &[("kind", label)]).inc_by(value);
        }
        metrics.counter("bare", "Without labels.", &[]).inc_by(5);
        let text = metrics.text();
        for (counter, expected) in [("expeditor_inputs", 21), ("bare", 5), ("none", 0)] {
            assert_eq!(total(&text, counter), expected, "{counter} in {text}");
        }
    }
}
