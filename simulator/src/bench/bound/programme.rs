//! The covering programme over known fillings: fractions of nodes that hold every pod for the least
//! money. A revised simplex with an explicit inverse, made anew from time to time; each lot has a row.

use std::collections::BTreeSet;

use super::filling::copies;
use super::{Kind, Lot};

/// Pivots after which the inverse is made anew.
const FRESH: u32 = 64;
/// What is smaller is the arithmetic's own noise.
const NOISE: f64 = 1e-9;
/// Pivots of one solution; beyond them the solution so far counts, which still holds every pod.
const PIVOTS: u32 = 20_000;

struct Column {
    cost: f64,
    /// Rows that are not zero.
    entries: Vec<(usize, f64)>,
}

/// The programme.
pub struct Programme {
    columns: Vec<Column>,
    known: BTreeSet<(u32, Vec<u32>)>,
    demand: Vec<f64>,
    basis: Vec<usize>,
    inverse: Vec<Vec<f64>>,
    level: Vec<f64>,
}

impl Programme {
    /// Begins with one column for each lot, as many of it as fit, where that is cheapest.
    pub fn new(lots: &[Lot], kinds: &[Kind]) -> Self {
        let mut programme = Programme {
            columns: Vec::new(),
            known: BTreeSet::new(),
            demand: Vec::new(),
            basis: (0..lots.len()).collect(),
            inverse: Vec::new(),
            level: Vec::new(),
        };
        for (row, lot) in lots.iter().enumerate() {
            let each = |kind: &&Kind| f64::from(kind.price) / f64::from(copies(lot, **kind));
            let holding = kinds.iter().filter(|kind| copies(lot, **kind) > 0);
            let kind = holding.min_by(|a, b| each(a).total_cmp(&each(b)));
            let kind = *kind.expect("each lot fits some kind");
            let mut filling = vec![0; lots.len()];
            filling[row] = copies(lot, kind);
            programme.add(kind, &filling);
            // Rows that differ a little keep the simplex from going in circles.
            let nudge = 1.0 + 1e-9 * f64::from(u32::try_from(row * 7919 % 1000).unwrap_or(0));
            programme.demand.push(f64::from(lot.count) * nudge);
        }
        for row in 0..lots.len() {
            let entries = vec![(row, -1.0)];
            programme.columns.push(Column { cost: 0.0, entries });
        }
        programme.refresh();
        programme
    }

    /// Adds a filling. False where it is known.
    pub fn add(&mut self, kind: Kind, filling: &[u32]) -> bool {
        if !self.known.insert((kind.price, filling.to_vec())) {
            return false;
        }
        let entries = filling.iter().enumerate().filter(|(_, count)| **count > 0);
        let entries = entries
            .map(|(row, count)| (row, f64::from(*count)))
            .collect();
        self.columns.push(Column {
            cost: f64::from(kind.price),
            entries,
        });
        true
    }

    /// The cost of the nodes that are in use.
    pub fn value(&self) -> f64 {
        let costs = self.basis.iter().map(|column| self.columns[*column].cost);
        costs
            .zip(&self.level)
            .map(|(cost, level)| cost * level)
            .sum()
    }

    /// Goes to the optimum over the known fillings; the price of a pod of each lot there.
    pub fn solve(&mut self) -> Vec<f64> {
        for pivot in 0..PIVOTS {
            if pivot % FRESH == FRESH - 1 {
                self.refresh();
            }
            let prices = self.prices();
            let Some(entering) = self.entering(&prices) else {
                break;
            };
            if !self.pivot(entering) {
                break;
            }
        }
        self.refresh();
        self.prices()
            .into_iter()
            .map(|price| price.max(0.0))
            .collect()
    }

    fn prices(&self) -> Vec<f64> {
        let mut prices = vec![0.0; self.basis.len()];
        for (column, row) in self.basis.iter().zip(&self.inverse) {
            let cost = self.columns[*column].cost;
            if cost != 0.0 {
                prices
                    .iter_mut()
                    .zip(row)
                    .for_each(|(price, entry)| *price += cost * entry);
            }
        }
        prices
    }

    /// The column that gains most for its cost.
    fn entering(&self, prices: &[f64]) -> Option<usize> {
        let gain = |column: &Column| {
            let worth: f64 = column
                .entries
                .iter()
                .map(|(row, entry)| prices[*row] * entry)
                .sum();
            (worth - column.cost) / column.cost.max(1.0)
        };
        let gains = self.columns.iter().map(gain).enumerate();
        let best = gains.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 > NOISE).then_some(best.0)
    }

    /// Takes a column into the basis. False where none can leave.
    fn pivot(&mut self, entering: usize) -> bool {
        let entries = &self.columns[entering].entries;
        let along = |row: &Vec<f64>| entries.iter().map(|(at, entry)| row[*at] * entry).sum();
        let direction: Vec<f64> = self.inverse.iter().map(along).collect();
        let mut leaving: Option<(usize, f64)> = None;
        for (row, step) in direction
            .iter()
            .enumerate()
            .filter(|(_, step)| **step > NOISE)
        {
            let reach = self.level[row].max(0.0) / step;
            if leaving.is_none_or(|(_, least)| reach < least) {
                leaving = Some((row, reach));
            }
        }
        let Some((leaving, reach)) = leaving else {
            return false;
        };
        let scale = direction[leaving];
        let pivot_row: Vec<f64> = self.inverse[leaving]
            .iter()
            .map(|entry| entry / scale)
            .collect();
        for (row, step) in direction.iter().enumerate() {
            if row != leaving {
                self.level[row] -= step * reach;
                let target = &mut self.inverse[row];
                target
                    .iter_mut()
                    .zip(&pivot_row)
                    .for_each(|(entry, pivot)| *entry -= step * pivot);
            }
        }
        self.inverse[leaving] = pivot_row;
        self.level[leaving] = reach;
        self.basis[leaving] = entering;
        true
    }

    /// Makes the inverse anew from the basis (Gauss and Jordan), and the levels from it.
    fn refresh(&mut self) {
        let size = self.basis.len();
        let mut matrix = vec![vec![0.0; 2 * size]; size];
        for (at, column) in self.basis.iter().enumerate() {
            for (row, entry) in &self.columns[*column].entries {
                matrix[*row][at] = *entry;
            }
        }
        for (row, line) in matrix.iter_mut().enumerate() {
            line[size + row] = 1.0;
        }
        for at in 0..size {
            let largest =
                (at..size).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()));
            matrix.swap(at, largest.unwrap_or(at));
            let pivot = matrix[at][at];
            matrix[at].iter_mut().for_each(|entry| *entry /= pivot);
            let line = matrix[at].clone();
            for (row, other) in matrix.iter_mut().enumerate() {
                let factor = other[at];
                if row != at && factor != 0.0 {
                    other
                        .iter_mut()
                        .zip(&line)
                        .for_each(|(entry, pivot)| *entry -= factor * pivot);
                }
            }
        }
        self.inverse = matrix
            .into_iter()
            .map(|line| line[size..].to_vec())
            .collect();
        let level = |row: &Vec<f64>| {
            row.iter()
                .zip(&self.demand)
                .map(|(entry, demand)| entry * demand)
                .sum()
        };
        self.level = self.inverse.iter().map(level).collect();
    }
}
