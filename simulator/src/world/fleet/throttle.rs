//! EC2's token buckets: a call costs a token, tokens come back at a rate, and a call without one is
//! refused with RequestLimitExceeded, whatever capacity there is.

use sparkwright::model::time::Timestamp;

/// A bucket as EC2 documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Tokens that it holds.
    pub burst: u32,
    /// Tokens that come back in a second.
    pub per_second: u32,
}

/// CreateFleet is not listed apart, so it counts as a mutating action
/// (docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html).
pub const CREATE_FLEET: Bucket = Bucket {
    burst: 50,
    per_second: 5,
};

/// A bucket and what is in it, in thousandths of a token.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    bucket: Bucket,
    millis: u64,
    counted: Timestamp,
}

impl Tokens {
    /// A full bucket.
    pub fn full(bucket: Bucket) -> Self {
        Tokens {
            bucket,
            millis: u64::from(bucket.burst) * 1000,
            counted: Timestamp::ZERO,
        }
    }

    /// Takes as many tokens of `wanted` as there are.
    pub fn take(&mut self, now: Timestamp, wanted: usize) -> usize {
        let passed = u64::try_from((now - self.counted).millis()).unwrap_or(0);
        let back = passed.saturating_mul(u64::from(self.bucket.per_second));
        let most = u64::from(self.bucket.burst) * 1000;
        self.millis = self.millis.saturating_add(back).min(most);
        self.counted = now;
        let taken = usize::try_from(self.millis / 1000)
            .unwrap_or(usize::MAX)
            .min(wanted);
        self.millis -= u64::try_from(taken).unwrap_or(0) * 1000;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_the_rest_at_the_rate() {
        let mut tokens = Tokens::full(CREATE_FLEET);
        let at = Timestamp::from_millis;
        assert_eq!(tokens.take(at(0), 60), 50);
        assert_eq!(tokens.take(at(199), 1), 0);
        assert_eq!(tokens.take(at(200), 1), 1);
        assert_eq!(tokens.take(at(1_200), 10), 5);
        assert_eq!(
            tokens.take(at(3_600_000), 1_000),
            50,
            "no more than it holds"
        );
    }
}
