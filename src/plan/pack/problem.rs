//! The packing problem as numbers: items by resource, kinds with room and cost, and who accepts whom.
//! Kinds that another beats in everything are left out: they cannot be in a cheaper plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::money::UsdPerHour;
use crate::model::resources::Resources;

use super::knapsack::float;

/// Equal pods, and the kinds of nodes that may hold them.
#[derive(Clone, Debug)]
pub struct Item {
    /// What one pod asks for.
    pub requests: Resources,
    /// How many there are.
    pub count: u32,
    /// Kinds that accept it, by the caller's names.
    pub kinds: Arc<[usize]>,
}

/// A kind of node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shelf {
    pub kind: usize,
    pub room: Vec<u64>,
    pub cost: UsdPerHour,
    /// By item: how many it holds of it alone, none where it does not accept it.
    pub copies: Vec<u32>,
    /// By shared resource: what divides the requests of all its items.
    pub grain: Vec<u64>,
    /// By shared resource: the room that its items can use up, in whole multiples of that.
    pub tight: Vec<u64>,
    /// By shared resource: the share of that room that one unit is.
    pub scale: Vec<f64>,
}

/// A packing problem.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Requests of each item, by resource.
    pub(super) sizes: Vec<Vec<u64>>,
    /// Requests of each item, by shared resource.
    pub(super) tight: Vec<Vec<u64>>,
    /// The same as floating point.
    pub(super) weights: Vec<Vec<f64>>,
    /// How many there are of each item: what may be changed, since nothing else follows from it.
    pub counts: Vec<u32>,
    /// Kinds worth considering, cheapest first.
    pub(super) shelves: Vec<Shelf>,
    /// Resources that several items ask for. What one item alone asks for bounds how many of it a node
    /// holds, and nothing else.
    shared: Vec<usize>,
    /// Extended resources that are counted, after the four that all pods have.
    names: BTreeSet<Arc<str>>,
}

impl Problem {
    /// A problem over kinds whose room and cost `describe` tells.
    pub fn new<'a>(
        items: &[Item],
        describe: impl Fn(usize) -> (&'a Resources, UsdPerHour),
    ) -> Self {
        let mut problem = Problem::without_kinds(items);
        let offers = undominated(problem.offers(items, describe));
        problem.shelves = problem.shelves_of(offers);
        problem
    }

    /// The same with every kind kept, in the order of their names: for rooms that are there, each of
    /// which counts once.
    pub(super) fn over_all<'a>(
        items: &[Item],
        describe: impl Fn(usize) -> (&'a Resources, UsdPerHour),
    ) -> Self {
        let mut problem = Problem::without_kinds(items);
        let offers = problem.offers(items, describe);
        problem.shelves = problem.shelves_of(offers);
        problem
    }

    fn without_kinds(items: &[Item]) -> Self {
        let names: BTreeSet<Arc<str>> = items
            .iter()
            .flat_map(|item| item.requests.extended.keys().cloned())
            .collect();
        let vectors = items.iter().map(|item| vector(&item.requests, &names));
        let sizes: Vec<Vec<u64>> = vectors.collect();
        let dimensions = 4 + names.len();
        let asking = |r: &usize| sizes.iter().filter(|size| size[*r] > 0).count();
        let shared: Vec<usize> = (0..dimensions).filter(|r| asking(r) > 1).collect();
        let tight = sizes.iter().map(|size| only(&shared, size));
        let tight: Vec<Vec<u64>> = tight.collect();
        let weigh = |size: &Vec<u64>| size.iter().copied().map(float).collect();
        Problem {
            weights: tight.iter().map(weigh).collect(),
            tight,
            sizes,
            counts: items.iter().map(|item| item.count).collect(),
            shelves: Vec::new(),
            shared,
            names,
        }
    }

