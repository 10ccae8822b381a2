//! Instances against claims, from EC2's own list: instances that nobody claims go, claims whose instance
//! is gone go, requests that were never answered are sent again, and a pool whose nodes never join is
//! paused before it spends more.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use crate::live::clock;
use crate::live::ec2::{FleetRequest, GivenInstance, Instance, InstanceState};
use crate::live::effects::claims::EPOCH;
use crate::live::effects::launch::{self, Given, Unanswered};
use crate::live::effects::leave;
use crate::live::heard::{Answered, Hand};
use crate::live::translate::Claim;
use crate::model::time::{Span, Timestamp};

use super::Rounds;

/// From a launch until EC2's list must have it: descriptions lag, seldom by more than seconds.
const LISTED_AFTER: Span = Span::from_secs(120);
/// How long a claim may wait for an answer before its request is sent again. One of a leader before us is
/// sent again at once: nobody waits for its answer.
const RESEND_AFTER: Span = Span::from_secs(15);
/// How long a claim may be without an instance at all.
const OPEN_AT_MOST: Span = Span::from_secs(600);
/// Nodes of a pool that do not join, one after the other, before it is paused.
const UNJOINED_AT_MOST: u32 = 5;
/// How long such a pool is paused before it may try again.
const MENDS_AFTER: Span = Span::from_secs(900);

impl Rounds {
    /// EC2's list of our instances, asked for at this time.
    pub(super) fn swept(&mut self, instances: &[Instance], asked: Timestamp) {
        let Some(epoch) = self.epoch else { return };
        let listed: BTreeMap<&str, &Instance> = instances
            .iter()
            .map(|instance| (instance.id.as_str(), instance))
            .collect();
        self.adopt(instances);
        let open = self.awaited();
        let mut strays = BTreeMap::new();
        for instance in instances {
            let claimed = self.translator.instances.contains_key(&instance.id);
            let token = instance.token.as_ref();
            let awaited = token.is_some_and(|token| open.contains(token));
            let runs = matches!(
                instance.state,
                InstanceState::Pending | InstanceState::Running
            );
            if claimed || awaited || !runs {
                continue;
            }
            // By our own clock: EC2's need not be the same.
            let since = self.strays.get(&instance.id).copied().unwrap_or(asked);
            strays.insert(instance.id.clone(), since);
            if asked - since >= self.conduct.stray_grace {
                let task = leave::end_stray(self.world.clone(), instance.id.clone(), epoch);
                self.begin(Hand::Stray(instance.id.clone()), task);
            }
        }
        self.strays = strays;
        self.look_for_lost(&listed, asked);
    }

    /// Tokens of calls that may still be answered.
    fn awaited(&self) -> BTreeSet<String> {
        let claims = self.translator.claims.values();
        let open = claims.filter(|claim| claim.instance.is_none());
        let open = open.filter_map(|claim| claim.token().map(str::to_owned));
        let sent = self.in_hand.iter().filter_map(|hand| match hand {
            Hand::Launch(token) => Some(token.clone()),
            _ => None,
        });
        open.chain(sent).collect()
    }

    /// Instances whose answer we never had go to the claims of their call.
    fn adopt(&mut self, instances: &[Instance]) {
        let open = self.open_intents();
        for (token, names) in open {
            if self.in_hand.contains(&Hand::Launch(token.clone())) {
                continue;
            }
            let unclaimed = instances.iter().filter(|instance| {
                instance.token.as_deref() == Some(&token)
                    && !self.translator.instances.contains_key(&instance.id)
            });
            let given: Vec<Given> = names
                .iter()
                .zip(unclaimed)
                .map(|(claim, instance)| Given {
                    claim: claim.clone(),
                    instance: GivenInstance {
                        id: instance.id.clone(),
                        instance_type: instance.instance_type.clone(),
                        zone: instance.zone.clone(),
                        subnet: instance.subnet.clone(),
                        image: instance.image.clone(),
                        capacity_type: instance.capacity_type,
                    },
                })
                .collect();
            if given.is_empty() {
                continue;
            }
            let Some(intent) = self.translator.intent_of(&names) else {
                continue;
            };
            // An answer is all that EC2 gave: claims beyond it have nothing to wait for.
            self.answered(Answered {
                intent,
                given,
                refusals: Vec::new(),
                failed: None,
            });
        }
    }

