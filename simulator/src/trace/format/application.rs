//! A recorded application to rows and back, without loss: what is replayed from a trace is what would be
//! replayed from the log. Facts only; the work is taken out of them elsewhere.

use std::collections::BTreeMap;
use std::io;

use sparkwright::model::time::{Span, Timestamp};

use super::tables::{
    App, EndReason, Node, Pod, Profile, Request, Role, TaskLocality, TaskOutcome, Template, Work,
    WorkKind,
};
use super::{Finding, Row, Rule, Writer};
use crate::trace::recorded::{
    self, Executor, ExecutorRequest, Job, Locality, Outcome, Recorded, Removal, Stage, Task,
};
use crate::trace::{clock, machine, requests};

/// Writes an application under a name that no other has in the trace.
///
/// # Errors
/// Where the disk refuses.
pub fn write(recorded: &Recorded, name: &str, writer: &mut Writer) -> io::Result<()> {
    let origin = Timestamp::from_millis(writer.manifest.origin_ms.unwrap_or(0));
    let since = |time: Timestamp| (time - origin).millis();
    writer.put(app_row(recorded, name, &since))?;
    for pod in pod_rows(recorded, name, &since, writer)? {
        writer.put(pod)?;
    }
    for place in 0..recorded.jobs.len() {
        writer.put(job_row(recorded, place, name, &since))?;
    }
    for (&(id, attempt), stage) in &recorded.stages {
        writer.put(stage_row(id, attempt, stage, name, &since))?;
    }
    for task in &recorded.tasks {
        let executor = &recorded.executors[task.executor].id;
        writer.put(task_row(task, executor, name, &since))?;
    }
    Ok(())
}

fn app_row(recorded: &Recorded, name: &str, since: &dyn Fn(Timestamp) -> i64) -> App {
    let profile = |(&id, profile): (&u32, &recorded::Profile)| Profile {
        id,
        executor: (profile.executor.iter())
            .map(|(name, request)| {
                let (amount, vendor) = (request.amount, request.vendor.clone());
                (name.clone(), Request { amount, vendor })
            })
            .collect(),
        task: profile.task.clone(),
    };
    App {
        app: name.to_owned(),
        id: (recorded.id != name).then(|| recorded.id.clone()),
        attempt: recorded.attempt.clone(),
        name: Some(recorded.name.clone()),
        submit_ms: Some(since(recorded.submitted)),
        start_ms: Some(since(recorded.started)),
        end_ms: recorded.ended.map(since),
        last_event_ms: Some(since(recorded.last_event)),
        driver_ready_ms: recorded.driver_ready.map(since),
        spark_version: recorded.version.clone(),
        properties: recorded.properties.clone(),
        profiles: recorded.profiles.iter().map(profile).collect(),
        notes: recorded.notes.clone(),
        ..App::default()
    }
}

/// The driver and the executors, with what they would ask for on Kubernetes; that is left open where the
/// configuration cannot be read.
fn pod_rows(
    recorded: &Recorded,
    name: &str,
    since: &dyn Fn(Timestamp) -> i64,
    writer: &mut Writer,
) -> io::Result<Vec<Pod>> {
    let namespace = recorded.properties.get("spark.kubernetes.namespace");
    let blank = Pod {
        app: Some(name.to_owned()),
        namespace: namespace.cloned(),
        ..Pod::default()
    };
    let driver = requests::driver(recorded).ok();
    let driver = driver.map(|asked| writer.template(Template::asking(&asked)));
    let mut pods = vec![Pod {
        pod: format!("{name}-driver"),
        role: Some(Role::Driver),
        template: driver.transpose()?,
        started_ms: Some(since(recorded.started)),
        end_ms: recorded.ended.map(since),
        ..blank.clone()
    }];
    for executor in &recorded.executors {
        let asked = requests::executor(recorded, executor.profile).ok();
        let template = asked.map(|asked| writer.template(Template::asking(&asked)));
        pods.push(Pod {
            pod: format!("{name}-exec-{}", executor.id),
            role: Some(Role::Executor),
            template: template.transpose()?,
            executor: Some(executor.id.clone()),
            cores: Some(executor.cores),
            profile: Some(executor.profile),
            registered_ms: Some(since(executor.added)),
            last_launch_ms: executor.last_launch.map(since),
            end_ms: executor.removed.map(|(time, _)| since(time)),
            end_reason: executor.removed.map(|(_, removal)| removal.into()),
            ..blank.clone()
        });
    }
    Ok(pods)
}

