//! A History Server's folder in a bucket, on a store in memory: the same layouts and codecs as on a
//! machine. `cargo test -p sparkwright-sim --features s3 bucket` runs them.

use object_store::memory::InMemory;

use super::*;
use crate::trace::codec::tests::write::Form;
use crate::trace::layout::logs_in;
use crate::trace::{Recorded, Skipped, eventlog};

const START: &str = r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"app-1","Timestamp":1000000000,"User":"u"}"#;
const END: &str = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1000060000}"#;

#[test]
fn logs_in_a_bucket_are_grouped_and_read_as_on_a_machine() {
    let whole = format!("{START}\n{END}\n");
    let lz4 = Form::Lz4.encode(whole.as_bytes(), 64);
    let gzip = Form::Gzip.encode(format!("{START}\n").as_bytes(), 0);
    let read = read(&[
        ("logs/app-0.lz4", &lz4),
        ("logs/app-1.inprogress", b""),
        (
            "logs/databricks/driver/eventlog",
            format!("{END}\n").as_bytes(),
        ),
        (
            "logs/databricks/driver/eventlog-2026-11-21--08-00.gz",
            &gzip,
        ),
        ("logs/eventlog_v2_app-2/appstatus_app-2", b""),
        ("logs/eventlog_v2_app-2/events_1_app-2", START.as_bytes()),
        ("logs/eventlog_v2_app-2/events_2_app-2", END.as_bytes()),
        ("logs_of_others/app-9", whole.as_bytes()),
    ]);
    let paths = [
        "app-0.lz4",
        "app-1.inprogress",
        "databricks/driver",
        "eventlog_v2_app-2",
    ];
    assert_eq!(read.len(), paths.len());
    for ((found, read), path) in read.iter().zip(paths) {
        assert_eq!(found, &format!("s3://bucket/logs/{path}"));
        match read {
            Ok(recorded) => assert!(recorded.ended.is_some() && recorded.notes.is_empty()),
            Err(skipped) => assert_eq!(skipped.reason, "is empty", "{path}"),
        }
    }
}

#[test]
fn an_object_of_several_ranges_is_read_to_its_last_byte() {
    let size = usize::try_from(2 * RANGE_BYTES + 12_345).unwrap();
    let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let bucket = bucket(&[("big", &bytes)]);
    let mut read = Vec::new();
    bucket
        .open(Path::new("s3://bucket/big"))
        .unwrap()
        .read_to_end(&mut read)
        .unwrap();
    assert!(read == bytes);
}

#[test]
fn what_is_not_there_is_said_in_one_line() {
    let store: Rc<dyn Store> = Rc::new(bucket(&[("logs/a", b"x")]));
    for (path, words) in [
        ("s3://bucket/nothing", "nothing has this key or prefix"),
        ("s3://bucket/logs//a/../b", "cannot be read"),
    ] {
        let found = logs_in(&store, Path::new(path));
        let reason = &found[0].as_ref().unwrap_err().reason;
        assert!(reason.contains(words) && !reason.contains('\n'), "{reason}");
    }
    assert!(
        Bucket::of(Path::new("s3://"))
            .unwrap_err()
            .to_string()
            .contains("no bucket")
    );
}

fn bucket(objects: &[(&str, &[u8])]) -> Bucket {
    let bucket = Bucket::new("s3://bucket", Arc::new(InMemory::new())).unwrap();
    for (key, bytes) in objects {
        let key = Key::from(*key);
        let put = bucket.objects.put(&key, bytes.to_vec().into());
        bucket.runtime.block_on(put).unwrap();
    }
    bucket
}

fn read(objects: &[(&str, &[u8])]) -> Vec<(String, Result<Recorded, Skipped>)> {
    let store: Rc<dyn Store> = Rc::new(bucket(objects));
    let logs = logs_in(&store, Path::new("s3://bucket/logs/"));
    let read = |log: Result<crate::trace::layout::Log, Skipped>| match log {
        Ok(log) => (log.path.display().to_string(), eventlog::read(&log)),
        Err(skipped) => (skipped.input.clone(), Err(skipped)),
    };
    logs.into_iter().map(read).collect()
}
