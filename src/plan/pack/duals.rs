//! The configuration linear programme, by column generation on its dual: what each pod may cost so
//! that no node's filling is worth more than the node. The sum of those prices is a lower bound of
//! every plan; it is scaled down by the worst violation, so that it holds whatever the solver's
//! precision.

use crate::model::money::UsdPerHour;

use super::knapsack::{self, Filling, float};
use super::problem::Problem;
use super::programme;

/// Rounds of column generation. Few shapes settle in under ten; what is missing after forty costs
/// tightness, not validity.
const ROUNDS: usize = 40;
/// Columns added in one round, the most violated first: more would only slow the programme down.
const COLUMNS_PER_ROUND: usize = 24;
/// A filling worth this much more than its node is a violation: below is the solver's own noise.
const TOLERANCE: f64 = 1e-7;
/// A pod that rides along for nothing is still placed: it counts a thousandth of what it costs alone.
const LEAST_SHARE: f64 = 1e-3;

/// Prices of pods.
#[derive(Clone, Debug)]
pub(super) struct Duals {
    /// By item, in micro-dollars per hour and pod; positive.
    pub values: Vec<f64>,
    /// No plan costs less.
    pub bound: UsdPerHour,
    /// What nodes could hold, as far as it was worth looking at.
    pub columns: Vec<Column>,
}

/// What one node could hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// Pods by item.
    pub counts: Vec<u32>,
    /// The node's kind, by position among the problem's.
    pub shelf: usize,
    /// What it costs, in micro-dollars per hour.
    pub cost: f64,
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

/// Solves the dual.
pub(super) fn solve(problem: &Problem) -> Duals {
    let mut columns = singles(problem);
    let alone: Vec<f64> = (0..problem.counts.len())
        .map(|item| alone(problem, item))
        .collect();
    let mut best = Duals {
        values: alone.clone(),
        bound: UsdPerHour::ZERO,
        columns: Vec::new(),
    };
    for _ in 0..ROUNDS {
        let Some(values) = master(problem, &columns) else {
            break;
        };
        let fillings: Vec<Filling> = fillings(problem, &values);
        let bound = safe_bound(problem, &values, &fillings);
        if bound >= best.bound {
            (best.values, best.bound) = (values.clone(), bound);
        }
        if !add_violated(problem, &fillings, &mut columns) {
            break;
        }
    }
    for (value, alone) in best.values.iter_mut().zip(alone) {
        *value = value.max(alone * LEAST_SHARE);
    }
    best.columns = columns;
    best.bound = best.bound.max(bound_by_resource(problem));
    best
}

/// For each item the column that holds it alone at the least cost per pod, so that the dual is bounded.
fn singles(problem: &Problem) -> Vec<Column> {
    let single = |item: usize| {
        let columns = problem
            .shelves
            .iter()
            .enumerate()
            .filter(|(_, shelf)| shelf.accepts[item]);
        let columns = columns.map(|(i, shelf)| {
            let mut counts = vec![0; problem.counts.len()];
            counts[item] = problem
                .copies(item, &shelf.room, problem.counts[item])
                .max(1);
            Column {
                counts,
                shelf: i,
                cost: cost(shelf.cost),
            }
        });
        let per_pod = |column: &Column| column.cost / f64::from(column.counts[item]);
        columns.min_by(|a, b| per_pod(a).total_cmp(&per_pod(b)))
    };
    (0..problem.counts.len()).filter_map(single).collect()
}

/// Cost per pod of an item in nodes of its own.
fn alone(problem: &Problem, item: usize) -> f64 {
    let costs = problem
        .shelves
        .iter()
        .filter(|shelf| shelf.accepts[item])
        .map(|shelf| {
            cost(shelf.cost)
                / f64::from(
                    problem
                        .copies(item, &shelf.room, problem.counts[item])
                        .max(1),
                )
        });
    costs.fold(f64::INFINITY, f64::min)
}

