//! What the lots from one on can add to a node, at most: in each of a few exchanges of memory against CPU
//! the densest of them fills all the room that is left. No filling is worth more, whatever its counts.

use super::Kind;

/// Multiples of the exchange at which a full node is worth least: the room that is left when a node is
/// half full may be of another form.
const MULTIPLES: [f64; 5] = [0.125, 0.5, 1.0, 2.0, 8.0];
/// The sums are rounded; this much is added so that a ceiling stays one.
const ROUNDING: f64 = 1.0 + 1e-12;

/// A pod's size and worth.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    /// Thousandths of a core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// Micro-dollars per hour.
    pub worth: f64,
}

/// Room of a node: thousandths of a core, MiB, pods.
pub type Room = (u32, u32, u32);

/// Ceilings for the lots of a list, from each on.
pub struct Tails {
    exchanges: [f64; MULTIPLES.len()],
    tails: Vec<Tail>,
}

#[derive(Clone, Copy, Default)]
struct Tail {
    densities: [f64; MULTIPLES.len()],
    dearest: f64,
}

impl Tails {
    /// Ceilings for these pods, in this order, on nodes of about this form.
    pub fn new(pods: &[Worth], exchange: f64) -> Self {
        let exchanges = MULTIPLES.map(|multiple| multiple * exchange);
        let mut tail = Tail::default();
        let mut tails = vec![tail];
        for pod in pods.iter().rev() {
            for (density, exchange) in tail.densities.iter_mut().zip(exchanges) {
                *density = density.max(pod.worth / size(pod.cpu, pod.memory, exchange));
            }
            tail.dearest = tail.dearest.max(pod.worth);
            tails.push(tail);
        }
        tails.reverse();
        Tails { exchanges, tails }
    }

    /// The most that pods from this one on are worth in so much room.
    pub fn ceiling(&self, from: usize, (cpu, memory, pods): Room) -> f64 {
        let tail = &self.tails[from];
        let by_room = tail.densities.iter().zip(self.exchanges);
        let by_room = by_room.map(|(density, exchange)| density * size(cpu, memory, exchange));
        by_room.fold(tail.dearest * f64::from(pods), f64::min) * ROUNDING
    }
}

/// Size in one number: thousandths of a core, with memory at an exchange.
pub fn size(cpu: u32, memory: u32, exchange: f64) -> f64 {
    f64::from(cpu) + exchange * f64::from(memory)
}

/// The exchange at which a full node is worth least: the worth has one valley over it, so thirds find it.
pub fn exchange(pods: &[Worth], kind: Kind) -> f64 {
    let worth = |power: f64| {
        let exchange = power.exp();
        let density = |pod: &Worth| pod.worth / size(pod.cpu, pod.memory, exchange);
        let densest = pods.iter().map(density).fold(0.0, f64::max);
        densest * size(kind.cpu, kind.memory, exchange)
    };
    let (mut low, mut high) = (-12.0_f64, 8.0_f64);
    for _ in 0..48 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if worth(a) <= worth(b) {
            high = b;
        } else {
            low = a;
        }
    }
    low.exp()
}
