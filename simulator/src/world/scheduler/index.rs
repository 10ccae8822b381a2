//! The nodes that would take a profile, the best of them at hand, kept up to date by the nodes that
//! changed. Knows neither rules nor scores: whoever asks tells them.

use super::hosts::{Host, Hosts};
use super::tournament::Tournament;

/// A ranking. A node that changed costs the logarithm of the number of nodes at most, the best nothing
/// to find.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By place of the nodes, where they are feasible.
    ranked: Tournament,
    /// Changes of nodes that are taken in.
    seen: Option<u64>,
}

impl Index {
    /// Takes in the nodes that changed; `score` tells a node's score, None where it is not feasible. Of equal
    /// ones the first by name goes first.
    pub fn update(&mut self, hosts: &Hosts, mut score: impl FnMut(&Host) -> Option<u16>) {
        let mut enter = |place| {
            let host = hosts.at(place);
            let score = host.and_then(|host| Some((score(host)?, host.rank)));
            self.ranked.set(place, score);
        };
        match self.seen.and_then(|seen| hosts.changed_since(seen)) {
            Some(changed) => changed.for_each(enter),
            None => (0..hosts.len()).for_each(&mut enter),
        }
        self.seen = Some(hosts.changes());
    }

    /// The place of the node that ranks first.
    pub fn best(&self, hosts: &Hosts) -> Option<usize> {
        hosts.ranked(self.ranked.best()?)
    }
}
