//! What is kept of an application that is over: how it went, what hit it and what it has cost, as numbers of
//! as many bytes as they need. A run of a million applications is kept in tens of megabytes; a record is read
//! again when its line in a report is written.

use std::collections::BTreeMap;

use sparkwright::model::money::Cost;
use sparkwright::model::offering::ZoneId;
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::{Outcome, Progress};

use super::tally::AppTally;

/// Numbers up to this are bits of a byte; the eighth bit says that more of the number follows.
const SEVEN_BITS: u128 = 0x7f;
const MORE: u8 = 0x80;

/// How one application went.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// How far it came.
    pub progress: Progress,
    /// What became of it besides.
    pub tally: AppTally,
}

/// Records, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// Reasons of waits; a record has their positions.
    reasons: Vec<&'static str>,
}

/// How all applications went, by position among the submissions.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    records: Records,
    begins: Vec<usize>,
}

impl Runs {
    pub(super) fn new(records: Records, begins: Vec<usize>) -> Self {
        Runs { records, begins }
    }

    /// How one went.
    pub fn of(&self, i: usize) -> Ran {
        self.records.read(self.begins[i])
    }

    /// All, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Ran> {
        self.begins.iter().map(|&begin| self.records.read(begin))
    }
}

impl Records {
    /// Writes one down; where it begins.
    pub fn add(&mut self, ran: &Ran) -> usize {
        let begin = self.bytes.len();
        let Ran { progress, tally } = ran;
        self.time(progress.started);
        self.time(progress.first_task);
        self.time(progress.last_stage);
        self.time(progress.finished);
        self.put(progress.outcome.map_or(0, code));
        self.span(progress.in_job);
        self.put(progress.executor_pods.into());
        self.put(progress.slots.into());
        self.put(progress.running_tasks.into());
        self.many(tally.zones.iter().map(|zone| i128::from(zone.0)));
        self.many(tally.zone.iter().map(|zone| i128::from(zone.0)));
        self.put(tally.lost_executors.into());
        self.time(tally.lost_driver);
        self.span(tally.executor_time);
        self.put(tally.cost.exact());
        for (reason, waited) in &tally.waited {
            let reason = self.reason(reason);
            self.put(reason);
            self.span(*waited);
        }
        self.put(0);
        begin
    }

    fn read(&self, begin: usize) -> Ran {
        let mut bytes = self.bytes[begin..].iter();
        let mut next = || next(&mut bytes);
        let progress = Progress {
            started: time(&mut next),
            first_task: time(&mut next),
            last_stage: time(&mut next),
            finished: time(&mut next),
            outcome: outcome(next()),
            in_job: Span::from_millis(fits(next())),
            executor_pods: fits(next()),
            slots: fits(next()),
            running_tasks: fits(next()),
        };
        let mut tally = AppTally {
            zones: zones(&mut next),
            zone: zones(&mut next).pop(),
            lost_executors: fits(next()),
            lost_driver: time(&mut next),
            executor_time: Span::from_millis(fits(next())),
            cost: Cost::from_exact(next()),
            waited: BTreeMap::new(),
        };
        while let reason @ 1.. = fits::<usize>(next()) {
            let waited = Span::from_millis(fits(next()));
            tally.waited.insert(self.reasons[reason - 1], waited);
        }
        Ran { progress, tally }
    }

    fn time(&mut self, at: Option<Timestamp>) {
        self.many(at.iter().map(|at| at.millis().into()));
    }

    fn span(&mut self, span: Span) {
        self.put(span.millis().into());
    }

    /// A count, and so many numbers.
    fn many(&mut self, numbers: impl ExactSizeIterator<Item = i128>) {
        self.put(fits(numbers.len()));
        numbers.for_each(|number| self.put(number));
    }

    /// From 1.
    fn reason(&mut self, reason: &'static str) -> i128 {
        let known = self.reasons.iter().position(|known| *known == reason);
        let position = known.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        });
        fits(position + 1)
    }

    /// A number, its sign in the lowest bit (ZigZag), seven bits in a byte, the lowest first (LEB128).
    fn put(&mut self, number: i128) {
        let mut rest = ((number << 1) ^ (number >> 127)).cast_unsigned();
        while rest > SEVEN_BITS {
            self.bytes.push(MORE | low(rest));
            rest >>= 7;
        }
        self.bytes.push(low(rest));
    }
}

fn low(bits: u128) -> u8 {
    fits(bits & SEVEN_BITS)
}

/// The inverse of [`Records::put`].
fn next<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> i128 {
    let (mut bits, mut shift) = (0, 0);
    for &byte in bytes {
        bits |= u128::from(byte & !MORE) << shift;
        shift += 7;
        if byte & MORE == 0 {
            break;
        }
    }
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

fn time(next: &mut impl FnMut() -> i128) -> Option<Timestamp> {
    (next() > 0).then(|| Timestamp::from_millis(fits(next())))
}

fn zones(next: &mut impl FnMut() -> i128) -> Vec<ZoneId> {
    let count = next();
    (0..count).map(|_| ZoneId(fits(next()))).collect()
}

fn fits<N>(number: impl TryInto<N>) -> N {
    let fits = number.try_into().ok();
    fits.expect("what is read was written from numbers of the same size")
}

fn code(outcome: Outcome) -> i128 {
    match outcome {
        Outcome::Completed => 1,
        Outcome::DriverLost => 2,
        Outcome::OutOfExecutors => 3,
    }
}

fn outcome(code: i128) -> Option<Outcome> {
    match code {
        1 => Some(Outcome::Completed),
        2 => Some(Outcome::DriverLost),
        3 => Some(Outcome::OutOfExecutors),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_what_was_written_down() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let full = Ran {
            progress: Progress {
                started: at(0),
                first_task: at(63),
                last_stage: at(64),
                finished: at(86_400_000),
                outcome: Some(Outcome::OutOfExecutors),
                in_job: Span::from_millis(i64::MAX),
                executor_pods: 1,
                slots: u32::MAX,
                running_tasks: 8191,
            },
            tally: AppTally {
                zones: vec![ZoneId(2), ZoneId(0), ZoneId(255)],
                zone: Some(ZoneId(0)),
                lost_executors: 8192,
                lost_driver: at(-1),
                waited: BTreeMap::from([("", Span::from_secs(9)), ("no-capacity", Span::ZERO)]),
                executor_time: Span::from_millis(i64::MIN),
                cost: Cost::from_exact(-170_141_183_460_469_231_731_687_303_715_884_105_728),
            },
        };
        let mut records = Records::default();
        let told = [Ran::default(), full.clone(), Ran::default(), full];
        let begins = told.iter().map(|ran| records.add(ran)).collect();
        let runs = Runs::new(records, begins);
        for (i, ran) in told.iter().enumerate() {
            assert_eq!(format!("{ran:?}"), format!("{:?}", runs.of(i)));
        }
        assert_eq!(runs.iter().count(), told.len());
        // A default record is small: each of its fifteen numbers a byte, and the end.
        assert_eq!(runs.begins[1], 16);
    }
}
