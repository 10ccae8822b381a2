//! Kubernetes events on pods, NodeClaims and NodePools, with the plan's reasons. Which are worth telling
//! is decided from plans alone; the same one is told again only after a pause, and all of them are kept
//! below a rate, so that ten thousand waiting pods do not fill the API server.

mod publish;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cluster::Cluster;
use crate::model::name::{PoolName, Table};
use crate::model::spark::Role;
use crate::model::time::{Span, Timestamp};
use crate::plan::effect::Launch;
use crate::plan::reason::Reason;
use crate::plan::{Effect, Plan};

use super::Metrics;
use super::breach::Breach;
pub use publish::Publisher;

/// The same event on the same object is told again after this.
const PAUSE: Span = Span::from_secs(300);
/// Events that may be told at once.
const BURST: i64 = 200;
/// Events a second in the long run: a fifth of what one client's queries are usually limited to.
const PER_SECOND: i64 = 10;
/// Events that are remembered as told.
const MOST_TOLD: usize = 50_000;
/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Kinds of objects that events are told on, the more important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regarding {
    /// A NodePool.
    NodePool,
    /// A NodeClaim.
    NodeClaim,
    /// A pod, by `namespace/name`.
    Pod,
}

/// One event to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Kind of the object.
    pub regarding: Regarding,
    /// Its name, with its namespace for pods.
    pub name: String,
    /// In capitals of words, as Kubernetes has it: `GangIncomplete`.
    pub reason: String,
    /// What was being done: `Launch`, `Plan`, `Observe`, `Cordon`, `Terminate`.
    pub action: &'static str,
    /// Something is wrong, or may be.
    pub warning: bool,
    /// For people.
    pub note: String,
}

impl Note {
    /// What is told of a breach, which comes once for each application.
    pub fn of_breach(breach: &Breach) -> Note {
        Note {
            regarding: Regarding::Pod,
            name: breach.pod.to_string(),
            reason: in_capitals(breach.kind.code()),
            action: "Observe",
            warning: true,
            note: shortened(breach.kind.note().to_owned()),
        }
    }
}

/// Decides which events are told.
#[derive(Debug)]
pub struct Notes {
    told: Table<crate::model::name::PodId, Timestamp>,
    /// Events that may be told now, in thousandths.
    credit: i64,
    at: Option<Timestamp>,
}

impl Default for Notes {
    fn default() -> Self {
        Notes {
            told: Table::default(),
            credit: BURST * 1000,
            at: None,
        }
    }
}

impl Notes {
    /// What is worth telling of a plan at this moment, the more important first.
    pub fn round(
        &mut self,
        now: Timestamp,
        cluster: &Cluster,
        plan: &Plan,
        metrics: &Metrics,
    ) -> Vec<Note> {
        self.refill(now);
        let mut due = Vec::new();
        for note in worth_telling(cluster, plan) {
            let key = format!(
                "{:?}/{}/{}/{}",
                note.regarding, note.name, note.reason, note.note
            );
            let known = self.told.get(key.as_str());
            if known.is_some_and(|told| now - *told < PAUSE) {
                metrics.told("repeated");
            } else if self.credit < 1000 {
                metrics.told("dropped");
            } else {
                self.credit -= 1000;
                self.remember(key, now);
                due.push(note);
            }
        }
        due
    }

    fn refill(&mut self, now: Timestamp) {
        let passed = self.at.map_or(Span::ZERO, |at| now - at).millis().max(0);
        let earned = passed.saturating_mul(PER_SECOND);
        self.credit = self.credit.saturating_add(earned).min(BURST * 1000);
        self.at = Some(now);
    }

    fn remember(&mut self, key: String, now: Timestamp) {
        if self.told.len() >= MOST_TOLD {
            self.told.retain(|_, told| now - *told < PAUSE);
        }
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        self.told.insert(key.into(), now);
    }
}

