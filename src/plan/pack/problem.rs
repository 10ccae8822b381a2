//! The packing problem as numbers: items by resource, kinds with room and cost, and who accepts whom.
//! Kinds that another beats in everything are left out: they cannot be in a cheaper plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::money::UsdPerHour;
use crate::model::resources::Resources;

/// Equal pods, and the kinds of nodes that may hold them.
#[derive(Clone, Debug)]
pub struct Item {
    /// What one pod asks for.
    pub requests: Resources,
    /// How many there are.
    pub count: u32,
    /// Kinds that accept it, by the caller's names.
    pub kinds: Vec<usize>,
}

/// A kind of node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shelf {
    pub kind: usize,
    pub room: Vec<u64>,
    pub cost: UsdPerHour,
    /// By item.
    pub accepts: Vec<bool>,
}

/// A packing problem.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Requests of each item, by resource.
    pub(super) sizes: Vec<Vec<u64>>,
    /// How many there are of each item.
    pub(super) counts: Vec<u32>,
    /// Kinds worth considering, cheapest first.
    pub(super) shelves: Vec<Shelf>,
    /// Extended resources that are counted, after the four that all pods have.
    names: BTreeSet<Arc<str>>,
}

impl Problem {
    /// A problem over kinds whose room and cost `describe` tells.
    pub fn new<'a>(
        items: &[Item],
        describe: impl Fn(usize) -> (&'a Resources, UsdPerHour),
    ) -> Self {
        let mut problem = Problem::over_all(items, describe);
        problem.shelves = undominated(problem.shelves);
        problem
    }

    /// The same with every kind kept, in the order of their names: for rooms that are there, each of
    /// which counts once.
    pub(super) fn over_all<'a>(
        items: &[Item],
        describe: impl Fn(usize) -> (&'a Resources, UsdPerHour),
    ) -> Self {
        let names: BTreeSet<Arc<str>> = items
            .iter()
            .flat_map(|item| item.requests.extended.keys().cloned())
            .collect();
        let kinds: BTreeSet<usize> = items
            .iter()
            .flat_map(|item| item.kinds.iter().copied())
            .collect();
        let sizes: Vec<Vec<u64>> = items
            .iter()
            .map(|item| vector(&item.requests, &names))
            .collect();
        let accepted: Vec<BTreeSet<usize>> = items
            .iter()
            .map(|item| item.kinds.iter().copied().collect())
            .collect();
        let shelves = kinds.into_iter().map(|kind| {
            let (room, cost) = describe(kind);
            let room = vector(room, &names);
            let accepts = sizes.iter().zip(&accepted).map(|(size, kinds)| {
                kinds.contains(&kind) && size.iter().zip(&room).all(|(need, have)| need <= have)
            });
            let accepts: Vec<bool> = accepts.collect();
            Shelf {
                kind,
                cost,
                accepts,
                room,
            }
        });
        let counts = items.iter().map(|item| item.count).collect();
        Problem {
            shelves: shelves.collect(),
            sizes,
            counts,
            names,
        }
    }

    /// Resources in this problem's order.
    pub(super) fn vector(&self, resources: &Resources) -> Vec<u64> {
        vector(resources, &self.names)
    }

    /// How many resources are counted.
    pub(super) fn dimensions(&self) -> usize {
        self.sizes.first().map_or(0, Vec::len)
    }

    /// How many copies of an item fit into `room`, `limit` at most.
    pub(super) fn copies(&self, item: usize, room: &[u64], limit: u32) -> u32 {
        let fit = self.sizes[item]
            .iter()
            .zip(room)
            .filter(|(need, _)| **need > 0)
            .map(|(need, have)| have / need)
            .min()
            .unwrap_or(u64::MAX);
        u32::try_from(fit).unwrap_or(u32::MAX).min(limit)
    }

    /// The cheapest kind that holds these counts together, by position.
    pub(super) fn cheapest_for(&self, counts: &[u32]) -> Option<usize> {
        self.shelves
            .iter()
            .position(|shelf| self.holds(shelf, counts))
    }

    fn holds(&self, shelf: &Shelf, counts: &[u32]) -> bool {
        let allowed = counts
            .iter()
            .zip(&shelf.accepts)
            .all(|(&n, &accepts)| n == 0 || accepts);
        allowed
            && (0..self.dimensions()).all(|r| {
                let need: u128 = counts
                    .iter()
                    .zip(&self.sizes)
                    .map(|(&n, size)| u128::from(n) * u128::from(size[r]))
                    .sum();
                need <= u128::from(shelf.room[r])
            })
    }
}

fn vector(resources: &Resources, names: &BTreeSet<Arc<str>>) -> Vec<u64> {
    let mut all = vec![
        resources.cpu.millis(),
        resources.memory.get(),
        u64::from(resources.pods),
        resources.storage.get(),
    ];
    all.extend(
        names
            .iter()
            .map(|name| resources.extended.get(name).copied().unwrap_or(0)),
    );
    all
}

/// Cheapest first; a kind stays only if no kept one has at least its room, accepts at least its items
/// and costs no more.
fn undominated(mut shelves: Vec<Shelf>) -> Vec<Shelf> {
    shelves.retain(|shelf| shelf.accepts.contains(&true));
    shelves.sort_by(|a, b| (a.cost, &b.room, a.kind).cmp(&(b.cost, &a.room, b.kind)));
    let mut kept: Vec<Shelf> = Vec::new();
    for shelf in shelves {
        if !kept.iter().any(|better| beats(better, &shelf)) {
            kept.push(shelf);
        }
    }
    kept
}

fn beats(better: &Shelf, other: &Shelf) -> bool {
    let roomier = better.room.iter().zip(&other.room).all(|(a, b)| a >= b);
    roomier
        && better
            .accepts
            .iter()
            .zip(&other.accepts)
            .all(|(a, b)| a >= b)
}
