//! The pace of an executor's machine: what its node's pool says of the family, beside what it says of
//! the family on which the application was recorded.

use sparkwright::model::performance::Performance;
use sparkwright::model::spark::PodPhase;

use super::pods::PodKey;
use super::run::World;
use super::workload::Running;
use crate::spark::Pace;

impl World {
    /// The pace of an executor on the node to which its pod is bound. A record that does not tell its
    /// machines counts as one of machines at 1, and so does a node of nobody's pool.
    pub(super) fn pace(&self, application: usize, pod: PodKey) -> Pace {
        if !self.is_paced {
            return Pace::default();
        }
        let Running::Spark(cast, _) = &self.applications[application] else {
            return Pace::default();
        };
        let bound = self.pods.get(pod).map(|pod| &pod.phase);
        let node = match bound {
            Some(PodPhase::Bound(node)) => self.cluster.nodes.get(node),
            _ => None,
        };
        let pool = node.and_then(|node| self.cluster.pools.get(node.pool.as_ref()?));
        let Some((node, pool)) = node
            .zip(pool)
            .filter(|(_, pool)| !pool.performance.are_one())
        else {
            return Pace::default();
        };
        let family = match node.types.as_slice() {
            [only] => Some(&self.cluster.catalog.instance_type(*only).family),
            _ => None,
        };
        let of = |family: Option<&String>| {
            family.map_or(Performance::ONE, |family| pool.performance.of(family))
        };
        Pace {
            here: of(family),
            recorded: of(cast.submission.work.machine.as_ref()),
        }
    }
}
