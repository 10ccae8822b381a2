//! Hostile logs: a whole one, broken in every way that bytes, lines and values allow, in every codec.
//! Whatever comes of it is an application that can be replayed, or one line that says why not.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::trace;
use crate::trace::codec::tests::write::Form;
use crate::world::submission::Submission;

#[test]
fn the_log_that_is_broken_below_is_whole() {
    let text = lines().join("\n");
    let read = read(text.as_bytes());
    let recorded = read[0].as_ref().expect("it is whole");
    assert_eq!((recorded.tasks.len(), recorded.jobs.len()), (24, 3));
    assert_eq!(recorded.notes, Vec::<String>::new());
    let submission = Submission::new(recorded).expect("it can be replayed");
    assert!(
        submission.fidelity.error_permille < Some(50),
        "{:?}",
        submission.fidelity
    );
}

proptest! {
    #[test]
    fn broken_bytes_never_panic(
        breaks in prop::collection::vec(any_break(), 1..5),
        form in select(Form::ALL.to_vec()),
        block in 1_usize..4000,
        later in prop::collection::vec(any_break(), 0..3),
    ) {
        let mut text = lines().join("\n").into_bytes();
        breaks.iter().for_each(|each| each.apply(&mut text));
        let mut stored = form.encode(&text, block);
        later.iter().for_each(|each| each.apply(&mut stored));
        judge(&stored)?;
    }

    #[test]
    fn broken_values_never_panic(
        changes in prop::collection::vec(any_change(), 1..6),
        moves in prop::collection::vec((any::<Index>(), any::<Index>()), 0..4),
    ) {
        let mut events = events();
        changes.iter().for_each(|change| change.apply(&mut events));
        for (from, to) in moves {
            let (from, to) = (from.index(events.len()), to.index(events.len()));
            events.swap(from, to);
        }
        let lines: Vec<String> = events.iter().map(line).collect();
        judge(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn frames_that_are_none_never_panic(
        magic in select(vec![
            &b"LZ4Block"[..], b"LZ4Block\x26", b"\x82SNAPPY\x00", b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01",
            b"ZV\x01", b"ZV\x00", b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"{\"Event\":\"", b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        judge(&[magic, &rest].concat())?;
    }
}

/// Reads the bytes and replays what is accepted.
fn judge(stored: &[u8]) -> Result<(), TestCaseError> {
    for outcome in read(stored) {
        let told = match outcome {
            Err(skipped) => skipped.reason,
            Ok(recorded) => {
                let lines = stored.len() * 300;
                let facts = recorded.tasks.len() + recorded.jobs.len() + recorded.executors.len();
                prop_assert!(facts <= lines, "{facts} facts of {} bytes", stored.len());
                match Submission::new(&recorded) {
                    Ok(_) => continue,
                    Err(error) => error.to_string(),
                }
            }
        };
        prop_assert!(!told.trim().is_empty() && !told.contains('\n'), "{told:?}");
    }
    Ok(())
}

fn read(stored: &[u8]) -> Vec<Result<trace::Recorded, trace::Skipped>> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("log");
    std::fs::write(&path, stored).unwrap();
    let read: Vec<_> = trace::open(&path).collect();
    assert_eq!(read.len(), 1);
    read
}

/// A way to break bytes.
#[derive(Clone, Debug)]
enum Break {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
    Insert(Index, Vec<u8>),
}

fn any_break() -> impl Strategy<Value = Break> {
    let junk = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40),
        select(vec![
            b"\n".to_vec(),
            b"\"".to_vec(),
            b"{".to_vec(),
            b"[[[[[[".to_vec(),
            b"\\".to_vec()
        ]),
        "[0-9]{1,30}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        3 => (any::<Index>(), 1_u8..).prop_map(|(at, mask)| Break::Flip(at, mask)),
        1 => any::<Index>().prop_map(Break::Cut),
        2 => (any::<Index>(), 1_usize..900).prop_map(|(at, length)| Break::Remove(at, length)),
        2 => (any::<Index>(), 1_usize..900).prop_map(|(at, length)| Break::Repeat(at, length)),
        2 => (any::<Index>(), junk).prop_map(|(at, junk)| Break::Insert(at, junk)),
    ]
}

impl Break {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        match self {
            Break::Flip(at, mask) => bytes[at.index(size)] ^= mask,
            Break::Cut(at) => bytes.truncate(at.index(size)),
            Break::Remove(at, length) => {
                let at = at.index(size);
                bytes.drain(at..(at + length).min(size));
            }
            Break::Repeat(at, length) => {
                let at = at.index(size);
                let again = bytes[at..(at + length).min(size)].to_vec();
                bytes.splice(at..at, again);
            }
            Break::Insert(at, junk) => {
                let at = at.index(size);
                bytes.splice(at..at, junk.iter().copied());
            }
        }
    }
}

