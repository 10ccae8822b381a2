//! A node's filling in one resource alone, by tables: the most that the items from each one on are worth
//! in every amount of room, the other resources paid for at their prices. What is asked for in grains
//! finer than the tables' is rounded down, so that the tables promise too much rather than too little.

use std::cmp::Reverse;

use super::knapsack::float;
use super::sack::Sack;

/// Rows of a table at most, where items are few.
const MOST_UNITS: u64 = 1_024;
/// Entries of a table at most, so that many items cost no more than some.
const MOST_ENTRIES: u64 = 32_768;
/// Times that the price of the second resource is improved; the promise moves little after five.
const TRIALS: usize = 6;
/// How far the price goes at a trial while it is not known from both sides.
const STRIDE: f64 = 1.15;

/// Prices of the second resource, as multiples of the best one, at which partial fillings are judged too:
/// where much of it is taken already, or little, the rest is worth more, or less.
const OTHERS: [f64; 8] = [0.0, 0.5, 0.8, 0.95, 1.05, 1.25, 2.0, 4.0];

/// A node's items in one resource, and tables of what they are worth.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    /// Positions of the sack's items, the largest first.
    pub order: Vec<usize>,
    /// The node's room.
    pub room: usize,
    /// No filling is worth more.
    pub at_most: f64,
    /// By depth in the order: what one pod takes.
    sizes: Vec<usize>,
    layers: Vec<Layer>,
}

/// Tables at some prices of the other resources.
#[derive(Clone, Debug)]
struct Layer {
    /// By shared resource: what one unit of it is worth; nothing of the table's own.
    prices: Vec<f64>,
    /// By depth: what one pod is worth, the other resources paid for.
    values: Vec<f64>,
    /// By depth and room, a row behind the other: what the items from there on are worth at most.
    most: Vec<f64>,
}

/// What the table's own filling leaves of a resource at a price of it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    price: f64,
    at_most: f64,
    left: f64,
}

impl Tables {
    /// Tables at the price of the second resource that promises least, as far as it matters (a promise
    /// below `floor` is low enough), and at others.
    pub fn new(sack: &Sack<'_>, floor: f64) -> Tables {
        let resource = coarsest(sack);
        let mut prices: Vec<f64> = (sack.prices.iter().zip(&sack.shelf.scale))
            .map(|(price, scale)| price * scale)
            .collect();
        if let Some(price) = prices.get_mut(resource) {
            *price = 0.0;
        }
        let second = (0..prices.len())
            .filter(|&r| prices[r] > 0.0)
            .max_by(|&a, &b| sack.prices[a].total_cmp(&sack.prices[b]).then(b.cmp(&a)));
        let mut tables = Tables::empty(sack, resource);
        let first = tables.layer(sack, prices);
        tables.at_most = first.at_most(&tables, sack);
        tables.layers.push(first);
        if let Some(second) = second {
            tables.tune(sack, second, floor);
            if tables.at_most > floor {
                for factor in OTHERS {
                    let mut prices = tables.layers[0].prices.clone();
                    prices[second] *= factor;
                    let layer = tables.layer(sack, prices);
                    tables.layers.push(layer);
                }
            }
        }
        tables
    }

    fn empty(sack: &Sack<'_>, resource: usize) -> Tables {
        let unit = grain(sack, resource);
        let units = |amount: u64| usize::try_from(amount / unit).unwrap_or(usize::MAX);
        let sizes = |i: usize| &sack.problem.tight[sack.items[i]];
        let size = |i: usize| units(sizes(i).get(resource).copied().unwrap_or(0));
        let mut order: Vec<usize> = (0..sack.items.len()).collect();
        order.sort_by_key(|&i| (Reverse(size(i)), Reverse(sizes(i)), i));
        Tables {
            sizes: order.iter().map(|&i| size(i)).collect(),
            room: units(sack.shelf.tight.get(resource).copied().unwrap_or(0)),
            at_most: 0.0,
            layers: Vec::new(),
            order,
        }
    }

    /// Improves the price of the second resource in the first layer.
    fn tune(&mut self, sack: &Sack<'_>, second: usize, floor: f64) {
        let (mut cheap, mut dear): (Option<Trial>, Option<Trial>) = (None, None);
        let mut trial = self.trial(sack, &self.layers[0], second);
        for _ in 0..TRIALS {
            if self.at_most <= floor || trial.left.abs() < 0.5 {
                return;
            }
            if trial.left < 0.0 {
                cheap = Some(trial);
            } else {
                dear = Some(trial);
            }
            let price = match (cheap, dear) {
                (Some(cheap), Some(dear)) => crossing(cheap, dear),
                (Some(cheap), None) => cheap.price * STRIDE,
                (None, Some(dear)) => dear.price / STRIDE,
                (None, None) => return,
            };
            let mut prices = self.layers[0].prices.clone();
            prices[second] = price;
            let layer = self.layer(sack, prices);
            trial = self.trial(sack, &layer, second);
            if trial.at_most < self.at_most {
                self.at_most = trial.at_most;
                self.layers[0] = layer;
            }
        }
    }

