//! Which spot instances EC2 takes back, and when. The Spot Instance Advisor says for each type which
//! share of its instances was interrupted in the trailing month, in five buckets; that is read as the
//! chance that an instance which would run the whole month is taken back within it, at a rate that is
//! the same in every hour: hazard = −ln(1 − share) ÷ 730 h. The middle of each bucket stands for it.

use sparkwright::model::offering::INTERRUPTION_BUCKETS;
use sparkwright::model::time::{Span, Timestamp};

use super::pick::Pick;
use crate::world::stream::{stream, uniform};

/// The middles of <5 %, 5–10, 10–15, 15–20 %; >20 % has none, and 30 % is assumed.
const MONTHLY_SHARE: [f64; INTERRUPTION_BUCKETS] = [0.025, 0.075, 0.125, 0.175, 0.30];
/// Hours of a month: 365 days × 24 h ÷ 12.
const MONTH_HOURS: f64 = 730.0;
const HOUR_MILLIS: f64 = 3_600_000.0;
/// From EC2's notice to the end
/// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html).
pub const NOTICE: Span = Span::from_secs(120);

/// How spot instances are taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Interruptions {
    /// Times the advisor's rates: 1 as it says, 0 never.
    pub rate: f64,
    /// From the notice to the end.
    pub notice: Span,
    /// Those that are written down.
    pub scripted: Vec<Scripted>,
}

/// An interruption that is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// When the notices come.
    pub at: Timestamp,
    /// Instances of which offerings.
    pub of: Pick,
    /// How many of those that run then.
    pub share: Share,
}

/// How many of some instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many, or all where there are fewer.
    Nodes(usize),
    /// So many per cent, rounded up.
    Percent(u32),
}

impl Default for Interruptions {
    fn default() -> Self {
        Interruptions {
            rate: 1.0,
            notice: NOTICE,
            scripted: Vec::new(),
        }
    }
}

impl Interruptions {
    /// How long an instance of a bucket runs before its notice; None for longer than a century. An
    /// unknown bucket counts as the worst, as it does when offerings are compared.
    #[expect(clippy::as_conversions, reason = "less than a century of milliseconds")]
    pub fn after(&self, seed: u64, node: &str, bucket: Option<u8>) -> Option<Span> {
        let hazard = hazard_per_hour(bucket) * self.rate;
        let hours = -(1.0 - uniform(&mut stream(seed, "interruption", node))).ln() / hazard;
        (hours < MONTH_HOURS * 1200.0).then(|| Span::from_millis((hours * HOUR_MILLIS) as i64))
    }
}

impl Share {
    /// How many of `all`.
    pub fn of(self, all: usize) -> usize {
        match self {
            Share::Nodes(count) => count.min(all),
            Share::Percent(percent) => {
                let percent = usize::try_from(percent).unwrap_or(100).min(100);
                (all * percent).div_ceil(100)
            }
        }
    }
}

/// Interruptions per hour of an instance that runs.
pub fn hazard_per_hour(bucket: Option<u8>) -> f64 {
    let worst = INTERRUPTION_BUCKETS - 1;
    let share = MONTHLY_SHARE[bucket.map_or(worst, |bucket| usize::from(bucket).min(worst))];
    -(1.0 - share).ln() / MONTH_HOURS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_bucket_is_interrupted_within_a_month() {
        for (bucket, share) in [(Some(0), 0.025), (Some(3), 0.175), (None, 0.30)] {
            let month = Span::from_secs(730 * 3600);
            let interrupted = (0..20_000)
                .filter(|i| {
                    let after = Interruptions::default().after(1, &format!("n{i}"), bucket);
                    after.is_some_and(|after| after < month)
                })
                .count();
            let found = f64::from(u32::try_from(interrupted).unwrap()) / 20_000.0;
            assert!((found - share).abs() < 0.01, "{bucket:?}: {found}");
        }
    }

    #[test]
    fn a_rate_of_zero_is_never_and_a_higher_rate_is_sooner() {
        let after = |rate: f64| {
            let interruptions = Interruptions {
                rate,
                ..Interruptions::default()
            };
            interruptions.after(1, "n", Some(2))
        };
        assert_eq!(after(0.0), None);
        assert!(after(10.0).unwrap() < after(1.0).unwrap());
    }

    #[test]
    fn shares_are_rounded_up() {
        assert_eq!(Share::Percent(10).of(1), 1);
        assert_eq!(Share::Percent(50).of(5), 3);
        assert_eq!(Share::Nodes(7).of(5), 5);
    }
}
