//! The linear programme over columns: how much of each covers the demand at the least cost, and what
//! each pod then costs at the margin. A primal simplex method that goes on from its last basis when
//! columns are added; its prices need not be exact, since bounds are made safe elsewhere.

use super::column::Column;

/// Exchanges of the basis for one demand. Programmes of thirty items settle in some hundred; what is
/// missing beyond costs tightness, not validity.
const PIVOTS: usize = 4_000;
/// Numbers of the inverse that all exchanges together may touch: a second of a large programme is not
/// worth its last digit.
const WORK: usize = 200_000_000;
/// A column saves if it costs less than this share below what it holds is worth.
const SAVING: f64 = 1e-9;
/// Below this a direction's entry is rounding.
const ZERO: f64 = 1e-9;
/// Shifts of the demand that keep exchanges from going in circles.
const SHIFT: f64 = 1e-9;

/// What is in the basis: a column, or what is held of an item beyond its demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basic {
    Column(usize),
    Surplus(usize),
}

/// A programme and its solution.
#[derive(Clone, Debug)]
pub(super) struct Master {
    /// The columns; the first hold one item each.
    pub columns: Vec<Column>,
    /// By item: what one pod costs at the margin.
    pub prices: Vec<f64>,
    /// By column: its entries that are not zero.
    entries: Vec<Vec<(usize, f64)>>,
    basis: Vec<Basic>,
    /// Inverse of the basis, by row.
    inverse: Vec<Vec<f64>>,
    /// How much of what is in the basis.
    amounts: Vec<f64>,
    work: usize,
}

impl Master {
    /// A programme for this demand, which is positive. For each item the singles have a column that holds it alone.
    pub fn new(demand: &[u32], singles: Vec<Column>) -> Self {
        let length = demand.len();
        let mut master = Master {
            columns: Vec::new(),
            prices: vec![0.0; length],
            entries: Vec::new(),
            basis: (0..length).map(Basic::Column).collect(),
            inverse: vec![vec![0.0; length]; length],
            amounts: vec![0.0; length],
            work: 0,
        };
        let mut shift = SHIFT;
        for (item, (column, &count)) in singles.iter().zip(demand).enumerate() {
            let held = f64::from(column.counts[item]);
            master.inverse[item][item] = 1.0 / held;
            master.amounts[item] = f64::from(count) * (1.0 + shift) / held;
            master.prices[item] = column.cost / held;
            shift += SHIFT;
        }
        master.add(singles);
        master
    }

    /// More columns to choose from.
    pub fn add(&mut self, columns: Vec<Column>) {
        for column in columns {
            let counts = column.counts.iter().enumerate();
            let entries = counts.filter(|(_, n)| **n > 0);
            self.entries
                .push(entries.map(|(i, &n)| (i, f64::from(n))).collect());
            self.columns.push(column);
        }
    }

    /// Finds the cheapest cover, as far as the limits go.
    pub fn optimise(&mut self) {
        for _ in 0..PIVOTS {
            let Some(entering) = self.entering() else {
                break;
            };
            if self.work > WORK || !self.exchange(entering) {
                break;
            }
        }
    }

    /// What the cover costs.
    pub fn total(&self) -> f64 {
        let costs = self.basis.iter().map(|&basic| self.cost(basic));
        costs
            .zip(&self.amounts)
            .map(|(cost, amount)| cost * amount)
            .sum()
    }

    /// How much of which columns.
    pub fn cover(&self) -> Vec<(usize, f64)> {
        let mut cover = Vec::new();
        for (&basic, &amount) in self.basis.iter().zip(&self.amounts) {
            if let Basic::Column(column) = basic
                && amount > 0.0
            {
                cover.push((column, amount));
            }
        }
        cover.sort_by_key(|(column, _)| *column);
        cover
    }

    fn cost(&self, basic: Basic) -> f64 {
        match basic {
            Basic::Column(column) => self.columns[column].cost,
            Basic::Surplus(_) => 0.0,
        }
    }

    /// What saves the most for its cost, if anything saves.
    fn entering(&self) -> Option<Basic> {
        let mut best = (SAVING, None);
        for (item, &price) in self.prices.iter().enumerate() {
            let scale = self.columns[item].cost / f64::from(self.columns[item].counts[item]);
            if -price / scale > best.0 {
                best = (-price / scale, Some(Basic::Surplus(item)));
            }
        }
        for (i, (column, entries)) in self.columns.iter().zip(&self.entries).enumerate() {
            let worth: f64 = entries.iter().map(|(item, n)| n * self.prices[*item]).sum();
            let saving = worth / column.cost - 1.0;
            if saving > best.0 {
                best = (saving, Some(Basic::Column(i)));
            }
        }
        best.1
    }

    /// Takes something into the basis in place of what runs out first. False where nothing does.
    fn exchange(&mut self, entering: Basic) -> bool {
        let direction = self.direction(entering);
        let Some(row) = self.first_to_run_out(&direction) else {
            return false;
        };
        let step = (self.amounts[row] / direction[row]).max(0.0);
        let mut pivot = std::mem::take(&mut self.inverse[row]);
        pivot.iter_mut().for_each(|entry| *entry /= direction[row]);
        for (i, along) in direction.iter().enumerate() {
            if i != row && along.abs() > 0.0 {
                self.amounts[i] = (self.amounts[i] - along * step).max(0.0);
                let rows = self.inverse[i].iter_mut().zip(&pivot);
                rows.for_each(|(entry, by)| *entry -= along * by);
            }
        }
        let saving = self.cost(entering) - self.worth(entering);
        let prices = self.prices.iter_mut().zip(&pivot);
        prices.for_each(|(price, by)| *price += saving * by);
        self.work += pivot.len() * direction.len();
        self.inverse[row] = pivot;
        self.amounts[row] = step;
        self.basis[row] = entering;
        true
    }

    fn worth(&self, basic: Basic) -> f64 {
        match basic {
            Basic::Column(column) => {
                let entries = self.entries[column].iter();
                entries.map(|(item, n)| n * self.prices[*item]).sum()
            }
            Basic::Surplus(item) => -self.prices[item],
        }
    }

    /// How the basis changes for one of it.
    fn direction(&self, entering: Basic) -> Vec<f64> {
        let along = |row: &Vec<f64>| match entering {
            Basic::Column(column) => {
                let entries = self.entries[column].iter();
                entries.map(|(item, n)| n * row[*item]).sum()
            }
            Basic::Surplus(item) => -row[item],
        };
        self.inverse.iter().map(along).collect()
    }

    fn first_to_run_out(&self, direction: &[f64]) -> Option<usize> {
        let mut first: Option<(f64, usize)> = None;
        for (row, (&along, &amount)) in direction.iter().zip(&self.amounts).enumerate() {
            if along > ZERO {
                let step = amount / along;
                let sooner = first.is_none_or(|(least, known)| {
                    step < least || (step <= least && along > direction[known])
                });
                if sooner {
                    first = Some((step, row));
                }
            }
        }
        first.map(|(_, row)| row)
    }
}
