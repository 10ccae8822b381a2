//! The nodes that would take a profile, the best of them at hand, kept up to date by the nodes that
//! changed. Knows neither rules nor scores: whoever asks tells them.

use std::cmp::Reverse;

use sparkwright::model::name::NodeId;

use super::hosts::{Host, Hosts};
use super::tournament::Tournament;

/// A ranking. A node that changed costs the logarithm of the number of nodes at most, the best nothing
/// to find.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By slot: score and name of the node in it, where that is feasible.
    ranked: Tournament<(u64, Reverse<NodeId>)>,
    /// Changes of nodes that are taken in.
    seen: Option<u64>,
}

impl Index {
    /// Takes in the nodes that changed; `score` tells a node's score, None where it is not feasible.
    pub fn update(&mut self, hosts: &Hosts, score: &mut dyn FnMut(&Host) -> Option<u64>) {
        let mut enter = |slot| {
            let host = hosts.at(slot);
            let entry = host.and_then(|host| Some((score(host)?, Reverse(host.facts.id.clone()))));
            self.ranked.set(slot, entry);
        };
        match self.seen.and_then(|seen| hosts.changed_since(seen)) {
            Some(changed) if changed.len() < hosts.len() => {
                // Pods that come or go together are often on one node.
                let nodes = changed.chunk_by(|one, next| one == next);
                nodes.for_each(|same| enter(same[0]));
            }
            _ => (0..hosts.len()).for_each(enter),
        }
        self.seen = Some(hosts.changes());
    }

    /// The node that ranks first; of equal ones the first by name.
    pub fn best(&self) -> Option<&NodeId> {
        self.ranked.best().map(|(_, Reverse(node))| node)
    }
}
