//! Logs as they are in the wild, written by hand here: cut off, malformed, removed twice, not logs.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::trace::codec::tests::write::Form;
use crate::trace::layout;
use crate::trace::recorded::Outcome;

const START: &str = r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"app-1","Timestamp":1000000000,"User":"u"}"#;
const END: &str = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1000060000}"#;

#[test]
fn what_counts_of_a_log_is_read() {
    let recorded = read_text(&[
        r#"{"Event":"SparkListenerLogStart","Spark Version":"3.5.3"}"#,
        r#"{"Event":"SparkListenerEnvironmentUpdate","JVM Information":{},"Spark Properties":{"spark.app.submitTime":"999990000","spark.executor.cores":"4"}}"#,
        START,
        r#"{"Event":"SparkListenerExecutorAdded","Timestamp":1000005000,"Executor ID":"1","Executor Info":{"Host":"h","Total Cores":4,"Log Urls":{}}}"#,
        r#"{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1000006000,"Stage Infos":[],"Stage IDs":[0,1],"Properties":{"spark.sql.execution.id":"3"}}"#,
        r#"{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":1,"Stage Attempt ID":0,"Parent IDs":[0],"Submission Time":1000006100}}"#,
        r#"{"Timestamp":0,"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":7,"Index":2,"Attempt":0,"Launch Time":1000006200,"Executor ID":"1","Host":"h","Locality":"ANY","Speculative":false,"Finish Time":1000009200,"Accumulables":[{"ID":1,"Update":"\"quoted\""}]},"Task Metrics":{}}"#,
        r#"{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":1,"Stage Attempt ID":0,"Parent IDs":[0],"Submission Time":1000006100,"Completion Time":1000009300}}"#,
        r#"{"Event":"SparkListenerJobEnd","Job ID":0,"Completion Time":1000009400,"Job Result":{"Result":"JobSucceeded"}}"#,
        r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":1000020000,"Executor ID":"1","Removed Reason":"Executor decommission: spark scale down"}"#,
        r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":1000025000,"Executor ID":"1","Removed Reason":"Command exited with code 0"}"#,
        END,
    ])
    .unwrap();
    let at = Timestamp::from_millis;
    assert_eq!(recorded.version.as_deref(), Some("3.5.3"));
    assert_eq!(recorded.submitted, at(999_990_000));
    assert_eq!(recorded.ended, Some(at(1_000_060_000)));
    let executor = &recorded.executors[0];
    assert_eq!(
        executor.removed,
        Some((at(1_000_020_000), Removal::ScaleDown))
    );
    assert_eq!(executor.last_launch, Some(at(1_000_006_200)));
    assert_eq!(
        (recorded.jobs[0].execution, recorded.in_job().millis()),
        (Some(3), 3400)
    );
    assert_eq!(recorded.stages[&(1, 0)].parents, [0]);
    assert_eq!(recorded.tasks[0].duration().millis(), 3000);
    assert_eq!(recorded.tasks[0].outcome, Outcome::Success);
    assert_eq!(recorded.notes, Vec::<String>::new());
}

#[test]
fn malformed_lines_are_counted_and_passed_over() {
    let broken = r#"{"Event":"SparkListenerJobStart","Job ID":"#;
    let recorded = read_text(&[START, broken, "", "not json", END]).unwrap();
    assert_eq!(recorded.notes, ["2 malformed lines were skipped"]);
    assert!(recorded.ended.is_some());
}

#[test]
fn a_log_without_an_end_lasts_to_its_last_event() {
    let job = r#"{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1000030000,"Stage IDs":[0]}"#;
    let recorded = read_text(&[START, job]).unwrap();
    assert_eq!(recorded.ended, None);
    assert_eq!(recorded.length().millis(), 30_000);
}

