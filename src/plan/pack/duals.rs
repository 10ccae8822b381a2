//! The configuration linear programme, by column generation: what each pod may cost so that no node's
//! filling is worth more than the node. The sum of those prices is a lower bound of every plan; it is
//! scaled down by the worst violation, so that it holds whatever the solver's precision.

use crate::model::money::UsdPerHour;

use super::column::{Column, cost};
use super::cover::cover;
use super::knapsack::{self, NARROW};
use super::linear;
use super::master::Master;
use super::problem::Problem;
use super::sack::Sack;

/// Rounds of column generation. Few shapes settle in under ten; what is missing after these costs
/// tightness, not validity.
const ROUNDS: usize = 60;
/// Beyond so many items pods could as well be cut: the programme begins with a greedy cover, and a few
/// rounds gain what there is to gain.
pub(super) const MANY_ITEMS: usize = 48;
/// Rounds then.
const ROUNDS_OF_MANY: usize = 8;
/// Columns added in one round at least, the most violated first: more would only slow the programme
/// down. Of many items half as many.
const COLUMNS_PER_ROUND: usize = 12;
/// A filling worth this much more than its node is a violation; below it the bound gives way.
const TOLERANCE: f64 = 2e-5;
/// A cover this near the bound is as good as the best one.
const GAP: f64 = 1e-4;
/// A pod that rides along for nothing is still placed: it counts a thousandth of what it costs alone.
const LEAST_SHARE: f64 = 1e-3;
/// Fillings are sought at prices this far between the programme's own, which jump from round to round,
/// and those of the best bound (Wentges' smoothing).
const SMOOTH: f64 = 0.5;

/// Prices of pods.
#[derive(Clone, Debug)]
pub(super) struct Duals {
    /// By item, in micro-dollars per hour and pod; positive.
    pub values: Vec<f64>,
    /// No plan costs less.
    pub bound: UsdPerHour,
    /// What nodes could hold.
    pub columns: Vec<Column>,
    /// How much of each covers the pods at the least cost.
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

    /// A programme over columns that hold one item each.
    pub fn new(problem: &Problem, demand: &[u32]) -> Self {
        let columns = singles(problem, demand);
        let amounts: Vec<f64> = demand.iter().map(|&n| f64::from(n)).collect();
        let master = Master::new(&amounts, columns.iter().map(Column::entries).collect());
        Duals {
            values: linear::prices(problem, demand),
            bound: UsdPerHour::ZERO,
            columns,
            master,
        }
    }

    /// One more column.
    pub fn add(&mut self, column: Column) {
        self.master.add(column.entries());
        self.columns.push(column);
    }

    /// Adds the columns that save something, until none does or the rounds are over. `width` is how hard
    /// they are sought at last.
    pub fn generate(&mut self, problem: &Problem, demand: &[u32], rounds: usize, width: usize) {
        let alone = self.master.prices.clone();
        // First at the known prices alone.
        let (mut narrow, mut smooth) = (NARROW, 1.0);
        for _ in 0..rounds {
            self.master.optimise();
            let prices = positive(&self.master.prices);
            let mixed = prices.iter().zip(&self.values);
            let mixed = mixed.map(|(price, known)| price + (known - price) * smooth);
            let values: Vec<f64> = mixed.collect();
            let priced = price(problem, &values, demand, narrow);
            let bound = priced.bound(demand, &values);
            if bound >= self.bound {
                (self.values, self.bound) = (values, bound);
            }
            if self.master.total() <= cost(self.bound) * (1.0 + GAP) {
                break;
            }
            let saves = |column: &Column| column.worth(&prices) > column.cost * (1.0 + TOLERANCE);
            let saving: Vec<Column> = priced.columns.into_iter().filter(saves).collect();
            if !saving.is_empty() {
                smooth = SMOOTH;
                saving.into_iter().for_each(|column| self.add(column));
            } else if smooth > SMOOTH {
                smooth = SMOOTH;
            } else if smooth > 0.0 {
                smooth = 0.0;
            } else if narrow < width {
                narrow = width;
            } else {
                break;
            }
        }
        self.master.optimise();
        for (value, alone) in self.values.iter_mut().zip(alone) {
            *value = value.max(alone * LEAST_SHARE);
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

impl Priced {
    /// No cover costs less: the demand's worth, scaled down to prices at which no node is worth more than
    /// it costs.
    fn bound(&self, demand: &[u32], values: &[f64]) -> UsdPerHour {
        let worth = demand.iter().zip(values);
        let worth: f64 = worth.map(|(&n, value)| f64::from(n) * value).sum();
        // A relative 10⁻⁹ covers the rounding of the sums themselves.
        whole(worth / self.worst * (1.0 - 1e-9))
    }
}

/// Solves the programme for all pods. `width` is how hard columns are sought at last.
pub(super) fn solve(problem: &Problem, width: usize) -> Duals {
    let mut duals = Duals::new(problem, &problem.counts);
    let mut rounds = ROUNDS;
    if problem.counts.len() > MANY_ITEMS {
        rounds = ROUNDS_OF_MANY;
        for column in cover(problem, &duals.values, &problem.counts) {
            duals.add(column);
        }
    }
    duals.generate(problem, &problem.counts, rounds, width);
    duals
}

fn positive(prices: &[f64]) -> Vec<f64> {
    prices.iter().map(|price| price.max(0.0)).collect()
}

/// For each item the column that holds it alone at the least cost per pod, at most `caps` of it.
fn singles(problem: &Problem, caps: &[u32]) -> Vec<Column> {
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
    let enough = COLUMNS_PER_ROUND.max(values.len() / 2);
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
        if ratio <= 1.0 + TOLERANCE || priced.columns.len() >= enough {
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
