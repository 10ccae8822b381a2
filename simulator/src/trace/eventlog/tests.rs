//! Logs as they are in the wild, written by hand here: cut off, malformed, removed twice, not logs.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::trace::codec::write::Form;
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
