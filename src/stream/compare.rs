//! The same stream folded again: what a planner decides now beside what was decided then, look by look.
//! Names of nodes to be are compared by the order in which they appear; all other names come from the
//! stream and are the same on both sides.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::model::name::NodeId;
use crate::plan::effect::Waiting;
use crate::plan::{Effect, Planner};

use super::{Difference, Entry, Round};

/// A replay of a stream, as far as it has come.
#[derive(Debug, Default)]
pub struct Comparison {
    cluster: Cluster,
    planner: Planner,
    /// Something is missing: what is decided says nothing until all is known again.
    torn: bool,
    /// What has been compared.
    pub tally: Tally,
    recorded: Names,
    decided: Names,
}

/// What a replay has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events folded.
    pub events: u64,
    /// Snapshots taken over.
    pub snapshots: u64,
    /// Looks compared.
    pub rounds: u64,
    /// Looks that could not be compared, since something before them is missing.
    pub uncompared: u64,
    /// Effects of the looks compared.
    pub effects: u64,
    /// Looks that differ.
    pub differing: u64,
    /// Entries that the recorder could not write.
    pub lost: u64,
}

impl Comparison {
    /// Takes in an entry. The answer is how a look differs, where it does.
    pub fn take(&mut self, entry: Entry) -> Option<Difference> {
        match entry {
            Entry::Begun(_) => None,
            Entry::Known(snapshot) => {
                self.cluster = Cluster::restored(&snapshot);
                self.tally.snapshots += 1;
                self.torn = false;
                None
            }
            Entry::Event(event) => {
                self.cluster.apply(&event);
                self.tally.events += 1;
                None
            }
            Entry::Round(round) => self.look(&round),
            Entry::Gap(lost) => {
                self.tally.lost += lost;
                self.tear();
                None
            }
        }
    }

    /// Something is missing here: looks are compared again after the next snapshot.
    pub fn tear(&mut self) {
        self.torn = true;
    }

    fn look(&mut self, round: &Round) -> Option<Difference> {
        if self.torn {
            self.tally.uncompared += 1;
            return None;
        }
        let plan = self.planner.plan(&self.cluster.view(round.now));
        self.tally.rounds += 1;
        self.tally.effects += u64::try_from(plan.effects.len()).unwrap_or(u64::MAX);
        let recorded = self.recorded.named(&round.plan.effects);
        let decided = self.decided.named(&plan.effects);
        if recorded == decided && same_waits(&round.plan.waiting, &plan.waiting) {
            return None;
        }
        self.tally.differing += 1;
        let waits = (&round.plan.waiting[..], &plan.waiting[..]);
        let number = self.tally.rounds + self.tally.uncompared;
        let effects = (&recorded[..], &decided[..]);
        Some(Difference::between(
            (number, round.now),
            effects,
            waits,
            &self.cluster.catalog,
        ))
    }
}

/// Equal as sets, which is how they are written.
fn same_waits(recorded: &[Waiting], decided: &[Waiting]) -> bool {
    let mut decided: Vec<&Waiting> = decided.iter().collect();
    decided.sort();
    decided.dedup();
    recorded.iter().eq(decided)
}

/// Names of nodes to be, by order of appearance.
#[derive(Debug, Default)]
struct Names(BTreeMap<NodeId, NodeId>);

impl Names {
    /// The effects with these names instead of the nodes' own.
    fn named(&mut self, effects: &[Effect]) -> Vec<Effect> {
        let mut effects = effects.to_vec();
        for effect in &mut effects {
            if let Effect::Launch(launch) = effect {
                for node in &mut launch.intent.nodes {
                    let next = self.0.len() + 1;
                    let name = self.0.entry(node.id.clone());
                    node.id = name
                        .or_insert_with(|| NodeId::from(format!("node {next}")))
                        .clone();
                }
            }
        }
        effects
    }
}