    /// Claims without an instance, by the token of their call.
    fn open_intents(&self) -> BTreeMap<String, Vec<String>> {
        let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, claim) in &self.translator.claims {
            if claim.instance.is_none()
                && let Some(token) = claim.token()
            {
                open.entry(token.to_owned()).or_default().push(name.clone());
            }
        }
        open
    }

    /// Requests that were never answered are sent again; claims that have waited too long go.
    pub(super) fn look_at_open_claims(&mut self) {
        if !self.translator.is_ready() {
            return;
        }
        let now = clock::now();
        let open = self.open_intents();
        let names: BTreeSet<&String> = open.values().flatten().collect();
        self.open.retain(|name, _| names.contains(name));
        for (token, names) in open {
            let firsts = names.iter();
            let since = firsts
                .map(|name| *self.open.entry(name.clone()).or_insert(now))
                .min();
            let waited = since.map_or(Span::ZERO, |since| now - since);
            let hand = Hand::Launch(token.clone());
            let inherited = names.iter().all(|name| self.is_inherited(name));
            if self.in_hand.contains(&hand) || (waited < RESEND_AFTER && !inherited) {
                continue;
            }
            let intent = self.translator.intent_of(&names);
            match (intent, self.sendable(&token, &names), self.epoch) {
                (Some(intent), Some(stored), Some(epoch)) if waited < OPEN_AT_MOST => {
                    tracing::info!(token, "request without an answer is sent again");
                    let claimed = self.claimed(&token);
                    let unanswered = Unanswered {
                        intent,
                        stored,
                        token,
                        claimed,
                    };
                    let task = launch::resend(self.world.clone(), unanswered, epoch);
                    self.begin(hand, task);
                }
                _ => names.iter().for_each(|name| self.discard(name)),
            }
        }
    }

    /// Instances that claims of a call have.
    fn claimed(&self, token: &str) -> BTreeSet<String> {
        let claims = self.of_call(token);
        claims.filter_map(|claim| claim.instance.clone()).collect()
    }

    fn of_call<'a>(&'a self, token: &'a str) -> impl Iterator<Item = &'a Claim> {
        let claims = self.translator.claims.values();
        claims.filter(move |claim| claim.token() == Some(token))
    }

    /// True for a claim that a leader before us wrote.
    fn is_inherited(&self, claim: &str) -> bool {
        let claim = self.translator.claims.get(claim);
        let object = claim.and_then(|claim| claim.object.as_ref());
        let wrote = object.and_then(|object| object.annotations().get(EPOCH)?.parse().ok());
        wrote.is_some_and(|wrote: u64| self.epoch.is_some_and(|epoch| wrote < epoch))
    }

    /// The request that open claims have stored; None where it was never sent, since it is sent once all
    /// its claims are written, and some are not.
    fn sendable(&self, token: &str, open: &[String]) -> Option<String> {
        let stored = open.iter().find_map(|name| {
            let object = self.translator.claims.get(name)?.object.as_ref()?;
            object.spec.intent.request.clone()
        })?;
        let written = self.of_call(token).count();
        let all = FleetRequest::read(&stored).is_ok_and(|request| {
            usize::try_from(request.count).is_ok_and(|count| count <= written)
        });
        (all || written > open.len()).then_some(stored)
    }

    /// Claims whose instance is gone, or whose node never came.
    fn look_for_lost(&mut self, listed: &BTreeMap<&str, &Instance>, asked: Timestamp) {
        let claims = self.translator.claims.iter();
        let launched: Vec<(String, String, bool, bool)> = claims
            .filter_map(|(name, claim)| {
                let instance = claim.instance.clone()?;
                Some((name.clone(), instance, claim.initialised, claim.is_ending()))
            })
            .collect();
        let mut missing = BTreeSet::new();
        for (name, instance, initialised, ending) in launched {
            let since = self
                .cluster
                .nodes
                .get(name.as_str())
                .and_then(|node| node.launched);
            let age = since.map_or(LISTED_AFTER, |since| asked - since);
            match listed.get(instance.as_str()) {
                _ if ending => {}
                Some(seen) => {
                    self.changed_state(&name, seen.state);
                    if !initialised && age > self.conduct.join_limit {
                        self.join_failed(&name);
                    }
                }
                // Missing twice: one list may be older than the launch.
                None if self.missing.contains(&instance) && age >= LISTED_AFTER => {
                    self.changed_state(&name, InstanceState::Terminated);
                }
                None => {
                    missing.insert(instance);
                }
            }
        }
        self.missing = missing;
    }

    /// A node that never came: its claim goes, and after some in a row its pool is paused.
    fn join_failed(&mut self, claim: &str) {
        let pool = self
            .cluster
            .nodes
            .get(claim)
            .and_then(|node| node.pool.clone());
        let Some(pool) = pool.map(|pool| pool.as_str().to_owned()) else {
            return;
        };
        tracing::warn!(
            claim,
            pool,
            "node did not join in time; its instance is ended"
        );
        self.delete(claim);
        let count = self.unjoined.entry(pool.clone()).or_default();
        *count += 1;
        if *count == UNJOINED_AT_MOST {
            tracing::error!(
                pool,
                count,
                "nodes do not join; the pool launches nothing for a while"
            );
            self.translator.set_broken(&pool, true);
            self.mends.insert(pool, clock::now() + MENDS_AFTER);
        }
    }

    pub(super) fn join_succeeded(&mut self, claim: &str) {
        let node = self.cluster.nodes.get(claim);
        if let Some(pool) = node.and_then(|node| node.pool.as_ref()) {
            self.unjoined.remove(pool.as_str());
        }
    }

    /// Pools that were paused may try again: one more failure pauses them again.
    pub(super) fn mend(&mut self) {
        let now = clock::now();
        let due = self.mends.iter().filter(|(_, at)| **at <= now);
        let due: Vec<String> = due.map(|(pool, _)| pool.clone()).collect();
        for pool in due {
            self.mends.remove(&pool);
            self.unjoined.insert(pool.clone(), UNJOINED_AT_MOST - 1);
            self.translator.set_broken(&pool, false);
        }
    }
}
