//! An application among simulated pods: how it asks for executors, waits for them, gives them back,
//! and what losing one costs. The world here runs every pod a fixed time after it was asked for.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::Span;

use super::*;
use crate::spark::run::{EXECUTOR_START, FIRST_OFFER};
use crate::spark::tests::logs;
use crate::trace;
use crate::trace::recorded::{self, Locality, Outcome as TaskOutcome, Recorded};

#[test]
fn static_executors_come_in_batches_and_the_first_job_waits_for_most_of_them() {
    let conf = [("spark.executor.instances", "12")];
    let mut world = World::of(&application(&conf, 4), 10);
    world.run();
    let created: Vec<i64> = world.created.values().map(|at| at.millis()).collect();
    // DRIVER_START, one second of start-up, then five pods a second.
    let expected = [[4000; 5].as_slice(), &[5000; 5], &[6000; 2]].concat();
    assert_eq!(created, expected);
    // The tenth of twelve runs at 15 s and has registered 2 s later.
    let first = world.application.progress().first_task.unwrap();
    assert_eq!(first.millis(), 15_000 + 2000);
}

#[test]
fn the_first_job_waits_thirty_seconds_at_most() {
    let conf = [("spark.executor.instances", "2")];
    let mut world = World::of(&application(&conf, 4), 60);
    world.run();
    let progress = world.application.progress();
    let expected = 64_000 + EXECUTOR_START.millis() + FIRST_OFFER.millis();
    assert_eq!(progress.first_task.unwrap().millis(), expected);
    // In a job from 34 s on, though without executors.
    let ended = progress.finished.unwrap().millis();
    assert_eq!(progress.in_job.millis(), ended - 34_000);
}

#[test]
fn later_executors_make_a_longer_application() {
    let work = application(&[("spark.executor.instances", "2")], 40);
    let finished = |delay| {
        let mut world = World::of(&work, delay);
        world.run();
        world.application.progress().finished.unwrap()
    };
    assert!(finished(120) - finished(5) >= Span::from_secs(100));
}

#[test]
fn dynamic_allocation_asks_for_one_two_four() {
    let mut world = World::of(&application(&DYNAMIC, 40), 1);
    world.run();
    let created: Vec<i64> = world
        .created
        .values()
        .map(|at| at.millis() - 5000)
        .collect();
    // Backlog from the first stage on: 1 after a second, then 2 and 4 more.
    assert_eq!(created[..7], [0, 1000, 1000, 2000, 2000, 2000, 2000]);
    assert!(created.len() <= 20, "{created:?}");
}

#[test]
fn no_more_executors_are_asked_for_than_tasks_need_or_the_maximum_allows() {
    for (tasks, max, expected) in [(6, "50", 3), (40, "4", 4)] {
        let mut conf = DYNAMIC.to_vec();
        conf.push(("spark.dynamicAllocation.maxExecutors", max));
        let mut world = World::of(&application(&conf, tasks), 60);
        world.run();
        assert_eq!(
            world.created.len(),
            expected,
            "{tasks} tasks, at most {max}"
        );
    }
}

#[test]
fn idle_executors_go_after_the_timeout_but_not_while_shuffle_files_are_needed() {
    for (shuffle, deleted_early) in [(false, true), (true, false)] {
        let mut record = record(&DYNAMIC, 8);
        record
            .tasks
            .iter_mut()
            .for_each(|task| task.writes_shuffle = shuffle);
        add_later_job(&mut record);
        let mut world = World::of(&Arc::new(Work::of(&record).unwrap()), 1);
        world.run();
        let finished = world.application.progress().finished.unwrap();
        assert_eq!(
            world.deleted[&1] < finished,
            deleted_early,
            "shuffle {shuffle}"
        );
    }
}

#[test]
fn executors_with_cached_blocks_stay_unless_a_timeout_of_their_own_is_set() {
    for (timeout, deleted_early) in [(None, false), (Some("100s"), true), (Some("1h"), false)] {
        let mut conf = DYNAMIC.to_vec();
        conf.extend(timeout.map(|t| ("spark.dynamicAllocation.cachedExecutorIdleTimeout", t)));
        let mut record = record(&conf, 8);
        record.stages.get_mut(&(0, 0)).unwrap().cached = vec![3];
        add_later_job(&mut record);
        let mut world = World::of(&Arc::new(Work::of(&record).unwrap()), 1);
        world.run();
        let finished = world.application.progress().finished.unwrap();
        assert_eq!(world.deleted[&1] < finished, deleted_early, "{timeout:?}");
    }
}

