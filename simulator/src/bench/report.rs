//! What a set of trials shows, as numbers: plans against bounds, our bound against the other, cost and
//! CPU time against Karpenter's, and the scenarios that did worst. A contract with programs: fields are
//! added and never changed.

use serde::Serialize;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::spark::Role;

use super::figure::{Spread, float, median_millis};
use super::scenario::{MANY_PODS, MEASURED_PODS, Setting};
use super::trial::Trial;

/// How many of the worst scenarios are named.
const WORST: usize = 10;
/// How far above the other bound, as a share of it, ours may be by the arithmetic of the other alone.
const ARITHMETIC: f64 = 1e-8;
/// Plans cost whole micro-dollars, so a bound may be rounded up to the next.
const ROUNDING: f64 = 1.0;

/// Everything a set shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Scenarios run.
    pub scenarios: usize,
    /// Failures of our plans, with the scenario's number.
    pub failures: Vec<(u32, String)>,
    /// Cost ÷ programme, from a thousand pods on.
    pub many_over_programme: Option<Spread>,
    /// Cost ÷ proven sum of whole nodes, below a thousand pods.
    pub few_over_whole: Option<Spread>,
    /// Of those, how many optima are known.
    pub few_exact: usize,
    /// Cost ÷ programme, below a thousand pods.
    pub few_over_programme: Option<Spread>,
    /// Cost ÷ programme with each application kept in the zone that the plan chose for it, from a thousand
    /// pods on: packing alone.
    pub many_in_their_zones: Option<Spread>,
    /// Our bound ÷ the upper end of the other's bracket.
    pub own_bound: Option<Spread>,
    /// Scenarios in which our bound is above the other's bracket.
    pub own_bound_above: Vec<u32>,
    /// Upper end of the other's bracket ÷ its lower end.
    pub bracket: Option<Spread>,
    /// Types named by a launch, on average.
    pub types_per_launch: f64,
    /// Against Karpenter.
    pub karpenter: Option<Rivalry>,
    /// CPU time by size.
    pub times: Vec<Times>,
    /// The worst scenarios.
    pub worst: Vec<Worst>,
    /// Every scenario in short.
    pub rows: Vec<Row>,
}

/// Us against Karpenter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rivalry {
    /// Its version.
    pub version: String,
    /// What we save of its cost, in per cent.
    pub saving: Option<Spread>,
    /// Its cost ÷ programme.
    pub over_programme: Option<Spread>,
    /// Scenarios in which we are dearer.
    pub dearer: Vec<u32>,
    /// Scenarios in which it ran out of time.
    pub timed_out: Vec<u32>,
    /// Scenarios in which it left pods out that we placed.
    pub left_out: Vec<u32>,
}

/// CPU time of scenarios of a size; medians of runs, then over scenarios.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// Pods, from.
    pub from: u32,
    /// Pods, to.
    pub to: u32,
    /// Taking in the pods and planning, bound included, in milliseconds.
    pub ours_ms: Option<Spread>,
    /// Planning alone.
    pub planning_ms: Option<Spread>,
    /// Karpenter's `Solve`, one worker.
    pub karpenter_ms: Option<Spread>,
    /// Its time ÷ ours, where both ran.
    pub ratio: Option<Spread>,
}

/// A scenario that did badly.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Worst {
    /// The scenario.
    pub setting: Setting,
    /// Cost ÷ the bound that counts at its size.
    pub ratio: f64,
    /// Cost ÷ programme with applications kept in the zones that the plan chose.
    pub in_its_zones: f64,
    /// Where most of the excess is.
    pub because: String,
}

/// A scenario in short.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The scenario.
    #[serde(flatten)]
    pub setting: Setting,
    /// Applications.
    pub apps: usize,
    /// Nodes planned.
    pub nodes: u32,
    /// USD per hour.
    pub cost: f64,
    /// Our bound.
    pub own_bound: f64,
    /// The other bracket.
    pub programme: (f64, f64),
    /// The lower end with applications kept in the zones that the plan chose.
    pub in_its_zones: f64,
    /// Whole nodes.
    pub whole: f64,
    /// That is the optimum.
    pub is_exact: bool,
    /// Taking in the pods and planning, in milliseconds of CPU.
    pub ours_ms: f64,
    /// Taking in catalogue and pools, in milliseconds of CPU.
    pub loading_ms: f64,
    /// Karpenter's cost.
    pub karpenter_cost: Option<f64>,
    /// Its CPU time.
    pub karpenter_ms: Option<f64>,
}

