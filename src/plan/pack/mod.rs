//! Priced packing: which nodes, of which kinds, hold given numbers of equal pods for the least money.
//! Spark makes few distinct pods and many of each, so the plan is found by configurations (what one
//! node can hold): a linear programme over them gives each pod a price and the whole a lower bound,
//! and whole nodes are chosen by those prices.

mod column;
mod cover;
mod duals;
mod exact;
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
const BOUNDED: usize = 512;

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
    if let Some(nodes) = exact::nodes(problem, &problem.counts, exact::WHOLE) {
        return whole::bins(problem, nodes);
    }
    let prices = duals::solve(problem, PACKED);
    whole::nodes(problem, &prices)
}

/// A problem whose pods have prices.
#[derive(Debug)]
pub struct Priced {
    problem: Problem,
    prices: duals::Duals,
    /// What the cheapest nodes cost, where the problem is small enough to be solved outright.
    optimum: Option<UsdPerHour>,
}

impl Priced {
    /// Finds the prices.
    pub fn new(problem: Problem) -> Self {
        let prices = duals::solve(&problem, BOUNDED);
        let nodes = exact::nodes(&problem, &problem.counts, exact::WHOLE);
        let cost = |node: &column::Column| problem.shelves[node.shelf].cost;
        let optimum = nodes.map(|nodes| nodes.iter().map(cost).sum());
        Priced {
            problem,
            prices,
            optimum,
        }
    }

    /// No set of nodes that, together with the free rooms, holds every pod of the problem costs less,
    /// though pods of many nodes be shared out in fractions.
    pub fn bound(&self, rooms: &[Resources]) -> UsdPerHour {
        let worth = |room| worth::worth(&self.problem, &self.prices.values, room);
        self.prices.less(rooms.iter().map(worth).sum())
    }

    /// The same for whole nodes: the optimum where it is known and no room is free, else the bound.
    pub fn whole_bound(&self, rooms: &[Resources]) -> UsdPerHour {
        let optimum = self.optimum.filter(|_| rooms.is_empty());
        optimum.unwrap_or_else(|| self.bound(rooms))
    }

    /// The cheapest cover in fractions of nodes: kinds, how many of each, and the pods that one holds, by
    /// item.
    pub fn cover(&self) -> impl Iterator<Item = (usize, f64, &[u32])> {
        let cover = self.prices.master.cover().into_iter();
        cover.map(|(i, amount)| {
            let column = &self.prices.columns[i];
            let kind = self.problem.shelves[column.shelf].kind;
            (kind, amount, column.counts.as_slice())
        })
    }
}

#[cfg(test)]
mod tests;
