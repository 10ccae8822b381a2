//! Nodes from pod prices, greedily: always the filling that is worth most for its cost, as often as the
//! remaining pods allow; and at every step the plan that ends with one node for all that is left, so
//! that the last node is sized to what it holds.

use super::column::{Column, cost};
use super::knapsack;
use super::problem::Problem;
use super::sack::Sack;

/// Nodes that hold these counts of pods.
pub(super) fn cover(problem: &Problem, values: &[f64], counts: &[u32]) -> Vec<Column> {
    let mut left = counts.to_vec();
    let mut nodes: Vec<Column> = Vec::new();
    let mut spent = 0.0;
    let mut best: Option<(f64, Vec<Column>)> = None;
    while left.iter().any(|&n| n > 0) {
        if let Some(last) = Column::cheapest(problem, left.clone()) {
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

fn worthiest(problem: &Problem, values: &[f64], left: &[u32]) -> Option<Column> {
    let sacks = problem.shelves.iter();
    let mut sacks: Vec<(f64, usize, Sack<'_>)> = sacks
        .map(|shelf| Sack::new(problem, shelf, values, left))
        .enumerate()
        .map(|(i, sack)| (sack.at_most / cost(sack.shelf.cost), i, sack))
        .collect();
    sacks.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut best: (f64, Option<Column>) = (0.0, None);
    for (most, i, sack) in sacks {
        let floor = best.0 * (1.0 + 1e-9);
        if most <= floor {
            break;
        }
        let price = cost(sack.shelf.cost);
        let found = knapsack::best(&sack, floor * price, knapsack::NARROW);
        if let Some((counts, value)) = found.fillings.into_iter().next() {
            let node = Column::cheapest(problem, counts.clone());
            let node = node.unwrap_or_else(|| Column::on(problem, i, counts));
            best = (value / node.cost, Some(node));
        }
    }
    best.1
}
