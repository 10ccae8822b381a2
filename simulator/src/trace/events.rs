//! Spark's event format: the few fields of each event that are read, borrowed from the line where
//! possible. Field names are Spark's own; unknown fields and events are passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sparkwright::model::time::Span;

#[derive(Deserialize)]
pub(super) struct Name<'a> {
    #[serde(rename = "Event", borrow)]
    pub event: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct LogStart {
    #[serde(rename = "Spark Version")]
    pub version: String,
}

#[derive(Deserialize)]
pub(super) struct ApplicationStart {
    #[serde(rename = "App Name")]
    pub name: String,
    #[serde(rename = "App ID")]
    pub id: Option<String>,
    #[serde(rename = "App Attempt ID")]
    pub attempt: Option<String>,
    #[serde(rename = "Timestamp")]
    pub time: i64,
}

#[derive(Deserialize)]
pub(super) struct ApplicationEnd {
    #[serde(rename = "Timestamp")]
    pub time: i64,
}

#[derive(Deserialize)]
pub(super) struct EnvironmentUpdate {
    #[serde(rename = "Spark Properties", deserialize_with = "texts")]
    pub properties: BTreeMap<String, String>,
}

/// Spark writes texts only; where somebody's tool wrote a number or a flag, it is taken as its text.
fn texts<'de, D: Deserializer<'de>>(json: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(json)?;
    let text = |(key, value)| match value {
        Value::String(text) => Some((key, text)),
        Value::Number(_) | Value::Bool(_) => Some((key, value.to_string())),
        _ => None,
    };
    Ok(values.into_iter().filter_map(text).collect())
}

#[derive(Deserialize)]
pub(super) struct BlockManagerAdded<'a> {
    #[serde(rename = "Block Manager ID", borrow)]
    pub manager: BlockManager<'a>,
    #[serde(rename = "Timestamp")]
    pub time: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct BlockManager<'a> {
    #[serde(rename = "Executor ID", borrow)]
    pub executor: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ExecutorAdded<'a> {
    #[serde(rename = "Timestamp")]
    pub time: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub executor: Cow<'a, str>,
    #[serde(rename = "Executor Info")]
    pub info: ExecutorInfo,
}

#[derive(Deserialize)]
pub(super) struct ExecutorInfo {
    #[serde(rename = "Total Cores")]
    pub cores: u32,
    #[serde(rename = "Resource Profile Id", default)]
    pub profile: u32,
}

#[derive(Deserialize)]
pub(super) struct ExecutorRemoved<'a> {
    #[serde(rename = "Timestamp")]
    pub time: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub executor: Cow<'a, str>,
    #[serde(rename = "Removed Reason", borrow, default)]
    pub reason: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ProfileAdded {
    #[serde(rename = "Resource Profile Id")]
    pub id: u32,
    #[serde(rename = "Executor Resource Requests", default)]
    pub executor: BTreeMap<String, ExecutorResource>,
    #[serde(rename = "Task Resource Requests", default)]
    pub task: BTreeMap<String, TaskResource>,
}

#[derive(Deserialize)]
pub(super) struct ExecutorResource {
    #[serde(rename = "Amount")]
    pub amount: u64,
    #[serde(rename = "Vendor", default)]
    pub vendor: String,
}

#[derive(Deserialize)]
pub(super) struct TaskResource {
    #[serde(rename = "Amount")]
    pub amount: f64,
}

#[derive(Deserialize)]
pub(super) struct JobStart {
    #[serde(rename = "Job ID")]
    pub id: u32,
    #[serde(rename = "Submission Time")]
    pub time: Option<i64>,
    #[serde(rename = "Stage IDs", default)]
    pub stages: Vec<u32>,
    #[serde(rename = "Stage Infos", default)]
    pub infos: Vec<NamedStage>,
    #[serde(rename = "Properties")]
    pub properties: Option<JobProperties>,
}

#[derive(Deserialize)]
pub(super) struct JobProperties {
    #[serde(rename = "spark.sql.execution.id")]
    pub execution: Option<String>,
    #[serde(rename = "spark.scheduler.pool")]
    pub pool: Option<String>,
}

/// A stage as its job names it, whether it will run or not.
#[derive(Deserialize)]
pub(super) struct NamedStage {
    #[serde(rename = "Stage ID")]
    pub id: u32,
    #[serde(rename = "RDD Info", default)]
    pub rdds: Vec<Rdd>,
}

#[derive(Deserialize)]
pub(super) struct Rdd {
    #[serde(rename = "RDD ID")]
    pub id: u32,
    #[serde(rename = "Storage Level", default)]
    pub level: StorageLevel,
}

