//! What waits, as changes from one look to the next: ten thousand pods that wait for the same thing
//! through a hundred looks are written once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::name::PodId;
use crate::plan::effect::Waiting;
use crate::plan::reason::Reason;

/// Pods by why they wait.
type ByReason = Vec<(Reason, Vec<PodId>)>;

/// What waited at the last look.
#[derive(Debug, Default)]
pub struct Waits(BTreeSet<Waiting>);

/// How what waits differs from the look before.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// Waits that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    begun: ByReason,
    /// Waits that are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    over: ByReason,
}

impl Change {
    /// True where the same pods wait for the same things.
    pub fn is_nothing(&self) -> bool {
        self.begun.is_empty() && self.over.is_empty()
    }
}

impl Waits {
    /// Takes in what waits at a look; tells what has changed.
    pub fn look(&mut self, waiting: &[Waiting]) -> Change {
        let current: BTreeSet<Waiting> = waiting.iter().cloned().collect();
        let change = Change {
            begun: by_reason(current.difference(&self.0)),
            over: by_reason(self.0.difference(&current)),
        };
        self.0 = current;
        change
    }

    /// Takes in a change; tells what waits after it, in order.
    pub fn follow(&mut self, change: Change) -> Vec<Waiting> {
        for waiting in one_by_one(change.over) {
            self.0.remove(&waiting);
        }
        self.0.extend(one_by_one(change.begun));
        self.0.iter().cloned().collect()
    }
}

fn by_reason<'a>(waiting: impl Iterator<Item = &'a Waiting>) -> ByReason {
    let mut grouped: BTreeMap<&Reason, Vec<PodId>> = BTreeMap::new();
    for Waiting { pod, reason } in waiting {
        grouped.entry(reason).or_default().push(pod.clone());
    }
    let owned = grouped.into_iter();
    owned.map(|(reason, pods)| (reason.clone(), pods)).collect()
}

fn one_by_one(grouped: ByReason) -> impl Iterator<Item = Waiting> {
    grouped.into_iter().flat_map(|(reason, pods)| {
        let alike = move |pod| Waiting {
            pod,
            reason: reason.clone(),
        };
        pods.into_iter().map(alike)
    })
}
