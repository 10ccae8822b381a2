//! One node's room, the pods that it could hold and what they are worth; and what it could hold at most
//! if pods could be cut: a linear programme of a few resources, each pod at most as often as there are
//! pods of it. Its prices of resources say what each pod gains or loses against them.

use super::problem::{Problem, Shelf};

/// Exchanges of the basis per item; a handful settles it.
const EXCHANGES: usize = 3;
/// Below this share of a value a gain is rounding.
const ZERO: f64 = 1e-11;

/// A node's room and the pods that could go there, with the solution if they could be cut.
#[derive(Debug)]
pub(super) struct Sack<'a> {
    pub problem: &'a Problem,
    pub shelf: &'a Shelf,
    /// Items that may go there.
    pub items: Vec<usize>,
    /// By position in `items`: how many at most.
    pub limits: Vec<u32>,
    /// By position: what one is worth.
    pub values: Vec<f64>,
    /// By position: what one is worth beyond the resources that it takes; negative where it falls short.
    pub gains: Vec<f64>,
    /// By position: how many, if pods could be cut.
    pub amounts: Vec<f64>,
    /// By shared resource: what the node's whole room of it is worth.
    pub prices: Vec<f64>,
    /// No filling is worth more.
    pub at_most: f64,
    /// By position: the shares of the node's room that one takes, by shared resource.
    shares: Vec<Vec<f64>>,
}

/// A basis of the programme: as many items or slacks as there are resources.
struct Basis {
    members: Vec<usize>,
    inverse: Vec<Vec<f64>>,
    amounts: Vec<f64>,
    /// By item: outside the basis at its limit, not at nought.
    full: Vec<bool>,
}

impl<'a> Sack<'a> {
    /// The pods of a problem that could go onto a node, at most `caps` of each.
    pub fn new(problem: &'a Problem, shelf: &'a Shelf, values: &[f64], caps: &[u32]) -> Self {
        let of = |item: &usize| caps[*item].min(shelf.copies[*item]);
        let wanted = |item: &usize| of(item) > 0 && values[*item] > 0.0;
        let items: Vec<usize> = (0..values.len()).filter(wanted).collect();
        let share = |item: &usize| {
            let parts = problem.weights[*item].iter().zip(&shelf.scale);
            parts.map(|(need, scale)| need * scale).collect()
        };
        let mut sack = Sack {
            problem,
            shelf,
            limits: items.iter().map(of).collect(),
            values: items.iter().map(|&item| values[item]).collect(),
            shares: items.iter().map(share).collect(),
            gains: Vec::new(),
            amounts: Vec::new(),
            prices: vec![0.0; shelf.scale.len()],
            at_most: 0.0,
            items,
        };
        sack.solve();
        sack
    }

    /// Any prices give a valid bound; the best ones the tightest.
    fn solve(&mut self) {
        let rows = self.prices.len();
        let mut basis = Basis {
            members: (self.items.len()..self.items.len() + rows).collect(),
            inverse: (0..rows).map(|row| unit(row, rows)).collect(),
            amounts: vec![1.0; rows],
            full: vec![false; self.items.len()],
        };
        for _ in 0..EXCHANGES * (self.items.len() + rows) {
            self.price(&basis);
            let Some(entering) = self.entering(&basis) else {
                break;
            };
            self.exchange(&mut basis, entering);
        }
        self.price(&basis);
        for price in &mut self.prices {
            *price = price.max(0.0);
        }
        self.gains = (0..self.items.len()).map(|i| self.gain(i)).collect();
        let beyond = self.gains.iter().zip(&self.limits);
        let beyond = beyond.map(|(gain, &limit)| gain.max(0.0) * f64::from(limit));
        self.at_most = self.prices.iter().sum::<f64>() + beyond.sum::<f64>();
        let limits = self.limits.iter().zip(&basis.full);
        self.amounts = limits
            .map(|(&limit, full)| if *full { f64::from(limit) } else { 0.0 })
            .collect();
        for (&member, &amount) in basis.members.iter().zip(&basis.amounts) {
            if let Some(held) = self.amounts.get_mut(member) {
                *held = amount;
            }
        }
    }

