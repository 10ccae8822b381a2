//! The driver's side: jobs start after the jobs that they hang on, stages when their parents are
//! done, jobs end after their stages. The time that the driver itself takes in between is constant.

use sparkwright::model::time::{Span, Timestamp};

use super::number;
use super::queue::{Due, Queue};
use crate::trace::Work;

#[derive(Clone, Debug)]
pub(super) struct Driver {
    /// By stage: parents that are not done, and one more until its job has started.
    stages: Vec<usize>,
    /// By job: stages that it awaits, and one more until it has started.
    jobs: Vec<usize>,
    phases: Vec<Phase>,
    unfinished: usize,
    active: u32,
    active_since: Timestamp,
    in_job: Span,
    last_stage: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ahead,
    Runs,
    Over,
}

impl Driver {
    pub fn new(work: &Work) -> Self {
        Driver {
            stages: work.stages.iter().map(|s| s.parents.len() + 1).collect(),
            jobs: work.jobs.iter().map(|job| job.awaits.len() + 1).collect(),
            phases: vec![Phase::Ahead; work.jobs.len()],
            unfinished: work.jobs.len(),
            active: 0,
            active_since: Timestamp::ZERO,
            in_job: Span::ZERO,
            last_stage: None,
        }
    }

    /// The context is ready: jobs that hang on no other follow.
    pub fn starts(&mut self, work: &Work, now: Timestamp, queue: &mut Queue) {
        for (place, job) in work.jobs.iter().enumerate() {
            if job.after.is_none() {
                queue.push(now + job.gap, Due::JobStarts(number(place)));
            }
        }
        if work.jobs.is_empty() {
            queue.push(now + work.tail, Due::ApplicationEnd);
        }
    }

    pub fn job_starts(&mut self, work: &Work, job: usize, now: Timestamp, queue: &mut Queue) {
        if self.active == 0 {
            self.active_since = now;
        }
        self.active += 1;
        self.phases[job] = Phase::Runs;
        for &stage in &work.jobs[job].stages {
            self.stage_nearer(work, stage, now, queue);
        }
        self.job_nearer_its_end(work, job, now, queue);
    }

    pub fn stage_done(&mut self, work: &Work, stage: usize, now: Timestamp, queue: &mut Queue) {
        self.last_stage = Some(now);
        for &child in &work.stages[stage].children {
            self.stage_nearer(work, child, now, queue);
        }
        for &job in &work.stages[stage].awaited_by {
            self.job_nearer_its_end(work, job, now, queue);
        }
    }

    pub fn job_ends(&mut self, work: &Work, job: usize, now: Timestamp, queue: &mut Queue) {
        self.phases[job] = Phase::Over;
        self.active -= 1;
        if self.active == 0 {
            self.in_job = self.in_job + (now - self.active_since);
        }
        for &follower in &work.jobs[job].followers {
            let start = now + work.jobs[follower].gap;
            queue.push(start, Due::JobStarts(number(follower)));
        }
        self.unfinished -= 1;
        if self.unfinished == 0 {
            queue.push(now + work.tail, Due::ApplicationEnd);
        }
    }

    /// A job that runs names this stage's shuffle files.
    pub fn is_read(&self, work: &Work, stage: usize) -> bool {
        let mut readers = work.stages[stage].readers.iter();
        readers.any(|&job| self.phases[job] == Phase::Runs)
    }

    /// A job that runs or is to come names this stage's shuffle files.
    pub fn will_be_read(&self, work: &Work, stage: usize) -> bool {
        let mut readers = work.stages[stage].readers.iter();
        readers.any(|&job| self.phases[job] != Phase::Over)
    }

    /// The job has ended; one that the work does not have never does.
    pub fn is_over(&self, job: usize) -> bool {
        self.phases.get(job) == Some(&Phase::Over)
    }

    pub fn in_job(&self) -> Span {
        self.in_job
    }

    pub fn last_stage(&self) -> Option<Timestamp> {
        self.last_stage
    }

    fn stage_nearer(&mut self, work: &Work, stage: usize, now: Timestamp, queue: &mut Queue) {
        self.stages[stage] -= 1;
        if self.stages[stage] == 0 {
            let delay = work.stages[stage].delay;
            queue.push(now + delay, Due::StageStarts(number(stage)));
        }
    }

    fn job_nearer_its_end(&mut self, work: &Work, job: usize, now: Timestamp, queue: &mut Queue) {
        self.jobs[job] -= 1;
        if self.jobs[job] == 0 {
            queue.push(now + work.jobs[job].tail, Due::JobEnds(number(job)));
        }
    }
}
