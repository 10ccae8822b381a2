//! The configuration linear programme, by column generation on its dual: what each pod may cost so
//! that no node's filling is worth more than the node. The sum of those prices is a lower bound of
//! every plan; it is scaled down by the worst violation, so that it holds whatever the solver's
//! precision.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT};

use crate::model::money::UsdPerHour;

use super::knapsack::{self, Filling};
use super::problem::Problem;

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
}

impl Duals {
    /// The bound where room worth so much is free.
    pub fn less(&self, free: f64) -> UsdPerHour {
        if self.bound == UsdPerHour::ZERO {
            self.bound
        } else {
            floor(cost(self.bound) - free)
        }
    }
}

struct Column {
    counts: Vec<u32>,
    cost: f64,
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
    };
    for _ in 0..ROUNDS {
        let Some(values) = master(problem, &columns) else {
            break;
        };
        let fillings: Vec<Filling> = fillings(problem, &values);
        let bound = safe_bound(problem, &values, &fillings);
        if bound >= best.bound {
            best = Duals {
                values: values.clone(),
                bound,
            };
        }
        if !add_violated(problem, &fillings, &mut columns) {
            break;
        }
    }
    for (value, alone) in best.values.iter_mut().zip(alone) {
        *value = value.max(alone * LEAST_SHARE);
    }
    best
}

/// For each item the column that holds it alone at the least cost per pod, so that the dual is bounded.
fn singles(problem: &Problem) -> Vec<Column> {
    let single = |item: usize| {
        let best = problem
            .shelves
            .iter()
            .filter(|shelf| shelf.accepts[item])
            .map(|shelf| {
                let count = problem
                    .copies(item, &shelf.room, problem.counts[item])
                    .max(1);
                (cost(shelf.cost) / f64::from(count), count, cost(shelf.cost))
            });
        let (_, count, cost) = best.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let mut counts = vec![0; problem.counts.len()];
        counts[item] = count;
        Some(Column { counts, cost })
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
            cost: cost(problem.shelves[*i].cost),
        });
    }
    !violated.is_empty()
}

/// Σ count × value ÷ the worst ratio of value to cost, rounded down.
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
    floor(sum / worst * (1.0 - 1e-9))
}

/// Maximises Σ count × value with no column worth more than its cost. None where the solver fails.
fn master(problem: &Problem, columns: &[Column]) -> Option<Vec<f64>> {
    let items = problem.counts.len();
    let scale = columns
        .iter()
        .map(|column| column.cost)
        .fold(f64::MIN_POSITIVE, f64::max);
    let most = problem.counts.iter().copied().max().map_or(1.0, f64::from);
    let rows: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| column.counts.iter().map(|&n| f64::from(n)).collect())
        .chain((0..items).map(|i| {
            (0..items)
                .map(|j| if i == j { -1.0 } else { 0.0 })
                .collect()
        }))
        .collect();
    let limits: Vec<f64> = columns
        .iter()
        .map(|column| column.cost / scale)
        .chain(std::iter::repeat_n(0.0, items))
        .collect();
    let objective: Vec<f64> = problem
        .counts
        .iter()
        .map(|&n| -f64::from(n) / most)
        .collect();
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .max_iter(60)
        .build()
        .ok()?;
    let mut solver = DefaultSolver::new(
        &CscMatrix::zeros((items, items)),
        &objective,
        &sparse(&rows, items),
        &limits,
        &[NonnegativeConeT(rows.len())],
        settings,
    )
    .ok()?;
    solver.solve();
    let values: Vec<f64> = solver
        .solution
        .x
        .iter()
        .map(|y| y.max(0.0) * scale)
        .collect();
    values
        .iter()
        .all(|value| value.is_finite())
        .then_some(values)
}

fn sparse(rows: &[Vec<f64>], columns: usize) -> CscMatrix<f64> {
    let (mut starts, mut indices, mut entries) = (vec![0], Vec::new(), Vec::new());
    for column in 0..columns {
        for (i, row) in rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row[column] != 0.0)
        {
            indices.push(i);
            entries.push(row[column]);
        }
        starts.push(indices.len());
    }
    CscMatrix::new(rows.len(), columns, starts, indices, entries)
}

/// Costs as floating point; at least one micro-dollar, so that ratios are finite.
#[expect(
    clippy::as_conversions,
    reason = "micro-dollars below 2^53 are exact in f64"
)]
pub(super) fn cost(rate: UsdPerHour) -> f64 {
    rate.micros().max(1) as f64
}

#[expect(
    clippy::as_conversions,
    reason = "the cast saturates, and the value is non-negative"
)]
fn floor(value: f64) -> UsdPerHour {
    UsdPerHour::from_micros(value.max(0.0).floor() as i64)
}
