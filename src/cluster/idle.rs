//! Nodes of ours that are ready and have nothing to do, by what decides how long they may stay so, and
//! since when: whoever looks for those that are due looks at no others. Does not know when that is.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{NodeId, PoolName};
use crate::model::node::Purpose;
use crate::model::time::Timestamp;

use super::node::Node;

/// What one pool has for one purpose.
pub type Group = (PoolName, Option<Purpose>);

/// Nodes with nothing to do.
#[derive(Clone, Debug, Default)]
pub struct Idle {
    groups: BTreeMap<Group, BTreeSet<(Timestamp, NodeId)>>,
}

impl Idle {
    /// By group: its nodes, the longest idle first, and of equal ones the first by name.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &BTreeSet<(Timestamp, NodeId)>)> {
        self.groups.iter()
    }

    /// Takes note of a node as it is now.
    pub(super) fn note(&mut self, node: &mut Node) {
        let since = node.empty_since.filter(|_| node.is_idle());
        let now = since.zip(node.pool.as_ref());
        let same = match (&node.rests, now) {
            (Some((known, (pool, purpose))), Some((since, own))) => {
                *known == since && pool == own && *purpose == node.purpose
            }
            (known, now) => known.is_none() && now.is_none(),
        };
        if same {
            return;
        }
        let now = now.map(|(since, pool)| (since, (pool.clone(), node.purpose)));
        self.forget(node);
        if let Some((since, group)) = &now {
            let nodes = self.groups.entry(group.clone()).or_default();
            nodes.insert((*since, node.id.clone()));
        }
        node.rests = now;
    }

    /// The node is gone.
    pub(super) fn forget(&mut self, node: &mut Node) {
        let Some((since, group)) = node.rests.take() else {
            return;
        };
        if let Some(nodes) = self.groups.get_mut(&group) {
            nodes.remove(&(since, node.id.clone()));
            if nodes.is_empty() {
                self.groups.remove(&group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::node::Stage;

    use super::*;

    #[test]
    fn a_node_rests_from_when_it_is_empty_until_it_has_something_to_do() {
        let mut node = Node::named(&NodeId::from("work-1"));
        node.pool = Some(PoolName::from("work"));
        node.stage = Stage::Ready;
        let mut idle = Idle::default();
        let at = Timestamp::from_millis;
        let since = |idle: &Idle| -> Vec<Timestamp> {
            let nodes = idle.groups().flat_map(|(_, nodes)| nodes);
            nodes.map(|(since, _)| *since).collect()
        };
        node.empty_since = Some(at(5));
        idle.note(&mut node);
        idle.note(&mut node);
        assert_eq!(since(&idle), [at(5)]);
        node.empty_since = Some(at(7));
        idle.note(&mut node);
        assert_eq!(since(&idle), [at(7)], "anew, and once");
        node.working = 1;
        idle.note(&mut node);
        assert_eq!((since(&idle).len(), idle.groups().count()), (0, 0));
    }
}
