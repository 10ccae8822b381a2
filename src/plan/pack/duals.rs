//! The configuration linear programme, by column generation: what each pod may cost so that no node's
//! filling is worth more than the node. The sum of those prices is a lower bound of every plan; it is
//! scaled down by the worst violation, so that it holds whatever the solver's precision.

use crate::model::money::UsdPerHour;

use super::column::{Column, cost};
use super::knapsack;
use super::master::Master;
use super::problem::Problem;
use super::sack::Sack;

/// Rounds of column generation. Few shapes settle in under ten; what is missing after these costs
/// tightness, not validity.
const ROUNDS: usize = 60;
/// Columns added in one round, the most violated first: more would only slow the programme down.
const COLUMNS_PER_ROUND: usize = 12;
/// A filling worth this much more than its node is a violation; below it the bound gives way.
const TOLERANCE: f64 = 2e-5;
/// A cover this near the bound is as good as the best one.
const GAP: f64 = 1e-4;
/// A pod that rides along for nothing is still placed: it counts a thousandth of what it costs alone.
const LEAST_SHARE: f64 = 1e-3;

/// Prices of pods.
#[derive(Clone, Debug)]
pub(super) struct Duals {
    /// By item, in micro-dollars per hour and pod; positive.
    pub values: Vec<f64>,
    /// No plan costs less.
    pub bound: UsdPerHour,
    /// What nodes could hold, and how much of each covers the pods at the least cost.
    pub master: Master,
}

impl Duals {
    /// The bound where room worth so much is free.
    pub fn less(&self, free: f64) -> UsdPerHour {
        if self.bound == UsdPerHour::ZERO {
            self.bound
        } else {
            whole(cost(self.bound) - free)
        }
    }
}

/// What nodes are worth at some prices.
struct Priced {
    /// Columns worth more than they cost.
    columns: Vec<Column>,
    /// The worst ratio of what a node may hold to its cost; at least 1.
    worst: f64,
}

/// Solves the programme for all pods.
pub(super) fn solve(problem: &Problem) -> Duals {
    let master = Master::new(&problem.counts, singles(problem, &problem.counts));
    generate(problem, &problem.counts, master, ROUNDS)
}

/// Adds the columns that save something to a programme for `demand`, until none does or the rounds are
/// over.
pub(super) fn generate(problem: &Problem, demand: &[u32], master: Master, rounds: usize) -> Duals {
    let mut best = Duals {
        values: positive(&master.prices),
        bound: UsdPerHour::ZERO,
        master,
    };
    let alone = best.values.clone();
    let mut width = knapsack::NARROW;
    for _ in 0..rounds {
        best.master.optimise();
        let values = positive(&best.master.prices);
        let priced = price(problem, &values, demand, width);
        let sum: f64 = (demand.iter().zip(&values))
            .map(|(&n, value)| f64::from(n) * value)
            .sum();
        // A relative 10⁻⁹ covers the rounding of the sums themselves.
        let bound = whole(sum / priced.worst * (1.0 - 1e-9));
        if bound >= best.bound {
            (best.values, best.bound) = (values, bound);
        }
        if std::env::var("DBG").is_ok() && rounds > 10 { eprintln!("total {:.1} bound {:.1} worst {} columns {}", best.master.total(), cost(best.bound), priced.worst, priced.columns.len()); }
        let near = best.master.total() <= cost(best.bound) * (1.0 + GAP);
        if near || (priced.columns.is_empty() && width == knapsack::WIDE) {
            break;
        }
        if priced.columns.is_empty() {
            width = knapsack::WIDE;
        }
        best.master.add(priced.columns);
    }
    best.master.optimise();
    for (value, alone) in best.values.iter_mut().zip(alone) {
        *value = value.max(alone * LEAST_SHARE);
    }
    best
}

fn positive(prices: &[f64]) -> Vec<f64> {
    prices.iter().map(|price| price.max(0.0)).collect()
}

/// For each item the column that holds it alone at the least cost per pod, at most `caps` of it.
pub(super) fn singles(problem: &Problem, caps: &[u32]) -> Vec<Column> {
    let single = |item: usize| {
        let shelves = problem.shelves.iter().enumerate();
        let accepting = shelves.filter(|(_, shelf)| shelf.copies[item] > 0);
        let columns = accepting.map(|(i, shelf)| {
            let count = shelf.copies[item].min(caps[item].max(1));
            (cost(shelf.cost) / f64::from(count), i, count)
        });
        let best = columns.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.map(|(_, shelf, count)| {
            let mut counts = vec![0; caps.len()];
            counts[item] = count;
            Column::on(problem, shelf, counts)
        })
    };
    (0..caps.len()).filter_map(single).collect()
}

/// Looks for fillings that are worth more than their nodes, in the order of what nodes could be worth
/// at most.
fn price(problem: &Problem, values: &[f64], caps: &[u32], width: usize) -> Priced {
    let sacks = problem.shelves.iter();
    let sacks = sacks.map(|shelf| Sack::new(problem, shelf, values, caps));
    let mut sacks: Vec<(f64, usize, Sack<'_>)> = (sacks.enumerate())
        .map(|(i, sack)| (sack.at_most / cost(sack.shelf.cost), i, sack))
        .collect();
    sacks.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut priced = Priced {
        columns: Vec::new(),
        worst: 1.0,
    };
    for (ratio, i, sack) in sacks {
        if ratio <= 1.0 + TOLERANCE || priced.columns.len() >= COLUMNS_PER_ROUND {
            priced.worst = priced.worst.max(ratio);
            break;
        }
        let price = cost(sack.shelf.cost);
        let floor = price * (1.0 + TOLERANCE);
        let found = knapsack::best(&sack, floor, width);
        priced.worst = priced.worst.max(found.at_most / price);
        for (counts, _) in found.fillings {
            let shelf = problem.cheapest_for(&counts).unwrap_or(i);
            if priced.columns.iter().all(|known| known.counts != counts) {
                priced.columns.push(Column::on(problem, shelf, counts));
            }
        }
    }
    priced
}

/// To the nearest micro-dollar. Prices are whole ones, so a plan that costs no less than this costs no
/// less than the next whole one either.
#[expect(
    clippy::as_conversions,
    reason = "the cast saturates, and the value is non-negative"
)]
fn whole(value: f64) -> UsdPerHour {
    UsdPerHour::from_micros(value.max(0.0).round() as i64)
}