/// Two maps a slot and two reduces a slot, two seconds each, from 7.2 s on.
#[test]
fn lost_map_output_is_made_again_before_the_tasks_that_read_it() {
    let last_stage = |conf: &[(&str, &str)], lose: Option<i64>| {
        let mut world = World::of(&map_and_reduce(conf), 1);
        world.lose_at = lose.map(|at| (1, Timestamp::from_millis(at)));
        world.run();
        world.application.progress().last_stage.unwrap().millis()
    };
    assert_eq!(last_stage(&TWO, None), 15_200);
    // One reduce and two maps are lost; the other executor ends its reduce first, and another one
    // comes at 15.2 s.
    assert_eq!(last_stage(&TWO, Some(12_000)), 21_200);
    // While the maps still run, those that are done are lost with those that run.
    assert_eq!(last_stage(&TWO, Some(10_000)), 19_200);
    // Apache Celeborn keeps the output: only the running reduce is lost.
    let remote = "org.apache.spark.shuffle.celeborn.SparkShuffleManager";
    let celeborn = [TWO[0], ("spark.shuffle.manager", remote)];
    assert_eq!(last_stage(&celeborn, Some(12_000)), 17_200);
}

#[test]
fn a_decommissioned_executor_ends_its_tasks_hands_its_files_on_and_goes() {
    let moves = [
        TWO[0],
        ("spark.decommission.enabled", "true"),
        ("spark.storage.decommission.enabled", "true"),
        (
            "spark.storage.decommission.replicationReattemptInterval",
            "2s",
        ),
    ];
    let mut world = World::of(&map_and_reduce(&moves), 1);
    world.warn_at = Some((1, Timestamp::from_millis(9500)));
    world.run();
    // It looks after 1 s and every 2 s from then; its second map ends at 11.2 s.
    assert_eq!(world.deleted[&1].millis(), 14_500);
    let progress = world.application.progress();
    assert_eq!(progress.last_stage.unwrap().millis(), 19_200);
    // Without hand-over it goes with its last task, and what it wrote is made again.
    let mut world = World::of(&map_and_reduce(&moves[..2]), 1);
    world.warn_at = Some((1, Timestamp::from_millis(9500)));
    world.run();
    assert!(world.deleted[&1].millis() < 12_500);
    assert!(world.application.progress().last_stage > progress.last_stage);
}

#[test]
fn an_application_without_its_driver_has_failed() {
    let mut application = Application::new(application(&TWO, 8), Executors::Simulated);
    let (mut wishes, at) = (Vec::new(), Timestamp::from_millis);
    application.driver_running(at(0), &mut wishes);
    application.wake(at(5000), &mut wishes);
    wishes.clear();
    application.driver_lost(at(6000), &mut wishes);
    let executor = |executor| Wish::DeleteExecutor { executor };
    assert_eq!(wishes, [executor(1), executor(2), Wish::Finished]);
    let progress = application.progress();
    assert_eq!(progress.outcome, Some(Outcome::DriverLost));
    assert_eq!(progress.finished, Some(at(6000)));
    wishes.clear();
    application.executor_lost(1, at(7000), &mut wishes);
    application.wake(at(9000), &mut wishes);
    assert!(wishes.is_empty());
}

#[test]
fn a_lost_executor_is_replaced_and_costs_its_running_tasks() {
    let work = application(&[("spark.executor.instances", "2")], 8);
    let mut calm = World::of(&work, 1);
    calm.run();
    let mut world = World::of(&work, 1);
    world.lose_at = Some((1, Timestamp::from_millis(9000)));
    world.run();
    assert_eq!((calm.created.len(), world.created.len()), (2, 3));
    let (calm, world) = (calm.application.progress(), world.application.progress());
    assert!(world.finished.unwrap() > calm.finished.unwrap());
}

