//! A replay as JSON: a contract with programs, so fields are added and never changed. Money and times
//! are printed from integers; `wallSeconds` and `podEventsPerSecond` alone differ between two runs.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use sparkwright::ledger::cost::MOST_NAMED;
use sparkwright::model::advice::Written;
use sparkwright::model::money::{Cost, Usd, apportion};
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::Outcome;
use crate::trace::Skipped;
use crate::world::record::Ran;
use crate::world::submission::Submission;
use sparkwright::model::decimal::Decimal;

use super::Answer;
use super::nodes::{self, Node, NodeGroup};
use super::work;

/// Nodes that are listed one by one; where there are more, they are grouped.
const MOST_LISTED: usize = MOST_NAMED;
use super::world::{self, AppWorld, World};

/// The document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    pub region: &'a str,
    pub seed: u64,
    pub usd: Decimal,
    pub usd_per_hour_peak: Decimal,
    pub usd_idle: Decimal,
    pub usd_boot: Decimal,
    pub usd_system: Decimal,
    /// Work of the applications that were completed.
    pub work_hours: Decimal,
    /// All that was paid, per hour of it; null where there is none.
    pub usd_per_work_hour: Option<Decimal>,
    pub makespan_seconds: Decimal,
    pub apps: Apps<'a>,
    /// Empty where there are more than is listed; then `node_groups` holds them.
    pub nodes: Vec<Node<'a>>,
    pub nodes_aggregated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_groups: Vec<NodeGroup<'a>>,
    #[serde(skip)]
    pub node_count: usize,
    pub unplaced: Vec<Unplaced<'a>>,
    pub world: World<'a>,
    pub pod_events: u64,
    rounds: u64,
    wall_seconds: f64,
    pod_events_per_second: f64,
    pub skipped: Vec<Skip<'a>>,
}

/// What each application has cost. The rest of its line is made when it is written, so that a million
/// applications take no room for theirs.
pub(super) struct Apps<'a> {
    answer: &'a Answer,
    usd: Vec<Usd>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App<'a> {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<&'a str>,
    pub name: &'a str,
    /// `spark`, `pods` or `dag`.
    pub kind: &'static str,
    pub usd: Decimal,
    /// Null, as the next, unless it is a Spark application that was completed.
    pub work_hours: Option<Decimal>,
    pub usd_per_work_hour: Option<Decimal>,
    pub submitted_seconds: Decimal,
    pub started_seconds: Option<Decimal>,
    pub finished_seconds: Option<Decimal>,
    pub outcome: Option<&'static str>,
    pub recorded_seconds: Decimal,
    /// Null, as the two after the next, where it is no Spark application.
    pub in_job_seconds: Option<Decimal>,
    pub recorded_in_job_seconds: Option<Decimal>,
    pub wait_seconds: Option<Decimal>,
    pub executor_seconds: Decimal,
    #[serde(flatten)]
    pub world: AppWorld<'a>,
    pub fidelity: Option<Fidelity>,
    /// What its executors ask for and how they are set that costs money or work; of copies, on the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Written<'a>>,
}

#[derive(Serialize)]
pub(super) struct Fidelity {
    pub error: Option<Decimal>,
    pub kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Unplaced<'a> {
    pub pod: &'a str,
    pub reason: &'static str,
    pub message: String,
}

#[derive(Serialize)]
pub(super) struct Skip<'a> {
    pub input: &'a str,
    pub reason: &'a str,
}

/// Writes the document and a line's end.
pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(answer))?;
    writeln!(out)
}

/// The document of a run. What is printed adds up: applications, idle, boot and system to the whole,
/// and so do the nodes.
pub(super) fn document(answer: &Answer) -> Document<'_> {
    document_listing(answer, MOST_LISTED)
}