/// Sums the trials up.
pub fn report(trials: &[Trial]) -> Report {
    let few = || trials.iter().filter(|trial| !is_many(trial));
    let many = || trials.iter().filter(|trial| is_many(trial));
    let is_above = |trial: &&Trial| {
        let most = trial.programme().1 * (1.0 + ARITHMETIC) + ROUNDING;
        float(trial.own_bound) > most
    };
    let above = trials.iter().filter(is_above);
    let failures = trials.iter().flat_map(|trial| {
        let number = trial.scenario.setting.number;
        trial
            .verdict
            .failures
            .iter()
            .map(move |failure| (number, failure.clone()))
    });
    let named = |trials: &[Trial]| {
        trials.iter().fold((0, 0), |sum, trial| {
            let (types, launches) = trial.verdict.alternatives;
            (sum.0 + types, sum.1 + launches)
        })
    };
    let (types, launches) = named(trials);
    Report {
        scenarios: trials.len(),
        failures: failures.collect(),
        many_over_programme: Spread::of(many().map(over_programme)),
        few_over_whole: Spread::of(few().map(ratio)),
        few_exact: few().filter(|trial| trial.whole().1).count(),
        few_over_programme: Spread::of(few().map(over_programme)),
        many_in_their_zones: Spread::of(many().map(in_its_zones)),
        own_bound: Spread::of(trials.iter().map(own_bound)),
        own_bound_above: above.map(|trial| trial.scenario.setting.number).collect(),
        bracket: Spread::of(
            trials
                .iter()
                .map(|trial| trial.programme().1 / trial.programme().0),
        ),
        types_per_launch: super::figure::number(types) / super::figure::number(launches.max(1)),
        karpenter: rivalry(trials),
        times: times(trials),
        worst: worst(trials),
        rows: trials.iter().map(row).collect(),
    }
}

fn is_many(trial: &Trial) -> bool {
    trial.scenario.pods() >= MANY_PODS
}

fn cost(trial: &Trial) -> f64 {
    float(trial.verdict.total())
}

/// Against the higher of what is proven: the other bound's lower end, or ours where that holds too.
fn over_programme(trial: &Trial) -> f64 {
    let (low, high) = trial.programme();
    cost(trial) / low.max(float(trial.own_bound).min(high))
}

fn in_its_zones(trial: &Trial) -> f64 {
    cost(trial) / trial.in_its_zones
}

/// Cost ÷ the bound that counts at this size.
fn ratio(trial: &Trial) -> f64 {
    if is_many(trial) {
        over_programme(trial)
    } else {
        cost(trial) / trial.whole().0
    }
}

fn own_bound(trial: &Trial) -> f64 {
    float(trial.own_bound) / trial.programme().1
}

/// CPU time of taking in the pods and planning, the median of the runs, in milliseconds.
fn ours(trial: &Trial) -> f64 {
    median_millis(
        trial
            .spent
            .iter()
            .map(|spent| spent.folding + spent.planning),
    )
}

fn theirs(trial: &Trial) -> Option<f64> {
    let answers = trial.answers.iter().filter(|answer| !answer.timed_out);
    Spread::of(answers.map(|answer| answer.solve_cpu_ms)).map(|spread| spread.p50)
}

fn saving(trial: &Trial) -> Option<f64> {
    let theirs = trial.peer()?.hourly_cost;
    Some(100.0 * (1.0 - cost(trial) / 1e6 / theirs))
}

