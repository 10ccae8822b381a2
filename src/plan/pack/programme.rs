//! A linear programme in the form that bounds have: the prices at which a demand is worth most while
//! nothing on offer is worth more than it costs.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT};

/// Iterations of the interior-point method; programmes of this size need some twenty.
const ITERATIONS: u32 = 60;

/// Maximises Σ demand × price with Σ amount × price ≤ cost for each offer (amounts, cost), prices not
/// negative. None where the solver fails. Prices are near-optimal only, so bounds are scaled by the
/// worst violation.
pub(super) fn maximise(demand: &[f64], offers: Vec<(Vec<f64>, f64)>) -> Option<Vec<f64>> {
    let width = demand.len();
    let scale = offers
        .iter()
        .map(|(_, cost)| *cost)
        .fold(f64::MIN_POSITIVE, f64::max);
    let most = demand.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let unit = |i: usize| {
        (0..width)
            .map(|j| if i == j { -1.0 } else { 0.0 })
            .collect()
    };
    let (mut rows, mut limits): (Vec<Vec<f64>>, Vec<f64>) = offers
        .into_iter()
        .map(|(row, cost)| (row, cost / scale))
        .unzip();
    rows.extend((0..width).map(unit));
    limits.extend(std::iter::repeat_n(0.0, width));
    let objective: Vec<f64> = demand.iter().map(|amount| -amount / most).collect();
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .max_iter(ITERATIONS)
        .build()
        .ok()?;
    let mut solver = DefaultSolver::new(
        &CscMatrix::zeros((width, width)),
        &objective,
        &sparse(&rows, width),
        &limits,
        &[NonnegativeConeT(rows.len())],
        settings,
    )
    .ok()?;
    solver.solve();
    let prices: Vec<f64> = solver
        .solution
        .x
        .iter()
        .map(|price| price.max(0.0) * scale)
        .collect();
    prices
        .iter()
        .all(|price| price.is_finite())
        .then_some(prices)
}

fn sparse(rows: &[Vec<f64>], width: usize) -> CscMatrix<f64> {
    let (mut starts, mut indices, mut entries) = (vec![0], Vec::new(), Vec::new());
    for column in 0..width {
        for (i, row) in rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row[column] != 0.0)
        {
            indices.push(i);
            entries.push(row[column]);
        }
        starts.push(indices.len());
    }
    CscMatrix::new(rows.len(), width, starts, indices, entries)
}
