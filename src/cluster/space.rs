//! Where there is room: open nodes by zone, purpose and free CPU, so that looking for room costs what
//! there is of it and not what there are of nodes. Says where to look, not whether a pod fits.

use std::collections::BTreeMap;

use crate::model::name::{Names, NodeId};
use crate::model::node::{MANAGED, Purpose};
use crate::model::offering::ZoneId;
use crate::model::resources::Cpu;

use super::node::Node;

/// Labels by which other autoscalers and node groups mark their nodes; what is placed by us selects
/// our own label, so such a node is no room for it.
const OTHERS_LABELS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "eks.amazonaws.com/compute-type",
    "alpha.eksctl.io/nodegroup-name",
];

/// A node's place among those with room.
pub(super) type Berth = (Option<ZoneId>, Option<Purpose>, u8);

/// Open nodes, by berth.
#[derive(Clone, Debug, Default)]
pub struct Space {
    berths: BTreeMap<Berth, Names<NodeId>>,
}

impl Space {
    /// Nodes of a zone (None is every zone) that take pods of a purpose and have about so much CPU
    /// free or more, what they are promised apart. In no order that means anything.
    pub fn with_room(
        &self,
        zone: Option<ZoneId>,
        purpose: Purpose,
        cpu: Cpu,
    ) -> impl Iterator<Item = &NodeId> {
        let least = step(cpu);
        let fits = move |berth: &Berth| {
            (zone.is_none() || berth.0 == zone)
                && berth.1.is_none_or(|of| of == purpose)
                && berth.2 >= least
        };
        self.berths
            .iter()
            .filter(move |(berth, _)| fits(berth))
            .flat_map(|(_, nodes)| nodes)
    }

    /// Zones in which there are open nodes.
    pub fn zones(&self) -> impl Iterator<Item = ZoneId> {
        self.berths.keys().filter_map(|berth| berth.0)
    }

    /// Takes note of a node as it is now.
    pub(super) fn note(&mut self, node: &mut Node) {
        let berth = (node.is_open() && is_nobody_elses(node))
            .then(|| (node.zone, node.purpose, step(node.free().cpu)));
        if berth == node.berth {
            return;
        }
        self.forget(node);
        if let Some(berth) = berth {
            self.berths
                .entry(berth)
                .or_default()
                .insert(node.id.clone());
        }
        node.berth = berth;
    }

    /// The node is gone.
    pub(super) fn forget(&mut self, node: &mut Node) {
        let Some(berth) = node.berth.take() else {
            return;
        };
        if let Some(nodes) = self.berths.get_mut(&berth) {
            nodes.swap_remove(&node.id);
            if nodes.is_empty() {
                self.berths.remove(&berth);
            }
        }
    }
}

/// Steps of a quarter of a power of two: a node changes its berth seldom, and a search looks at few
/// that have a little less than it needs.
fn step(cpu: Cpu) -> u8 {
    let millis = cpu.millis();
    let Some(log) = millis.checked_ilog2() else {
        return 0;
    };
    let quarter = if log < 2 {
        0
    } else {
        (millis >> (log - 2)) & 3
    };
    let step = u64::from(log) * 4 + quarter;
    u8::try_from(step).unwrap_or(u8::MAX)
}

fn is_nobody_elses(node: &Node) -> bool {
    node.is_ours()
        || node.labels.contains_key(MANAGED)
        || !OTHERS_LABELS
            .iter()
            .any(|label| node.labels.contains_key(*label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_cpu_never_has_a_lower_step() {
        let steps: Vec<u8> = (0..100_000).map(|m| step(Cpu::from_millis(m))).collect();
        assert!(steps.is_sorted());
        assert_eq!(steps[0], 0);
        assert!(step(Cpu::from_millis(4000)) > step(Cpu::from_millis(3400)));
        assert_eq!(step(Cpu::from_millis(u64::MAX)), u8::MAX);
    }
}
