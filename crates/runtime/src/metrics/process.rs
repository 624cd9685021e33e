//! What the system tells of this process, under the names that every Prometheus client uses. Read
//! from `/proc` when it is scraped; where there is none, nothing is told.

use std::fs;

use super::{Metrics, path::number};

/// Linux tells processor time to programs in hundredths of a second, whatever its own clock is.
const TICKS_A_SECOND: f64 = 100.0;

pub(super) fn register(metrics: &Metrics) {
    metrics.gauge(
        "process_resident_memory_bytes",
        "Memory of this process that is in use.",
        &[],
        || resident(&fs::read_to_string("/proc/self/status").ok()?),
    );
    metrics.counted(
        "process_cpu_seconds",
        "Processor time that this process has used.",
        &[],
        || used(&fs::read_to_string("/proc/self/stat").ok()?),
    );
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number(kib * 1024))
}

/// User and system time. The name before them stands in parentheses and may hold anything.
fn used(stat: &str) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    let field = |place: usize| after.split_whitespace().nth(place)?.parse::<u64>().ok();
    Some(number(field(11)? + field(12)?) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        assert_eq!(resident("VmHWM:\t 9 kB\nVmRSS:\t    12 kB\nThreads: 3\n"), Some(12_288.0));
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0";
        assert_eq!(used(stat), Some(4.0));
        assert_eq!((resident(""), used("")), (None, None));
    }
}