    fn layer(&self, sack: &Sack<'_>, prices: Vec<f64>) -> Layer {
        let worth = |&i: &usize| {
            let paid = sack.problem.weights[sack.items[i]].iter().zip(&prices);
            sack.values[i] - paid.map(|(need, price)| need * price).sum::<f64>()
        };
        let values: Vec<f64> = self.order.iter().map(worth).collect();
        let (depths, row) = (self.order.len(), self.room + 1);
        let mut most = vec![0.0; (depths + 1) * row];
        for depth in (0..depths).rev() {
            most.copy_within((depth + 1) * row..(depth + 2) * row, depth * row);
            let limit = sack.limits[self.order[depth]];
            let here = &mut most[depth * row..(depth + 1) * row];
            fill(here, self.sizes[depth], values[depth], limit);
        }
        Layer {
            prices,
            values,
            most,
        }
    }

    /// What the best filling in this resource alone promises, and leaves of another.
    fn trial(&self, sack: &Sack<'_>, layer: &Layer, other: usize) -> Trial {
        let mut left = float(sack.shelf.tight[other]);
        let mut room = self.room;
        for (depth, &i) in self.order.iter().enumerate() {
            let mut best = (f64::NEG_INFINITY, 0);
            for count in 0..=sack.limits[i] {
                let Some(rest) = room.checked_sub(self.units(depth, count)) else {
                    break;
                };
                let worth =
                    layer.values[depth] * f64::from(count) + layer.most[self.at(depth + 1, rest)];
                if worth > best.0 {
                    best = (worth, count);
                }
            }
            room -= self.units(depth, best.1);
            left -= sack.problem.weights[sack.items[i]][other] * f64::from(best.1);
        }
        Trial {
            price: layer.prices[other],
            at_most: layer.at_most(self, sack),
            left,
        }
    }

    /// What the items from `depth` on are worth at most in so much room; anything below `enough` where
    /// that is too little to matter.
    pub fn promise(&self, depth: usize, units: usize, room: &[u64], enough: f64) -> f64 {
        let mut least = f64::INFINITY;
        for layer in &self.layers {
            let paid = layer.prices.iter().zip(room);
            let paid: f64 = paid.map(|(price, &room)| price * float(room)).sum();
            least = least.min(layer.most[self.at(depth, units)] + paid);
            if least < enough {
                break;
            }
        }
        least
    }

    /// Where a layer has the entry of a depth and a room.
    fn at(&self, depth: usize, room: usize) -> usize {
        depth * (self.room + 1) + room
    }

    /// What so many of the item at a depth take.
    pub fn units(&self, depth: usize, count: u32) -> usize {
        self.sizes[depth] * usize::try_from(count).unwrap_or(usize::MAX)
    }
}

impl Layer {
    fn at_most(&self, tables: &Tables, sack: &Sack<'_>) -> f64 {
        let paid = self.prices.iter().zip(&sack.shelf.tight);
        let paid: f64 = paid.map(|(price, &room)| price * float(room)).sum();
        self.most[tables.room] + paid
    }
}

/// The price at which two fillings promise the same; each promises its worth, and the price of what it
/// leaves.
fn crossing(cheap: Trial, dear: Trial) -> f64 {
    let at = (cheap.at_most - dear.at_most + dear.price * dear.left - cheap.price * cheap.left)
        / (dear.left - cheap.left);
    at.clamp(cheap.price, dear.price)
}

/// The resource in which the table's grain is the requests' own; of several the most valuable.
fn coarsest(sack: &Sack<'_>) -> usize {
    let exact = |r: usize| sack.shelf.tight[r] / most_units(sack) < sack.shelf.grain[r];
    let all = 0..sack.shelf.tight.len();
    let best = all.max_by(|&a, &b| {
        let worth = |r: usize| sack.prices[r];
        (exact(a).cmp(&exact(b))).then(worth(a).total_cmp(&worth(b)).then(b.cmp(&a)))
    });
    best.unwrap_or(0)
}

/// The unit in which a resource is counted.
fn grain(sack: &Sack<'_>, resource: usize) -> u64 {
    let room = sack.shelf.tight.get(resource).copied().unwrap_or(0);
    let unit = sack.shelf.grain.get(resource).copied().unwrap_or(1);
    unit.max(room / most_units(sack) + 1)
}

fn most_units(sack: &Sack<'_>) -> u64 {
    let items = u64::try_from(sack.items.len()).unwrap_or(u64::MAX);
    MOST_UNITS.min(MOST_ENTRIES / items.max(1)).max(16)
}

/// Lets a row have up to `limit` pods of one size: as many as fit where that is no limit, else in
/// powers of two.
fn fill(row: &mut [f64], size: usize, value: f64, limit: u32) {
    if value <= 0.0 {
        return;
    }
    if size == 0 {
        let all = value * f64::from(limit);
        row.iter_mut().for_each(|entry| *entry += all);
        return;
    }
    let fits = u32::try_from((row.len() - 1) / size).unwrap_or(u32::MAX);
    if limit >= fits {
        for at in size..row.len() {
            row[at] = row[at].max(row[at - size] + value);
        }
        return;
    }
    let (mut left, mut batch) = (limit, 1);
    while left > 0 {
        let count = batch.min(left);
        let step = size * usize::try_from(count).unwrap_or(usize::MAX);
        let worth = value * f64::from(count);
        for at in (step..row.len()).rev() {
            row[at] = row[at].max(row[at - step] + worth);
        }
        left -= count;
        batch *= 2;
    }
}
