//! Prices of pods if they could be cut: each resource has a price such that no node's room is worth more
//! than the node, and a pod costs what it takes. Where pods are small, or of very many sizes, these are
//! nearly the prices of whole pods; they are where the search for those begins.

use super::column::cost;
use super::knapsack::float;
use super::master::Master;
use super::problem::Problem;

/// A resource alone is this much dearer than in the node where it is dearest: no cover uses it.
const DEAR: f64 = 4.0;

/// By item: what one pod costs.
pub(super) fn prices(problem: &Problem, demand: &[u32]) -> Vec<f64> {
    let largest = |r: usize| problem.shelves.iter().map(|shelf| shelf.room[r]).max();
    let units: Vec<f64> = (0..problem.dimensions())
        .map(|r| float(largest(r).unwrap_or(0).max(1)))
        .collect();
    let asked = |r: usize| -> f64 {
        let pods = problem.sizes.iter().zip(demand);
        pods.map(|(size, &n)| float(size[r]) / units[r] * f64::from(n))
            .sum()
    };
    let rows: Vec<usize> = (0..problem.dimensions())
        .filter(|&r| asked(r) > 0.0)
        .collect();
    let amounts: Vec<f64> = rows.iter().map(|&r| asked(r)).collect();
    let dearest = problem.shelves.iter().map(|shelf| cost(shelf.cost));
    let dearest = dearest.fold(1.0, f64::max) * DEAR;
    let alone = |row: usize| {
        let shelves = problem.shelves.iter();
        let share = shelves.map(|shelf| float(shelf.room[rows[row]]) / units[rows[row]]);
        let least = share.filter(|share| *share > 0.0).fold(1.0, f64::min);
        (vec![(row, 1.0)], dearest / least)
    };
    let mut master = Master::new(&amounts, (0..rows.len()).map(alone).collect());
    for shelf in &problem.shelves {
        let entries = rows.iter().enumerate();
        let entries = entries.map(|(row, &r)| (row, float(shelf.room[r]) / units[r]));
        let entries = entries.filter(|(_, share)| *share > 0.0);
        master.add((entries.collect(), cost(shelf.cost)));
    }
    master.optimise();
    let price = |size: &Vec<u64>| {
        let taken = rows.iter().zip(&master.prices);
        taken
            .map(|(&r, price)| float(size[r]) / units[r] * price.max(0.0))
            .sum()
    };
    problem.sizes.iter().map(price).collect()
}
