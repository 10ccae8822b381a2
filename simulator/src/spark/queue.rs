//! What an application has ahead of it, by time. Things of one instant come in the order in which
//! they were put in, so that a replay has one answer.

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
    timeline: Timeline<Due>,
}

impl Queue {
    pub fn push(&mut self, time: Timestamp, due: Due) {
        self.timeline.push(time, due);
    }

    pub fn next_time(&self) -> Option<Timestamp> {
        self.timeline.next_time()
    }

    /// The next thing, if it is due at exactly this time.
    pub fn pop_at(&mut self, time: Timestamp) -> Option<Due> {
        self.timeline.pop_at(time)
    }

    /// Takes out the ends of tasks, and of warm-ups, that an executor will not see.
    pub fn forget(&mut self, executor: u32) -> Lost {
        let mut lost = Lost::default();
        self.timeline.retain(|due| match *due {
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