/// A change of one value somewhere in an event; None takes the field away.
#[derive(Clone, Debug)]
struct Change {
    event: Index,
    steps: Vec<Index>,
    value: Option<Value>,
}

fn any_change() -> impl Strategy<Value = Change> {
    let hostile = vec![
        None,
        Some(Value::Null),
        Some(json!(0)),
        Some(json!(-1)),
        Some(json!(1)),
        Some(json!(i64::MAX)),
        Some(json!(i64::MIN)),
        Some(json!(u64::MAX)),
        Some(json!(u32::MAX)),
        Some(json!(4_000_000_000_000_i64)),
        Some(json!(1e308)),
        Some(json!(0.0001)),
        Some(json!(true)),
        Some(json!("")),
        Some(json!("0")),
        Some(json!("-1")),
        Some(json!("NaN")),
        Some(json!("0s")),
        Some(json!("99999999999999999999")),
        Some(json!("true")),
        Some(json!("2147483647")),
        Some(json!("local[*]")),
        Some(json!("driver")),
        Some(json!("line\nbreak")),
        Some(json!([])),
        Some(json!([0, 1, 2, 3, 4, 4_294_967_295_u32])),
        Some(json!({})),
        Some(json!({"Amount": u64::MAX})),
    ];
    let steps = prop::collection::vec(any::<Index>(), 1..5);
    (any::<Index>(), steps, select(hostile)).prop_map(|(event, steps, value)| Change {
        event,
        steps,
        value,
    })
}

impl Change {
    fn apply(&self, events: &mut [Value]) {
        let count = events.len();
        let mut at = &mut events[self.event.index(count)];
        for (i, step) in self.steps.iter().enumerate() {
            let Some(fields) = at.as_object_mut().filter(|fields| !fields.is_empty()) else {
                break;
            };
            let key = fields
                .keys()
                .nth(step.index(fields.len()))
                .cloned()
                .unwrap();
            let is_last = i + 1 == self.steps.len() || !fields[&key].is_object();
            match &self.value {
                Some(value) if is_last => {
                    fields.insert(key, value.clone());
                    return;
                }
                None if is_last => {
                    fields.remove(&key);
                    return;
                }
                _ => at = fields.get_mut(&key).unwrap(),
            }
        }
    }
}

fn lines() -> Vec<String> {
    events().iter().map(line).collect()
}

/// An event as Spark writes it: its name first, accumulables and metrics last.
fn line(value: &Value) -> String {
    let Some(fields) = value.as_object() else {
        return value.to_string();
    };
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| match key.as_str() {
        "Event" => 0,
        "Accumulables" | "Task Metrics" => 2,
        _ => 1,
    });
    let field = |key: &String| format!("{}:{}", json!(key), line(&fields[key]));
    let fields: Vec<String> = keys.into_iter().map(field).collect();
    format!("{{{}}}", fields.join(","))
}

