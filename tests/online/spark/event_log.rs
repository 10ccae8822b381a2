//! What Spark's own event log says of a run: which stages ran, which were skipped because their output was
//! still there, which tasks failed, why executors went.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The log of one application.
pub struct EventLog {
    events: Vec<Value>,
}

impl EventLog {
    /// Reads the one log of a folder.
    pub fn read(folder: &Path) -> Self {
        let logs = fs::read_dir(folder).expect("it was made before the application");
        let logs: Vec<_> = logs.flatten().collect();
        assert_eq!(logs.len(), 1, "one application wrote there: {logs:?}");
        let text = fs::read_to_string(logs[0].path()).expect("it is a file");
        let events = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("an event is JSON"));
        EventLog {
            events: events.collect(),
        }
    }

    /// Stages of each job in the order of jobs: how many ran, and how many were skipped.
    pub fn stages(&self) -> Vec<(usize, usize)> {
        let id = |stage: &Value| stage["Stage ID"].as_u64();
        let submitted = self
            .of("StageSubmitted")
            .map(|event| id(&event["Stage Info"]));
        let submitted: BTreeSet<_> = submitted.collect();
        let jobs = self.of("JobStart").map(|job| {
            let stages = job["Stage Infos"].as_array().map_or(&[][..], Vec::as_slice);
            let ran = stages
                .iter()
                .filter(|stage| submitted.contains(&id(stage)))
                .count();
            (ran, stages.len() - ran)
        });
        jobs.collect()
    }

    /// Why tasks that did not succeed ended.
    pub fn failed_tasks(&self) -> Vec<&str> {
        let reasons = self
            .of("TaskEnd")
            .map(|event| &event["Task End Reason"]["Reason"]);
        let reasons = reasons.filter_map(Value::as_str);
        reasons.filter(|reason| *reason != "Success").collect()
    }

    /// Why executors were removed: their number, when in milliseconds since 1970, and what Spark said.
    pub fn removed(&self) -> Vec<(&str, u64, &str)> {
        let removed = self.of("ExecutorRemoved").filter_map(|event| {
            let text = |name: &str| event[name].as_str();
            Some((
                text("Executor ID")?,
                event["Timestamp"].as_u64()?,
                text("Removed Reason")?,
            ))
        });
        removed.collect()
    }

    /// When the first task began, in milliseconds since 1970.
    pub fn first_task(&self) -> Option<u64> {
        let begun = self
            .of("TaskStart")
            .filter_map(|event| event["Task Info"]["Launch Time"].as_u64());
        begun.min()
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let name = format!("SparkListener{kind}");
        self.events
            .iter()
            .filter(move |event| event["Event"] == *name)
    }
}
