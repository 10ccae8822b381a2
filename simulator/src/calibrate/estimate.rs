//! How fast one family is beside another: the CPU time of the same task on both, for every task that can
//! be found on both. The median of these ratios, each weighted by what the task took, is the answer; a
//! task that was slowed by a neighbour or by a cold JVM on one of them is an outlier and moves it little.

use std::collections::BTreeSet;

use sparkwright::model::performance::Performance;
use sparkwright::model::time::Span;

use super::measure::{Measured, Tasks};

/// Tasks below this are not compared: their CPU times are known to the millisecond.
const LEAST_CPU: Span = Span::from_millis(20);
/// Tasks to be found on both families at least: the middle half of fewer says nothing.
const LEAST_TASKS: usize = 20;
/// Part of the CPU time, in per cent, that must be in stages found on both: with less, the two did not do
/// the same work, whatever the rest says.
const LEAST_SHARE: i64 = 50;

/// How fast a family is beside the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The weighted median.
    pub performance: Performance,
    /// Weighted quartiles: half of the work was between them.
    pub middle_half: (Performance, Performance),
    /// Stages of which a task was compared.
    pub stages: usize,
    /// Tasks that were compared.
    pub tasks: usize,
    /// Part of the CPU time, in per cent, that was in stages found on both, on the family where it is less.
    pub share: i64,
}

/// A task on both.
struct Pair {
    /// Reference ÷ family, in thousandths.
    ratio: i64,
    weight: i64,
}

/// How fast `own` is beside `base`; Err says how they differ.
pub(super) fn estimate(base: &Measured, own: &Measured) -> Result<Estimate, String> {
    let common: BTreeSet<&str> = base
        .applications()
        .intersection(&own.applications())
        .copied()
        .collect();
    if common.is_empty() {
        return Err(format!(
            "no application ran on both ({}; {}); name traces of the same applications",
            names(own),
            names(base)
        ));
    }
    let share = shared(base, own).min(shared(own, base));
    if share < LEAST_SHARE {
        return Err(format!(
            "{share} % of the CPU time was in stages that ran alike on both (of the same application, \
             with the same parents and as many tasks), and {LEAST_SHARE} % is needed; run the same \
             version on the same input, with spark.sql.adaptive.enabled=false or as many partitions"
        ));
    }
    let (pairs, stages) = pairs(base, own);
    if pairs.len() < LEAST_TASKS {
        return Err(format!(
            "{} tasks of at least {} ms of CPU time ran on both, and {LEAST_TASKS} are needed; run \
             something larger",
            pairs.len(),
            LEAST_CPU.millis()
        ));
    }
    let [low, median, high] = quartiles(pairs.iter().map(|pair| (pair.ratio, pair.weight)));
    let performance = Performance::from_thousandths(median);
    if performance.thousandths() != median {
        return Err(format!(
            "the same tasks took {} times the CPU time, which no machine explains; see whether the \
             input was the same",
            Thousandths(median)
        ));
    }
    Ok(Estimate {
        performance,
        middle_half: (
            Performance::from_thousandths(low),
            Performance::from_thousandths(high),
        ),
        stages,
        tasks: pairs.len(),
        share,
    })
}

fn names(measured: &Measured) -> String {
    let all: Vec<&str> = measured.applications().into_iter().take(3).collect();
    all.join(", ")
}

/// Part of the CPU time of `one`, in per cent, that is in stages of `other`, too.
fn shared(one: &Measured, other: &Measured) -> i64 {
    let (mut both, mut all) = (0, 0);
    for (key, tasks) in &one.stages {
        let cpu: i64 = tasks.values().flatten().map(|span| span.millis()).sum();
        all += cpu;
        both += if other.stages.contains_key(key) {
            cpu
        } else {
            0
        };
    }
    both.saturating_mul(100) / all.max(1)
}

/// Every task that ran on both, and of how many stages.
fn pairs(base: &Measured, own: &Measured) -> (Vec<Pair>, usize) {
    let (mut pairs, mut stages) = (Vec::new(), 0);
    for (key, there) in &base.stages {
        let Some(here) = own.stages.get(key) else {
            continue;
        };
        let before = pairs.len();
        pairs.extend(there.keys().filter_map(|index| pair(there, here, *index)));
        stages += usize::from(pairs.len() > before);
    }
    (pairs, stages)
}

fn pair(there: &Tasks, here: &Tasks, index: u32) -> Option<Pair> {
    let of = |tasks: &Tasks| median(tasks.get(&index)?).filter(|cpu| *cpu >= LEAST_CPU);
    let (there, here) = (of(there)?.millis(), of(here)?.millis());
    Some(Pair {
        ratio: (there.saturating_mul(1000) + here / 2) / here,
        weight: there,
    })
}

/// The lower median.
fn median(times: &[Span]) -> Option<Span> {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// The values below which a quarter, half and three quarters of the weight are.
fn quartiles(values: impl Iterator<Item = (i64, i64)>) -> [i64; 3] {
    let mut sorted: Vec<(i64, i64)> = values.collect();
    sorted.sort_unstable();
    let all: i64 = sorted.iter().map(|(_, weight)| weight).sum();
    [1, 2, 3].map(|quarter| {
        let mut below = 0;
        let reached = sorted.iter().find(|(_, weight)| {
            below += weight;
            below.saturating_mul(4) >= all.saturating_mul(quarter)
        });
        reached.map_or(0, |(value, _)| *value)
    })
}

/// Thousandths as a decimal, rounded to tenths.
struct Thousandths(i64);

impl std::fmt::Display for Thousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 + 50) / 100;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_of_the_weight_and_outliers_move_them_little() {
        let even = [(900, 1), (1000, 1), (1100, 1), (1200, 1)];
        assert_eq!(quartiles(even.into_iter()), [900, 1000, 1100]);
        let with_outlier = [(1000, 10), (1010, 10), (1020, 10), (50_000, 1)];
        assert_eq!(quartiles(with_outlier.into_iter()), [1000, 1010, 1020]);
        assert_eq!(
            quartiles([(700, 9), (1300, 1)].into_iter()),
            [700, 700, 700]
        );
    }

    #[test]
    fn a_task_too_short_to_be_measured_is_no_pair() {
        let tasks = |millis: i64| Tasks::from([(0, vec![Span::from_millis(millis)])]);
        assert!(pair(&tasks(19), &tasks(500), 0).is_none());
        assert!(pair(&tasks(500), &tasks(19), 0).is_none());
        assert!(pair(&tasks(500), &Tasks::new(), 0).is_none());
        let pair = pair(&tasks(500), &tasks(400), 0).unwrap();
        assert_eq!((pair.ratio, pair.weight), (1250, 500));
    }
}