fn fillings(problem: &Problem, values: &[f64]) -> Vec<Filling> {
    problem
        .shelves
        .iter()
        .map(|shelf| knapsack::fill(problem, shelf, values, &problem.counts))
        .collect()
}

fn add_violated(problem: &Problem, fillings: &[Filling], columns: &mut Vec<Column>) -> bool {
    let mut violated: Vec<(f64, usize)> = problem
        .shelves
        .iter()
        .zip(fillings)
        .enumerate()
        .map(|(i, (shelf, filling))| (filling.value / cost(shelf.cost), i))
        .filter(|(ratio, _)| *ratio > 1.0 + TOLERANCE)
        .collect();
    violated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    violated.truncate(COLUMNS_PER_ROUND);
    for (_, i) in &violated {
        let counts = fillings[*i].counts.clone();
        columns.push(Column {
            counts,
            shelf: *i,
            cost: cost(problem.shelves[*i].cost),
        });
    }
    !violated.is_empty()
}

/// Σ count × value ÷ the worst ratio of value to cost.
fn safe_bound(problem: &Problem, values: &[f64], fillings: &[Filling]) -> UsdPerHour {
    let worst = problem
        .shelves
        .iter()
        .zip(fillings)
        .map(|(shelf, filling)| filling.at_most / cost(shelf.cost))
        .fold(1.0, f64::max);
    let sum: f64 = problem
        .counts
        .iter()
        .zip(values)
        .map(|(&n, value)| f64::from(n) * value)
        .sum();
    // A relative 10⁻⁹ covers the rounding of the sums themselves.
    whole(sum / worst * (1.0 - 1e-9))
}

/// Maximises Σ count × value with no column worth more than its cost. None where the solver fails.
fn master(problem: &Problem, columns: &[Column]) -> Option<Vec<f64>> {
    let demand: Vec<f64> = problem.counts.iter().map(|&n| f64::from(n)).collect();
    let rows = columns.iter().map(|column| {
        (
            column.counts.iter().map(|&n| f64::from(n)).collect(),
            column.cost,
        )
    });
    programme::maximise(&demand, rows.collect())
}

/// The bound if pods could be cut: each resource has a price such that no node's room is worth more
/// than the node. Looser than configurations where these are known well, tighter where many kinds of
/// pods leave the search for fillings incomplete.
fn bound_by_resource(problem: &Problem) -> UsdPerHour {
    let units: Vec<f64> = (0..problem.dimensions())
        .map(|r| {
            problem
                .shelves
                .iter()
                .map(|shelf| float(shelf.room[r]))
                .fold(1.0, f64::max)
        })
        .collect();
    let rooms: Vec<(Vec<f64>, f64)> = problem
        .shelves
        .iter()
        .map(|shelf| {
            let room = shelf
                .room
                .iter()
                .zip(&units)
                .map(|(&room, unit)| float(room) / unit);
            (room.collect(), cost(shelf.cost))
        })
        .collect();
    let demand: Vec<f64> = (0..problem.dimensions())
        .map(|r| {
            let pods = problem.sizes.iter().zip(&problem.counts);
            pods.map(|(size, &n)| float(size[r]) / units[r] * f64::from(n))
                .sum()
        })
        .collect();
    let Some(prices) = programme::maximise(&demand, rooms.clone()) else {
        return UsdPerHour::ZERO;
    };
    let worth = |amounts: &[f64]| {
        amounts
            .iter()
            .zip(&prices)
            .map(|(n, price)| n * price)
            .sum::<f64>()
    };
    let worst = rooms
        .iter()
        .map(|(room, cost)| worth(room) / cost)
        .fold(1.0, f64::max);
    whole(worth(&demand) / worst * (1.0 - 1e-9))
}

/// Costs as floating point; at least one micro-dollar, so that ratios are finite.
#[expect(
    clippy::as_conversions,
    reason = "micro-dollars below 2^53 are exact in f64"
)]
pub(super) fn cost(rate: UsdPerHour) -> f64 {
    rate.micros().max(1) as f64
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
