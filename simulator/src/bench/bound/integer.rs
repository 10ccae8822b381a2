//! The least that whole nodes can cost: best first over what is left to hold, at what is spent so far
//! and the programme's prices of what is left. The next node always holds a pod of the first lot that is
//! left, since some node must. Stopped early, the best sum still open is proven.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{Kind, Lot, Whole};

/// Fillings looked at; beyond them the proof ends where it is.
const FILLINGS: u64 = 6_000_000;
/// States remembered.
const STATES: usize = 400_000;
/// Room that is lost to rounding prices down to whole parts, in parts of a micro-dollar.
const PARTS: f64 = 1.0;

/// What is left of each lot.
type Left = Vec<u32>;

struct Search<'a> {
    lots: &'a [Lot],
    kinds: &'a [Kind],
    prices: Vec<f64>,
    known: u64,
    open: BinaryHeap<Reverse<(u64, u64, Left)>>,
    spent: BTreeMap<Left, u64>,
    tried: u64,
}

/// Searches. `prices` must be such that no filling is worth more than its node.
pub fn search(lots: &[Lot], kinds: &[Kind], prices: &[f64], known: u64) -> Whole {
    // The largest pods first: they leave the fewest ways to go on.
    let largest = kinds.iter().fold((1, 1), |most, kind| {
        (most.0.max(kind.cpu), most.1.max(kind.memory))
    });
    let size = |lot: &Lot| {
        (f64::from(lot.cpu) / f64::from(largest.0))
            .max(f64::from(lot.memory) / f64::from(largest.1))
    };
    let mut both: Vec<(Lot, f64)> = lots.iter().copied().zip(prices.iter().copied()).collect();
    both.sort_by(|a, b| size(&b.0).total_cmp(&size(&a.0)));
    let lots: Vec<Lot> = both.iter().map(|(lot, _)| *lot).collect();
    let mut search = Search {
        lots: &lots,
        kinds,
        prices: both.into_iter().map(|(_, price)| price).collect(),
        known,
        open: BinaryHeap::new(),
        spent: BTreeMap::new(),
        tried: 0,
    };
    let all: Left = lots.iter().map(|lot| lot.count).collect();
    search.reach(all, 0, 0);
    search.run()
}

impl Search<'_> {
    fn run(&mut self) -> Whole {
        while let Some(Reverse((sum, spent, left))) = self.open.pop() {
            let is_done = left.iter().all(|count| *count == 0);
            if is_done || sum >= self.known {
                return Whole {
                    least: sum.min(self.known),
                    is_exact: true,
                };
            }
            if self.spent.len() > STATES {
                return Whole {
                    least: sum,
                    is_exact: false,
                };
            }
            if self.spent.get(&left) == Some(&spent) {
                self.expand(sum, spent, &left);
                if self.tried > FILLINGS {
                    return Whole {
                        least: sum,
                        is_exact: false,
                    };
                }
            }
        }
        Whole {
            least: self.known,
            is_exact: true,
        }
    }

    /// Takes a state in, unless it was reached as cheaply or cannot beat what is known.
    fn reach(&mut self, left: Left, spent: u64, at_least: u64) {
        let sum = (spent + self.rest(&left)).max(at_least);
        if sum >= self.known || self.spent.get(&left).is_some_and(|known| *known <= spent) {
            return;
        }
        self.spent.insert(left.clone(), spent);
        self.open.push(Reverse((sum, spent, left)));
    }

    /// What the pods that are left must cost, in whole micro-dollars.
    fn rest(&self, left: &[u32]) -> u64 {
        let pairs = left.iter().zip(&self.prices);
        let sum: f64 = pairs.map(|(count, price)| f64::from(*count) * price).sum();
        format!("{:.0}", (sum - PARTS).max(0.0))
            .parse()
            .unwrap_or(0)
    }

    fn expand(&mut self, sum: u64, spent: u64, left: &Left) {
        let first = left.iter().position(|count| *count > 0).unwrap_or(0);
        for kind in self.kinds {
            let room = (kind.cpu, kind.memory, kind.pods);
            let mut filling = vec![0; left.len()];
            let mut found = Vec::new();
            self.fill(left, first, first, room, &mut filling, &mut found);
            for filling in found {
                let rest = left
                    .iter()
                    .zip(&filling)
                    .map(|(have, held)| have - held)
                    .collect();
                self.reach(rest, spent + u64::from(kind.price), sum);
            }
        }
    }

    /// All fillings from this lot on to which nothing can be added, with a pod of the first lot.
    fn fill(
        &mut self,
        left: &Left,
        first: usize,
        at: usize,
        room: (u32, u32, u32),
        filling: &mut Left,
        found: &mut Vec<Left>,
    ) {
        self.tried += 1;
        if self.tried > FILLINGS {
            return;
        }
        if at == left.len() {
            let is_full =
                (first..at).all(|lot| filling[lot] == left[lot] || self.most(lot, 1, room) == 0);
            if is_full {
                found.push(filling.clone());
            }
            return;
        }
        let most = self.most(at, left[at], room);
        let least = u32::from(at == first);
        for count in (least..=most).rev() {
            filling[at] = count;
            let lot = self.lots[at];
            let rest = (
                room.0 - count * lot.cpu,
                room.1 - count * lot.memory,
                room.2 - count,
            );
            self.fill(left, first, at + 1, rest, filling, found);
        }
        filling[at] = 0;
    }

    fn most(&self, lot: usize, count: u32, room: (u32, u32, u32)) -> u32 {
        let lot = self.lots[lot];
        let by_cpu = room.0.checked_div(lot.cpu).unwrap_or(u32::MAX);
        let by_memory = room.1.checked_div(lot.memory).unwrap_or(u32::MAX);
        by_cpu.min(by_memory).min(room.2).min(count)
    }
}
