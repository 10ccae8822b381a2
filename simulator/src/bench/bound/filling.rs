//! The most that one node can hold by worth: depth first over the lots, the densest first, cut off where
//! what is left cannot beat what is sought.

use super::{Kind, Lot};

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Pods by lot, where some are worth more than was asked for.
    pub filling: Option<Vec<u32>>,
    /// No filling is worth more than this.
    pub ceiling: f64,
}

/// A lot as it is looked at: its place among the lots, its size and its worth.
struct Piece {
    lot: usize,
    cpu: u32,
    memory: u32,
    most: u32,
    worth: f64,
    /// Worth per room of this piece and of those after it, at most.
    density: f64,
}

/// One node to be filled.
pub struct Search {
    pieces: Vec<Piece>,
    kind: Kind,
    /// What a MiB counts against a thousandth of a core.
    exchange: f64,
    lots: usize,
    counts: Vec<u32>,
    best: Vec<u32>,
    record: f64,
    left: u32,
}

impl Search {
    /// Looks at the lots that fit, at these worths of a pod.
    pub fn new(lots: &[Lot], worths: &[f64], kind: Kind) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        for (lot, (size, worth)) in lots.iter().zip(worths).enumerate() {
            let most = copies(size, kind);
            if most > 0 && *worth > 0.0 {
                let (cpu, memory) = (size.cpu, size.memory);
                pieces.push(Piece {
                    lot,
                    cpu,
                    memory,
                    most,
                    worth: *worth,
                    density: 0.0,
                });
            }
        }
        let exchange = exchange(&pieces, kind);
        for piece in &mut pieces {
            piece.density = piece.worth / room(piece.cpu, piece.memory, exchange);
        }
        pieces.sort_by(|a, b| b.density.total_cmp(&a.density).then(a.lot.cmp(&b.lot)));
        Search {
            counts: vec![0; pieces.len()],
            best: Vec::new(),
            lots: lots.len(),
            record: 0.0,
            left: 0,
            pieces,
            kind,
            exchange,
        }
    }

    /// The best filling worth more than `threshold`, after so many tried ones at most.
    pub fn best(mut self, threshold: f64, most: u32) -> Found {
        let ceiling = self.ceiling(0, (self.kind.cpu, self.kind.memory, self.kind.pods));
        if ceiling <= threshold {
            return Found {
                filling: None,
                ceiling,
            };
        }
        (self.record, self.left) = (threshold, most);
        self.descend(0, (self.kind.cpu, self.kind.memory, self.kind.pods), 0.0);
        let filling = (!self.best.is_empty()).then(|| {
            let mut filling = vec![0; self.lots];
            for (piece, count) in self.pieces.iter().zip(&self.best) {
                filling[piece.lot] = *count;
            }
            filling
        });
        let ceiling = if self.left == 0 { ceiling } else { self.record };
        Found { filling, ceiling }
    }

    fn descend(&mut self, at: usize, (cpu, memory, pods): (u32, u32, u32), worth: f64) {
        if worth > self.record {
            self.record = worth;
            self.best.clone_from(&self.counts);
        }
        if at == self.pieces.len() || self.left == 0 {
            return;
        }
        self.left -= 1;
        if worth + self.ceiling(at, (cpu, memory, pods)) <= self.record {
            return;
        }
        let piece = &self.pieces[at];
        let (size, each) = ((piece.cpu, piece.memory), piece.worth);
        let by_cpu = cpu.checked_div(size.0).unwrap_or(u32::MAX);
        let by_memory = memory.checked_div(size.1).unwrap_or(u32::MAX);
        let most = piece.most.min(by_cpu).min(by_memory).min(pods);
        for count in (0..=most).rev() {
            self.counts[at] = count;
            let rest = (cpu - count * size.0, memory - count * size.1, pods - count);
            self.descend(at + 1, rest, worth + f64::from(count) * each);
        }
        self.counts[at] = 0;
    }

    /// What pieces from this one on can add at most in so much room.
    fn ceiling(&self, at: usize, (cpu, memory, pods): (u32, u32, u32)) -> f64 {
        let Some(piece) = self.pieces.get(at) else {
            return 0.0;
        };
        let dearest = self.pieces[at..]
            .iter()
            .map(|piece| piece.worth)
            .fold(0.0, f64::max);
        let by_room = piece.density * room(cpu, memory, self.exchange);
        by_room.min(dearest * f64::from(pods)) * (1.0 + 1e-12)
    }
}

/// How many pods of a lot a node of a kind holds.
pub fn copies(lot: &Lot, kind: Kind) -> u32 {
    let by_cpu = kind.cpu.checked_div(lot.cpu).unwrap_or(u32::MAX);
    let by_memory = kind.memory.checked_div(lot.memory).unwrap_or(u32::MAX);
    by_cpu.min(by_memory).min(kind.pods).min(lot.count)
}

fn room(cpu: u32, memory: u32, exchange: f64) -> f64 {
    f64::from(cpu) + exchange * f64::from(memory)
}

/// The exchange at which a full node is worth least: the worth has one valley over it, so thirds find it.
fn exchange(pieces: &[Piece], kind: Kind) -> f64 {
    let worth = |power: f64| {
        let exchange = power.exp();
        let densest = |most: f64, piece: &Piece| {
            most.max(piece.worth / room(piece.cpu, piece.memory, exchange))
        };
        pieces.iter().fold(0.0, densest) * room(kind.cpu, kind.memory, exchange)
    };
    let (mut low, mut high) = (-12.0_f64, 8.0_f64);
    for _ in 0..48 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if worth(a) <= worth(b) {
            high = b
        } else {
            low = a
        }
    }
    low.exp()
}
