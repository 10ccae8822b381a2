//! The nodes that would take a profile, in order of score, kept up to date by the nodes that changed.
//! Knows neither rules nor scores: whoever asks tells them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use sparkwright::model::name::NodeId;

use super::hosts::{Host, Hosts};

/// A ranking. An entry costs the logarithm of the number of nodes to change, the best nothing to find.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    ranked: BTreeSet<(u64, Reverse<NodeId>)>,
    /// By slot: what stands in the ranking for it.
    entries: Vec<Option<(u64, NodeId)>>,
    /// Changes of nodes that are taken in.
    seen: Option<u64>,
}

impl Index {
    /// Takes in the nodes that changed; `score` tells a node's score, None where it is not feasible.
    pub fn update(&mut self, hosts: &Hosts, score: &mut dyn FnMut(&Host) -> Option<u64>) {
        self.entries.resize(hosts.len(), None);
        match self.seen.and_then(|seen| hosts.changed_since(seen)) {
            Some(changed) if changed.len() < hosts.len() => {
                changed
                    .iter()
                    .for_each(|&slot| self.enter(slot, hosts, score));
            }
            _ => (0..hosts.len()).for_each(|slot| self.enter(slot, hosts, score)),
        }
        self.seen = Some(hosts.changes());
    }

    /// The node that ranks first; of equal ones the first by name.
    pub fn best(&self) -> Option<&NodeId> {
        self.ranked.last().map(|(_, Reverse(node))| node)
    }

    fn enter(&mut self, slot: usize, hosts: &Hosts, score: &mut dyn FnMut(&Host) -> Option<u64>) {
        let host = hosts.at(slot);
        let fresh = host.and_then(|host| Some((score(host)?, host.facts.id.clone())));
        if self.entries[slot] == fresh {
            return;
        }
        if let Some((score, node)) = self.entries[slot].take() {
            self.ranked.remove(&(score, Reverse(node)));
        }
        self.ranked
            .extend(fresh.clone().map(|(score, node)| (score, Reverse(node))));
        self.entries[slot] = fresh;
    }
}
