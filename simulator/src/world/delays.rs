//! How long things take between a decision and its effect: log-normal distributions given by their median
//! and their 99th percentile, or constants. Each draw is that of its node or pod alone. The figures are
//! those of a tuned EKS cluster; which of them are assumed is said beside them.

use rand_pcg::Pcg64Mcg;

use sparkwright::model::time::Span;

use super::stream::{Streams, normal, stream};

/// The standard normal distribution's 99th percentile.
const Z99: f64 = 2.326_347_874;
/// No delay is longer: a draw far out in a tail that a file makes very wide says nothing any more.
const LONGEST: Span = Span::from_secs(6 * 3600);

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Half take less.
    pub p50: Span,
    /// One in a hundred takes longer.
    pub p99: Span,
}

/// A distribution made ready to be drawn from many times.
#[derive(Clone, Copy, Debug)]
struct Law {
    median: Span,
    /// None where it is always the same.
    sigma: Option<f64>,
}

/// How long everything takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// From the CreateFleet call to its answer. A synchronous call; EC2 documents no figure, assumed.
    pub answer: Distribution,
    /// From the answer to `running`, where billing starts. "pending seconds" is all that is documented;
    /// the rest of 6 s from call to running is assumed.
    pub launch: Distribution,
    /// From `running` to Ready: boot, kubelet, CNI. With the launch 45 s at the median, which a cluster
    /// of 1,000 nodes reached by tuning, and 65 s before it at the slow end (Outreach, 2026).
    pub boot: Distribution,
    /// The first pull of a Spark image (about 1 GB compressed) on a node; later pods find it there. The
    /// taxi-trip log of data-on-eks has 69 s from driver to first executor with 46 s of node in it;
    /// the slow end (serial pulls, lazily loaded volumes) is assumed.
    pub pull: Distribution,
    /// Container start once the image is there; assumed.
    pub start: Distribution,
    /// From TerminateInstances to gone: billing has stopped, addresses and quota come free at its end;
    /// assumed ("shutting-down" lasts seconds to minutes).
    pub shutdown: Distribution,
}

impl Distribution {
    /// Always the same.
    pub const fn constant(span: Span) -> Self {
        Distribution {
            p50: span,
            p99: span,
        }
    }

    const fn seconds(p50: i64, p99: i64) -> Self {
        Distribution {
            p50: Span::from_secs(p50),
            p99: Span::from_secs(p99),
        }
    }

    /// One of its lengths.
    pub fn draw(&self, random: &mut Pcg64Mcg) -> Span {
        self.law().draw(random)
    }

    fn law(&self) -> Law {
        let sigma = || (millis(self.p99) / millis(self.p50)).ln() / Z99;
        Law {
            median: self.p50,
            sigma: (self.p50 < self.p99).then(sigma),
        }
    }
}

impl Law {
    fn draw(&self, random: &mut Pcg64Mcg) -> Span {
        let Some(sigma) = self.sigma else {
            return self.median;
        };
        let drawn = millis(self.median) * (sigma * normal(random)).exp();
        whole(drawn).min(LONGEST)
    }
}

impl Default for Delays {
    fn default() -> Self {
        Delays {
            answer: Distribution {
                p50: Span::from_millis(1500),
                p99: Span::from_secs(4),
            },
            launch: Distribution {
                p50: Span::from_millis(4500),
                p99: Span::from_secs(10),
            },
            boot: Distribution::seconds(39, 58),
            pull: Distribution::seconds(15, 40),
            start: Distribution::seconds(1, 3),
            shutdown: Distribution::seconds(30, 90),
        }
    }
}

impl Delays {
    /// No delays: for executors that come as they were recorded, since the recorded times have the
    /// delays in them.
    pub const NONE: Delays = {
        let none = Distribution::constant(Span::ZERO);
        Delays {
            answer: none,
            launch: none,
            boot: none,
            pull: none,
            start: none,
            shutdown: none,
        }
    };
}

/// How long pods take from bound to running.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starts {
    seed: u64,
    start: Law,
    pull: Law,
}

impl Starts {
    pub fn new(delays: &Delays, seed: u64) -> Self {
        Starts {
            seed,
            start: delays.start.law(),
            pull: delays.pull.law(),
        }
    }

    /// The streams of pods whose names begin so.
    pub fn streams(&self, beginning: &str) -> Streams {
        Streams::new(self.seed, "start", beginning)
    }

    /// From bound to running, by the stream of the pod and its name, with or without the image there.
    pub fn draw(&self, random: &mut Pcg64Mcg, pod: &str, image_is_there: bool) -> Span {
        let start = self.start.draw(random);
        if image_is_there {
            start
        } else {
            start + self.pull.draw(&mut stream(self.seed, "pull", pod))
        }
    }
}

#[expect(clippy::as_conversions, reason = "milliseconds of hours are exact")]
fn millis(span: Span) -> f64 {
    span.millis() as f64
}

#[expect(clippy::as_conversions, reason = "the cast saturates")]
fn whole(millis: f64) -> Span {
    Span::from_millis(millis.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_quantiles_that_were_asked_for() {
        let boot = Delays::default().boot;
        let mut drawn: Vec<Span> = (0..20_000)
            .map(|i| boot.draw(&mut stream(3, "boot", &format!("n-{i}"))))
            .collect();
        drawn.sort_unstable();
        let near = |found: Span, wanted: Span| {
            (found.millis() - wanted.millis()).abs() * 100 < 3 * wanted.millis()
        };
        assert!(near(drawn[10_000], boot.p50), "{}", drawn[10_000]);
        assert!(near(drawn[19_800], boot.p99), "{}", drawn[19_800]);
    }

    #[test]
    fn a_constant_is_constant_and_none_is_nothing() {
        let minute = Distribution::constant(Span::from_secs(60));
        let mut random = stream(0, "boot", "n");
        assert_eq!(minute.draw(&mut random), Span::from_secs(60));
        let starts = Starts::new(&Delays::NONE, 0);
        let mut random = starts.streams("p").stream("");
        assert_eq!(starts.draw(&mut random, "p", false), Span::ZERO);
    }
}