/// The same with at most so many nodes listed one by one.
pub(super) fn document_listing(answer: &Answer, most_listed: usize) -> Document<'_> {
    let outcome = &answer.outcome;
    let balance = outcome.ledger.balance(outcome.ended);
    let mut parts: Vec<Cost> = outcome.runs.iter().map(|ran| ran.tally.cost).collect();
    parts.extend([balance.idle, balance.boot, balance.system]);
    let mut amounts = apportion(&parts);
    let rest = amounts.split_off(answer.submissions.len());
    let bygone = outcome.ledger.bygone.values().map(|sum| sum.nodes);
    let bygone = usize::try_from(bygone.sum::<u64>()).unwrap_or(usize::MAX);
    let node_count = balance.nodes.len().saturating_add(bygone);
    let aggregated = node_count > most_listed;
    let (nodes, node_groups) = match aggregated {
        true => (Vec::new(), nodes::groups(answer)),
        false => (nodes::each(answer, &balance.nodes), Vec::new()),
    };
    let wall = answer.took.as_secs_f64();
    let usd = parts.iter().copied().sum::<Cost>().rounded();
    let work = work::of_all(answer);
    Document {
        region: &answer.catalog.region,
        seed: answer.seed,
        usd: usd.into(),
        usd_per_hour_peak: outcome.ledger.peak().into(),
        usd_idle: rest[0].into(),
        usd_boot: rest[1].into(),
        usd_system: rest[2].into(),
        work_hours: work::hours(work),
        usd_per_work_hour: work::unit_cost(usd, work),
        makespan_seconds: since_start(makespan(answer)),
        apps: Apps {
            answer,
            usd: amounts,
        },
        nodes,
        nodes_aggregated: aggregated,
        node_groups,
        node_count,
        unplaced: unplaced(answer),
        world: world::world(answer),
        pod_events: outcome.pod_events,
        rounds: outcome.rounds,
        wall_seconds: wall,
        pod_events_per_second: per_second(outcome.pod_events, wall),
        skipped: answer.skipped.iter().map(skip).collect(),
    }
}

fn per_second(events: u64, wall: f64) -> f64 {
    let events = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
    if wall > 0.0 {
        (events / wall).round()
    } else {
        0.0
    }
}

fn makespan(answer: &Answer) -> Timestamp {
    let runs = answer.outcome.runs.iter();
    let ends = runs.filter_map(|ran| ran.progress.finished);
    ends.max().unwrap_or_default()
}

impl<'a> Apps<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.usd.len()
    }

    /// Each application's line.
    pub fn iter(&self) -> impl Iterator<Item = App<'a>> {
        let answer = self.answer;
        let runs = answer.outcome.runs.iter().zip(&self.usd).enumerate();
        runs.map(move |(i, (ran, usd))| app(answer, i, &ran, *usd))
    }
}

impl Serialize for Apps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

fn app<'a>(answer: &'a Answer, i: usize, ran: &Ran, usd: Usd) -> App<'a> {
    let submission = answer.submissions.original(i);
    let submitted = answer.submissions.at(i);
    let spark = submission.spark();
    let progress = &ran.progress;
    let work = work::of_one(answer, i, ran);
    let advice = answer.advice.get(submission.app());
    let advice = advice.filter(|_| answer.submissions.is_first(i));
    App {
        id: answer.submissions.id(i),
        attempt: spark.and_then(|spark| spark.attempt.as_deref()),
        name: submission.name(),
        kind: submission.kind(),
        usd: usd.into(),
        work_hours: work.map(work::hours),
        usd_per_work_hour: work.and_then(|work| work::unit_cost(usd, work)),
        submitted_seconds: since_start(submitted),
        started_seconds: progress.started.map(since_start),
        finished_seconds: progress.finished.map(since_start),
        outcome: progress.outcome.map(Outcome::as_str),
        recorded_seconds: submission.recorded().into(),
        in_job_seconds: spark.map(|_| progress.in_job.into()),
        recorded_in_job_seconds: spark.map(|spark| spark.recorded_in_job.into()),
        wait_seconds: progress.first_task.map(|first| (first - submitted).into()),
        executor_seconds: ran.tally.executor_time.into(),
        world: world::app(answer, &ran.tally),
        fidelity: spark.map(fidelity),
        advice: advice.map_or_else(Vec::new, |found| found.iter().map(Written::from).collect()),
    }
}

/// |predicted − recorded| ÷ recorded of the time inside jobs, by the model with executors as recorded.
fn fidelity(submission: &Submission) -> Fidelity {
    let fidelity = &submission.fidelity;
    let (predicted, recorded) = (fidelity.predicted_in_job, fidelity.recorded_in_job);
    let error = (recorded > Span::ZERO).then(|| {
        let off = i128::from(predicted.millis().abs_diff(recorded.millis()));
        Decimal::ratio(off, i128::from(recorded.millis()))
    });
    Fidelity {
        error,
        kind: fidelity.kind.as_str(),
    }
}

fn unplaced(answer: &Answer) -> Vec<Unplaced<'_>> {
    let waiting = answer.outcome.waiting.iter();
    waiting
        .map(|waiting| Unplaced {
            pod: waiting.pod.as_str(),
            reason: waiting.reason.code(),
            message: waiting.reason.to_string(),
        })
        .collect()
}

fn skip(skipped: &Skipped) -> Skip<'_> {
    Skip {
        input: &skipped.input,
        reason: &skipped.reason,
    }
}

pub(super) fn since_start(at: Timestamp) -> Decimal {
    (at - Timestamp::ZERO).into()
}
