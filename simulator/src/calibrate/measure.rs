//! CPU time per task of everything that ran on one family: by application, stage and place in the stage,
//! so that the same task can be found on another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sparkwright::model::time::Span;

use super::TraceOf;
use crate::trace::format::{self, Demand, Tables, demands};
use crate::trace::recorded::{Outcome, Recorded};
use crate::trace::{self};

/// What makes a stage the same work on two machines: it has the same name in the same application, reads
/// the same stages and has as many tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StageKey {
    pub application: String,
    pub stage: u32,
    parents: Vec<u32>,
    tasks: usize,
    writes_shuffle: bool,
}

/// CPU times of the tasks of a stage, by place in it; one of each run.
pub(super) type Tasks = BTreeMap<u32, Vec<Span>>;

/// Everything that ran on one family.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub stages: BTreeMap<StageKey, Tasks>,
    pub versions: BTreeSet<String>,
}

impl Measured {
    /// Adds a trace; the answer is what was left out of it. Err where it cannot be used.
    pub fn read(&mut self, trace: &TraceOf) -> Result<Vec<String>, String> {
        let (mut skipped, mut applications, mut timed) = (Vec::new(), 0, false);
        for read in recorded(&trace.path)? {
            match read {
                Ok(recorded) => {
                    let told = recorded.machine.as_deref();
                    if let Some(told) = told.filter(|told| *told != trace.family) {
                        return Err(format!(
                            "was recorded on {told}, as application {} tells; write ={told}",
                            recorded.id
                        ));
                    }
                    applications += 1;
                    timed |= self.add(&recorded);
                }
                Err(line) => skipped.push(line),
            }
        }
        match applications {
            0 => Err(match skipped.first() {
                Some(line) => format!("has no application that can be read: {line}"),
                None => "has no event log; name a log, a folder of logs or a trace".to_owned(),
            }),
            _ if !timed => Err(
                "has no CPU time of any task; Spark writes it from version 2.1 on, in logs that are \
                 not cut down"
                    .to_owned(),
            ),
            _ => Ok(skipped),
        }
    }

    /// Adds an application; true where any of its tasks has a CPU time.
    fn add(&mut self, recorded: &Recorded) -> bool {
        self.versions.extend(recorded.version.clone());
        let mut stages: BTreeMap<u32, BTreeMap<u32, (bool, Option<Span>)>> = BTreeMap::new();
        for task in &recorded.tasks {
            if task.outcome == Outcome::Success {
                let tasks = stages.entry(task.stage).or_default();
                tasks
                    .entry(task.index)
                    .or_insert((task.writes_shuffle, task.cpu));
            }
        }
        let mut timed = false;
        for (stage, tasks) in stages {
            let attempt = recorded.stages.range((stage, 0)..=(stage, u32::MAX)).next();
            let key = StageKey {
                application: recorded.name.clone(),
                stage,
                parents: attempt.map_or(Vec::new(), |(_, stage)| stage.parents.clone()),
                tasks: tasks.len(),
                writes_shuffle: tasks.values().any(|(writes, _)| *writes),
            };
            let own = self.stages.entry(key).or_default();
            for (index, (_, cpu)) in tasks {
                timed |= cpu.is_some();
                own.entry(index).or_default().extend(cpu);
            }
        }
        timed
    }

    /// Names of the applications.
    pub fn applications(&self) -> BTreeSet<&str> {
        let names = self.stages.keys().map(|key| key.application.as_str());
        names.collect()
    }
}

type Read = Vec<Result<Recorded, String>>;

/// The Spark applications under a path, or what is wrong with each input.
fn recorded(path: &Path) -> Result<Read, String> {
    if !format::is_trace(path) {
        let logs = trace::open(path);
        return Ok(logs
            .map(|read| read.map_err(|skipped| format!("{}: {}", skipped.input, skipped.reason)))
            .collect());
    }
    let tables = Tables::read(path).map_err(|finding| finding.to_string())?;
    let all = demands(path, tables).filter_map(|demand| match demand {
        Ok(Demand::Spark(recorded)) => Some(Ok(*recorded)),
        Ok(Demand::Pods(_)) => None,
        Err(finding) => Some(Err(finding.to_string())),
    });
    Ok(all.collect())
}