fn job_row(
    recorded: &Recorded,
    place: usize,
    name: &str,
    since: &dyn Fn(Timestamp) -> i64,
) -> Work {
    let job = &recorded.jobs[place];
    let rdds: Vec<Option<u32>> = (job.stages.iter())
        .map(|stage| recorded.rdds.get(stage).copied())
        .collect();
    let dropped = recorded.unpersisted.iter();
    Work {
        app: name.to_owned(),
        kind: WorkKind::Job,
        job: Some(job.id),
        execution: job.execution,
        stages: job.stages.clone(),
        rdds: if rdds.iter().any(Option::is_some) {
            rdds
        } else {
            Vec::new()
        },
        unpersisted: dropped
            .filter(|(_, before)| *before == place)
            .map(|(rdd, _)| *rdd)
            .collect(),
        pool: job.pool.clone(),
        start_ms: Some(since(job.started)),
        end_ms: job.ended.map(since),
        ..Work::default()
    }
}

fn stage_row(
    id: u32,
    attempt: u32,
    stage: &Stage,
    name: &str,
    since: &dyn Fn(Timestamp) -> i64,
) -> Work {
    Work {
        app: name.to_owned(),
        kind: WorkKind::Stage,
        stage: Some(id),
        stage_attempt: Some(attempt),
        parents: stage.parents.clone(),
        profile: (stage.profile != 0).then_some(stage.profile),
        cached: stage.cached.clone(),
        start_ms: stage.submitted.map(since),
        end_ms: stage.completed.map(since),
        ..Work::default()
    }
}

fn task_row(task: &Task, executor: &str, name: &str, since: &dyn Fn(Timestamp) -> i64) -> Work {
    Work {
        app: name.to_owned(),
        kind: WorkKind::Task,
        stage: Some(task.stage),
        stage_attempt: Some(task.stage_attempt),
        task: Some(task.id),
        index: Some(task.index),
        attempt: Some(task.attempt),
        executor: Some(executor.to_owned()),
        start_ms: Some(since(task.launched)),
        end_ms: Some(since(task.finished)),
        cpu_ms: task.cpu.map(Span::millis),
        outcome: Some(task.outcome.into()),
        locality: Some(task.locality.into()),
        speculative: task.speculative.then_some(true),
        writes_shuffle: task.writes_shuffle.then_some(true),
        ..Work::default()
    }
}

/// Puts an application together from its rows; work with its lines' numbers.
///
/// # Errors
/// Where a row lacks what cannot be guessed, refers to what is not there, or the clocks cannot be.
pub fn read(
    app: &App,
    (pods, nodes): (&[Pod], &BTreeMap<String, Node>),
    work: &[(u64, Work)],
    origin_ms: i64,
) -> Result<Recorded, Finding> {
    let lacks = |column: &str| {
        Finding::new(
            Rule::Application,
            App::TABLE,
            None,
            format!(
                "of {} is missing, and its work cannot be replayed without",
                app.app
            ),
        )
        .column(column)
        .remedy("write it")
    };
    let at = |millis: i64| Timestamp::from_millis(origin_ms.saturating_add(millis));
    let started = at(app.start_ms.ok_or_else(|| lacks("start_ms"))?);
    let executors = executors(pods, started, &at);
    let mut recorded = Recorded {
        id: app.id.clone().unwrap_or_else(|| app.app.clone()),
        attempt: app.attempt.clone(),
        name: app.name.clone().unwrap_or_default(),
        submitted: app.submit_ms.map_or(started, at),
        started,
        ended: app.end_ms.map(at),
        last_event: last_event(app, pods, work).map_or(started, at),
        driver_ready: app.driver_ready_ms.map(at),
        local_slots: app.local_slots,
        machine: machine::of_nodes(pods, nodes).or_else(|| machine::of_properties(&app.properties)),
        version: app.spark_version.clone(),
        properties: app.properties.clone(),
        executors,
        profiles: app.profiles.iter().map(profile).collect(),
        jobs: Vec::new(),
        stages: BTreeMap::new(),
        tasks: Vec::new(),
        rdds: BTreeMap::new(),
        unpersisted: Vec::new(),
        notes: app.notes.clone(),
    };
    take_in(&mut recorded, work, &at)?;
    clock::check(&recorded).map_err(|problem| {
        Finding::new(Rule::Application, App::TABLE, None, problem)
            .column("app")
            .value(&app.app)
            .remedy("mend its times")
    })?;
    Ok(recorded)
}

