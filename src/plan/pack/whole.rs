//! Whole nodes. The linear programme over the columns says how many of each; the whole part of that is
//! taken, and what remains, a few nodes' worth, goes to a small integer programme. The greedy cover is
//! kept where it is cheaper.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, SolveOptions, Variable};

use super::Bin;
use super::cover::{column, cover};
use super::duals::{Column, Duals};
use super::knapsack;
use super::problem::Problem;

/// Nodes of the search tree of the integer programme. Most are solved at the root; a hundred nodes cost
/// a few milliseconds.
const SEARCH_NODES: u64 = 100;
/// An integer solution this near its bound is as good as the best one.
const GAP: f64 = 1e-3;
/// Columns of the integer programme, those with the best value for their cost.
const MOST_COLUMNS: usize = 160;
/// Problems of this many pods at most are also solved without taking the whole part first: in a plan of
/// a few nodes it is what has been rounded away that counts.
const FEW_PODS: u32 = 300;

/// Nodes that hold every pod of the problem.
pub(super) fn nodes(problem: &Problem, prices: &Duals) -> Vec<Bin> {
    let (mut nodes, left) = whole_part(problem, &prices.columns);
    nodes.extend(rest(problem, prices, &left));
    let mut best = trimmed(problem, nodes);
    let mut candidates = vec![cover(problem, &prices.values, &problem.counts)];
    if problem.counts.iter().sum::<u32>() <= FEW_PODS {
        candidates.push(rest(problem, prices, &problem.counts));
    }
    for candidate in candidates {
        let candidate = trimmed(problem, candidate);
        if total(&candidate) < total(&best) * (1.0 - 1e-9) {
            best = candidate;
        }
    }
    best.into_iter()
        .map(|node| Bin {
            kind: problem.shelves[node.shelf].kind,
            counts: node.counts,
        })
        .collect()
}

fn total(nodes: &[Column]) -> f64 {
    nodes.iter().map(|node| node.cost).sum()
}

/// The whole part of the linear programme's solution, and the pods that it leaves.
fn whole_part(problem: &Problem, columns: &[Column]) -> (Vec<Column>, Vec<u32>) {
    let mut left = problem.counts.clone();
    let mut nodes = Vec::new();
    let amounts = solve(columns, &left, None).unwrap_or_default();
    for (column, amount) in columns.iter().zip(amounts) {
        for _ in 0..whole(amount) {
            let taken: Vec<u32> = column
                .counts
                .iter()
                .zip(&left)
                .map(|(n, l)| *n.min(l))
                .collect();
            left.iter_mut().zip(&taken).for_each(|(left, n)| *left -= n);
            nodes.push(Column {
                counts: taken,
                ..column.clone()
            });
        }
    }
    (nodes, left)
}

/// Nodes for what is left: by an integer programme over the fillings that suit it, or greedily.
fn rest(problem: &Problem, prices: &Duals, left: &[u32]) -> Vec<Column> {
    if left.iter().all(|&n| n == 0) {
        return Vec::new();
    }
    let greedy = cover(problem, &prices.values, left);
    let columns = candidates(problem, prices, left, &greedy);
    let hint: Vec<usize> = greedy
        .iter()
        .filter_map(|node| {
            columns
                .iter()
                .position(|column| column.counts == node.counts)
        })
        .collect();
    let Some(amounts) = solve(&columns, left, Some(&hint)) else {
        return greedy;
    };
    let nodes: Vec<Column> = columns
        .iter()
        .zip(amounts)
        .flat_map(|(column, amount)| std::iter::repeat_n(column.clone(), whole(amount)))
        .collect();
    if total(&nodes) < total(&greedy) {
        nodes
    } else {
        greedy
    }
}

