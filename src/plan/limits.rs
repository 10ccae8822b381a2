//! Whether a pool may have more: what its nodes add up to against what its limits say. Usage is kept
//! by the cluster (`src/cluster/usage.rs`); a node is charged at the largest it may become.

use crate::model::pool::Limits;

pub use crate::cluster::usage::Usage;

use super::reason::Limit;

impl Usage {
    /// The first limit that is exceeded.
    pub fn over(&self, limits: &Limits) -> Option<Limit> {
        let table = [
            (
                limits.nodes.is_some_and(|most| self.nodes > most),
                Limit::Nodes,
            ),
            (limits.cpu.is_some_and(|most| self.cpu > most), Limit::Cpu),
            (
                limits.memory.is_some_and(|most| self.memory > most),
                Limit::Memory,
            ),
            (
                limits
                    .usd_per_hour
                    .is_some_and(|most| self.usd_per_hour > most),
                Limit::UsdPerHour,
            ),
        ];
        table
            .into_iter()
            .find_map(|(over, limit)| over.then_some(limit))
    }
}
