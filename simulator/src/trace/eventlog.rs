//! An event log to a recorded application, line by line: the event's name decides whether the rest
//! of its line is parsed at all. Lines that cannot be read are counted and passed over.

mod gaps;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use sparkwright::model::time::{Span, Timestamp};

use super::events::{self as event, Name};
use super::layout::Log;
use super::recorded::{
    Executor, ExecutorRequest, Job, Locality, Outcome, Profile, Recorded, Removal, Task,
};
use super::{Skipped, clock, codec, machine};
use gaps::Gaps;

/// A longer line is passed over. SQL plans reach some megabytes; nothing that is read comes close.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// After so many lines without a single event, a file is not taken for a log.
const LINES_TO_TELL: u64 = 32;

/// Reads a log. Refuses what is no event log, has no ApplicationStart, or has clocks that cannot be.
pub fn read(log: &Log) -> Result<Recorded, Skipped> {
    let skip = |reason: String| Skipped::new(&log.path, reason);
    let mut reading = Reading::default();
    for part in &log.parts {
        let content = log.store.open(part).and_then(codec::decode);
        match content.and_then(|mut content| reading.part(&mut content)) {
            Ok(()) => {}
            // What a crash leaves behind: the events up to here count.
            Err(error) if reading.started => {
                let note = format!("{} breaks off ({error})", part.display());
                reading.recorded.notes.push(note);
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return Err(skip(error.to_string()));
            }
            Err(error) => return Err(skip(format!("cannot be read ({error})"))),
        }
    }
    reading.finish(log).map_err(skip)
}

#[derive(Default)]
struct Reading {
    recorded: Recorded,
    started: bool,
    lines: u64,
    events: u64,
    malformed: u64,
    too_long: u64,
    executors: BTreeMap<String, usize>,
    jobs: BTreeMap<u32, usize>,
    gaps: Gaps,
    scratch: Vec<u8>,
}