#[test]
fn what_cannot_be_replayed_is_refused_with_the_reason() {
    let early =
        r#"{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":5,"Stage IDs":[0]}"#;
    let late = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":80000000000000}"#;
    let backwards = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":900000000}"#;
    for (lines, reason) in [
        (vec!["some text", "{}"], "is not an event log"),
        (vec![END], "has no ApplicationStart"),
        (
            vec![START, early],
            "has a job 999999.995s before ApplicationStart",
        ),
        (vec![START, late], "lasts 925914 days"),
        (vec![START, backwards], "ends before it starts"),
    ] {
        let skipped = read_text(&lines).unwrap_err();
        assert!(skipped.reason.starts_with(reason), "{}", skipped.reason);
    }
}

#[test]
fn a_log_in_any_codec_and_several_streams_is_one_log_and_a_broken_one_ends_it() {
    for form in Form::ALL {
        let streams = [START, END].map(|line| form.encode(format!("{line}\n").as_bytes(), 40));
        let whole = read_bytes(&streams.concat()).unwrap();
        assert!(whole.ended.is_some() && whole.notes.is_empty(), "{form:?}");
        let mut cut = streams.concat();
        // Not only the end mark of lz4, which is 21 bytes long.
        cut.truncate(cut.len() - 30);
        let broken = read_bytes(&cut).unwrap();
        assert_eq!(broken.ended, None, "{form:?}");
        let told = match form {
            Form::Plain => "1 malformed line was skipped",
            _ => "breaks off",
        };
        assert!(
            broken.notes[0].contains(told),
            "{form:?}: {:?}",
            broken.notes
        );
    }
}

#[test]
fn a_compression_that_is_not_read_is_refused_by_name() {
    let reason = read_bytes(b"BZh91AY&SY").unwrap_err().reason;
    assert!(
        reason.contains("bzip2") && reason.contains("recompress"),
        "{reason}"
    );
}

#[test]
fn a_file_of_noise_is_given_up_after_a_few_lines() {
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|i| u8::try_from(i * 7919 % 251).unwrap())
        .collect();
    assert!(
        read_bytes(&noise)
            .unwrap_err()
            .reason
            .starts_with("is not an event log")
    );
}

/// As Spark 1.2 lays it out: no LogStart, no application id, no ExecutorAdded, no job times, no parents.
#[test]
fn a_folder_of_spark_1_2_is_read_with_what_it_leaves_out_told_from_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("spark-pi-1000000000000");
    fs::create_dir(&old).unwrap();
    let task = |id: u32, stage: u32, executor: &str, from: u32, to: u32| {
        format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{stage},"Stage Attempt ID":0,"Task Type":"ShuffleMapTask","Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{id},"Index":{id},"Attempt":0,"Launch Time":10000{from:05},"Executor ID":"{executor}","Host":"h","Locality":"PROCESS_LOCAL","Speculative":false,"Getting Result Time":0,"Finish Time":10000{to:05},"Failed":false,"Accumulables":[]}}}}"#
        )
    };
    let stage = |event: &str, id: u32, from: u32, to: u32| {
        format!(
            r#"{{"Event":"SparkListenerStage{event}","Stage Info":{{"Stage ID":{id},"Stage Attempt ID":0,"Stage Name":"s","Number of Tasks":2,"RDD Info":[],"Details":"","Submission Time":10000{from:05},"Completion Time":10000{to:05},"Accumulables":[]}}}}"#
        )
    };
    let manager = |executor: &str, at: u32| {
        format!(
            r#"{{"Event":"SparkListenerBlockManagerAdded","Block Manager ID":{{"Executor ID":"{executor}","Host":"h","Port":1}},"Maximum Memory":1,"Timestamp":10000{at:05}}}"#
        )
    };
    let lines = [
        r#"{"Event":"SparkListenerApplicationStart","App Name":"Spark Pi","Timestamp":1000000000,"User":"u"}"#.to_owned(),
        manager("<driver>", 300),
        manager("1", 5000),
        manager("2", 5500),
        r#"{"Event":"SparkListenerJobStart","Job ID":0,"Stage Infos":[],"Stage IDs":[0,1]}"#.to_owned(),
        task(0, 0, "1", 6000, 9000),
        task(1, 0, "1", 6000, 9500),
        stage("Completed", 0, 6000, 9600),
        task(2, 1, "1", 9700, 9900),
        stage("Completed", 1, 9650, 9950),
        r#"{"Event":"SparkListenerJobEnd","Job ID":0,"Job Result":{"Result":"JobSucceeded"}}"#.to_owned(),
        r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1000020000}"#.to_owned(),
    ];
    let text = format!("{}\n", lines.join("\n"));
    fs::write(
        old.join("EVENT_LOG_1"),
        Form::Snappy.encode(text.as_bytes(), 1000),
    )
    .unwrap();
    fs::write(old.join("SPARK_VERSION_1.2.0"), "").unwrap();
    fs::write(
        old.join("COMPRESSION_CODEC_org.apache.spark.io.SnappyCompressionCodec"),
        "",
    )
    .unwrap();
    fs::write(old.join("APPLICATION_COMPLETE"), "").unwrap();
    let recorded = read(&layout::logs(folder.path()).remove(0).unwrap()).unwrap();
    let at = |millis: i64| Timestamp::from_millis(1_000_000_000 + millis);
    assert_eq!(recorded.id, "spark-pi-1000000000000");
    assert_eq!(recorded.version.as_deref(), Some("1.2.0"));
    let executors: Vec<_> = recorded
        .executors
        .iter()
        .map(|e| (e.added, e.cores))
        .collect();
    assert_eq!(executors, [(at(5000), 2), (at(5500), 2)]);
    let job = &recorded.jobs[0];
    assert_eq!((job.started, job.ended), (at(6000), Some(at(9950))));
    assert_eq!(recorded.stages[&(1, 0)].parents, [0]);
    assert_eq!(recorded.local_slots, None);
}