/// As said, else the latest time of any row.
fn last_event(app: &App, pods: &[Pod], work: &[(u64, Work)]) -> Option<i64> {
    let seen = (pods.iter().flat_map(|pod| [pod.registered_ms, pod.end_ms]))
        .chain(work.iter().flat_map(|(_, row)| [row.start_ms, row.end_ms]))
        .chain([app.start_ms, app.end_ms]);
    app.last_event_ms.or_else(|| seen.flatten().max())
}

fn executors(pods: &[Pod], started: Timestamp, at: &dyn Fn(i64) -> Timestamp) -> Vec<Executor> {
    (pods.iter())
        .filter_map(|pod| Some((pod.executor.clone()?, pod)))
        .map(|(id, pod)| Executor {
            id,
            added: pod.registered_ms.or(pod.started_ms).map_or(started, at),
            removed: pod
                .end_ms
                .map(|end| (at(end), removal(pod.end_reason.unwrap_or_default()))),
            last_launch: pod.last_launch_ms.map(at),
            cores: pod.cores.unwrap_or(1),
            profile: pod.profile.unwrap_or(0),
        })
        .collect()
}

fn profile(profile: &Profile) -> (u32, recorded::Profile) {
    let executor = profile.executor.iter();
    let own = recorded::Profile {
        executor: executor
            .map(|(name, request)| {
                let (amount, vendor) = (request.amount, request.vendor.clone());
                (name.clone(), ExecutorRequest { amount, vendor })
            })
            .collect(),
        task: profile.task.clone(),
    };
    (profile.id, own)
}

/// Jobs, stages and tasks, in the order in which they stand.
fn take_in(
    recorded: &mut Recorded,
    work: &[(u64, Work)],
    at: &dyn Fn(i64) -> Timestamp,
) -> Result<(), Finding> {
    let executors: BTreeMap<String, usize> = (recorded.executors.iter().enumerate())
        .map(|(index, executor)| (executor.id.clone(), index))
        .collect();
    for (line, row) in work {
        match row.kind {
            WorkKind::Job => {
                let rdds = row.stages.iter().zip(&row.rdds);
                let told = rdds.filter_map(|(stage, rdd)| Some((*stage, (*rdd)?)));
                recorded.rdds.extend(told);
                let before = recorded.jobs.len();
                let dropped = row.unpersisted.iter().map(|rdd| (*rdd, before));
                recorded.unpersisted.extend(dropped);
                recorded.jobs.push(Job {
                    id: needed(row.job, "job", *line)?,
                    started: at(needed(row.start_ms, "start_ms", *line)?),
                    ended: row.end_ms.map(at),
                    stages: row.stages.clone(),
                    execution: row.execution,
                    pool: row.pool.clone(),
                });
            }
            WorkKind::Stage => {
                let id = needed(row.stage, "stage", *line)?;
                let stage = Stage {
                    parents: row.parents.clone(),
                    submitted: row.start_ms.map(at),
                    completed: row.end_ms.map(at),
                    profile: row.profile.unwrap_or(0),
                    cached: row.cached.clone(),
                };
                let key = (id, row.stage_attempt.unwrap_or(0));
                recorded.stages.insert(key, stage);
            }
            WorkKind::Task => recorded.tasks.push(task(row, *line, &executors, at)?),
        }
    }
    Ok(())
}

