//! The linear programme over columns: how much of each covers the demand at the least cost, and what
//! each pod then costs at the margin. A primal simplex method that goes on from its last basis when
//! columns are added; its prices need not be exact, since bounds are made safe elsewhere.

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

/// What is in the basis: a column, or what is held of a row beyond its demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basic {
    Column(usize),
    Surplus(usize),
}

/// A column: its entries that are not zero by row, and its cost.
pub(super) type Entries = (Vec<(usize, f64)>, f64);

/// A programme and its solution.
#[derive(Clone, Debug)]
pub(super) struct Master {
    /// By row: what one unit costs at the margin.
    pub prices: Vec<f64>,
    /// The columns; the first have one entry each, that of their row.
    columns: Vec<Entries>,
    /// By row: what a unit costs in the column that has it alone.
    alone: Vec<f64>,
    basis: Vec<Basic>,
    /// Inverse of the basis, by row.
    inverse: Vec<Vec<f64>>,
    /// How much of what is in the basis.
    amounts: Vec<f64>,
    work: usize,
}

impl Master {
    /// A programme for this demand. The singles have one entry each, the first in the first row.
    pub fn new(demand: &[f64], singles: Vec<Entries>) -> Self {
        let length = demand.len();
        let mut master = Master {
            prices: Vec::with_capacity(length),
            columns: Vec::new(),
            alone: Vec::new(),
            basis: (0..length).map(Basic::Column).collect(),
            inverse: vec![vec![0.0; length]; length],
            amounts: vec![0.0; length],
            work: 0,
        };
        let mut shift = SHIFT;
        for (row, ((entries, cost), amount)) in singles.iter().zip(demand).enumerate() {
            let held = entries.first().map_or(1.0, |(_, held)| *held);
            master.inverse[row][row] = 1.0 / held;
            master.amounts[row] = amount * (1.0 + shift) / held;
            master.prices.push(cost / held);
            shift += SHIFT;
        }
        master.alone = master.prices.clone();
        master.columns = singles;
        master
    }

    /// One more column to choose from.
    pub fn add(&mut self, column: Entries) {
        self.columns.push(column);
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
            Basic::Column(column) => self.columns[column].1,
            Basic::Surplus(_) => 0.0,
        }
    }

    /// What saves the most for its cost, if anything saves.
    fn entering(&self) -> Option<Basic> {
        let mut best = (SAVING, None);
        for (row, (price, alone)) in self.prices.iter().zip(&self.alone).enumerate() {
            if -price / alone > best.0 {
                best = (-price / alone, Some(Basic::Surplus(row)));
            }
        }
        for (i, (entries, cost)) in self.columns.iter().enumerate() {
            let worth: f64 = entries.iter().map(|(row, n)| n * self.prices[*row]).sum();
            let saving = worth / cost - 1.0;
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
                let entries = self.columns[column].0.iter();
                entries.map(|(item, n)| n * self.prices[*item]).sum()
            }
            Basic::Surplus(item) => -self.prices[item],
        }
    }

    /// How the basis changes for one of it.
    fn direction(&self, entering: Basic) -> Vec<f64> {
        let along = |row: &Vec<f64>| match entering {
            Basic::Column(column) => {
                let entries = self.columns[column].0.iter();
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