/// Fillings worth choosing from: what every kind holds best of what is left, the linear programme's
/// columns cut to it, and the greedy nodes, each in the cheapest kind that holds it.
fn candidates(problem: &Problem, prices: &Duals, left: &[u32], greedy: &[Column]) -> Vec<Column> {
    let cut = |counts: &[u32]| {
        counts
            .iter()
            .zip(left)
            .map(|(n, l)| *n.min(l))
            .collect::<Vec<u32>>()
    };
    let fillings = problem
        .shelves
        .iter()
        .map(|shelf| knapsack::fill(problem, shelf, &prices.values, left).counts);
    let alone = (0..left.len()).flat_map(|item| {
        problem
            .shelves
            .iter()
            .filter(move |shelf| shelf.accepts[item])
            .map(move |shelf| {
                let mut counts = vec![0; left.len()];
                counts[item] = problem.copies(item, &shelf.room, left[item]);
                counts
            })
    });
    let mut found: BTreeMap<Vec<u32>, Column> = BTreeMap::new();
    let all = fillings
        .chain(prices.columns.iter().map(|column| cut(&column.counts)))
        .chain(alone);
    for counts in all.chain(greedy.iter().map(|node| node.counts.clone())) {
        if counts.iter().any(|&n| n > 0)
            && let Some(shelf) = problem.cheapest_for(&counts)
        {
            found
                .entry(counts.clone())
                .or_insert_with(|| column(problem, shelf, counts));
        }
    }
    let worth = |column: &Column| {
        let value: f64 = column
            .counts
            .iter()
            .zip(&prices.values)
            .map(|(&n, v)| f64::from(n) * v)
            .sum();
        value / column.cost
    };
    let mut columns: Vec<Column> = found.into_values().collect();
    columns.sort_by(|a, b| {
        worth(b)
            .total_cmp(&worth(a))
            .then_with(|| a.counts.cmp(&b.counts))
    });
    columns.truncate(MOST_COLUMNS);
    for node in greedy {
        if !columns.iter().any(|column| column.counts == node.counts) {
            columns.push(node.clone());
        }
    }
    columns
}

/// How much of each column covers these counts at the least cost: fractions, or with a hint (positions
/// of columns that cover them) whole numbers. None where the solver fails.
fn solve(columns: &[Column], counts: &[u32], hint: Option<&[usize]>) -> Option<Vec<f64>> {
    let scale = columns
        .iter()
        .map(|column| column.cost)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut programme = microlp::Problem::new(OptimizationDirection::Minimize);
    let most = i32::try_from(counts.iter().sum::<u32>()).unwrap_or(i32::MAX);
    let amounts: Vec<Variable> = columns
        .iter()
        .map(|column| match hint {
            Some(_) => programme.add_integer_var(column.cost / scale, (0, most)),
            None => programme.add_var(column.cost / scale, (0.0, f64::INFINITY)),
        })
        .collect();
    for (item, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let row: Vec<(Variable, f64)> = columns
            .iter()
            .zip(&amounts)
            .filter(|(column, _)| column.counts[item] > 0)
            .map(|(column, amount)| (*amount, f64::from(column.counts[item])))
            .collect();
        programme.add_constraint(row, ComparisonOp::Ge, f64::from(count));
    }
    let mut options = SolveOptions::default();
    if let Some(hint) = hint {
        options.node_limit = Some(SEARCH_NODES);
        options.mip_gap = GAP;
        let used = |i: usize| {
            f64::from(u32::try_from(hint.iter().filter(|&&h| h == i).count()).unwrap_or(0))
        };
        options.warm_start = Some(
            amounts
                .iter()
                .enumerate()
                .map(|(i, amount)| (*amount, used(i)))
                .collect(),
        );
    }
    let solution = programme.solve_with(options).ok()?.into_solution().ok()?;
    Some(
        amounts
            .iter()
            .map(|amount| solution.var_value(*amount))
            .collect(),
    )
}

/// The whole part, forgiving the solver's tolerance.
#[expect(
    clippy::as_conversions,
    reason = "the cast saturates, and amounts are counts of nodes"
)]
fn whole(amount: f64) -> usize {
    (amount + 1e-6).floor().max(0.0) as usize
}

/// The nodes with every pod once: what is held twice is taken out of the later nodes, and each node is of
/// the cheapest kind that holds what it holds.
fn trimmed(problem: &Problem, nodes: Vec<Column>) -> Vec<Column> {
    let mut left = problem.counts.clone();
    let mut kept = Vec::new();
    for node in nodes {
        let counts: Vec<u32> = node
            .counts
            .iter()
            .zip(&left)
            .map(|(n, l)| *n.min(l))
            .collect();
        left.iter_mut()
            .zip(&counts)
            .for_each(|(left, n)| *left -= n);
        if let Some(shelf) = problem
            .cheapest_for(&counts)
            .filter(|_| counts.iter().any(|&n| n > 0))
        {
            kept.push(column(problem, shelf, counts));
        }
    }
    debug_assert!(left.iter().all(|&n| n == 0), "every pod is held");
    kept
}