impl Reading {
    fn part(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = input.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(());
            }
            self.lines += 1;
            let whole = line.last() == Some(&b'\n');
            if !whole && u64::try_from(length).is_ok_and(|length| length == MAX_LINE_BYTES) {
                input.skip_until(b'\n')?;
                self.too_long += 1;
            } else if !line.trim_ascii().is_empty() && self.line(&line).is_err() {
                self.malformed += 1;
            }
            let seems_none = self.lines >= LINES_TO_TELL || self.too_long > 0;
            if self.events == 0 && seems_none {
                return Ok(());
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> serde_json::Result<()> {
        let name = match quick_name(line) {
            Some(name) => name.into(),
            None => serde_json::from_slice::<Name>(line)?.event,
        };
        self.events += 1;
        match name.as_ref() {
            "SparkListenerTaskEnd" => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let cpu = event::cpu_time(line);
                let read = event::task_end(line, &mut scratch).map(|end| self.task_end(end, cpu));
                self.scratch = scratch;
                read?;
            }
            "SparkListenerStageSubmitted" | "SparkListenerStageCompleted" => {
                self.stage(parse(line)?);
            }
            "SparkListenerJobStart" => self.job_start(parse(line)?),
            "SparkListenerJobEnd" => self.job_end(&parse(line)?),
            "SparkListenerUnpersistRDD" => {
                let rdd = parse::<event::UnpersistRdd>(line)?.id;
                self.recorded
                    .unpersisted
                    .push((rdd, self.recorded.jobs.len()));
            }
            "SparkListenerExecutorAdded" => self.executor_added(&parse(line)?),
            "SparkListenerExecutorRemoved" => self.executor_removed(&parse(line)?),
            "SparkListenerBlockManagerAdded" => self.block_manager(&parse(line)?),
            "SparkListenerResourceProfileAdded" => self.profile(parse(line)?),
            "SparkListenerEnvironmentUpdate" => {
                self.recorded.properties = parse::<event::EnvironmentUpdate>(line)?.properties;
            }
            "SparkListenerApplicationStart" => self.start(parse(line)?),
            "SparkListenerApplicationEnd" => {
                let time = self.seen(parse::<event::ApplicationEnd>(line)?.time);
                self.recorded.ended = Some(time);
            }
            "SparkListenerLogStart" => {
                self.recorded.version = Some(parse::<event::LogStart>(line)?.version);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, start: event::ApplicationStart) {
        if self.started {
            return;
        }
        self.started = true;
        self.recorded.started = self.seen(start.time);
        self.recorded.id = start.id.unwrap_or_default();
        self.recorded.name = start.name;
        self.recorded.attempt = start.attempt;
    }

    fn block_manager(&mut self, added: &event::BlockManagerAdded) {
        let Some(time) = added.time.map(|time| self.seen(time)) else {
            return;
        };
        match added.manager.executor.as_ref() {
            "driver" | "<driver>" => self.recorded.driver_ready = Some(time),
            id => {
                self.gaps.managers.entry(id.to_owned()).or_insert(time);
            }
        }
    }

    fn profile(&mut self, added: event::ProfileAdded) {
        let request = |resource: event::ExecutorResource| ExecutorRequest {
            amount: resource.amount,
            vendor: resource.vendor,
        };
        let profile = Profile {
            executor: (added.executor.into_iter())
                .map(|(name, resource)| (name, request(resource)))
                .collect(),
            task: (added.task.into_iter())
                .map(|(name, resource)| (name, resource.amount))
                .collect(),
        };
        self.recorded.profiles.insert(added.id, profile);
    }

    fn executor_added(&mut self, added: &event::ExecutorAdded) {
        let time = self.seen(added.time);
        let index = self.executor(&added.executor, time);
        self.gaps.added.insert(added.executor.as_ref().to_owned());
        let executor = &mut self.recorded.executors[index];
        executor.added = time;
        executor.cores = added.info.cores;
        executor.profile = added.info.profile;
    }

    /// Only the first removal counts: a decommissioned executor is removed again as it exits.
    fn executor_removed(&mut self, removed: &event::ExecutorRemoved) {
        let time = self.seen(removed.time);
        let index = self.executor(&removed.executor, time);
        let removal = Removal::of(&removed.reason);
        let executor = &mut self.recorded.executors[index];
        executor.removed.get_or_insert((time, removal));
    }

    /// The executor of this id, which may be mentioned before it is added.
    fn executor(&mut self, id: &str, time: Timestamp) -> usize {
        if let Some(&index) = self.executors.get(id) {
            return index;
        }
        let index = self.recorded.executors.len();
        self.executors.insert(id.to_owned(), index);
        self.recorded.executors.push(Executor::mentioned(id, time));
        index
    }

    fn job_start(&mut self, start: event::JobStart) {
        let started = start.time.map(|time| self.seen(time));
        if started.is_none() {
            self.gaps.jobs.push(self.recorded.jobs.len());
        }
        let (execution, pool) = match start.properties {
            Some(properties) => (properties.execution, properties.pool),
            None => (None, None),
        };
        for stage in start.infos {
            self.rdds_of(stage.id, &stage.rdds);
        }
        self.jobs.insert(start.id, self.recorded.jobs.len());
        self.recorded.jobs.push(Job {
            id: start.id,
            started: started.unwrap_or(self.recorded.last_event),
            ended: None,
            stages: start.stages,
            execution: execution.and_then(|execution| execution.parse().ok()),
            pool,
        });
    }

    /// A stage computes the youngest of its RDDs out of the others.
    fn rdds_of(&mut self, stage: u32, rdds: &[event::Rdd]) {
        if let Some(youngest) = rdds.iter().map(|rdd| rdd.id).max() {
            self.recorded.rdds.insert(stage, youngest);
        }
    }

    fn job_end(&mut self, end: &event::JobEnd) {
        let time = end.time.map(|time| self.seen(time));
        if let Some(&job) = self.jobs.get(&end.id) {
            self.recorded.jobs[job].ended = Some(time.unwrap_or(self.recorded.last_event));
        }
    }

    fn stage(&mut self, event: event::StageEvent) {
        let info = event.info;
        self.rdds_of(info.id, &info.rdds);
        let submitted = info.submitted.map(|time| self.seen(time));
        let completed = info.completed.map(|time| self.seen(time));
        let stage = (self.recorded.stages)
            .entry((info.id, info.attempt))
            .or_default();
        stage.submitted = submitted.or(stage.submitted);
        stage.completed = completed.or(stage.completed);
        stage.profile = info.profile;
        if let Some(parents) = info.parents {
            self.gaps.parents_are_told = true;
            stage.parents = parents;
        }
        stage.cached = (info.rdds.iter())
            .filter(|rdd| rdd.level.memory || rdd.level.disk)
            .map(|rdd| rdd.id)
            .collect();
    }

    fn task_end(&mut self, end: event::TaskEnd, cpu: Option<Span>) {
        let launched = self.seen(end.info.launched);
        let finished = self.seen(end.info.finished);
        let index = self.executor(&end.info.executor, launched);
        let executor = &mut self.recorded.executors[index];
        executor.last_launch = executor.last_launch.max(Some(launched));
        self.recorded.tasks.push(Task {
            id: end.info.id,
            stage: end.stage,
            stage_attempt: end.stage_attempt,
            index: end.info.index,
            attempt: end.info.attempt,
            executor: index,
            launched,
            finished,
            outcome: Outcome::of(&end.reason.reason),
            locality: Locality::of(&end.info.locality),
            speculative: end.info.speculative,
            writes_shuffle: end.kind == "ShuffleMapTask",
            cpu,
        });
    }

    fn seen(&mut self, millis: i64) -> Timestamp {
        let time = Timestamp::from_millis(millis);
        self.recorded.last_event = self.recorded.last_event.max(time);
        time
    }

    fn finish(self, log: &Log) -> Result<Recorded, String> {
        let mut recorded = self.recorded;
        if self.events == 0 {
            return Err("is not an event log: no line is a Spark event".to_owned());
        }
        if !self.started {
            return Err("has no ApplicationStart: its first part is missing".to_owned());
        }
        recorded.notes.extend(log.notes.iter().cloned());
        for (count, what) in [(self.malformed, "malformed"), (self.too_long, "too long")] {
            if count > 0 {
                let lines = if count == 1 { "line was" } else { "lines were" };
                let note = format!("{count} {what} {lines} skipped");
                recorded.notes.push(note);
            }
        }
        recorded.version = recorded.version.or_else(|| log.version.clone());
        if recorded.id.is_empty() {
            // As the History Server names it.
            let name = log.path.file_name().unwrap_or(log.path.as_os_str());
            recorded.id = name.to_string_lossy().into_owned();
        }
        let submitted = (recorded.properties.get("spark.app.submitTime"))
            .and_then(|time| time.parse().ok())
            .map(Timestamp::from_millis)
            .filter(|&time| clock::is_submission(time, recorded.started));
        recorded.submitted = submitted.unwrap_or(recorded.started);
        recorded.machine = machine::of_properties(&recorded.properties);
        self.gaps.fill(&mut recorded);
        clock::check(&recorded)?;
        Ok(recorded)
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(line)
}

/// The event's name where it is the first field, as Spark writes it.
fn quick_name(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"Event\":\"")?;
    let end = rest
        .iter()
        .position(|&byte| byte == b'"' || byte == b'\\')?;
    (rest[end] == b'"')
        .then(|| std::str::from_utf8(&rest[..end]).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
