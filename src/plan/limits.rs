//! Whether a pool may have more: what its nodes add up to against what its limits say. Usage is kept
//! by the cluster (`src/cluster/usage.rs`); a node is charged at the largest it may become.

use std::collections::BTreeMap;

use crate::cluster::View;
use crate::model::name::PoolName;
use crate::model::pool::Limits;

pub use crate::cluster::usage::Usage;

use super::buy::Draft;
use super::reason::Limit;

/// What nodes to be would be charged, by pool.
pub fn charges<'a>(view: &View<'a>, drafts: &[Draft]) -> BTreeMap<&'a PoolName, Usage> {
    let market = view.cluster.market();
    let mut sums: BTreeMap<&PoolName, Usage> = BTreeMap::new();
    for draft in drafts {
        let kind = &market.kinds[draft.kind];
        let sum = sums.entry(&kind.pool.name).or_default();
        *sum = sum.plus(Usage::of(&view.cluster.catalog, kind));
    }
    sums
}

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
