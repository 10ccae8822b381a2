//! The most that a node's filling could be worth if pods could be cut: the Lagrangian bound, each
//! resource given a price. Any prices give a valid bound; they are improved one resource at a time,
//! which is exact for each of them.

use super::knapsack::float;
use super::problem::Problem;

/// Times that every resource's price is improved. The bound moves little after three.
const SWEEPS: usize = 5;

/// No filling of `room` with at most `caps` of the given items is worth more than this.
pub(super) fn at_most(
    problem: &Problem,
    room: &[u64],
    values: &[f64],
    caps: &[u32],
    items: &[usize],
) -> f64 {
    let mut prices = vec![0.0_f64; room.len()];
    let mut best = f64::INFINITY;
    for _ in 0..SWEEPS {
        for r in 0..room.len() {
            prices[r] = 0.0;
            prices[r] = price(problem, room, values, caps, items, &prices, r);
        }
        best = best.min(bound(problem, room, values, caps, items, &prices));
    }
    best
}

/// Σ price × room + Σ count × what a pod is worth beyond the prices of what it takes.
fn bound(
    problem: &Problem,
    room: &[u64],
    values: &[f64],
    caps: &[u32],
    items: &[usize],
    prices: &[f64],
) -> f64 {
    let paid: f64 = room
        .iter()
        .zip(prices)
        .map(|(&free, price)| float(free) * price)
        .sum();
    let beyond = items
        .iter()
        .map(|&item| f64::from(caps[item]) * worth_beyond(problem, values, prices, item).max(0.0));
    paid + beyond.sum::<f64>()
}

fn worth_beyond(problem: &Problem, values: &[f64], prices: &[f64], item: usize) -> f64 {
    let taken = problem.sizes[item].iter().zip(prices);
    values[item] - taken.map(|(&need, price)| float(need) * price).sum::<f64>()
}

/// The best price of one resource, the others' given: the density at which the items that are denser
/// fill the room, as in a knapsack of one resource.
fn price(
    problem: &Problem,
    room: &[u64],
    values: &[f64],
    caps: &[u32],
    items: &[usize],
    prices: &[f64],
    r: usize,
) -> f64 {
    let mut densities: Vec<(f64, usize)> = items
        .iter()
        .filter(|&&item| problem.sizes[item][r] > 0)
        .map(|&item| {
            (
                worth_beyond(problem, values, prices, item) / float(problem.sizes[item][r]),
                item,
            )
        })
        .filter(|(density, _)| *density > 0.0)
        .collect();
    densities.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut left = float(room[r]);
    for (density, item) in densities {
        left -= f64::from(caps[item]) * float(problem.sizes[item][r]);
        if left < 0.0 {
            return density;
        }
    }
    0.0
}
