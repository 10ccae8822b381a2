//! Priced packing: which nodes, of which kinds, hold given numbers of equal pods for the least money.
//! Spark makes few distinct pods and many of each, so the plan is found by configurations (what one
//! node can hold): a linear programme over them gives each pod a price and the whole a lower bound,
//! and whole nodes are chosen by those prices.

mod column;
mod cover;
mod duals;
mod knapsack;
mod linear;
mod master;
mod problem;
mod sack;
mod settle;
mod table;
mod whole;
mod worth;

use crate::model::money::UsdPerHour;
use crate::model::resources::Resources;

pub use problem::{Item, Problem};
pub use settle::settle;

/// How hard columns are sought for a plan: one that is a thousandth better is not worth more time.
const PACKED: usize = 64;
/// How hard they are sought for a bound, which must hold.
const BOUNDED: usize = 256;

/// One node to be, and how many pods of each item it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The caller's name for its kind.
    pub kind: usize,
    /// Pods by item.
    pub counts: Vec<u32>,
}

/// Nodes that hold every pod of the problem. Each item must be accepted by at least one kind that
/// has room for it.
pub fn pack(problem: &Problem) -> Vec<Bin> {
    let prices = duals::solve(problem, PACKED);
    whole::nodes(problem, &prices)
}

/// A problem whose pods have prices.
#[derive(Debug)]
pub struct Priced {
    problem: Problem,
    prices: duals::Duals,
}

impl Priced {
    /// Finds the prices.
    pub fn new(problem: Problem) -> Self {
        let prices = duals::solve(&problem, BOUNDED);
        Priced { problem, prices }
    }

    /// No set of nodes that, together with the free rooms, holds every pod of the problem costs less.
    pub fn bound(&self, rooms: &[Resources]) -> UsdPerHour {
        let worth = |room| worth::worth(&self.problem, &self.prices.values, room);
        self.prices.less(rooms.iter().map(worth).sum())
    }
}

#[cfg(test)]
mod tests;