#[derive(Default, Deserialize)]
pub(super) struct StorageLevel {
    #[serde(rename = "Use Disk", default)]
    pub disk: bool,
    #[serde(rename = "Use Memory", default)]
    pub memory: bool,
}

#[derive(Deserialize)]
pub(super) struct UnpersistRdd {
    #[serde(rename = "RDD ID")]
    pub id: u32,
}

#[derive(Deserialize)]
pub(super) struct JobEnd {
    #[serde(rename = "Job ID")]
    pub id: u32,
    #[serde(rename = "Completion Time")]
    pub time: Option<i64>,
}

/// StageSubmitted and StageCompleted.
#[derive(Deserialize)]
pub(super) struct StageEvent {
    #[serde(rename = "Stage Info")]
    pub info: StageInfo,
}

#[derive(Deserialize)]
pub(super) struct StageInfo {
    #[serde(rename = "Stage ID")]
    pub id: u32,
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: u32,
    #[serde(rename = "Parent IDs")]
    pub parents: Option<Vec<u32>>,
    #[serde(rename = "Submission Time")]
    pub submitted: Option<i64>,
    #[serde(rename = "Completion Time")]
    pub completed: Option<i64>,
    #[serde(rename = "Resource Profile Id", default)]
    pub profile: u32,
    #[serde(rename = "RDD Info", default)]
    pub rdds: Vec<Rdd>,
}

#[derive(Deserialize)]
pub(super) struct TaskEnd<'a> {
    #[serde(rename = "Stage ID")]
    pub stage: u32,
    #[serde(rename = "Stage Attempt ID", default)]
    pub stage_attempt: u32,
    #[serde(rename = "Task Type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(rename = "Task End Reason", borrow)]
    pub reason: TaskEndReason<'a>,
    #[serde(rename = "Task Info", borrow)]
    pub info: TaskInfo<'a>,
}

#[derive(Deserialize)]
pub(super) struct TaskEndReason<'a> {
    #[serde(rename = "Reason", borrow)]
    pub reason: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct TaskInfo<'a> {
    #[serde(rename = "Task ID")]
    pub id: u64,
    #[serde(rename = "Index")]
    pub index: u32,
    #[serde(rename = "Attempt", default)]
    pub attempt: u32,
    #[serde(rename = "Launch Time")]
    pub launched: i64,
    #[serde(rename = "Executor ID", borrow)]
    pub executor: Cow<'a, str>,
    #[serde(rename = "Locality", borrow, default)]
    pub locality: Cow<'a, str>,
    #[serde(rename = "Speculative", default)]
    pub speculative: bool,
    #[serde(rename = "Finish Time")]
    pub finished: i64,
}

/// Reads a TaskEnd. Most of its line is accumulables and metrics, which Spark writes last: what stands
/// before them is parsed alone where that makes a whole event, else the line.
pub(super) fn task_end<'a>(
    line: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> serde_json::Result<TaskEnd<'a>> {
    let is_whole = line.trim_ascii_end().ends_with(b"}");
    // In a string the quotes would be escaped, so this is a field.
    if let Some(end) = memmem::find(line, b",\"Accumulables\":").filter(|_| is_whole) {
        scratch.clear();
        scratch.extend_from_slice(&line[..end]);
        scratch.extend_from_slice(b"}}");
        if let Ok(event) = serde_json::from_slice(scratch) {
            return Ok(event);
        }
    }
    serde_json::from_slice(line)
}

/// A task's metrics are the last of its line, and these many bytes hold them but where it cached blocks.
const METRICS: usize = 2048;

/// The CPU time of a TaskEnd's task, to the nearest millisecond; None where Spark did not write it, as
/// before 2.1 and for tasks that were lost. In a string the quotes would be escaped, so these are fields.
pub(super) fn cpu_time(line: &[u8]) -> Option<Span> {
    let end = &line[line.len().saturating_sub(METRICS)..];
    let field = |key: &[u8]| -> Option<u64> {
        let after = |text: &'_ [u8]| memmem::rfind(text, key).map(|at| at + key.len());
        let digits = match memmem::find(end, key) {
            Some(at) => &end[at + key.len()..],
            None => &line[after(line)?..],
        };
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        std::str::from_utf8(&digits[..count]).ok()?.parse().ok()
    };
    let run = field(b"\"Executor CPU Time\":")?;
    let deserialize = field(b"\"Executor Deserialize CPU Time\":").unwrap_or(0);
    let nanos = run.saturating_add(deserialize);
    let millis = nanos / 1_000_000 + u64::from(nanos % 1_000_000 >= 500_000);
    Some(Span::from_millis(i64::try_from(millis).ok()?))
}