fn rivalry(trials: &[Trial]) -> Option<Rivalry> {
    let first = trials.iter().find_map(|trial| trial.answers.first())?;
    let numbers = |wanted: &dyn Fn(&Trial) -> bool| -> Vec<u32> {
        let found = trials.iter().filter(|trial| wanted(trial));
        found.map(|trial| trial.scenario.setting.number).collect()
    };
    let over = trials.iter().filter_map(|trial| {
        Some(trial.peer()?.hourly_cost * 1e6 / (cost(trial) / over_programme(trial)))
    });
    Some(Rivalry {
        version: first.karpenter.clone(),
        saving: Spread::of(trials.iter().filter_map(saving)),
        over_programme: Spread::of(over),
        dearer: numbers(&|trial| saving(trial).is_some_and(|saving| saving < -1e-6)),
        timed_out: numbers(&|trial| trial.answers.iter().any(|answer| answer.timed_out)),
        left_out: numbers(&|trial| {
            let answer = trial.answers.first();
            answer.is_some_and(|answer| !answer.timed_out && answer.unscheduled_pods > 0)
        }),
    })
}

/// The sizes told apart; the one on which times are compared stands alone.
fn times(trials: &[Trial]) -> Vec<Times> {
    let ends = [
        99,
        MANY_PODS - 1,
        MEASURED_PODS - 1,
        MEASURED_PODS,
        u32::MAX,
    ];
    let mut from = 1;
    let mut times = Vec::new();
    for to in ends {
        let size = from..=to;
        let of_size = || {
            trials
                .iter()
                .filter(|trial| size.contains(&trial.scenario.pods()))
        };
        let both = of_size().filter_map(|trial| Some(theirs(trial)? / ours(trial)));
        let planning =
            |trial: &Trial| median_millis(trial.spent.iter().map(|spent| spent.planning));
        times.push(Times {
            from,
            to,
            ours_ms: Spread::of(of_size().map(ours)),
            planning_ms: Spread::of(of_size().map(planning)),
            karpenter_ms: Spread::of(of_size().filter_map(theirs)),
            ratio: Spread::of(both),
        });
        from = to.saturating_add(1);
    }
    times
}

fn worst(trials: &[Trial]) -> Vec<Worst> {
    let mut by_ratio: Vec<&Trial> = trials.iter().collect();
    by_ratio.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)));
    let named = by_ratio.into_iter().take(WORST);
    named
        .map(|trial| Worst {
            setting: trial.scenario.setting.clone(),
            ratio: ratio(trial),
            in_its_zones: in_its_zones(trial),
            because: because(trial),
        })
        .collect()
}

/// The lane in which most of the excess is, with what it has.
fn because(trial: &Trial) -> String {
    let excess = trial.bounds.iter().map(|(lane, bound)| {
        let cost = float(trial.verdict.cost.get(lane).copied().unwrap_or(0));
        let nodes = trial.verdict.nodes.get(lane).copied().unwrap_or(0);
        (cost - bound.whole, cost, nodes, lane)
    });
    let Some((excess, cost, nodes, lane)) = excess.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return String::new();
    };
    let (role, capacity_type, zone): &(Role, CapacityType, Option<String>) = lane;
    format!(
        "{:.4} of {:.4} USD/h above on {nodes} nodes of {role}s, {capacity_type}, {}",
        excess / 1e6,
        cost / 1e6,
        zone.as_deref().unwrap_or("any zone"),
    )
}

fn row(trial: &Trial) -> Row {
    let (low, high) = trial.programme();
    let (whole, is_exact) = trial.whole();
    Row {
        setting: trial.scenario.setting.clone(),
        apps: trial.scenario.apps(),
        nodes: trial.verdict.nodes.values().sum(),
        cost: cost(trial) / 1e6,
        own_bound: float(trial.own_bound) / 1e6,
        programme: (low / 1e6, high / 1e6),
        in_its_zones: trial.in_its_zones / 1e6,
        whole: whole / 1e6,
        is_exact,
        ours_ms: ours(trial),
        loading_ms: median_millis(trial.spent.iter().map(|spent| spent.loading)),
        karpenter_cost: trial.peer().map(|answer| answer.hourly_cost),
        karpenter_ms: theirs(trial),
    }
}