    fn price(&mut self, basis: &Basis) {
        self.prices.fill(0.0);
        for (&member, row) in basis.members.iter().zip(&basis.inverse) {
            if let Some(value) = self.values.get(member) {
                let prices = self.prices.iter_mut().zip(row);
                prices.for_each(|(price, entry)| *price += value * entry);
            }
        }
    }

    fn gain(&self, i: usize) -> f64 {
        let taken = self.shares[i].iter().zip(&self.prices);
        self.values[i] - taken.map(|(share, price)| share * price).sum::<f64>()
    }

    /// What gains the most by entering the basis: an item, or by number behind them a slack.
    fn entering(&self, basis: &Basis) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        let mut consider = |gain: f64, i: usize| {
            if gain > 0.0 && best.is_none_or(|(known, _)| gain > known) {
                best = Some((gain, i));
            }
        };
        for i in (0..self.items.len()).filter(|i| !basis.members.contains(i)) {
            let gain = self.gain(i);
            let gain = if basis.full[i] { -gain } else { gain };
            if gain > self.values[i] * ZERO {
                consider(gain * f64::from(self.limits[i]), i);
            }
        }
        let most = self.prices.iter().copied().fold(0.0, f64::max);
        for (row, &price) in self.prices.iter().enumerate() {
            if -price > most * ZERO {
                consider(-price, self.items.len() + row);
            }
        }
        best.map(|(_, i)| i)
    }

    /// Takes an item or a slack into the basis, or from one of its limits to the other.
    fn exchange(&self, basis: &mut Basis, entering: usize) {
        let is_full = basis.full.get(entering).copied().unwrap_or(false);
        let sign = if is_full { -1.0 } else { 1.0 };
        let along = |row: &Vec<f64>| match self.shares.get(entering) {
            Some(shares) => row.iter().zip(shares).map(|(a, b)| a * b).sum::<f64>(),
            None => row[entering - self.items.len()],
        };
        let direction: Vec<f64> = basis.inverse.iter().map(along).collect();
        let limit = |i: usize| self.limits.get(i).map_or(f64::INFINITY, |&n| f64::from(n));
        let mut step = limit(entering);
        let mut leaving: Option<usize> = None;
        for (row, along) in direction.iter().map(|along| along * sign).enumerate() {
            let room = if along > ZERO {
                basis.amounts[row] / along
            } else if along < -ZERO {
                (limit(basis.members[row]) - basis.amounts[row]) / -along
            } else {
                continue;
            };
            if room < step {
                (step, leaving) = (room.max(0.0), Some(row));
            }
        }
        let amounts = basis.amounts.iter_mut().zip(&direction);
        amounts.for_each(|(amount, along)| *amount -= along * sign * step);
        let Some(row) = leaving else {
            if let Some(full) = basis.full.get_mut(entering) {
                *full = !*full;
            }
            return;
        };
        if let Some(full) = basis.full.get_mut(basis.members[row]) {
            *full = direction[row] * sign < 0.0;
        }
        if let Some(full) = basis.full.get_mut(entering) {
            *full = false;
        }
        basis.members[row] = entering;
        basis.amounts[row] = if is_full {
            limit(entering) - step
        } else {
            step
        };
        eliminate(&mut basis.inverse, row, &direction);
    }
}

fn unit(at: usize, length: usize) -> Vec<f64> {
    (0..length)
        .map(|i| if i == at { 1.0 } else { 0.0 })
        .collect()
}

/// Makes `direction` the unit vector of a row.
fn eliminate(inverse: &mut [Vec<f64>], row: usize, direction: &[f64]) {
    let mut pivot = std::mem::take(&mut inverse[row]);
    pivot.iter_mut().for_each(|entry| *entry /= direction[row]);
    for (i, along) in direction.iter().enumerate().filter(|(i, _)| *i != row) {
        let entries = inverse[i].iter_mut().zip(&pivot);
        entries.for_each(|(entry, by)| *entry -= along * by);
    }
    inverse[row] = pivot;
}
