//! The graph of the stages that really ran: skipped ones drop out, attempts of one stage are one, and
//! a stage belongs to the first job that ran it.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::{Span, Timestamp};

use super::super::recorded::{self, Recorded};
use super::Stage;

/// More than this was a wait for executors and no preparation.
const MOST_PREPARATION: Span = Span::from_millis(200);

/// Stages, numbered in the order in which a replay can run them.
#[derive(Default)]
pub(super) struct Graph {
    pub stages: Vec<Stage>,
    /// Recorded completion, by number.
    pub completed: Vec<Option<Timestamp>>,
    /// Number by Spark's id.
    numbers: BTreeMap<u32, usize>,
}

/// All attempts of one stage.
struct Merged<'a> {
    id: u32,
    job: usize,
    parents: &'a [u32],
    profile: u32,
    submitted: Option<Timestamp>,
    completed: Option<Timestamp>,
}

/// Builds the graph; `order` holds the jobs by start.
pub(super) fn graph(recorded: &Recorded, order: &[&recorded::Job]) -> Graph {
    let mut merged = merge(recorded, order);
    merged.sort_by_key(|stage| (stage.job, stage.id));
    let mut graph = Graph::default();
    for (number, stage) in merged.iter().enumerate() {
        graph.numbers.insert(stage.id, number);
        graph.completed.push(stage.completed);
    }
    let last_readers = last_readers(order, &graph.numbers);
    let preparation = preparation(recorded, &merged);
    for (number, stage) in merged.iter().enumerate() {
        let parents: Vec<usize> = (stage.parents.iter())
            .filter_map(|parent| graph.numbers.get(parent).copied())
            .filter(|&parent| parent < number)
            .collect();
        let could_run = (parents.iter())
            .filter_map(|&parent| graph.completed[parent])
            .fold(order[stage.job].started, Timestamp::max);
        let submitted = stage.submitted.unwrap_or(could_run);
        graph.stages.push(Stage {
            id: stage.id,
            job: stage.job,
            parents: parents.clone(),
            delay: (submitted - could_run).max(Span::ZERO) + preparation,
            profile: stage.profile,
            read_until: last_readers
                .get(stage.job)
                .map_or(stage.job, |&job| job.max(stage.job)),
            ..Stage::default()
        });
        for parent in parents {
            graph.stages[parent].children.push(number);
        }
    }
    graph.link_jobs(order);
    graph
}

impl Graph {
    /// Stages that this job runs.
    pub fn run_by(&self, job: usize) -> Vec<usize> {
        let from = self.stages.partition_point(|stage| stage.job < job);
        let until = self.stages.partition_point(|stage| stage.job <= job);
        (from..until).collect()
    }

    /// Stages that ran and were done before the job's end. A cancelled job does not wait for those
    /// that go on after it.
    pub fn awaited_by(&self, place: usize, job: &recorded::Job) -> Vec<usize> {
        let done = |&number: &usize| match (self.completed[number], job.ended) {
            (Some(completed), Some(ended)) => completed <= ended,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        let stages: BTreeSet<usize> = (job.stages.iter())
            .filter_map(|id| self.numbers.get(id).copied())
            .filter(|&number| self.stages[number].job <= place)
            .filter(done)
            .collect();
        stages.into_iter().collect()
    }

    fn link_jobs(&mut self, order: &[&recorded::Job]) {
        for (place, job) in order.iter().enumerate() {
            for stage in self.awaited_by(place, job) {
                self.stages[stage].awaited_by.push(place);
            }
        }
    }
}

/// One entry per stage that a job names and that was submitted.
fn merge<'a>(recorded: &'a Recorded, order: &[&recorded::Job]) -> Vec<Merged<'a>> {
    let mut naming: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, job) in order.iter().enumerate() {
        for &stage in &job.stages {
            naming.entry(stage).or_default().push(place);
        }
    }
    let mut merged: Vec<Merged> = Vec::new();
    for (&(id, _), stage) in &recorded.stages {
        match merged.last_mut().filter(|last| last.id == id) {
            Some(last) => {
                last.submitted = last.submitted.or(stage.submitted);
                last.completed = last.completed.max(stage.completed);
            }
            None => merged.push(Merged {
                id,
                job: match naming.get(&id).and_then(|jobs| owner(jobs, order, stage)) {
                    Some(job) => job,
                    None => continue,
                },
                parents: &stage.parents,
                profile: stage.profile,
                submitted: stage.submitted,
                completed: stage.completed,
            }),
        }
    }
    merged
}

/// What Spark takes to prepare a stage's tasks and to see their end: how much longer a stage of one
/// task lasts than its task; the median over those that did not wait for an executor.
fn preparation(recorded: &Recorded, merged: &[Merged]) -> Span {
    let mut tasks: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    for task in &recorded.tasks {
        tasks.entry(task.stage).or_default().push(task.duration());
    }
    let around_task = |stage: &Merged| match tasks.get(&stage.id)?.as_slice() {
        [only] => Some((stage.completed? - stage.submitted? - *only).max(Span::ZERO)),
        _ => None,
    };
    let mut times: Vec<Span> = (merged.iter())
        .filter_map(around_task)
        .filter(|&time| time <= MOST_PREPARATION)
        .collect();
    times.sort();
    let middle = times.len().saturating_sub(1) / 2;
    times.get(middle).copied().unwrap_or(Span::ZERO)
}

/// The first job that ran while the stage was submitted, else the first that names it.
fn owner(jobs: &[usize], order: &[&recorded::Job], stage: &recorded::Stage) -> Option<usize> {
    let ran = |job: &recorded::Job| {
        stage.submitted.is_some_and(|submitted| {
            job.started <= submitted && job.ended.is_none_or(|ended| submitted <= ended)
        })
    };
    let running = jobs.iter().copied().find(|&place| ran(order[place]));
    running.or_else(|| jobs.first().copied())
}

/// For each job the last job that may read shuffle files of its time: a later one that skips stages
/// reads what earlier jobs wrote, and the log does not say which.
fn last_readers(order: &[&recorded::Job], ran: &BTreeMap<u32, usize>) -> Vec<usize> {
    let skips = |job: &recorded::Job| job.stages.iter().any(|id| !ran.contains_key(id));
    let mut last = None;
    let mut readers: Vec<usize> = (order.iter().enumerate())
        .rev()
        .map(|(place, job)| {
            if last.is_none() && skips(job) {
                last = Some(place);
            }
            last.unwrap_or(place)
        })
        .collect();
    readers.reverse();
    readers
}