#[test]
fn what_ran_in_one_process_has_the_slots_that_it_was_seen_to_use() {
    let master = |master: &str| {
        format!(
            r#"{{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{{"spark.master":"{master}"}}}}"#
        )
    };
    let task = |id: u32, executor: &str, from: u32, to: u32| {
        format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{id},"Index":{id},"Launch Time":100000{from},"Executor ID":"{executor}","Finish Time":100000{to}}}}}"#
        )
    };
    // The second one's end is noted a little after the third one has its slot.
    let tasks = |executor| {
        [
            task(0, executor, 1000, 4000),
            task(1, executor, 1000, 3010),
            task(2, executor, 3000, 4000),
        ]
    };
    for (said, executor, slots) in [
        ("local[*]", "driver", Some(2)),
        ("local[*]", "<driver>", Some(2)),
        ("local[1,4]", "localhost", Some(1)),
        ("local", "localhost", Some(1)),
        ("local[8]", "driver", Some(2)),
        ("*********(redacted)", "driver", Some(2)),
        ("local-cluster[2,1,1024]", "0", None),
        ("k8s://https://kubernetes", "1", None),
    ] {
        let environment = master(said);
        let tasks = tasks(executor);
        let mut lines = vec![START, &environment];
        lines.extend(tasks.iter().map(String::as_str));
        let recorded = read_text(&lines).unwrap();
        assert_eq!(recorded.local_slots, slots, "{said} {executor}");
    }
}

#[test]
fn properties_that_are_no_texts_do_not_lose_the_others() {
    let environment = r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"a":null,"b":4,"c":"d","e":true,"f":[]}}"#;
    let recorded = read_text(&[START, environment]).unwrap();
    let expected = [("b", "4"), ("c", "d"), ("e", "true")];
    let found = recorded.properties.iter();
    assert!(
        found
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .eq(expected)
    );
}

#[test]
fn tasks_of_no_length_take_a_slot_all_the_same() {
    let task = r#"{"Event":"SparkListenerTaskEnd","Stage ID":0,"Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":1,"Index":1,"Launch Time":1000001000,"Executor ID":"driver","Finish Time":1000001000}}"#;
    let recorded = read_text(&[START, task, task, task]).unwrap();
    assert_eq!(recorded.local_slots, Some(1));
}

