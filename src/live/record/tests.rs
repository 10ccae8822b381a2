//! A recording of a loop: whole, in several files, with a gap, into a full disk.

use std::fs;
use std::path::Path;

use crate::cluster::event::Fact;
use crate::model::offering::{Catalog, Zone, ZoneId};
use crate::plan::Planner;
use crate::stream::{Comparison, Decoder};

use super::*;

/// A loop that learns of free addresses, and looks.
struct Loop {
    cluster: Cluster,
    planner: Planner,
    recorder: Recorder,
}

impl Loop {
    fn new(options: RecordOptions) -> Loop {
        let mut cluster = Cluster::default();
        let catalog = Catalog {
            zones: vec![Zone {
                name: "us-east-1a".into(),
                id: "use1-az1".into(),
            }],
            ..Catalog::default()
        };
        let fact = Fact::CatalogListed(catalog.into());
        cluster.apply(&Event { at: at(0), fact });
        let recorder = Recorder::start(options, at(0), &cluster).unwrap();
        Loop {
            cluster,
            planner: Planner::default(),
            recorder,
        }
    }

    fn learn(&mut self, now: Timestamp, free: u32) {
        let zone = ZoneId(0);
        let fact = Fact::ZoneAddresses { zone, free };
        let event = Event { at: now, fact };
        self.recorder.event(&event);
        self.cluster.apply(&event);
    }

    fn look(&mut self, now: Timestamp) {
        let plan = Arc::new(self.planner.plan(&self.cluster.view(now)));
        self.recorder.round(now, &self.cluster, &plan);
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn scratch(name: &str) -> PathBuf {
    let folder = format!("sparkwright-record-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn options(name: &str) -> RecordOptions {
    RecordOptions {
        file_bytes: 4_000,
        files: 3,
        ..RecordOptions::to(scratch(name))
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Replays a file by itself.
fn replay(path: &Path) -> Comparison {
    let mut comparison = Comparison::default();
    let mut decoder = Decoder::default();
    for line in fs::read_to_string(path).unwrap().lines() {
        if let Some(entry) = decoder.read(line).unwrap() {
            assert_eq!(comparison.take(entry), None);
        }
    }
    comparison
}

#[test]
fn files_end_by_size_the_oldest_go_and_each_stands_alone() {
    let options = options("rotation");
    let folder = options.folder.clone();
    let mut run = Loop::new(options);
    for i in 0..400 {
        run.learn(at(i), 250);
        run.look(at(i));
        // The writer asks for a new file when it has written the old one.
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    let recorded = run.recorder.finish();
    assert_eq!((recorded.lost, recorded.problem), (0, None));
    let names = files(&folder);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[0].as_str() > "stream-000002.jsonl", "{names:?}");
    for name in &names {
        let tally = replay(&folder.join(name)).tally;
        assert_eq!(
            (tally.snapshots, tally.uncompared),
            (1, 0),
            "{name}: {tally:?}"
        );
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_finds_the_queue_full_is_counted_marked_and_made_up_for() {
    let options = RecordOptions {
        queue: 2,
        file_bytes: 1 << 20,
        files: 100_000,
        ..options("gap")
    };
    let folder = options.folder.clone();
    let mut run = Loop::new(options);
    for i in 0..5_000 {
        run.learn(at(i), u32::try_from(i).unwrap());
    }
    let lost = run.recorder.recorded().lost;
    assert!(lost > 0, "five thousand events find room for two");
    for i in 0..1_000 {
        run.look(at(10_000 + i));
        std::thread::sleep(std::time::Duration::from_millis(1));
        if files(&folder).len() > 1 && run.recorder.missing == 0 {
            break;
        }
    }
    // The last file may have begun with the last look: some more come after it.
    for i in 0..100 {
        run.look(at(20_000 + i));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let recorded = run.recorder.finish();
    assert_eq!(recorded.problem, None);
    let names = files(&folder);
    let marked: u64 = names
        .iter()
        .map(|name| replay(&folder.join(name)).tally.lost)
        .sum();
    assert_eq!(marked, recorded.lost, "every loss is in the stream");
    let last = replay(&folder.join(names.last().unwrap())).tally;
    assert!(
        last.snapshots == 1 && last.rounds > 0 && last.uncompared == 0,
        "{last:?}"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_that_is_gone_is_told_and_holds_nobody_up() {
    let options = options("gone");
    let folder = options.folder.clone();
    let mut run = Loop::new(options);
    fs::remove_dir_all(&folder).unwrap();
    for i in 0..200 {
        run.learn(at(i), 250);
        run.look(at(i));
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    let recorded = run.recorder.finish();
    assert!(
        recorded.problem.is_some() && recorded.lost > 0,
        "{recorded:?}"
    );
}
