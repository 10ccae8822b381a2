//! How well a replay brings back its own log: the application run alone, with its executors as
//! recorded, against the time that the log spent inside jobs.

use std::sync::Arc;

use sparkwright::model::time::{Span, Timestamp};

use super::{Application, Executors, Progress, Wish};
use crate::trace::{Recorded, Work};

/// What the comparison was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole application.
    Dag,
    /// The part of it that is in a log without an end.
    Truncated,
}

/// Time inside at least one job, predicted and recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fidelity {
    /// By the replay.
    pub predicted_in_job: Span,
    /// By the log.
    pub recorded_in_job: Span,
    /// |predicted − recorded| in thousandths of recorded, rounded up; None where there were no jobs.
    pub error_permille: Option<u64>,
    /// What was compared.
    pub kind: Kind,
}

/// Runs the application alone, with its executors as recorded.
pub fn fidelity(recorded: &Recorded, work: &Arc<Work>) -> Fidelity {
    let predicted = run_alone(work, Executors::AsRecorded).in_job;
    let truth = recorded.in_job();
    let off = predicted.millis().abs_diff(truth.millis());
    let truth_millis = u64::try_from(truth.millis())
        .ok()
        .filter(|&millis| millis > 0);
    Fidelity {
        predicted_in_job: predicted,
        recorded_in_job: truth,
        error_permille: truth_millis.map(|millis| (off * 1000).div_ceil(millis)),
        kind: match recorded.ended {
            Some(_) => Kind::Dag,
            None => Kind::Truncated,
        },
    }
}

/// Runs an application whose executors come from a log to its end, from time zero.
pub fn run_alone(work: &Arc<Work>, executors: Executors) -> Progress {
    let mut application = Application::new(Arc::clone(work), executors);
    let mut wishes = Vec::new();
    application.driver_running(Timestamp::ZERO, &mut wishes);
    while let Some(time) = wishes.iter().rev().find_map(|wish| match wish {
        Wish::WakeAt(time) => Some(*time),
        _ => None,
    }) {
        wishes.clear();
        application.wake(time, &mut wishes);
    }
    application.progress()
}

impl Kind {
    /// As the replay's document names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Dag => "dag",
            Kind::Truncated => "truncated",
        }
    }
}