    /// The kinds that items accept, in the order of their names.
    fn offers<'a>(
        &self,
        items: &[Item],
        describe: impl Fn(usize) -> (&'a Resources, UsdPerHour),
    ) -> Vec<Offer> {
        let last = items
            .iter()
            .flat_map(|item| item.kinds.iter().copied())
            .max();
        let words = items.len().div_ceil(64);
        let mut accepts: Vec<u64> = vec![0; last.map_or(0, |last| (last + 1) * words)];
        for (i, item) in items.iter().enumerate() {
            for &kind in item.kinds.iter() {
                accepts[kind * words + i / 64] |= 1 << (i % 64);
            }
        }
        let masks = accepts.chunks(words.max(1)).enumerate();
        let wanted = masks.filter(|(_, mask)| mask.iter().any(|word| *word != 0));
        let offer = |(kind, mask): (usize, &[u64])| {
            let (room, cost) = describe(kind);
            Offer {
                kind,
                cost,
                room: self.vector(room),
                accepts: mask.to_vec(),
            }
        };
        wanted.map(offer).collect()
    }

    fn shelves_of(&self, offers: Vec<Offer>) -> Vec<Shelf> {
        let shelf = |offer: Offer| {
            let copies = (0..self.sizes.len()).map(|i| {
                let accepts = offer.accepts[i / 64] >> (i % 64) & 1 == 1;
                if accepts {
                    self.copies(i, &offer.room, u32::MAX)
                } else {
                    0
                }
            });
            let copies: Vec<u32> = copies.collect();
            let grain = self.grain(&copies);
            let tight = self.shared.iter().zip(&grain);
            let tight = tight.map(|(&r, grain)| offer.room[r] - offer.room[r] % grain);
            let tight: Vec<u64> = tight.collect();
            Shelf {
                kind: offer.kind,
                cost: offer.cost,
                scale: tight.iter().map(|&have| 1.0 / float(have.max(1))).collect(),
                room: offer.room,
                grain,
                tight,
                copies,
            }
        };
        offers.into_iter().map(shelf).collect()
    }

    /// What divides the requests of all items of which a node holds some, by shared resource.
    fn grain(&self, copies: &[u32]) -> Vec<u64> {
        let grain = (0..self.shared.len()).map(|at| {
            let sizes = self.tight.iter().zip(copies);
            let sizes = sizes.filter(|(_, n)| **n > 0).map(|(size, _)| size[at]);
            sizes.fold(0, common_divisor).max(1)
        });
        grain.collect()
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
        let held = counts.iter().enumerate().filter(|(_, n)| **n > 0);
        let held: Vec<(usize, u32)> = held.map(|(i, n)| (i, *n)).collect();
        let need = |r: usize| -> u128 {
            let needs = held.iter().map(|&(i, n)| (n, self.sizes[i][r]));
            needs
                .map(|(n, size)| u128::from(n) * u128::from(size))
                .sum()
        };
        let needs: Vec<u128> = (0..self.dimensions()).map(need).collect();
        self.shelves.iter().position(|shelf| {
            let room = needs.iter().zip(&shelf.room);
            let mut room = room.map(|(need, have)| *need <= u128::from(*have));
            room.all(|fits| fits) && held.iter().all(|&(i, n)| shelf.copies[i] >= n)
        })
    }
}

/// Euclid's algorithm; nought divides by everything.
fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

fn only(which: &[usize], of: &[u64]) -> Vec<u64> {
    which.iter().map(|&r| of[r]).collect()
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

/// A kind of node and who accepts it, an item a bit.
struct Offer {
    kind: usize,
    cost: UsdPerHour,
    room: Vec<u64>,
    accepts: Vec<u64>,
}

/// Cheapest first; a kind stays only if no kept one has at least its room, accepts at least its items
/// and costs no more.
fn undominated(mut offers: Vec<Offer>) -> Vec<Offer> {
    offers.sort_by(|a, b| (a.cost, &b.room, a.kind).cmp(&(b.cost, &a.room, b.kind)));
    let mut kept: Vec<Offer> = Vec::new();
    // What has beaten others beats more: it is asked first.
    let mut order: Vec<usize> = Vec::new();
    for offer in offers {
        match order.iter().position(|&k| kept[k].beats(&offer)) {
            Some(at) => order[..=at].rotate_right(1),
            None => {
                order.push(kept.len());
                kept.push(offer);
            }
        }
    }
    kept
}

impl Offer {
    fn beats(&self, other: &Offer) -> bool {
        let mut rooms = self.room.iter().zip(&other.room);
        let mut masks = self.accepts.iter().zip(&other.accepts);
        rooms.all(|(a, b)| a >= b) && masks.all(|(a, b)| b & !a == 0)
    }
}
