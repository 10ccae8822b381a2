//! The most that one node can hold by worth: depth first over the lots, the densest first, cut off where
//! what is left cannot beat what is sought.

use super::tails::{Room, Tails, Worth, exchange, size};
use super::{Kind, Lot};

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Pods by lot, where some are worth more than was asked for.
    pub filling: Option<Vec<u32>>,
    /// No filling is worth more than this.
    pub ceiling: f64,
}

/// One node to be filled.
pub struct Search {
    /// The lots that fit and are worth something, the densest first: their place among all, how many.
    pieces: Vec<(usize, u32)>,
    pods: Vec<Worth>,
    tails: Tails,
    room: Room,
    lots: usize,
    counts: Vec<u32>,
    best: Vec<u32>,
    record: f64,
    left: u32,
}

impl Search {
    /// Looks at the lots that fit, at these worths of a pod.
    pub fn new(lots: &[Lot], worths: &[f64], kind: Kind) -> Self {
        let both = lots.iter().zip(worths).enumerate();
        let mut pieces: Vec<(usize, u32, Worth)> = both
            .map(|(i, (lot, &worth))| (i, copies(lot, kind), worth_of(lot, worth)))
            .filter(|(_, most, pod)| *most > 0 && pod.worth > 0.0)
            .collect();
        let pods: Vec<Worth> = pieces.iter().map(|(_, _, pod)| *pod).collect();
        let exchange = exchange(&pods, kind);
        let density = |pod: &Worth| pod.worth / size(pod.cpu, pod.memory, exchange);
        pieces.sort_by(|a, b| density(&b.2).total_cmp(&density(&a.2)).then(a.0.cmp(&b.0)));
        let pods: Vec<Worth> = pieces.iter().map(|(_, _, pod)| *pod).collect();
        Search {
            tails: Tails::new(&pods, exchange),
            counts: vec![0; pieces.len()],
            pieces: pieces.into_iter().map(|(i, most, _)| (i, most)).collect(),
            pods,
            room: (kind.cpu, kind.memory, kind.pods),
            lots: lots.len(),
            best: Vec::new(),
            record: 0.0,
            left: 0,
        }
    }

    /// The best filling worth more than `threshold`, after so many steps at most.
    pub fn best(mut self, threshold: f64, most: u32) -> Found {
        let ceiling = self.tails.ceiling(0, self.room);
        if ceiling <= threshold {
            return Found {
                filling: None,
                ceiling,
            };
        }
        (self.record, self.left) = (threshold, most);
        self.descend(0, self.room, 0.0);
        let filling = (!self.best.is_empty()).then(|| {
            let mut filling = vec![0; self.lots];
            for ((lot, _), count) in self.pieces.iter().zip(&self.best) {
                filling[*lot] = *count;
            }
            filling
        });
        let ceiling = if self.left == 0 { ceiling } else { self.record };
        Found { filling, ceiling }
    }

    fn descend(&mut self, at: usize, room: Room, worth: f64) {
        if worth > self.record {
            self.record = worth;
            self.best.clone_from(&self.counts);
        }
        if self.left == 0 || worth + self.tails.ceiling(at, room) <= self.record {
            return;
        }
        self.left -= 1;
        let (pod, (_, limit)) = (self.pods[at], self.pieces[at]);
        for count in (0..=most(pod.cpu, pod.memory, room).min(limit)).rev() {
            self.counts[at] = count;
            let rest = (
                room.0 - count * pod.cpu,
                room.1 - count * pod.memory,
                room.2 - count,
            );
            self.descend(at + 1, rest, worth + f64::from(count) * pod.worth);
        }
        self.counts[at] = 0;
    }
}

/// How many pods of a lot a node of a kind holds.
pub fn copies(lot: &Lot, kind: Kind) -> u32 {
    let room = (kind.cpu, kind.memory, kind.pods);
    most(lot.cpu, lot.memory, room).min(lot.count)
}

/// How many pods of a size a room holds.
pub fn most(cpu: u32, memory: u32, room: Room) -> u32 {
    let by_cpu = room.0.checked_div(cpu).unwrap_or(u32::MAX);
    let by_memory = room.1.checked_div(memory).unwrap_or(u32::MAX);
    by_cpu.min(by_memory).min(room.2)
}

/// A pod of a lot at a price.
pub fn worth_of(lot: &Lot, worth: f64) -> Worth {
    Worth {
        cpu: lot.cpu,
        memory: lot.memory,
        worth,
    }
}
