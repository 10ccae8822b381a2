//! The figures of a trace: how many pods, of which role and how they ended, what they asked for, when
//! most of them came, and its applications. Counts what is recorded; says nothing of a replay.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use sparkwright::model::resources::Resources;
use sparkwright::model::time::Timestamp;

use crate::trace::format::tables::{EndReason, Pod, Role, Template};
use crate::trace::format::{Demand, Finding, Tables, demands};
use crate::trace::{self, Recorded, Skipped, requests};

/// What a trace holds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub source: String,
    pub anonymised: bool,
    pub origin_ms: Option<i64>,
    /// From the first time of any pod or application to the last.
    pub span_ms: i64,
    pub rows: BTreeMap<String, u64>,
    pub pods: Pods,
    /// Of pods that ask for any.
    pub cpu_milli: Option<Quantiles>,
    pub mem_mib: Option<Quantiles>,
    pub busiest_minute: Option<Minute>,
    pub applications: Vec<Application>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pods {
    pub total: u64,
    pub by_role: BTreeMap<String, u64>,
    /// `open` are those whose end is not in the trace.
    pub by_end: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Quantiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Minute {
    pub from_ms: i64,
    pub pods: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub pods: usize,
    pub tasks: usize,
    pub length_ms: i64,
}

/// What is gathered pod by pod.
#[derive(Default)]
struct Gathered {
    pods: Pods,
    cpu_milli: Vec<u64>,
    mem_mib: Vec<u64>,
    created: BTreeMap<i64, u64>,
    times: Option<(i64, i64)>,
}

/// The figures of a trace in the open format, and what is wrong with it.
pub(super) fn summary_of_trace(folder: &Path) -> Result<(Summary, Vec<String>), Finding> {
    let tables = Tables::read(folder)?;
    let manifest = tables.manifest.clone();
    let mut problems: Vec<String> = tables
        .findings
        .kept
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut gathered = Gathered::default();
    let templates: BTreeMap<&str, Resources> = (tables.templates.iter())
        .map(|template: &Template| (template.template.as_str(), template.requests()))
        .collect();
    for pod in &tables.pods {
        let requests = pod.template.as_deref().and_then(|name| templates.get(name));
        gathered.pod(pod, requests);
    }
    for app in &tables.apps {
        gathered.seen([app.submit_ms, app.start_ms, app.end_ms, app.last_event_ms]);
    }
    let mut applications = Vec::new();
    for demand in demands(folder, tables) {
        match demand {
            Ok(demand) => applications.push(application(&demand)),
            Err(finding) => problems.push(finding.to_string()),
        }
    }
    let summary = Summary {
        source: manifest.source,
        anonymised: manifest.anonymised,
        origin_ms: manifest.origin_ms,
        rows: manifest.rows,
        notes: manifest.notes,
        applications,
        ..gathered.summary()
    };
    Ok((summary, problems))
}

/// The figures of event logs, and which were left out.
pub(super) fn summary_of_logs(path: &Path) -> (Summary, Vec<String>) {
    let mut gathered = Gathered::default();
    let (mut applications, mut problems) = (Vec::new(), Vec::new());
    for log in trace::open(path) {
        match log {
            Ok(recorded) => {
                gathered.log(&recorded);
                applications.push(application(&Demand::Spark(Box::new(recorded))));
            }
            Err(Skipped { input, reason }) => problems.push(format!("{input}: {reason}")),
        }
    }
    let summary = Summary {
        source: "eventlog".to_owned(),
        applications,
        ..gathered.summary()
    };
    (summary, problems)
}

fn application(demand: &Demand) -> Application {
    match demand {
        Demand::Spark(recorded) => Application {
            id: recorded.id.clone(),
            name: recorded.name.clone(),
            kind: "spark",
            pods: recorded.executors.len() + 1,
            tasks: recorded.tasks.len(),
            length_ms: recorded.length().millis(),
        },
        Demand::Pods(pods) => Application {
            id: pods.id.clone(),
            name: pods.name.clone(),
            kind: if pods.stages.is_empty() {
                "pods"
            } else {
                "dag"
            },
            pods: pods.pods.len(),
            tasks: 0,
            length_ms: pods.length.millis(),
        },
    }
}

impl Gathered {
    fn pod(&mut self, pod: &Pod, requests: Option<&Resources>) {
        self.pods.total += 1;
        let role = match pod.role.unwrap_or(Role::Other) {
            Role::Driver => "driver",
            Role::Executor => "executor",
            Role::Other => "other",
        };
        let end = match pod.end_reason {
            Some(EndReason::Finished) => "finished",
            Some(EndReason::Failed) => "failed",
            Some(EndReason::Deleted) => "deleted",
            Some(EndReason::ScaleDown) => "scale-down",
            Some(EndReason::Lost) => "lost",
            Some(EndReason::Unscheduled) => "unscheduled",
            None if pod.end_ms.is_some() => "ended",
            None => "open",
        };
        *self.pods.by_role.entry(role.to_owned()).or_default() += 1;
        *self.pods.by_end.entry(end.to_owned()).or_default() += 1;
        if let Some(requests) = requests {
            self.cpu_milli
                .extend(Some(requests.cpu.millis()).filter(|&milli| milli > 0));
            self.mem_mib
                .extend(Some(requests.memory.mib()).filter(|&mib| mib > 0));
        }
        let begun = [
            pod.create_ms,
            pod.scheduled_ms,
            pod.started_ms,
            pod.registered_ms,
        ];
        if let Some(begun) = begun.into_iter().flatten().next() {
            *self.created.entry(begun.div_euclid(60_000)).or_default() += 1;
        }
        self.seen(begun.into_iter().chain([pod.end_ms]));
    }

    /// A log's driver and executors, as an import would write them.
    fn log(&mut self, recorded: &Recorded) {
        let millis = |time: Timestamp| Some((time - Timestamp::ZERO).millis());
        let driver = Pod {
            role: Some(Role::Driver),
            started_ms: millis(recorded.started),
            end_ms: recorded.ended.and_then(millis),
            ..Pod::default()
        };
        self.pod(&driver, requests::driver(recorded).ok().as_ref());
        for executor in &recorded.executors {
            let pod = Pod {
                role: Some(Role::Executor),
                registered_ms: millis(executor.added),
                end_ms: executor.removed.and_then(|(time, _)| millis(time)),
                end_reason: executor.removed.map(|(_, removal)| removal.into()),
                ..Pod::default()
            };
            self.pod(
                &pod,
                requests::executor(recorded, executor.profile).ok().as_ref(),
            );
        }
        self.seen([millis(recorded.submitted), millis(recorded.last_event)]);
    }

    fn seen(&mut self, times: impl IntoIterator<Item = Option<i64>>) {
        for time in times.into_iter().flatten() {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }

    fn summary(mut self) -> Summary {
        // Of several that are as busy, the first.
        let busiest = self
            .created
            .iter()
            .max_by_key(|(minute, pods)| (**pods, -**minute));
        let busiest = busiest.map(|(minute, pods)| Minute {
            from_ms: minute * 60_000,
            pods: *pods,
        });
        Summary {
            span_ms: self.times.map_or(0, |(first, last)| last - first),
            cpu_milli: quantiles(&mut self.cpu_milli),
            mem_mib: quantiles(&mut self.mem_mib),
            busiest_minute: busiest,
            pods: self.pods,
            ..Summary::default()
        }
    }
}

/// The least value that so many per cent of all do not exceed.
fn quantiles(values: &mut [u64]) -> Option<Quantiles> {
    values.sort_unstable();
    let at = |percent: usize| {
        let place = (values.len() * percent).div_ceil(100);
        values.get(place.checked_sub(1)?).copied()
    };
    Some(Quantiles {
        p50: at(50)?,
        p90: at(90)?,
        p99: at(99)?,
        max: at(100)?,
    })
}
