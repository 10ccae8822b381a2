//! What one node could hold, and what it costs: the unit in which nodes are chosen. How many nodes of
//! which columns are bought is not decided here.

use crate::model::money::UsdPerHour;

use super::master::Entries;
use super::problem::Problem;

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

impl Column {
    /// A node of a kind that holds these counts.
    pub fn on(problem: &Problem, shelf: usize, counts: Vec<u32>) -> Column {
        Column {
            counts,
            shelf,
            cost: cost(problem.shelves[shelf].cost),
        }
    }

    /// The cheapest node that holds these counts; None where no kind does.
    pub fn cheapest(problem: &Problem, counts: Vec<u32>) -> Option<Column> {
        let shelf = problem.cheapest_for(&counts)?;
        Some(Column::on(problem, shelf, counts))
    }

    /// As a column of the linear programme.
    pub fn entries(&self) -> Entries {
        let counts = self.counts.iter().enumerate();
        let entries = counts.filter(|(_, n)| **n > 0);
        let entries = entries.map(|(item, &n)| (item, f64::from(n)));
        (entries.collect(), self.cost)
    }

    /// What it holds of what is left to hold.
    pub fn cut(&self, left: &[u32]) -> Vec<u32> {
        let counts = self.counts.iter().zip(left);
        counts.map(|(n, left)| *n.min(left)).collect()
    }

    /// What its pods are worth at these prices.
    pub fn worth(&self, prices: &[f64]) -> f64 {
        let counts = self.counts.iter().zip(prices);
        counts.map(|(&n, price)| f64::from(n) * price).sum()
    }
}

/// Costs as floating point; at least one micro-dollar, so that ratios are finite.
#[expect(
    clippy::as_conversions,
    reason = "micro-dollars below 2^53 are exact in f64"
)]
pub(super) fn cost(rate: UsdPerHour) -> f64 {
    rate.micros().max(1) as f64
}

/// What nodes cost together.
pub(super) fn total(nodes: &[Column]) -> f64 {
    nodes.iter().map(|node| node.cost).sum()
}
