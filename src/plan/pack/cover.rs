//! Nodes from pod prices, greedily: always the filling that is worth most for its cost, as often as the
//! remaining pods allow; and at every step the plan that ends with one node for all that is left, so
//! that the last node is sized to what it holds.

use super::duals::{Column, cost};
use super::knapsack;
use super::problem::Problem;

/// Nodes that hold these counts of pods.
pub(super) fn cover(problem: &Problem, values: &[f64], counts: &[u32]) -> Vec<Column> {
    let mut left = counts.to_vec();
    let mut nodes: Vec<Column> = Vec::new();
    let mut spent = 0.0;
    let mut best: Option<(f64, Vec<Column>)> = None;
    while left.iter().any(|&n| n > 0) {
        if let Some(last) = problem.cheapest_for(&left) {
            let last = column(problem, last, left.clone());
            let total = spent + last.cost;
            if best.as_ref().is_none_or(|(known, _)| total < *known) {
                best = Some((total, nodes.iter().cloned().chain([last]).collect()));
            }
        }
        let Some(node) = worthiest(problem, values, &left) else {
            break;
        };
        let copies = left
            .iter()
            .zip(&node.counts)
            .filter(|(_, n)| **n > 0)
            .map(|(l, n)| l / n);
        for _ in 0..copies.min().unwrap_or(0) {
            left.iter_mut()
                .zip(&node.counts)
                .for_each(|(left, n)| *left -= n);
            spent += node.cost;
            nodes.push(node.clone());
        }
    }
    best.filter(|(total, _)| *total <= spent)
        .map_or(nodes, |(_, ended)| ended)
}

/// A node of a kind that holds these counts.
pub(super) fn column(problem: &Problem, shelf: usize, counts: Vec<u32>) -> Column {
    Column {
        counts,
        shelf,
        cost: cost(problem.shelves[shelf].cost),
    }
}

fn worthiest(problem: &Problem, values: &[f64], left: &[u32]) -> Option<Column> {
    let mut best: Option<(f64, Column)> = None;
    for (i, shelf) in problem.shelves.iter().enumerate() {
        let filling = knapsack::fill(problem, shelf, values, left);
        let worth = filling.value / cost(shelf.cost);
        if worth > 0.0
            && best
                .as_ref()
                .is_none_or(|(known, _)| worth > known * (1.0 + 1e-9))
        {
            best = Some((worth, column(problem, i, filling.counts)));
        }
    }
    best.map(|(_, column)| column)
}
