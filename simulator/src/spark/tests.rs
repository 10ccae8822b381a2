//! Replays of real logs against what those logs say, and what counterfactual executors do to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sparkwright::model::time::Timestamp;

use super::fidelity::{Kind, run_alone};
use super::*;
use crate::trace::{self, Recorded};

/// Logs in the shared set that must be within 5 %, given 20 s inside jobs.
const CORE: [&str; 9] = [
    "spark-history-mcp/eventlog_v2_spark-110be3a8424d4a2789cb88134418217b",
    "spark-history-mcp/eventlog_v2_spark-bcec39f6201b42b9925124595baad260",
    "spark-rapids-tools/attempt_1_eventlog.zstd",
    "spark-rapids-tools/attempt_2_eventlog.zstd",
    "spark-rapids-tools/eventlog_4nodes_8cores_dynamic_alloc.zstd",
    "spark-rapids-tools/rp_sql_eventlog.zstd",
    "spark-rapids-tools/nds_q72_dataproc_2_2.zstd",
    "ladder/ladder-4-nodes-at-0/app-20261121010839-0000.zstd",
    "ladder/ladder-1-then-4-nodes-at-60s/app-20261121011158-0000.zstd",
];

#[test]
fn shipped_logs_come_back_within_two_percent() {
    let replayed: Vec<(String, Fidelity)> = shipped()
        .into_iter()
        .map(|recorded| (recorded.id.clone(), fidelity(&recorded, &work(&recorded))))
        .collect();
    assert_eq!(replayed.len(), 3);
    for (id, fidelity) in replayed {
        assert!(fidelity.error_permille <= Some(20), "{id}: {fidelity:?}");
        assert_eq!(fidelity.kind, Kind::Dag);
    }
}

#[test]
fn real_logs_come_back_within_five_percent() {
    let Some(shared) = shared() else { return };
    let (mut permilles, mut missed) = (Vec::new(), Vec::new());
    let logs = trace::layout::logs(&shared);
    for log in logs.iter().filter_map(|log| log.as_ref().ok()) {
        let Ok(recorded) = trace::eventlog::read(log) else {
            continue;
        };
        let result = fidelity(&recorded, &work(&recorded));
        let name = log
            .path
            .strip_prefix(&shared)
            .unwrap()
            .display()
            .to_string();
        print(&name, &result);
        let permille = result.error_permille.unwrap_or(0);
        let off = result.predicted_in_job - result.recorded_in_job;
        let long = result.recorded_in_job >= Span::from_secs(20);
        if permille > 50 && (long || off.millis().abs() > 1000) {
            missed.push(name.clone());
        }
        if long {
            permilles.push(permille);
        }
        assert!(
            !CORE.contains(&name.as_str()) || result.kind == Kind::Dag,
            "{name}"
        );
    }
    permilles.sort_unstable();
    assert!(missed.is_empty(), "{missed:?}");
    assert!(permilles.len() >= 8, "{permilles:?}");
    assert!(
        permilles[permilles.len() / 2] <= 20,
        "median of {permilles:?}"
    );
}

#[test]
fn every_core_log_replays() {
    let Some(shared) = shared() else { return };
    for name in CORE {
        let recorded = read(&shared.join(name));
        let progress = run_alone(&work(&recorded), Executors::AsRecorded);
        assert!(progress.finished.is_some(), "{name}");
        let started = progress.started.unwrap() - Timestamp::ZERO;
        assert_eq!(started, recorded.started - recorded.submitted, "{name}");
    }
}

/// The work of one run, with the executors of another in which three of four nodes came late.
#[test]
fn late_nodes_lengthen_the_ladder_as_they_did() {
    let Some(shared) = shared() else { return };
    let early = read(&shared.join(CORE[7]));
    let late = read(&shared.join(CORE[8]));
    let arrivals = Executors::FromLog(work(&late));
    let progress = run_alone(&work(&early), arrivals);
    let end = |recorded: &Recorded| {
        let completed = recorded.stages.values().filter_map(|stage| stage.completed);
        completed.max().unwrap() - recorded.started
    };
    let predicted = progress.last_stage.unwrap() - progress.started.unwrap();
    let (truth, fixed) = (end(&late), end(&early));
    println!("last stage ends: predicted {predicted}, real {truth}, of the other run {fixed}");
    let off = (predicted - truth).millis().abs() * 100 / truth.millis();
    assert!(off < 5, "{off} %");
}