#[test]
fn every_pod_asked_for_is_deleted_before_the_driver_exits() {
    let mut world = World::of(&application(&DYNAMIC, 40), 20);
    world.run();
    let created: BTreeSet<u32> = world.created.keys().copied().collect();
    let deleted: BTreeSet<u32> = world.deleted.keys().copied().collect();
    assert_eq!(created, deleted);
    let progress = world.application.progress();
    assert_eq!((progress.executor_pods, progress.running_tasks), (0, 0));
}

#[test]
fn real_applications_run_to_their_end_whatever_is_lost() {
    for recorded in trace::open(&logs()).filter_map(Result::ok) {
        let work = Arc::new(Work::of(&recorded).unwrap());
        for (executor, second) in [(1, 20), (1, 60), (2, 100), (9999, 1)] {
            let mut world = World::of(&work, 30);
            world.lose_at = Some((executor, Timestamp::from_millis(second * 1000)));
            world.run();
            let progress = world.application.progress();
            assert!(progress.finished.is_some(), "{}", recorded.id);
            let length = progress.finished.unwrap() - Timestamp::ZERO;
            println!(
                "{}: {} executors, {length}",
                recorded.id,
                world.created.len()
            );
        }
    }
}

#[test]
fn losing_an_executor_in_the_middle_never_ends_a_real_application_earlier() {
    for recorded in trace::open(&logs()).filter_map(Result::ok) {
        let work = Arc::new(Work::of(&recorded).unwrap());
        let mut calm = World::of(&work, 30);
        calm.run();
        let calm = calm.application.progress();
        let (Some(first), Some(last)) = (calm.first_task, calm.last_stage) else {
            continue;
        };
        let middle = Timestamp::from_millis(i64::midpoint(first.millis(), last.millis()));
        let mut world = World::of(&work, 30);
        world.lose_at = Some((1, middle));
        world.run();
        let lost = world.application.progress();
        println!(
            "{}: {:?} {:?}",
            recorded.id, calm.last_stage, lost.last_stage
        );
        assert!(lost.last_stage >= calm.last_stage, "{}", recorded.id);
    }
}

#[test]
fn the_same_application_gives_the_same_wishes() {
    let work = application(&DYNAMIC, 40);
    let wishes = || {
        let mut world = World::of(&work, 7);
        world.run();
        (world.created, world.deleted, world.application.progress())
    };
    assert_eq!(wishes(), wishes());
}

const TWO: [(&str, &str); 1] = [("spark.executor.instances", "2")];

/// Four maps and four reduces in one job.
fn map_and_reduce(conf: &[(&str, &str)]) -> Arc<Work> {
    let mut record = record(conf, 4);
    let maps = record.tasks.clone();
    let completed = record.stages[&(0, 0)].completed.unwrap();
    for map in &mut record.tasks {
        map.writes_shuffle = true;
    }
    for map in maps {
        record.tasks.push(recorded::Task {
            id: map.id + 4,
            stage: 1,
            ..map
        });
    }
    let reduce = recorded::Stage {
        parents: vec![0],
        submitted: Some(completed),
        completed: Some(completed + Span::from_secs(8)),
        ..recorded::Stage::default()
    };
    record.ended = reduce.completed;
    record.jobs[0].ended = reduce.completed;
    record.jobs[0].stages = vec![0, 1];
    record.stages.insert((1, 0), reduce);
    Arc::new(Work::of(&record).unwrap())
}

const DYNAMIC: [(&str, &str); 4] = [
    ("spark.dynamicAllocation.enabled", "true"),
    ("spark.dynamicAllocation.shuffleTracking.enabled", "true"),
    ("spark.executor.cores", "2"),
    ("spark.app.name", "dynamic"),
];

/// Runs each pod a fixed time after it was asked for.
struct World {
    application: Application,
    pod_start: Span,
    created: BTreeMap<u32, Timestamp>,
    deleted: BTreeMap<u32, Timestamp>,
    starting: BTreeSet<(Timestamp, u32)>,
    lose_at: Option<(u32, Timestamp)>,
    warn_at: Option<(u32, Timestamp)>,
}

