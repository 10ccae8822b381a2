//! The graph of the stages that really ran: skipped ones drop out, attempts of one stage are one, and
//! a stage belongs to the first job that ran it.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::{Span, Timestamp};

use super::super::recorded::{self, Recorded};
use super::{Arrival, DEFAULT_POOL, Profile, Stage, lead, place_of};

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
    /// The stage whose shuffle files served, by the id of one that was skipped for their sake.
    skipped: BTreeMap<u32, usize>,
}

/// All attempts of one stage.
struct Merged<'a> {
    id: u32,
    job: usize,
    parents: &'a [u32],
    profile: u32,
    cached: BTreeSet<u32>,
    submitted: Option<Timestamp>,
    completed: Option<Timestamp>,
}

/// Builds the graph; `order` holds the jobs by start.
pub(super) fn graph(
    recorded: &Recorded,
    (order, arrivals): (&[&recorded::Job], &[Arrival]),
    profiles: &[Profile],
    pools: &[String],
) -> Graph {
    let mut merged = merge(recorded, order);
    merged.sort_by_key(|stage| (stage.job, stage.id));
    let mut graph = Graph::default();
    for (number, stage) in merged.iter().enumerate() {
        graph.numbers.insert(stage.id, number);
        graph.completed.push(stage.completed);
    }
    graph.number_skipped(recorded, &merged);
    let preparation = preparation(recorded, &merged);
    let lead = lead::of_first_stage(recorded, arrivals);
    for (number, stage) in merged.iter().enumerate() {
        let parents: Vec<usize> = (stage.parents.iter())
            .filter_map(|&parent| graph.serving(parent))
            .filter(|&parent| parent < number)
            .collect::<BTreeSet<usize>>()
            .into_iter()
            .collect();
        let could_run = (parents.iter())
            .filter_map(|&parent| graph.completed[parent])
            .fold(order[stage.job].started, Timestamp::max);
        let submitted = stage.submitted.unwrap_or(could_run);
        let own = lead.filter(|(first, _)| *first == stage.id);
        let preparation = own.map_or(preparation, |(_, lead)| lead.max(preparation));
        graph.stages.push(Stage {
            id: stage.id,
            job: stage.job,
            parents: parents.clone(),
            delay: (submitted - could_run).max(Span::ZERO) + preparation,
            profile: place_of(profiles, stage.profile),
            pool: pool_of(order[stage.job], pools),
            cached_until: cached_until(recorded, order, &stage.cached),
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
    /// A stage that was skipped is the one that ran for the same RDD: its shuffle files served.
    fn number_skipped(&mut self, recorded: &Recorded, merged: &[Merged]) {
        let tasks = recorded.tasks.iter().filter(|task| task.writes_shuffle);
        let writers: BTreeSet<u32> = tasks.map(|task| task.stage).collect();
        let mut ran: BTreeMap<u32, usize> = BTreeMap::new();
        for (number, stage) in merged.iter().enumerate() {
            if let Some(&rdd) = recorded.rdds.get(&stage.id)
                && writers.contains(&stage.id)
            {
                ran.entry(rdd).or_insert(number);
            }
        }
        for (&id, rdd) in &recorded.rdds {
            if let Some(&number) = ran.get(rdd)
                && !self.numbers.contains_key(&id)
            {
                self.skipped.insert(id, number);
            }
        }
    }

    /// The stage of this id, or the one whose files served in its place.
    fn serving(&self, id: u32) -> Option<usize> {
        let number = self.numbers.get(&id).or_else(|| self.skipped.get(&id));
        number.copied()
    }

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
            let named = job.stages.iter().filter_map(|&id| self.serving(id));
            for stage in named.collect::<BTreeSet<usize>>() {
                self.stages[stage].readers.push(place);
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
                last.cached.extend(&stage.cached);
            }
            None => merged.push(Merged {
                id,
                job: match naming.get(&id).and_then(|jobs| owner(jobs, order, stage)) {
                    Some(job) => job,
                    None => continue,
                },
                parents: &stage.parents,
                profile: stage.profile,
                cached: stage.cached.iter().copied().collect(),
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

fn pool_of(job: &recorded::Job, pools: &[String]) -> usize {
    let name = job.pool.as_deref().unwrap_or(DEFAULT_POOL);
    pools.iter().position(|pool| pool == name).unwrap_or(0)
}

/// The last job before all of these RDDs were dropped; none where nothing is cached.
fn cached_until(
    recorded: &Recorded,
    order: &[&recorded::Job],
    rdds: &BTreeSet<u32>,
) -> Option<usize> {
    let dropped = |rdd: &u32| {
        let mut drops = recorded.unpersisted.iter().filter(|(id, _)| id == rdd);
        let (_, jobs) = drops.next_back()?;
        let last = recorded.jobs.get(jobs.checked_sub(1)?)?;
        order.iter().position(|job| job.id == last.id)
    };
    rdds.iter()
        .map(|rdd| dropped(rdd).unwrap_or(usize::MAX))
        .max()
}