#[test]
fn task_start_times_change_nothing() {
    for recorded in shipped() {
        let mut shifted = recorded.clone();
        let mut state = 1_u64;
        for task in &mut shifted.tasks {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let shift = Span::from_millis(i64::try_from(state >> 44).unwrap());
            task.launched = task.launched + shift;
            task.finished = task.finished + shift;
            let executor = &mut shifted.executors[task.executor];
            executor.last_launch = executor.last_launch.max(Some(task.launched));
            shifted.last_event = shifted.last_event.max(task.finished);
        }
        assert_ne!(recorded, shifted);
        assert_eq!(*work(&recorded), *work(&shifted), "{}", recorded.id);
    }
}

/// So many executors of each profile are there from the start, so that only their number differs.
fn in_job(work: &Arc<Work>, executors: usize) -> Span {
    let mut of_profiles: BTreeMap<usize, trace::work::Arrival> = BTreeMap::new();
    for arrival in &work.arrivals {
        of_profiles.entry(arrival.profile).or_insert(*arrival);
    }
    let arrivals = of_profiles
        .into_values()
        .map(|arrival| trace::work::Arrival {
            at: Span::ZERO,
            gone: None,
            ..arrival
        });
    let other = Work {
        arrivals: arrivals
            .flat_map(|arrival| vec![arrival; executors])
            .collect(),
        ..Work::clone(work)
    };
    run_alone(work, Executors::FromLog(Arc::new(other))).in_job
}

#[test]
fn twice_the_executors_never_take_longer() {
    for recorded in everything() {
        let work = work(&recorded);
        if work.arrivals.is_empty() {
            continue;
        }
        let times: Vec<(usize, Span)> = (1..=40).map(|n| (n, in_job(&work, n))).collect();
        let mut longest = Span::ZERO;
        for (n, usual) in &times {
            if let Some((_, twice)) = times.get(2 * n - 1) {
                let anomaly = *twice - *usual;
                if anomaly > Span::ZERO {
                    println!("{}: {n} {usual}, {} {twice}", recorded.id, 2 * n);
                }
                longest = longest.max(anomaly);
            }
        }
        assert_eq!(longest, Span::ZERO, "{}", recorded.id);
    }
}

#[test]
fn half_the_executors_take_longer_where_all_had_work() {
    for recorded in everything() {
        let work = work(&recorded);
        let all = work.arrivals.len();
        let one_less = all.checked_sub(1).filter(|&less| less > 0);
        let Some(less) = one_less else { continue };
        let (half, usual) = (in_job(&work, all / 2), in_job(&work, all));
        println!("{}: {} {half}, {all} {usual}", recorded.id, all / 2);
        assert!(half >= usual, "{}", recorded.id);
        // Where one less makes a difference, all were used.
        assert!(
            half > usual || in_job(&work, less) == usual,
            "{}",
            recorded.id
        );
    }
}

/// All logs that are there.
fn everything() -> Vec<Recorded> {
    match shared() {
        Some(shared) => trace::open(&shared).filter_map(Result::ok).collect(),
        None => shipped(),
    }
}

fn shipped() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs");
    trace::open(&folder).filter_map(Result::ok).collect()
}

fn read(path: &Path) -> Recorded {
    trace::open(path).next().unwrap().unwrap()
}

fn work(recorded: &Recorded) -> Arc<Work> {
    Arc::new(Work::of(recorded).unwrap())
}

fn print(name: &str, fidelity: &Fidelity) {
    println!(
        "{name:75} {:9} predicted {:>9} recorded {:>9} error {:>3}/1000",
        fidelity.kind.as_str(),
        fidelity.predicted_in_job.to_string(),
        fidelity.recorded_in_job.to_string(),
        fidelity.error_permille.unwrap_or(0),
    );
}

/// All logs that are at hand, else those that ship.
pub(super) fn logs() -> PathBuf {
    shared().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs"))
}

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/spark-events");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
    }
    folder.exists().then_some(folder)
}
