//! The NodePools that count where none are given: drivers on-demand, executors wherever they are
//! cheapest.

/// A YAML stream of NodePools, the same that ship in `nodepools/`.
pub const DEFAULT_NODEPOOLS: &str = concat!(
    include_str!("../../nodepools/drivers-on-demand.yaml"),
    "---\n",
    include_str!("../../nodepools/executors.yaml"),
);
