//! When applications arrive: as their logs say, together, evenly, or at random at a rate that a seed
//! makes the same each time. Knows nothing of applications but their number and logged times.

use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use sparkwright::model::time::{Span, Timestamp};

/// The `--arrivals` flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// With the distances that the logs have.
    #[default]
    AsLogged,
    /// All at once.
    Together,
    /// One after the other at this distance.
    Every(Span),
    /// A Poisson process of so many per hour, in thousandths.
    Poisson(u64),
}

impl Arrivals {
    /// When each application arrives, the first at zero. `logged` are the submissions in their logs'
    /// own clocks; a log replayed several times arrives as often at its time.
    pub fn times(self, logged: &[Timestamp], seed: u64) -> Vec<Timestamp> {
        let first = logged.iter().copied().min().unwrap_or_default();
        let nth = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            Arrivals::AsLogged => logged
                .iter()
                .map(|&at| Timestamp::ZERO + (at - first))
                .collect(),
            Arrivals::Together => vec![Timestamp::ZERO; logged.len()],
            Arrivals::Every(span) => (0..logged.len())
                .map(|n| Timestamp::from_millis(span.millis().saturating_mul(nth(n))))
                .collect(),
            Arrivals::Poisson(per_hour) => poisson(per_hour, logged.len(), seed),
        }
    }
}

/// Exponential gaps of mean one hour ÷ rate.
fn poisson(thousandths_per_hour: u64, count: usize, seed: u64) -> Vec<Timestamp> {
    const MILLIS_PER_HOUR: f64 = 3_600_000.0;
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let rate = f64::from(u32::try_from(thousandths_per_hour).unwrap_or(u32::MAX)) / 1000.0;
    let mut at = Timestamp::ZERO;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        times.push(at);
        let even: f64 = random.random();
        at = at + whole_millis(-(1.0 - even).ln() * MILLIS_PER_HOUR / rate);
    }
    times
}

#[expect(
    clippy::as_conversions,
    reason = "the cast saturates, and gaps are positive"
)]
fn whole_millis(millis: f64) -> Span {
    Span::from_millis(millis.round() as i64)
}

impl FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no arrival pattern; write as-logged, together, every=30s or poisson=12/h"
            )
        };
        match text.split_once('=') {
            None if text == "as-logged" => Ok(Arrivals::AsLogged),
            None if text == "together" => Ok(Arrivals::Together),
            Some(("every", length)) => length.parse().map(Arrivals::Every).map_err(|_| wrong()),
            Some(("poisson", rate)) => rate
                .strip_suffix("/h")
                .and_then(thousandths)
                .filter(|rate| (1..=1_000_000_000).contains(rate))
                .map(Arrivals::Poisson)
                .ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

fn thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(digits.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_or_refused_with_an_example() {
        assert_eq!(
            "every=90s".parse(),
            Ok(Arrivals::Every(Span::from_secs(90)))
        );
        assert_eq!("poisson=1.5/h".parse(), Ok(Arrivals::Poisson(1500)));
        for text in [
            "every=",
            "every=3",
            "poisson=12",
            "poisson=0/h",
            "poisson=-1/h",
            "daily",
        ] {
            assert!(
                text.parse::<Arrivals>().unwrap_err().contains("every=30s"),
                "{text}"
            );
        }
    }

    #[test]
    fn poisson_gaps_have_the_mean_that_was_asked_for() {
        let logged = vec![Timestamp::ZERO; 4001];
        let times = Arrivals::Poisson(12_000).times(&logged, 7);
        let mean = (times[4000] - times[0]).millis() / 4000;
        assert!(
            (285_000..315_000).contains(&mean),
            "{mean} ms, for 12 an hour"
        );
        assert_eq!(times, Arrivals::Poisson(12_000).times(&logged, 7));
    }
}
