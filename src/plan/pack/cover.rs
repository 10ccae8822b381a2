//! Whole nodes from pod prices: always the filling that is worth most for its cost, as often as the
//! remaining pods allow; and at every step the plan that ends with one node for all that is left, so
//! that the last node is sized to what it holds.

use super::Bin;
use super::duals::cost;
use super::knapsack;
use super::problem::{Problem, Shelf};

/// Nodes that hold every pod.
pub(super) fn cover(problem: &Problem, values: &[f64]) -> Vec<Bin> {
    let mut left = problem.counts.clone();
    let mut bins: Vec<(&Shelf, Vec<u32>)> = Vec::new();
    let mut spent = 0.0;
    let mut best: Option<(f64, Vec<(&Shelf, Vec<u32>)>)> = None;
    while left.iter().any(|&n| n > 0) {
        if let Some(last) = problem.cheapest_for(&left) {
            let total = spent + cost(last.cost);
            if best.as_ref().is_none_or(|(known, _)| total < *known) {
                let mut ended = bins.clone();
                ended.push((last, left.clone()));
                best = Some((total, ended));
            }
        }
        let Some((shelf, counts)) = worthiest(problem, values, &left) else {
            break;
        };
        let copies = left
            .iter()
            .zip(&counts)
            .filter(|(_, n)| **n > 0)
            .map(|(l, n)| l / n)
            .min();
        for _ in 0..copies.unwrap_or(0) {
            left.iter_mut()
                .zip(&counts)
                .for_each(|(left, n)| *left -= n);
            spent += cost(shelf.cost);
            bins.push((shelf, counts.clone()));
        }
    }
    if let Some((_, ended)) = best.filter(|(total, _)| *total <= spent) {
        bins = ended;
    }
    bins.iter()
        .map(|(_, counts)| downsized(problem, counts.clone()))
        .collect()
}

fn worthiest<'a>(
    problem: &'a Problem,
    values: &[f64],
    left: &[u32],
) -> Option<(&'a Shelf, Vec<u32>)> {
    let mut best: Option<(f64, &Shelf, Vec<u32>)> = None;
    for shelf in &problem.shelves {
        let filling = knapsack::fill(problem, shelf, values, left);
        let worth = filling.value / cost(shelf.cost);
        if worth > 0.0
            && best
                .as_ref()
                .is_none_or(|(known, ..)| worth > known * (1.0 + 1e-9))
        {
            best = Some((worth, shelf, filling.counts));
        }
    }
    best.map(|(_, shelf, counts)| (shelf, counts))
}

/// The cheapest kind that holds what the node holds.
fn downsized(problem: &Problem, counts: Vec<u32>) -> Bin {
    let shelf = problem
        .cheapest_for(&counts)
        .expect("the filling fits the kind it was made for");
    Bin {
        kind: shelf.kind,
        counts,
    }
}