#[test]
fn lines_that_no_log_has_are_passed_over_and_what_is_around_them_is_read() {
    let huge = vec![b'x'; usize::try_from(MAX_LINE_BYTES).unwrap() + 10];
    let text = [START.as_bytes(), b"\n", &huge, b"\n", END.as_bytes()].concat();
    let recorded = read_bytes(&Form::Zstd.encode(&text, 0)).unwrap();
    assert_eq!(recorded.notes, ["1 too long line was skipped"]);
    assert!(recorded.ended.is_some());
    let reason = read_bytes(&Form::Zstd.encode(&huge, 0)).unwrap_err().reason;
    assert!(reason.starts_with("is not an event log"), "{reason}");
}

#[test]
fn a_task_event_is_read_the_same_whatever_stands_behind_its_task_info() {
    let head = r#"{"Event":"SparkListenerTaskEnd","Stage ID":3,"Task Type":"ResultTask","Task End Reason":{"Reason":"ExceptionFailure","Description":"says ,\"Accumulables\":[","Accumulator Updates":[]}"#;
    let info = r#""Task Info":{"Task ID":7,"Index":2,"Launch Time":1000006200,"Executor ID":"1","Finish Time":1000009200"#;
    for tail in [
        r#","Accumulables":[{"ID":1}]},"Task Metrics":{}}"#,
        r#"},"Task Metrics":{"Accumulables":[1]}}"#,
        r#","Failed":false}}"#,
        "}}",
    ] {
        let recorded = read_text(&[START, &format!("{head},{info}{tail}")]).unwrap();
        assert_eq!(recorded.notes, Vec::<String>::new(), "{tail}");
        let task = &recorded.tasks[0];
        assert_eq!((task.id, task.stage, task.outcome), (7, 3, Outcome::Failed));
    }
    let before = format!(
        r#"{{"Task Metrics":{{"a":1,"Accumulables":[]}},{},{info}}}}}"#,
        &head[1..]
    );
    assert_eq!(read_text(&[START, &before]).unwrap().tasks.len(), 1);
    let cut = format!(r#"{head},{info},"Accumulables":[{{"ID":1"#);
    assert_eq!(
        read_text(&[START, &cut]).unwrap().notes,
        ["1 malformed line was skipped"]
    );
}

#[test]
fn cpu_time_is_read_to_the_millisecond_wherever_it_stands_and_is_unknown_where_it_does_not() {
    let cpu = |metrics: &str| {
        let info = r#""Task Info":{"Accumulables":[{"Value":"\"Executor CPU Time\":9"}]}"#;
        let line =
            format!(r#"{{"Event":"SparkListenerTaskEnd",{info},"Task Metrics":{{{metrics}}}}}"#);
        event::cpu_time(line.as_bytes()).map(Span::millis)
    };
    let times = r#""Executor Deserialize CPU Time":725573617,"Executor CPU Time":279688254"#;
    assert_eq!(cpu(times), Some(1005));
    assert_eq!(cpu(r#""Executor CPU Time":1500000"#), Some(2));
    let blocks = format!(r#"{times},"Updated Blocks":["{}"]"#, "x".repeat(10_000));
    assert_eq!(cpu(&blocks), Some(1005));
    for unknown in [
        r#""Executor Run Time":1495"#,
        r#""Executor CPU Time":null"#,
        r#""Executor CPU Time":99999999999999999999999"#,
        "",
    ] {
        assert_eq!(cpu(unknown), None, "{unknown}");
    }
}

fn read_text(lines: &[&str]) -> Result<Recorded, Skipped> {
    read_bytes(format!("{}\n", lines.join("\n")).as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Result<Recorded, Skipped> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path: PathBuf = file.path().to_owned();
    assert!(fs::metadata(&path).unwrap().len() > 0);
    read(&layout::logs(&path).remove(0).unwrap())
}