/// Everything that a plan says of objects that are there, in order of importance; of pods, drivers first.
fn worth_telling(cluster: &Cluster, plan: &Plan) -> Vec<Note> {
    let mut notes = of_pools(plan);
    for effect in &plan.effects {
        match effect {
            Effect::Launch(launch) => notes.extend(of_launch(cluster, launch)),
            Effect::Place(_) => {}
            Effect::Cordon { node, reason } => {
                notes.push(on_claim(node.as_str(), "Cordon", reason));
            }
            Effect::Evict { pod, reason } => notes.push(Note {
                regarding: Regarding::Pod,
                name: pod.to_string(),
                reason: in_capitals(reason.code()),
                action: "Evict",
                warning: false,
                note: shortened(reason.to_string()),
            }),
            Effect::Terminate { node, reason } => {
                notes.push(on_claim(node.as_str(), "Terminate", reason));
            }
        }
    }
    for waiting in plan.waiting.iter().filter(|waiting| !waiting.is_foreign()) {
        if cluster.pods.contains_key(&waiting.pod) {
            notes.push(Note {
                regarding: Regarding::Pod,
                name: waiting.pod.to_string(),
                reason: in_capitals(waiting.reason.code()),
                action: "Plan",
                warning: !matches!(waiting.reason, Reason::WaitingForSpot { until: Some(_) }),
                note: shortened(waiting.reason.to_string()),
            });
        }
    }
    let is_driver = |name: &str| {
        let pod = cluster.pods.get(name);
        pod.is_some_and(|pod| pod.template.role == Role::Driver)
    };
    notes.sort_by_cached_key(|note| (note.regarding, !is_driver(&note.name)));
    notes
}

/// What stands in the way of a pool, and of how many pods.
fn of_pools(plan: &Plan) -> Vec<Note> {
    let mut pools: BTreeMap<(&PoolName, &Reason), usize> = BTreeMap::new();
    for waiting in &plan.waiting {
        let pool = match &waiting.reason {
            Reason::LimitReached { pool, .. }
            | Reason::AboveLimit { pool, .. }
            | Reason::MinValues { pool, .. } => pool,
            Reason::PoolPaused(pool) => pool,
            _ => continue,
        };
        *pools.entry((pool, &waiting.reason)).or_default() += 1;
    }
    let waits = pools.into_iter().map(|((pool, reason), _)| Note {
        regarding: Regarding::NodePool,
        name: pool.to_string(),
        reason: in_capitals(reason.code()),
        action: "Plan",
        warning: true,
        note: shortened(format!("pods wait: {reason}")),
    });
    let narrow = plan.launches().filter_map(|launch| {
        let narrow = launch.narrow.as_ref()?;
        Some(Note {
            regarding: Regarding::NodePool,
            name: launch.intent.pool.to_string(),
            reason: in_capitals(narrow.code()),
            action: "Launch",
            warning: true,
            note: shortened(narrow.to_string()),
        })
    });
    waits.chain(narrow).collect()
}

fn of_launch(cluster: &Cluster, launch: &Launch) -> Vec<Note> {
    let intent = &launch.intent;
    let mut names = (intent.types.iter()).filter_map(|id| cluster.catalog.known_type(*id));
    let first = names.next().map_or("no type", |first| first.name.as_str());
    let zone = cluster.catalog.zones.get(usize::from(intent.zone.0));
    let zone = zone.map_or("no zone", |zone| zone.name.as_str());
    let capacity = intent.capacity_type;
    let what = format!(
        "{first} or {} other types, {capacity}, {zone}",
        names.count()
    );
    let mut notes = Vec::new();
    for (node, pods) in intent.nodes.iter().zip(&launch.pods) {
        let claim = format!(
            "asked for {what} at {} USD/h: {}",
            launch.planned, launch.reason
        );
        notes.push(Note {
            note: shortened(claim),
            ..on_claim(node.id.as_str(), "Launch", &launch.reason)
        });
        let there = pods.iter().filter(|pod| cluster.pods.contains_key(*pod));
        notes.extend(there.map(|pod| Note {
            regarding: Regarding::Pod,
            name: pod.to_string(),
            reason: "Launched".to_owned(),
            action: "Launch",
            warning: false,
            note: shortened(format!("node {} is launched for it: {what}", node.id)),
        }));
    }
    notes
}

fn on_claim(node: &str, action: &'static str, reason: &Reason) -> Note {
    Note {
        regarding: Regarding::NodeClaim,
        name: node.to_owned(),
        reason: in_capitals(reason.code()),
        action,
        warning: matches!(reason, Reason::Interrupted { .. }),
        note: shortened(reason.to_string()),
    }
}

/// `gang-incomplete` as `GangIncomplete`.
pub fn in_capitals(code: &str) -> String {
    let mut text = String::new();
    for word in code.split('-') {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "{}{}",
            first.map_or(String::new(), String::from),
            letters.as_str()
        );
    }
    text
}

/// A note that Kubernetes takes: it refuses longer ones.
pub fn shortened(mut note: String) -> String {
    if note.len() > LONGEST_NOTE {
        let end = (0..=LONGEST_NOTE - 4)
            .rev()
            .find(|i| note.is_char_boundary(*i));
        note.truncate(end.unwrap_or(0));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests;
