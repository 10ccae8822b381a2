//! Whole nodes. The linear programme over the columns says how many of each; the whole part of that is
//! taken, and what remains is asked again, with what fits it: again and again the column that is nearest
//! to a whole node is taken. The greedy cover is kept where it is cheaper.

use std::collections::BTreeSet;

use super::Bin;
use super::column::{Column, total};
use super::cover::cover;
use super::duals::{Duals, MANY_ITEMS};
use super::exact;
use super::knapsack::{NARROW, floor};
use super::problem::Problem;

/// Rounds of column generation for what remains after each step.
const ROUNDS: usize = 3;

/// So near the linear programme nothing is tried beside it.
const NEAR: f64 = 3e-3;
/// Times that a part of the nodes is taken back, and nodes that may be passed over for each.
const PARTS: usize = 8;
const SKIPS: usize = 12;

/// Nodes that hold every pod of the problem.
pub(super) fn nodes(problem: &Problem, prices: &Duals) -> Vec<Bin> {
    let mut best = trimmed(problem, dive(problem, prices));
    if total(&best) > prices.master.total() * (1.0 + NEAR) {
        let greedy = trimmed(problem, cover(problem, &prices.values, &problem.counts));
        if total(&greedy) < total(&best) {
            best = greedy;
        }
    }
    bins(problem, polished(problem, &prices.values, best))
}

/// Nodes as the caller knows them.
pub(super) fn bins(problem: &Problem, nodes: Vec<Column>) -> Vec<Bin> {
    let bin = |node: Column| Bin {
        kind: problem.shelves[node.shelf].kind,
        counts: node.counts,
    };
    nodes.into_iter().map(bin).collect()
}

/// The nodes that are worth least for their cost, as many as can be solved outright, are taken back and
/// their pods packed anew; then the next ones.
fn polished(problem: &Problem, prices: &[f64], mut nodes: Vec<Column>) -> Vec<Column> {
    let ratio = |node: &Column| node.worth(prices) / node.cost;
    let by_ratio = |a: &Column, b: &Column| {
        (ratio(b).total_cmp(&ratio(a))).then_with(|| a.counts.cmp(&b.counts))
    };
    let mut kept: Vec<Column> = Vec::new();
    for _ in 0..PARTS {
        nodes.sort_by(by_ratio);
        let mut counts = vec![0; problem.counts.len()];
        let mut taken: Vec<Column> = Vec::new();
        let mut skipped: Vec<Column> = Vec::new();
        while let Some(node) = nodes.pop() {
            let more: Vec<u32> = counts
                .iter()
                .zip(&node.counts)
                .map(|(a, b)| a + b)
                .collect();
            if exact::is_small(&more, exact::PART) {
                counts = more;
                taken.push(node);
            } else {
                skipped.push(node);
            }
            if skipped.len() >= SKIPS {
                break;
            }
        }
        nodes.extend(skipped);
        let Some(again) = exact::nodes(problem, &counts, exact::PART) else {
            break;
        };
        if total(&again) < total(&taken) * (1.0 - 1e-9) {
            nodes.extend(again);
        } else {
            kept.extend(taken);
        }
    }
    kept.extend(nodes);
    kept
}

/// Nodes by steps: whole columns first, then the one of which the most is wanted; and at every step the
/// plan that ends with one node for all that is left.
fn dive(problem: &Problem, prices: &Duals) -> Vec<Column> {
    let mut left = problem.counts.clone();
    let mut nodes: Vec<Column> = Vec::new();
    let mut duals = prices.clone();
    let mut best: Option<Vec<Column>> = None;
    loop {
        let cover = duals.master.cover();
        let most = cover.iter().map(|(_, amount)| *amount).fold(0.0, f64::max);
        for (i, amount) in cover {
            let times = if floor(most) > 0 {
                floor(amount)
            } else {
                u32::from(amount >= most)
            };
            for _ in 0..times {
                let counts = duals.columns[i].cut(&left);
                take(&mut left, &counts);
                nodes.extend(Column::cheapest(problem, counts));
            }
        }
        if let Some(last) = exact::nodes(problem, &left, exact::PART) {
            nodes.extend(last);
            break;
        }
        if let Some(last) = Column::cheapest(problem, left.clone()) {
            let ended = total(&nodes) + last.cost;
            if best.as_ref().is_none_or(|best| ended < total(best)) {
                best = Some(nodes.iter().cloned().chain([last]).collect());
            }
        }
        duals = remainder(problem, &duals, &left);
    }
    best.filter(|best| total(best) <= total(&nodes))
        .unwrap_or(nodes)
}

/// The programme for what is left, over the known columns cut to it and new ones.
fn remainder(problem: &Problem, known: &Duals, left: &[u32]) -> Duals {
    let mut duals = Duals::new(problem, left);
    let mut seen = BTreeSet::new();
    for column in &known.columns {
        let counts = column.cut(left);
        let fresh = counts.iter().any(|&n| n > 0) && seen.insert(counts.clone());
        if fresh && let Some(column) = Column::cheapest(problem, counts) {
            duals.add(column);
        }
    }
    duals.values.clone_from(&known.values);
    let items = left.iter().filter(|n| **n > 0).count();
    let rounds = if items > MANY_ITEMS { 1 } else { ROUNDS };
    duals.generate(problem, left, rounds, NARROW);
    duals
}

fn take(left: &mut [u32], counts: &[u32]) {
    left.iter_mut().zip(counts).for_each(|(left, n)| *left -= n);
}

/// The nodes with every pod once: what is held twice is taken out of the later nodes, and each node is of
/// the cheapest kind that holds what it holds.
fn trimmed(problem: &Problem, nodes: Vec<Column>) -> Vec<Column> {
    let mut left = problem.counts.clone();
    let mut kept = Vec::new();
    for node in nodes {
        let counts = node.cut(&left);
        take(&mut left, &counts);
        if counts.iter().any(|&n| n > 0) {
            kept.extend(Column::cheapest(problem, counts));
        }
    }
    debug_assert!(left.iter().all(|&n| n == 0), "every pod is held");
    kept
}
