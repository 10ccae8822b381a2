//! Pods into rooms that are there: room by room, smallest first, each filled with the pods that use most
//! of it. Rooms bought for a mix of pods are found again this way, where placing pods one by one would
//! leave the last of them without.

use super::Bin;
use super::knapsack::{self, float};
use super::problem::{Item, Problem};
use super::sack::Sack;
use crate::model::money::UsdPerHour;
use crate::model::resources::Resources;

/// Which pods go into which room. Items name rooms by position; pods that find none are left out.
pub fn settle(items: &[Item], rooms: &[Resources]) -> Vec<Bin> {
    let mut problem = Problem::over_all(items, |room| (&rooms[room], UsdPerHour::ZERO));
    let values = sizes(&problem);
    problem
        .shelves
        .sort_by(|a, b| (&a.room, a.kind).cmp(&(&b.room, b.kind)));
    let mut left = problem.counts.clone();
    let mut bins = Vec::new();
    for shelf in &problem.shelves {
        let sack = Sack::new(&problem, shelf, &values, &left);
        let filling = knapsack::best(&sack, 0.0, knapsack::NARROW)
            .fillings
            .into_iter()
            .next();
        let counts = filling.map_or_else(|| vec![0; left.len()], |(counts, _)| counts);
        left.iter_mut()
            .zip(&counts)
            .for_each(|(left, n)| *left -= n);
        bins.push(Bin {
            kind: shelf.kind,
            counts,
        });
    }
    bins
}

/// What a pod takes of all room together, scarce resources counting for more.
fn sizes(problem: &Problem) -> Vec<f64> {
    let all: Vec<f64> = (0..problem.dimensions())
        .map(|r| {
            problem
                .shelves
                .iter()
                .map(|shelf| float(shelf.room[r]))
                .sum()
        })
        .collect();
    let wanted: Vec<f64> = (0..problem.dimensions())
        .map(|r| {
            let pods = problem.sizes.iter().zip(&problem.counts);
            pods.map(|(size, &n)| float(size[r]) * f64::from(n)).sum()
        })
        .collect();
    let share = |size: &Vec<u64>| {
        let resources = size
            .iter()
            .zip(all.iter().zip(&wanted))
            .filter(|(_, (all, _))| **all > 0.0);
        resources
            .map(|(&need, (all, wanted))| float(need) / all * (wanted / all))
            .sum()
    };
    problem.sizes.iter().map(share).collect()
}
