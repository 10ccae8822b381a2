//! What was done for the money: the time that tasks take one by one on machines at performance 1. It is a
//! property of the trace, whatever nodes it is replayed on, so that money per hour of it compares NodePools,
//! families and days.

use sparkwright::model::money::Usd;
use sparkwright::model::performance::Performance;
use sparkwright::model::time::Span;

use crate::spark::{Outcome, Pace};
use crate::world::record::Ran;
use sparkwright::model::decimal::Decimal;

use super::Answer;

/// Milliseconds of an hour.
const HOUR: i128 = 3_600_000;

/// The work of all applications that were completed.
pub(super) fn of_all(answer: &Answer) -> Span {
    let works = answer.outcome.runs.iter().enumerate();
    let works = works.filter_map(|(i, ran)| of_one(answer, i, &ran));
    works.fold(Span::ZERO, |sum, work| sum + work)
}

/// The work of one; None where it is no Spark application or was not completed.
pub(super) fn of_one(answer: &Answer, i: usize, ran: &Ran) -> Option<Span> {
    let spark = answer.submissions.original(i).spark()?;
    if ran.progress.outcome != Some(Outcome::Completed) {
        return None;
    }
    let recorded = recorded_performance(answer, spark.work.machine.as_deref());
    let pace = Pace {
        here: Performance::ONE,
        recorded,
    };
    let tasks = spark.work.tasks.iter();
    Some(tasks.fold(Span::ZERO, |sum, task| sum + pace.duration(task)))
}

/// What the first pool that knows the recorded machines says of them.
fn recorded_performance(answer: &Answer, family: Option<&str>) -> Performance {
    let mut told = answer.pools.iter().filter_map(|pool| {
        let performance = pool.performance.of(family?);
        (performance != Performance::ONE).then_some(performance)
    });
    told.next().unwrap_or(Performance::ONE)
}

/// In hours.
pub(super) fn hours(work: Span) -> Decimal {
    Decimal::ratio(i128::from(work.millis()), HOUR)
}

/// USD per hour of work; None where none was done.
pub(super) fn unit_cost(usd: Usd, work: Span) -> Option<Decimal> {
    let millis = i128::from(work.millis());
    (millis > 0).then(|| Decimal::ratio(i128::from(usd.micros()) * HOUR, millis * 1_000_000))
}
