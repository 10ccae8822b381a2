//! The least that whole nodes can cost: best first over what is left to hold, at what is spent so far
//! and the programme's prices of what is left. The next node always holds a pod of the first lot that is
//! left, since some node must. Stopped early, the best sum still open is proven.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::filling;
use super::tails::{Room, Tails, Worth, exchange};
use super::{Kind, Lot, Whole};
use crate::bench::figure::float;

/// Fillings looked at; beyond them the proof ends where it is.
const FILLINGS: u64 = 6_000_000;
/// States remembered.
const STATES: usize = 400_000;
/// Room that is lost to rounding prices down to whole parts, in parts of a micro-dollar.
const PARTS: f64 = 1.0;

/// What is left of each lot.
type Left = Vec<u32>;

struct Search<'a> {
    kinds: &'a [Kind],
    /// A pod of each lot at its price.
    pods: Vec<Worth>,
    known: u64,
    open: BinaryHeap<Reverse<(u64, u64, Left)>>,
    spent: BTreeMap<Left, u64>,
    tried: u64,
}

/// A node that comes next, while it is filled.
struct Node<'a> {
    left: &'a Left,
    /// The lot of which it must hold a pod.
    first: usize,
    filling: Left,
    /// What it holds must be worth so much.
    least: f64,
    tails: Tails,
    found: Vec<Left>,
}

/// Searches. `prices` must be such that no filling is worth more than its node.
pub fn search(lots: &[Lot], kinds: &[Kind], prices: &[f64], known: u64) -> Whole {
    // The largest pods first: they leave the fewest ways to go on.
    let roomiest = |room: fn(&Kind) -> u32| f64::from(kinds.iter().map(room).max().unwrap_or(1));
    let (cpu, memory) = (roomiest(|kind| kind.cpu), roomiest(|kind| kind.memory));
    let size = |lot: &Lot| (f64::from(lot.cpu) / cpu).max(f64::from(lot.memory) / memory);
    let mut both: Vec<(Lot, f64)> = lots.iter().copied().zip(prices.iter().copied()).collect();
    both.sort_by(|a, b| size(&b.0).total_cmp(&size(&a.0)));
    let pods = both
        .iter()
        .map(|(lot, price)| filling::worth_of(lot, *price));
    let mut search = Search {
        kinds,
        pods: pods.collect(),
        known,
        open: BinaryHeap::new(),
        spent: BTreeMap::new(),
        tried: 0,
    };
    let all: Left = both.iter().map(|(lot, _)| lot.count).collect();
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
        let pairs = left.iter().zip(&self.pods);
        let sum: f64 = pairs
            .map(|(count, pod)| f64::from(*count) * pod.worth)
            .sum();
        format!("{:.0}", (sum - PARTS).max(0.0))
            .parse()
            .unwrap_or(0)
    }

    /// Every node that can come next, filled until nothing more fits, unless it costs so much more than
    /// what it holds is worth that what is known would not be beaten.
    fn expand(&mut self, sum: u64, spent: u64, left: &Left) {
        let first = left.iter().position(|count| *count > 0).unwrap_or(0);
        for kind in self.kinds {
            let mut node = Node {
                left,
                first,
                filling: vec![0; left.len()],
                least: f64::from(kind.price) - float(self.known - sum) - PARTS,
                tails: Tails::new(&self.pods, exchange(&self.pods, *kind)),
                found: Vec::new(),
            };
            self.fill(&mut node, first, (kind.cpu, kind.memory, kind.pods), 0.0);
            for filling in node.found {
                let rest = left.iter().zip(&filling).map(|(have, held)| have - held);
                self.reach(rest.collect(), spent + u64::from(kind.price), sum);
            }
        }
    }

    fn fill(&mut self, node: &mut Node<'_>, at: usize, room: Room, worth: f64) {
        self.tried += 1;
        if self.tried > FILLINGS || worth + node.tails.ceiling(at, room) < node.least {
            return;
        }
        if at == node.left.len() {
            let is_full = (node.first..at)
                .all(|lot| node.filling[lot] == node.left[lot] || self.most(lot, room) == 0);
            if is_full {
                node.found.push(node.filling.clone());
            }
            return;
        }
        let most = self.most(at, room).min(node.left[at]);
        let least = u32::from(at == node.first);
        let pod = self.pods[at];
        for count in (least..=most).rev() {
            node.filling[at] = count;
            let rest = (
                room.0 - count * pod.cpu,
                room.1 - count * pod.memory,
                room.2 - count,
            );
            self.fill(node, at + 1, rest, worth + f64::from(count) * pod.worth);
        }
        node.filling[at] = 0;
    }

    fn most(&self, lot: usize, room: Room) -> u32 {
        filling::most(self.pods[lot].cpu, self.pods[lot].memory, room)
    }
}
