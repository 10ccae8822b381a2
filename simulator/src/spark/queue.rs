//! What an application has ahead of it, by time. Things of one instant come in the order in which
//! they were put in, so that a replay has one answer. What happens on executors and mostly concerns
//! nobody else is kept apart, so that the first of the other things is known.

use sparkwright::model::time::Timestamp;

use crate::timeline::Timeline;

/// Something that will happen inside an application. Jobs, stages and tasks are their places in the
/// work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    ApplicationStart,
    /// The driver's scheduler takes executors.
    SchedulerUp,
    /// The driver goes on with what executors it has.
    RegistrationTimeout,
    JobStarts(u32),
    JobEnds(u32),
    StageStarts(u32),
    /// A stage whose input was lost has seen it, and what it lacks is made again.
    Resubmits(u32),
    /// Tasks of this stage may run farther from their data.
    Relaxes(u32),
    TaskEnds {
        executor: u32,
        task: u32,
    },
    /// A slot of this executor has warmed up.
    Warm(u32),
    Registers(u32),
    /// A registered executor is offered its first tasks.
    TakesTasks(u32),
    /// An executor takes no more tasks and goes once it has none.
    Leaves(u32),
    /// An executor hands on what shuffle files it has.
    HandsOn(u32),
    /// An executor goes at once.
    Lost(u32),
    /// An executor may have been idle for long enough.
    Idle(u32),
    /// Dynamic allocation may ask for more.
    Backlog,
    /// The next batch of pods may be created.
    Batch,
    ApplicationEnd,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    on_executors: Timeline<Due>,
    others: Timeline<Due>,
    pushed: u64,
}

impl Queue {
    pub fn push(&mut self, time: Timestamp, due: Due) {
        let timeline = match due {
            Due::TaskEnds { .. } | Due::Warm(_) | Due::Registers(_) | Due::TakesTasks(_) => {
                &mut self.on_executors
            }
            _ => &mut self.others,
        };
        timeline.push_as(self.pushed, time, due);
        self.pushed += 1;
    }

    pub fn next_time(&self) -> Option<Timestamp> {
        let (on_executors, others) = (self.on_executors.next_time(), self.next_other());
        match (on_executors, others) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// When something happens next that is no task's end and no executor's coming.
    pub fn next_other(&self) -> Option<Timestamp> {
        self.others.next_time()
    }

    /// When the next task ends or executor comes.
    pub fn next_on_executors(&self) -> Option<Timestamp> {
        self.on_executors.next_time()
    }

    /// The next task's end or executor's coming, if it is due at exactly this time.
    pub fn pop_on_executors(&mut self, time: Timestamp) -> Option<Due> {
        self.on_executors.pop_at(time)
    }

    /// The next thing, if it is due at exactly this time.
    pub fn pop_at(&mut self, time: Timestamp) -> Option<Due> {
        let is_first = match (self.on_executors.next(), self.others.next()) {
            (Some(one), Some(other)) => one < other,
            (one, _) => one.is_some(),
        };
        if is_first {
            self.on_executors.pop_at(time)
        } else {
            self.others.pop_at(time)
        }
    }

    /// Takes out the ends of tasks, and of warm-ups, that an executor will not see.
    pub fn forget(&mut self, executor: u32) -> Lost {
        let mut lost = Lost::default();
        self.on_executors.retain(|due| match *due {
            Due::TaskEnds { executor: of, task } if of == executor => {
                lost.tasks.push(task);
                false
            }
            Due::Warm(of) if of == executor => {
                lost.warming += 1;
                false
            }
            _ => true,
        });
        lost.tasks.sort_unstable();
        lost
    }
}

/// What ran on an executor that is gone.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub tasks: Vec<u32>,
    pub warming: u32,
}
