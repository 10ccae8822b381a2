//! CPU time of the process, so that what else the machine does counts for nothing, and what is printed
//! of many measurements: the median, the 99th percentile, and the most memory ever held.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a call costs, and what it returns.
pub fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = cpu_time();
    let value = call();
    (value, cpu_time() - start)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into()
        .expect("a process has used no negative time")
}

/// Median and 99th percentile; of fewer than a hundred the latter is the largest.
pub fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |per_cent: usize| times[(times.len() * per_cent / 100).min(times.len() - 1)];
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    format!("{:>10.2} {:>10.2}", millis(at(50)), millis(at(99)))
}

/// The most memory that the process has held so far, in MiB.
pub fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
