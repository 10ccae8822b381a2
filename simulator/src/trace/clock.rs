//! Clocks that cannot be: logs are edited by hand, clocks are set, numbers are cut off. Such a log
//! is refused with the reason, for a replay of it would take years or run backwards.

use sparkwright::model::time::{Span, Timestamp};

use super::recorded::Recorded;

/// All events carry the driver's clock; more than this before the start is no step of a clock.
const MOST_BEFORE_START: Span = Span::from_secs(3600);
/// The longest task and the longest gap that are believed: 30 days.
const LONGEST: Span = Span::from_secs(30 * 86_400);

/// Refuses an application whose times contradict each other.
pub fn check(recorded: &Recorded) -> Result<(), String> {
    let started = recorded.started;
    if started <= Timestamp::ZERO {
        return Err("has an ApplicationStart without a time".to_owned());
    }
    if recorded.ended.is_some_and(|ended| ended < started) {
        return Err("ends before it starts: its clock cannot be right".to_owned());
    }
    if recorded.end() - started > LONGEST || recorded.last_event - started > LONGEST {
        let days = (recorded.end().max(recorded.last_event) - started).millis() / 86_400_000;
        return Err(format!(
            "lasts {days} days, more than 30: its clock cannot be right"
        ));
    }
    events(recorded).try_for_each(|(what, time)| {
        if started - time > MOST_BEFORE_START {
            let before = started - time;
            Err(format!(
                "has {what} {before} before ApplicationStart: its clock cannot be right"
            ))
        } else {
            Ok(())
        }
    })
}

/// True when an application can have been submitted then, given its start.
pub fn is_submission(time: Timestamp, started: Timestamp) -> bool {
    time <= started && started - time <= LONGEST
}

/// The earliest times by kind of event.
fn events(recorded: &Recorded) -> impl Iterator<Item = (&'static str, Timestamp)> {
    let executors = recorded.executors.iter().map(|executor| executor.added);
    let stages = recorded.stages.values().filter_map(|stage| stage.submitted);
    [
        ("an executor", executors.min()),
        ("a job", recorded.jobs.iter().map(|job| job.started).min()),
        ("a stage", stages.min()),
        (
            "a task",
            recorded.tasks.iter().map(|task| task.launched).min(),
        ),
    ]
    .into_iter()
    .filter_map(|(what, time)| Some((what, time?)))
}
