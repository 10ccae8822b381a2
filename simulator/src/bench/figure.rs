//! Numbers of a set of trials: medians, percentiles, and whole numbers as floating ones. Knows nothing of
//! what they measure.

use std::time::Duration;

use serde::Serialize;

/// A set of numbers, told by a few of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// One in ten is below.
    pub p10: f64,
    /// Half are below.
    pub p50: f64,
    /// One in ten is above.
    pub p90: f64,
    /// One in a hundred is above.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Tells numbers; None where there are none. Percentiles are numbers of the set, the next above.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let count = numbers.len();
        let at = |percent: usize| numbers[(count * percent).div_ceil(100).clamp(1, count) - 1];
        (count > 0).then(|| Spread {
            count,
            mean: numbers.iter().sum::<f64>() / number(count),
            min: numbers[0],
            p10: at(10),
            p50: at(50),
            p90: at(90),
            p99: at(99),
            max: numbers[count - 1],
        })
    }
}

/// The median of durations, in milliseconds.
pub fn median_millis(durations: impl IntoIterator<Item = Duration>) -> f64 {
    let millis = durations
        .into_iter()
        .map(|duration| duration.as_secs_f64() * 1000.0);
    Spread::of(millis).map_or(0.0, |spread| spread.p50)
}

/// A whole number as a floating one: exact up to 2⁵³.
pub fn float(whole: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(whole >> 32) * 4_294_967_296.0 + half(whole)
}

/// The same of a count.
pub fn number(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_of_the_set() {
        let spread = Spread::of((1..=200).map(f64::from)).unwrap();
        assert_eq!(
            (spread.p10, spread.p50, spread.p99, spread.max),
            (20.0, 100.0, 198.0, 200.0)
        );
        assert_eq!(Spread::of([7.0]).unwrap().p99, 7.0);
        assert!(Spread::of([]).is_none());
    }

    #[test]
    fn whole_numbers_stay_what_they_are() {
        assert_eq!(float(9_007_199_254_740_991), 9_007_199_254_740_991.0);
    }
}