fn task(
    row: &Work,
    line: u64,
    executors: &BTreeMap<String, usize>,
    at: &dyn Fn(i64) -> Timestamp,
) -> Result<Task, Finding> {
    let executor = row.executor.as_deref().unwrap_or_default();
    let executor = executors.get(executor).copied().ok_or_else(|| {
        Finding::new(
            Rule::Reference,
            Work::TABLE,
            Some(line),
            "is no executor in pods",
        )
        .column("executor")
        .value(executor)
        .remedy("write a row of pods with it")
    })?;
    Ok(Task {
        id: needed(row.task, "task", line)?,
        stage: needed(row.stage, "stage", line)?,
        stage_attempt: row.stage_attempt.unwrap_or(0),
        index: needed(row.index, "index", line)?,
        attempt: row.attempt.unwrap_or(0),
        executor,
        launched: at(needed(row.start_ms, "start_ms", line)?),
        finished: at(needed(row.end_ms, "end_ms", line)?),
        outcome: row.outcome.unwrap_or_default().into(),
        locality: row.locality.unwrap_or_default().into(),
        speculative: row.speculative.unwrap_or(false),
        writes_shuffle: row.writes_shuffle.unwrap_or(false),
        cpu: cpu(row, line)?,
    })
}

fn cpu(row: &Work, line: u64) -> Result<Option<Span>, Finding> {
    match row.cpu_ms {
        Some(millis) if millis < 0 => {
            let finding = Finding::new(Rule::Order, Work::TABLE, Some(line), "is negative");
            let remedy = "write null where it is unknown";
            Err(finding.column("cpu_ms").value(millis).remedy(remedy))
        }
        millis => Ok(millis.map(Span::from_millis)),
    }
}

fn needed<T>(value: Option<T>, column: &str, line: u64) -> Result<T, Finding> {
    value.ok_or_else(|| {
        Finding::new(
            Rule::Work,
            Work::TABLE,
            Some(line),
            "is missing in a row of this kind",
        )
        .column(column)
        .remedy("write it, or leave the row out")
    })
}

fn removal(reason: EndReason) -> Removal {
    match reason {
        EndReason::ScaleDown | EndReason::Deleted | EndReason::Finished => Removal::ScaleDown,
        EndReason::Lost | EndReason::Failed | EndReason::Unscheduled => Removal::Lost,
    }
}

impl From<Removal> for EndReason {
    fn from(removal: Removal) -> Self {
        match removal {
            Removal::ScaleDown => EndReason::ScaleDown,
            Removal::Lost => EndReason::Lost,
        }
    }
}

impl From<Outcome> for TaskOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => TaskOutcome::Success,
            Outcome::Failed => TaskOutcome::Failed,
            Outcome::Void => TaskOutcome::Void,
        }
    }
}

impl From<TaskOutcome> for Outcome {
    fn from(outcome: TaskOutcome) -> Self {
        match outcome {
            TaskOutcome::Success => Outcome::Success,
            TaskOutcome::Failed => Outcome::Failed,
            TaskOutcome::Void => Outcome::Void,
        }
    }
}

impl From<Locality> for TaskLocality {
    fn from(locality: Locality) -> Self {
        match locality {
            Locality::Node => TaskLocality::Node,
            Locality::Rack => TaskLocality::Rack,
            Locality::Any => TaskLocality::Any,
        }
    }
}

impl From<TaskLocality> for Locality {
    fn from(locality: TaskLocality) -> Self {
        match locality {
            TaskLocality::Node => Locality::Node,
            TaskLocality::Rack => Locality::Rack,
            TaskLocality::Any => Locality::Any,
        }
    }
}
