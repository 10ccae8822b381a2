//! One token bucket for each action, which halves when AWS throttles and comes back slowly. Knows what an
//! action may take and what it was told; who asks and why is not its affair.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

use super::action::Limit;
use super::locked;

/// Halvings at most: 1/32 of the limit.
const SLOWEST: u32 = 5;
/// Time without a throttle after which one halving is taken back. Long against the seconds in which
/// EC2's buckets refill, so that a busy account is not probed again and again.
const RECOVERY: Duration = Duration::from_secs(30);
/// Throttles within this time are one: calls under way together are refused together.
const TOGETHER: Duration = Duration::from_secs(1);

/// The bucket of one action.
#[derive(Debug)]
pub(super) struct Governor {
    limit: Limit,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: Arc<DefaultDirectRateLimiter>,
    /// Halvings in force.
    level: u32,
    /// When the level last changed.
    changed: Instant,
    /// When AWS last throttled; at first the beginning.
    throttled: Instant,
}

impl Governor {
    pub fn new(limit: Limit) -> Self {
        let state = State {
            bucket: Arc::new(RateLimiter::direct(quota(limit, 0))),
            level: 0,
            changed: Instant::now(),
            throttled: Instant::now(),
        };
        Governor {
            limit,
            state: Mutex::new(state),
        }
    }

    /// Waits for a token and takes it.
    pub async fn ready(&self) {
        loop {
            let bucket = self.bucket();
            match bucket.check() {
                Ok(()) => return,
                Err(early) => {
                    let wait = early.wait_time_from(bucket.clock().now());
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// AWS has throttled a call: half as many from here.
    pub fn throttled(&self) {
        let mut state = locked(&self.state);
        state.throttled = Instant::now();
        let level = after_throttle(state.level, state.changed.elapsed());
        if level != state.level {
            self.set(&mut state, level);
            // Tokens saved at the old pace are gone: AWS has none.
            let burst = burst(self.limit, level);
            drop(state.bucket.check_n(burst));
        }
    }

    /// Halvings in force.
    pub fn level(&self) -> u32 {
        locked(&self.state).level
    }

    fn bucket(&self) -> Arc<DefaultDirectRateLimiter> {
        let mut state = locked(&self.state);
        let quiet = state.changed.max(state.throttled).elapsed();
        let level = after_quiet(state.level, quiet);
        if level != state.level {
            self.set(&mut state, level);
        }
        Arc::clone(&state.bucket)
    }

    fn set(&self, state: &mut State, level: u32) {
        state.bucket = Arc::new(RateLimiter::direct(quota(self.limit, level)));
        state.level = level;
        state.changed = Instant::now();
    }
}

/// The level that follows a throttle, so long after the last change.
fn after_throttle(level: u32, since: Duration) -> u32 {
    if level > 0 && since < TOGETHER {
        level
    } else {
        (level + 1).min(SLOWEST)
    }
}

/// The level after so long without a throttle: one step at a time, so that pace doubles at most.
fn after_quiet(level: u32, since: Duration) -> u32 {
    if since >= RECOVERY {
        level.saturating_sub(1)
    } else {
        level
    }
}

fn quota(limit: Limit, level: u32) -> Quota {
    let every = limit.every * (1 << level);
    Quota::with_period(every)
        .expect("every action has a period")
        .allow_burst(burst(limit, level))
}

fn burst(limit: Limit, level: u32) -> NonZeroU32 {
    NonZeroU32::new(limit.burst >> level).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::*;

    #[test]
    fn a_throttle_halves_once_for_calls_that_were_under_way_together() {
        let just = Duration::from_millis(10);
        assert_eq!(after_throttle(0, just), 1);
        assert_eq!(after_throttle(1, just), 1);
        assert_eq!(after_throttle(1, TOGETHER), 2);
        assert_eq!(after_throttle(SLOWEST, RECOVERY), SLOWEST);
    }

    #[test]
    fn quiet_takes_back_one_halving_at_a_time() {
        assert_eq!(after_quiet(3, RECOVERY - TOGETHER), 3);
        assert_eq!(after_quiet(3, RECOVERY * 10), 2);
        assert_eq!(after_quiet(0, RECOVERY), 0);
    }

    #[test]
    fn a_throttled_bucket_is_empty_and_half_as_wide() {
        let governor = Governor::new(Action::CreateFleet.limit());
        assert!(governor.bucket().check().is_ok());
        governor.throttled();
        assert_eq!(governor.level(), 1);
        assert!(governor.bucket().check().is_err());
        let (wide, half) = (
            quota(governor.limit, 0).burst_size(),
            quota(governor.limit, 1).burst_size(),
        );
        assert_eq!((wide.get(), half.get()), (25, 12));
    }

    #[test]
    fn every_level_of_every_action_has_a_bucket() {
        for action in Action::ALL {
            for level in 0..=SLOWEST {
                assert!(
                    quota(action.limit(), level).burst_size().get() > 0,
                    "{action}"
                );
            }
        }
    }
}
