//! Alibaba's cluster trace of 2018, table `batch_task`: each job is an application, each task a stage of
//! equal instances, and the task's name says which tasks must end before it (`R3_1_2` waits for 1 and 2).
//! Columns as in the dataset's own description (cluster-trace-v2018 of alibaba/clusterdata).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::lines::{Fields, Lines, Table, millis};
use super::{Import, Misfit, Options, unsuitable};
use crate::trace::format::tables::{App, EndReason, Pod, Replay, Role, Template, Work, WorkKind};

const COLUMNS: [&str; 9] = [
    "task_name",
    "instance_num",
    "job_name",
    "task_type",
    "status",
    "start_time",
    "end_time",
    "plan_cpu",
    "plan_mem",
];
/// Instances of one task; the trace has up to 99,583.
const MOST_INSTANCES: u64 = 1_000_000;

/// A task of a job.
struct Task {
    line: u64,
    name: String,
    /// Its number in the graph, and those that it waits for; None where the name says nothing.
    place: Option<(u32, Vec<u32>)>,
    instances: u64,
    template: Template,
    start_ms: i64,
    end_ms: Option<i64>,
    failed: bool,
}

pub(super) fn import(
    path: &Path,
    options: &Options<'_>,
    import: &mut Import<'_>,
) -> io::Result<()> {
    let memory = options.machine_memory_gib.ok_or_else(|| {
        unsuitable(
            "gives memory in per cent of the largest machine, whose memory is not published; say what to \
             assume with --machine-memory-gib",
        )
    })?;
    let mut jobs: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    Table::open(Lines::open(path)?, &COLUMNS)?.for_each(&mut |line, row| {
        match row.and_then(|row| Ok((row.text("job_name").to_owned(), task(line, &row, memory)?))) {
            Ok((job, task)) => jobs.entry(job).or_default().push(task),
            Err(misfit) => import.refuse(line, &misfit),
        }
        Ok(())
    })?;
    let mut loose = 0;
    for (job, tasks) in jobs {
        loose += write(&job, tasks, import)?;
    }
    import.note(format!(
        "the largest machine is taken to have {memory} GiB of memory"
    ));
    import.note("all instances of a task are taken to run as long as the task did");
    if loose > 0 {
        import.note(format!(
            "{loose} tasks' names say nothing of a graph: they start when the trace has them"
        ));
    }
    Ok(())
}

fn task(line: u64, row: &Fields<'_>, memory_gib: u32) -> Result<Task, Misfit> {
    if row.text("job_name").is_empty() {
        return Err(Misfit::new(
            "job_name",
            "",
            "is missing; write the job's name",
        ));
    }
    let instances = row.needed("instance_num")?;
    if !(1..=MOST_INSTANCES).contains(&instances) {
        let problem = "is no number of instances; write 1 to 1000000";
        return Err(Misfit::new(
            "instance_num",
            row.text("instance_num"),
            problem,
        ));
    }
    let start = millis("start_time", row.needed("start_time")?)?;
    let end = row.number("end_time")?.filter(|&end| end > 0);
    let end = end.map(|end| millis("end_time", end)).transpose()?;
    if end.is_some_and(|end| end < start) {
        return Err(Misfit::new(
            "end_time",
            row.text("end_time"),
            "is before start_time",
        ));
    }
    // 100 is one core; per cent in thousandths, so 100,000 is the whole machine.
    let cpu = row.thousandths("plan_cpu")?.map(|cpu| cpu.div_ceil(100));
    let share = row.thousandths("plan_mem")?;
    let whole = u64::from(memory_gib) * 1024;
    Ok(Task {
        line,
        name: row.text("task_name").to_owned(),
        place: place(row.text("task_name")),
        instances,
        template: Template {
            cpu_milli: cpu.filter(|&milli| milli > 0),
            mem_mib: share
                .map(|share| share.saturating_mul(whole).div_ceil(100_000))
                .filter(|&mib| mib > 0),
            ..Template::default()
        },
        start_ms: start,
        end_ms: end,
        failed: row.text("status") == "Failed",
    })
}

/// `R3_1_2` is task 3, which waits for 1 and 2; `task_…`, `MergeTask` and the like say nothing.
fn place(name: &str) -> Option<(u32, Vec<u32>)> {
    let mut parts = name.split('_');
    let first = parts
        .next()?
        .trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let own = first.parse().ok()?;
    let parents: BTreeSet<u32> = parts.map_while(|part| part.parse().ok()).collect();
    Some((
        own,
        parents
            .into_iter()
            .filter(|&parent| parent != own)
            .collect(),
    ))
}

/// Writes a job. Tasks outside the graph, and second ones of a number, get numbers of their own.
fn write(job: &str, tasks: Vec<Task>, import: &mut Import<'_>) -> io::Result<u64> {
    import.writer.put(App {
        app: job.to_owned(),
        ..App::default()
    })?;
    let mut taken: BTreeSet<u32> = tasks
        .iter()
        .filter_map(|task| Some(task.place.as_ref()?.0))
        .collect();
    let mut next = taken.last().map_or(1, |last| last.saturating_add(1));
    let mut met = BTreeSet::new();
    let mut loose = 0;
    for task in tasks {
        let (stage, parents) = match task.place.clone().filter(|(own, _)| met.insert(*own)) {
            Some(place) => place,
            None => {
                loose += u64::from(task.place.is_none());
                while !taken.insert(next) {
                    next = next.saturating_add(1);
                }
                let parents = task.place.clone().map(|(_, parents)| parents);
                (next, parents.unwrap_or_default())
            }
        };
        stage_rows(job, &task, stage, parents, import)?;
    }
    Ok(loose)
}

fn stage_rows(
    job: &str,
    task: &Task,
    stage: u32,
    parents: Vec<u32>,
    import: &mut Import<'_>,
) -> io::Result<()> {
    import.writer.put(Work {
        app: job.to_owned(),
        kind: WorkKind::Stage,
        stage: Some(stage),
        parents,
        start_ms: Some(task.start_ms),
        end_ms: task.end_ms,
        ..Work::default()
    })?;
    let template = import.writer.template(task.template.clone())?;
    for instance in 1..=task.instances {
        import.writer.put(Pod {
            pod: format!("{job}-{}-{}-{instance}", task.name, task.line),
            app: Some(job.to_owned()),
            role: Some(Role::Other),
            template: Some(template.clone()),
            replay: Some(Replay::Dag),
            stage: Some(stage),
            create_ms: Some(task.start_ms),
            end_ms: task.end_ms,
            end_reason: task.end_ms.map(|_| match task.failed {
                true => EndReason::Failed,
                false => EndReason::Finished,
            }),
            run_ms: task.end_ms.map(|end| end - task.start_ms),
            ..Pod::default()
        })?;
    }
    Ok(())
}
