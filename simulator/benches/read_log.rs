//! How fast an event log is read, in megabytes of its text per second of one core. Without arguments a
//! log is made up, of task events as long as Spark 3.5 writes them; arguments name logs to read:
//! `cargo bench -p sparkwright-sim --bench read_log -- LOG…`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sparkwright_sim::trace::layout::{self, Log};
use sparkwright_sim::trace::{codec, eventlog};

/// Tasks of the log that is made up: about 70 MB of text.
const TASKS: u32 = 25_000;
/// The best of so many runs counts: the others were disturbed.
const RUNS: u32 = 5;

fn main() -> io::Result<()> {
    let named: Vec<PathBuf> = (std::env::args_os().skip(1).map(PathBuf::from))
        .filter(|path| !path.as_os_str().to_string_lossy().starts_with("--"))
        .collect();
    println!(
        "{:>8} {:>11} {:>11} {:>8}  LOG",
        "MB", "DECODE MB/s", "READ MB/s", "TASKS"
    );
    if named.is_empty() {
        let folder = tempfile::tempdir()?;
        for name in ["app-1", "app-1.zstd"] {
            let path = folder.path().join(name);
            make_up(&path)?;
            measure(&path)?;
        }
    }
    named.iter().try_for_each(|path| measure(path))
}

fn measure(path: &Path) -> io::Result<()> {
    for log in layout::logs(path) {
        let log = match log {
            Ok(log) => log,
            Err(skipped) => {
                println!("skipped {}: {}", skipped.input, skipped.reason);
                continue;
            }
        };
        let (decoding, bytes) = best(|| decode(&log));
        let bytes = bytes?;
        let (reading, recorded) = best(|| eventlog::read(&log));
        match recorded {
            Err(skipped) => println!("skipped {}: {}", skipped.input, skipped.reason),
            Ok(recorded) => println!(
                "{:>8.1} {:>11.0} {:>11.0} {:>8}  {}",
                megabytes(bytes),
                megabytes(bytes) / decoding.as_secs_f64(),
                megabytes(bytes) / reading.as_secs_f64(),
                recorded.tasks.len(),
                log.path.display()
            ),
        }
    }
    Ok(())
}

/// Decompresses the log and does nothing with it; the bytes of its text.
fn decode(log: &Log) -> io::Result<u64> {
    let mut bytes = 0;
    for part in &log.parts {
        let mut content = log.store.open(part).and_then(codec::decode)?;
        bytes += io::copy(&mut content, &mut io::sink())?;
    }
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]
fn best<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut timed = || {
        let begun = Instant::now();
        let result = run();
        (begun.elapsed(), result)
    };
    let mut best = timed();
    for _ in 1..RUNS {
        let next = timed();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

/// One application of one stage, as Spark 3.5 would log it.
fn make_up(path: &Path) -> io::Result<()> {
    let file = BufWriter::new(fs::File::create(path)?);
    if path.extension().is_some() {
        let mut encoder = zstd::stream::write::Encoder::new(file, 1)?;
        write_log(&mut encoder)?;
        encoder.finish()?.flush()
    } else {
        let mut file = file;
        write_log(&mut file)?;
        file.flush()
    }
}

fn write_log(out: &mut dyn Write) -> io::Result<()> {
    let start = 1_750_000_000_000_u64;
    writeln!(
        out,
        r#"{{"Event":"SparkListenerLogStart","Spark Version":"3.5.3"}}"#
    )?;
    writeln!(
        out,
        r#"{{"Event":"SparkListenerApplicationStart","App Name":"made up","App ID":"app-1","Timestamp":{start},"User":"u"}}"#
    )?;
    writeln!(
        out,
        r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{start},"Executor ID":"1","Executor Info":{{"Host":"h","Total Cores":16,"Log Urls":{{}}}}}}"#
    )?;
    writeln!(
        out,
        r#"{{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":{start},"Stage Infos":[],"Stage IDs":[0],"Properties":{{}}}}"#
    )?;
    for task in 0..TASKS {
        let (launch, executor) = (start + u64::from(task) * 100, "1");
        let info = format!(
            r#""Task Info":{{"Task ID":{task},"Index":{task},"Attempt":0,"Partition ID":{task},"Launch Time":{launch},"Executor ID":"{executor}","Host":"10.0.0.1","Locality":"PROCESS_LOCAL","Speculative":false,"Getting Result Time":0,"Finish Time":"#
        );
        writeln!(
            out,
            r#"{{"Event":"SparkListenerTaskStart","Stage ID":0,"Stage Attempt ID":0,{info}0,"Failed":false,"Killed":false,"Accumulables":[]}}}}"#
        )?;
        write!(
            out,
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"Success"}},{info}{},"Failed":false,"Killed":false,"Accumulables":["#,
            launch + 1500
        )?;
        for id in 0..12 {
            let update = task.wrapping_mul(2_654_435_761).rotate_left(id);
            write!(
                out,
                r#"{}{{"ID":{id},"Name":"internal.metrics.someMetricOfTasks","Update":{update},"Value":{update},"Internal":true,"Count Failed Values":true}}"#,
                if id == 0 { "" } else { "," }
            )?;
        }
        writeln!(
            out,
            r#"]}},"Task Metrics":{{"Executor Deserialize Time":301,"Executor Run Time":1199,"Executor CPU Time":{task},"Shuffle Read Metrics":{{"Remote Blocks Fetched":0,"Local Blocks Fetched":0,"Fetch Wait Time":0,"Remote Bytes Read":0,"Local Bytes Read":0,"Total Records Read":0}},"Shuffle Write Metrics":{{"Shuffle Bytes Written":0,"Shuffle Write Time":0,"Shuffle Records Written":0}},"Input Metrics":{{"Bytes Read":0,"Records Read":0}},"Output Metrics":{{"Bytes Written":0,"Records Written":0}},"Updated Blocks":[]}}}}"#
        )?;
    }
    writeln!(
        out,
        r#"{{"Event":"SparkListenerApplicationEnd","Timestamp":{}}}"#,
        start + u64::from(TASKS) * 100 + 5000
    )
}
