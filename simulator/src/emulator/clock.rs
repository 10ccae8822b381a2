//! The emulator's time: the wall clock times a factor, or one that stands still until it is told to move.
//! Everything that EC2 does is on it. Only the queue's waits are on the wall clock, since its readers are.
#![expect(
    clippy::disallowed_methods,
    reason = "an emulator of a live service lives in real time"
)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sparkwright::model::time::{Span, Timestamp};

/// Seconds of the emulator in one of the wall clock, at most.
pub const FASTEST: f64 = 10_000.0;

/// A clock that begins at zero.
#[derive(Debug)]
pub struct Clock {
    begin: Instant,
    /// The wall clock's time at the beginning, since the Unix epoch.
    pub epoch: Timestamp,
    pace: Pace,
}

#[derive(Debug)]
enum Pace {
    Running { speed: f64 },
    Standing { at: AtomicI64 },
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the emulator's beginning, on its own clock.
    pub at: Timestamp,
    /// The same on the wall clock; where the clock stands still, it is the same.
    pub wall: Timestamp,
}

impl Clock {
    /// A clock that goes `speed` times as fast as the wall clock; None stands still.
    pub fn new(speed: Option<f64>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let pace = match speed {
            Some(speed) => Pace::Running { speed },
            None => Pace::Standing {
                at: AtomicI64::new(0),
            },
        };
        Clock {
            begin: Instant::now(),
            epoch: Timestamp::from_millis(millis(since.unwrap_or_default())),
            pace,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        let passed = self.begin.elapsed();
        match &self.pace {
            Pace::Running { speed } => Moment {
                at: Timestamp::from_millis(millis(passed.mul_f64(*speed))),
                wall: Timestamp::from_millis(millis(passed)),
            },
            Pace::Standing { at } => {
                let at = Timestamp::from_millis(at.load(Ordering::SeqCst));
                Moment { at, wall: at }
            }
        }
    }

    /// Moves a clock that stands still. False where it runs by itself.
    pub fn advance(&self, by: Span) -> bool {
        match &self.pace {
            Pace::Running { .. } => false,
            Pace::Standing { at } => {
                at.fetch_add(by.millis().max(0), Ordering::SeqCst);
                true
            }
        }
    }

    /// How long to wait for a length of the emulator's time; None where no waiting brings it.
    pub fn wait(&self, span: Span) -> Option<Duration> {
        let span = Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0));
        match &self.pace {
            Pace::Running { speed } => Some(span.div_f64(*speed)),
            Pace::Standing { .. } => None,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