impl World {
    fn of(work: &Arc<Work>, pod_start_seconds: i64) -> Self {
        World {
            application: Application::new(Arc::clone(work), Executors::Simulated),
            pod_start: Span::from_secs(pod_start_seconds),
            created: BTreeMap::new(),
            deleted: BTreeMap::new(),
            starting: BTreeSet::new(),
            lose_at: None,
            warn_at: None,
        }
    }

    fn run(&mut self) {
        let mut wishes = Vec::new();
        let mut wake = None;
        let mut now = Timestamp::ZERO;
        self.application.driver_running(now, &mut wishes);
        loop {
            for wish in wishes.drain(..) {
                match wish {
                    Wish::CreateExecutor { executor, .. } => {
                        self.created.insert(executor, now);
                        self.starting.insert((now + self.pod_start, executor));
                    }
                    Wish::DeleteExecutor { executor } => {
                        self.deleted.insert(executor, now);
                    }
                    Wish::WakeAt(time) => wake = Some(time),
                    Wish::Finished => return,
                }
            }
            let starts = self.starting.first().map(|&(at, _)| at);
            let lost = self.lose_at.map(|(_, at)| at);
            let warned = self.warn_at.map(|(_, at)| at);
            now = [wake, starts, lost, warned]
                .into_iter()
                .flatten()
                .min()
                .expect("not stuck");
            if lost == Some(now) {
                let (executor, _) = self.lose_at.take().unwrap();
                self.application.executor_lost(executor, now, &mut wishes);
            } else if warned == Some(now) {
                let (executor, _) = self.warn_at.take().unwrap();
                let until = now + Span::from_secs(120);
                self.application
                    .executor_decommissioned(executor, until, now, &mut wishes);
            } else if starts == Some(now) {
                let (_, executor) = self.starting.pop_first().unwrap();
                self.application
                    .executor_running(executor, now, &mut wishes);
            } else {
                wake = None;
                self.application.wake(now, &mut wishes);
            }
        }
    }
}

/// One job of one stage, each task two seconds long.
fn application(conf: &[(&str, &str)], tasks: u32) -> Arc<Work> {
    Arc::new(Work::of(&record(conf, tasks)).unwrap())
}

fn record(conf: &[(&str, &str)], tasks: u32) -> Recorded {
    let at = |seconds: i64| Timestamp::from_millis(1_000_000 + seconds * 1000);
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let stage = recorded::Stage {
        submitted: Some(at(1)),
        completed: Some(at(1 + 2 * i64::from(tasks))),
        ..recorded::Stage::default()
    };
    let ended = stage.completed.unwrap();
    Recorded {
        started: at(0),
        submitted: at(0),
        ended: Some(ended),
        driver_ready: Some(at(1)),
        version: Some("3.5.3".to_owned()),
        properties: conf.iter().map(text).collect(),
        jobs: vec![job(0, at(1), ended)],
        stages: BTreeMap::from([((0, 0), stage)]),
        executors: vec![recorded::Executor {
            id: "1".to_owned(),
            added: at(1),
            removed: None,
            last_launch: None,
            cores: 1,
            profile: 0,
        }],
        tasks: (0..tasks)
            .map(|index| task(index, at(1 + 2 * i64::from(index))))
            .collect(),
        ..Recorded::default()
    }
}

/// A second job, five minutes after the first, that skips a stage.
fn add_later_job(record: &mut Recorded) {
    let start = record.end() + Span::from_secs(300);
    let mut later = job(1, start, start + Span::from_secs(1));
    later.stages = vec![7];
    record.rdds = BTreeMap::from([(0, 3), (7, 3)]);
    record.ended = later.ended;
    record.jobs.push(later);
}

fn job(id: u32, started: Timestamp, ended: Timestamp) -> recorded::Job {
    recorded::Job {
        id,
        started,
        ended: Some(ended),
        stages: vec![id],
        execution: None,
        pool: None,
    }
}

fn task(index: u32, launched: Timestamp) -> recorded::Task {
    recorded::Task {
        id: u64::from(index),
        stage: 0,
        stage_attempt: 0,
        index,
        attempt: 0,
        executor: 0,
        launched,
        finished: launched + Span::from_secs(2),
        outcome: TaskOutcome::Success,
        locality: Locality::Node,
        speculative: false,
        writes_shuffle: false,
        cpu: None,
    }
}