/// A small application with everything that a log can hold: dynamic allocation, a resource profile,
/// three jobs of two stages, failures, an executor that is lost.
fn events() -> Vec<Value> {
    let start = 1_700_000_000_000_i64;
    let at = |millis: i64| start + millis;
    let executor = |id: &str, time: i64| {
        json!({"Event": "SparkListenerExecutorAdded", "Timestamp": at(time), "Executor ID": id,
               "Executor Info": {"Host": "h", "Total Cores": 4, "Log Urls": {}, "Resource Profile Id": 0}})
    };
    let mut events = vec![
        json!({"Event": "SparkListenerLogStart", "Spark Version": "3.5.3"}),
        json!({"Event": "SparkListenerResourceProfileAdded", "Resource Profile Id": 1,
               "Executor Resource Requests": {"cores": {"Resource Name": "cores", "Amount": 4, "Vendor": ""}},
               "Task Resource Requests": {"cpus": {"Resource Name": "cpus", "Amount": 1.0}}}),
        json!({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": {
            "spark.master": "k8s://https://kubernetes", "spark.executor.cores": "4", "spark.executor.memory": "4g",
            "spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": "1",
            "spark.dynamicAllocation.maxExecutors": "3", "spark.dynamicAllocation.executorIdleTimeout": "10s",
            "spark.dynamicAllocation.schedulerBacklogTimeout": "1s", "spark.task.cpus": "1",
            "spark.app.submitTime": (at(-3000)).to_string(), "spark.kubernetes.allocation.batch.size": "5"}}),
        json!({"Event": "SparkListenerApplicationStart", "App Name": "a", "App ID": "app-1",
               "App Attempt ID": "1", "Timestamp": start, "User": "u"}),
        json!({"Event": "SparkListenerBlockManagerAdded", "Timestamp": at(200),
               "Block Manager ID": {"Executor ID": "driver", "Host": "h", "Port": 1}}),
        executor("1", 3000),
        executor("2", 4000),
    ];
    for job in 0..3 {
        let from = 5000 + i64::from(job) * 20_000;
        let stages = [2 * job, 2 * job + 1];
        events.push(json!({"Event": "SparkListenerJobStart", "Job ID": job, "Submission Time": at(from),
                           "Stage IDs": stages, "Properties": {"spark.sql.execution.id": job.to_string()}}));
        for (half, stage) in (0_i64..).zip(stages) {
            let from = from + half * 6000;
            let mut info = json!({"Stage ID": stage, "Stage Attempt ID": 0, "Submission Time": at(from),
                                  "Parent IDs": if half == 0 { vec![] } else { vec![stages[0]] },
                                  "Resource Profile Id": 0});
            events
                .push(json!({"Event": "SparkListenerStageSubmitted", "Stage Info": info.clone()}));
            for index in 0..4_i32 {
                let reason = if job == 2 && index == 3 {
                    "ExceptionFailure"
                } else {
                    "Success"
                };
                events.push(json!({"Event": "SparkListenerTaskEnd", "Stage ID": stage, "Stage Attempt ID": 0,
                    "Task Type": if half == 0 { "ShuffleMapTask" } else { "ResultTask" },
                    "Task End Reason": {"Reason": reason},
                    "Task Info": {"Task ID": stage * 4 + index, "Index": index, "Attempt": 0,
                                  "Launch Time": at(from + 100), "Executor ID": (1 + index % 2).to_string(),
                                  "Locality": "ANY", "Speculative": false, "Finish Time": at(from + 5000),
                                  "Accumulables": [{"ID": 1}]},
                    "Task Metrics": {"Executor Run Time": 4900}}));
            }
            info["Completion Time"] = json!(at(from + 5100));
            events.push(json!({"Event": "SparkListenerStageCompleted", "Stage Info": info}));
        }
        events.push(json!({"Event": "SparkListenerJobEnd", "Job ID": job, "Completion Time": at(from + 11_200),
                           "Job Result": {"Result": "JobSucceeded"}}));
    }
    events.push(
        json!({"Event": "SparkListenerExecutorRemoved", "Timestamp": at(58_000), "Executor ID": "2",
                       "Removed Reason": "Container killed"}),
    );
    events.push(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": at(60_000)}));
    events
}
