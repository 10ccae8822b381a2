//! Folders as Spark, its History Server and Databricks leave them, and folders that are nothing.

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn rolled_parts_are_read_by_number_from_the_last_compaction_on() {
    let folder = folder_of(&[
        "eventlog_v2_app-1/appstatus_app-1.inprogress",
        "eventlog_v2_app-1/.events_1_app-1.crc",
        "eventlog_v2_app-1/events_1_app-1",
        "eventlog_v2_app-1/events_2_app-1",
        "eventlog_v2_app-1/events_2_app-1.compact",
        "eventlog_v2_app-1/events_3_app-1.zstd",
        "eventlog_v2_app-1/events_5_app-1.zstd",
        "eventlog_v2_app-1/events_10_app-1.zstd",
    ]);
    let logs = found(&folder);
    let expected = [
        "events_2_app-1.compact",
        "events_3_app-1.zstd",
        "events_5_app-1.zstd",
        "events_10_app-1.zstd",
    ];
    assert_eq!(parts(&logs), [expected]);
    let notes = [
        "compacted: events of jobs that had ended then are gone from it",
        "nothing is there between part 3 and part 5",
        "nothing is there between part 5 and part 10",
    ];
    assert_eq!(logs[0].as_ref().unwrap().notes, notes);
}

#[test]
fn a_history_servers_folder_is_its_logs_attempt_by_attempt() {
    let folder = folder_of(&[
        "application_1_0001_1",
        "application_1_0001_2.lz4",
        "application_1_0002.inprogress",
        "eventlog_v2_application_1_0003_1/appstatus_application_1_0003_1",
        "eventlog_v2_application_1_0003_1/events_1_application_1_0003_1.zstd",
        "eventlog_v2_application_1_0003_2/events_1_application_1_0003_2.zstd",
        "old-app-141000/APPLICATION_COMPLETE",
        "old-app-141000/COMPRESSION_CODEC_org.apache.spark.io.SnappyCompressionCodec",
        "old-app-141000/EVENT_LOG_1",
        "old-app-141000/SPARK_VERSION_1.2.0",
    ]);
    let logs = found(&folder);
    let expected = [
        ["application_1_0001_1"],
        ["application_1_0001_2.lz4"],
        ["application_1_0002.inprogress"],
        ["events_1_application_1_0003_1.zstd"],
        ["events_1_application_1_0003_2.zstd"],
        ["EVENT_LOG_1"],
    ];
    assert_eq!(parts(&logs), expected);
    let old = logs[5].as_ref().unwrap();
    assert_eq!(old.version.as_deref(), Some("1.2.0"));
    assert_eq!(name(&old.path), "old-app-141000");
}

#[test]
fn databricks_hours_come_before_the_part_that_is_still_written() {
    let folder = folder_of(&[
        "driver/eventlog",
        "driver/eventlog-2026-11-21--09-00.gz",
        "driver/eventlog-2026-11-20--23-00.gz",
        "driver/eventlog-of-something-else",
        "driver/stdout/eventlog/deeper/eventlog",
    ]);
    let expected: [&[&str]; 3] = [
        &["eventlog-of-something-else"],
        &["eventlog"],
        &[
            "eventlog-2026-11-20--23-00.gz",
            "eventlog-2026-11-21--09-00.gz",
            "eventlog",
        ],
    ];
    assert_eq!(parts(&found(&folder)), expected);
}

#[test]
fn parts_of_several_applications_in_one_folder_are_several_logs() {
    let folder = folder_of(&[
        "events_1_app-1.zstd",
        "events_1_app-2",
        "events_2_app-1.zstd",
        "events_x_app-3",
    ]);
    let expected: [&[&str]; 3] = [
        &["events_x_app-3"],
        &["events_1_app-1.zstd", "events_2_app-1.zstd"],
        &["events_1_app-2"],
    ];
    let logs = found(&folder);
    assert_eq!(parts(&logs), expected);
    assert_eq!(name(&logs[1].as_ref().unwrap().path), "events_1_app-1.zstd");
}

#[test]
fn what_is_missing_or_empty_is_skipped_with_its_reason() {
    let folder = folder_of(&[]);
    fs::write(folder.path().join("a-log"), "").unwrap();
    fs::create_dir(folder.path().join("b-folder")).unwrap();
    fs::create_dir(folder.path().join("eventlog_v2_c")).unwrap();
    fs::write(folder.path().join("eventlog_v2_c/appstatus_c"), "").unwrap();
    let expected = [
        "is empty",
        "is an empty folder",
        "holds no part named events_<number>_<application>",
    ];
    assert_eq!(reasons(&found(&folder)), expected);
    let missing = reasons(&logs(&folder.path().join("nowhere")));
    assert!(missing[0].contains("check the path"), "{missing:?}");
}

#[test]
fn other_places_are_refused_with_what_to_do() {
    for (path, words) in [
        ("hdfs://namenode/spark-logs", "copy it here"),
        ("file:///logs", "name the path alone"),
        #[cfg(not(feature = "s3"))]
        ("s3://bucket/logs", "--features s3"),
        #[cfg(not(feature = "s3"))]
        ("s3a://bucket/logs", "--features s3"),
    ] {
        let reasons = reasons(&logs(Path::new(path)));
        assert!(reasons[0].contains(words), "{path}: {reasons:?}");
        assert!(!reasons[0].contains('\n'));
    }
}

fn folder_of(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    folder
}

fn found(folder: &TempDir) -> Vec<Result<Log, Skipped>> {
    logs(folder.path())
}

fn parts(logs: &[Result<Log, Skipped>]) -> Vec<Vec<&str>> {
    (logs.iter())
        .map(|log| log.as_ref().unwrap().parts.iter())
        .map(|parts| parts.map(|part| name(part)).collect())
        .collect()
}

fn reasons(logs: &[Result<Log, Skipped>]) -> Vec<String> {
    let reason = |log: &Result<Log, Skipped>| log.as_ref().unwrap_err().reason.clone();
    logs.iter().map(reason).collect()
}
