//! The driver's timeline: which job's end each job hangs on, and the driver time in between. Jobs
//! that overlapped are separate threads of the driver.

use std::collections::BTreeMap;

use sparkwright::model::time::{Span, Timestamp};

use super::super::recorded::{self, Recorded};
use super::Job;
use super::stages::Graph;

/// The jobs by start. A job's place here is its number everywhere in the work.
pub(super) fn in_order(recorded: &Recorded) -> Vec<&recorded::Job> {
    let mut jobs: Vec<&recorded::Job> = recorded.jobs.iter().collect();
    jobs.sort_by_key(|job| (job.started, job.id));
    jobs
}

/// Links each job to what it waited for, and measures the driver time around it. `ready` is when the
/// driver could start its first job.
pub(super) fn timeline(order: &[&recorded::Job], graph: &Graph, ready: Timestamp) -> Vec<Job> {
    let ends = Ends::of(order);
    let mut jobs: Vec<Job> = Vec::with_capacity(order.len());
    for (place, job) in order.iter().enumerate() {
        let after = ends.before(place, job);
        let from = after.and_then(|after| order[after].ended).unwrap_or(ready);
        let awaits = graph.awaited_by(place, job);
        let done = awaits
            .iter()
            .filter_map(|&stage| graph.completed[stage])
            .max();
        let tail = job
            .ended
            .map_or(Span::ZERO, |ended| ended - done.unwrap_or(job.started));
        if let Some(after) = after {
            jobs[after].followers.push(place);
        }
        jobs.push(Job {
            after,
            gap: (job.started - from).max(Span::ZERO),
            stages: graph.run_by(place),
            awaits,
            tail: tail.max(Span::ZERO),
            followers: Vec::new(),
        });
    }
    jobs
}

/// Ends of jobs with their places, sorted: all of them, and by SQL execution.
struct Ends {
    all: Vec<(Timestamp, usize)>,
    by_execution: BTreeMap<u64, Vec<(Timestamp, usize)>>,
}

impl Ends {
    fn of(order: &[&recorded::Job]) -> Self {
        let mut all: Vec<(Timestamp, usize)> = (order.iter().enumerate())
            .filter_map(|(place, job)| Some((job.ended?, place)))
            .collect();
        all.sort();
        let mut by_execution: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for &(ended, place) in &all {
            if let Some(execution) = order[place].execution {
                by_execution
                    .entry(execution)
                    .or_default()
                    .push((ended, place));
            }
        }
        Ends { all, by_execution }
    }

    /// The job that ended last before this one started: of the same SQL execution where there is
    /// one, because executions side by side do not wait for each other.
    fn before(&self, place: usize, job: &recorded::Job) -> Option<usize> {
        let own = job
            .execution
            .and_then(|execution| self.by_execution.get(&execution));
        own.and_then(|own| last_before(own, place, job.started))
            .or_else(|| last_before(&self.all, place, job.started))
    }
}

fn last_before(ends: &[(Timestamp, usize)], place: usize, started: Timestamp) -> Option<usize> {
    let until = ends.partition_point(|&(ended, _)| ended <= started);
    ends[..until]
        .iter()
        .rev()
        .map(|&(_, other)| other)
        .find(|&other| other < place)
}
