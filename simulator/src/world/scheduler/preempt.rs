//! Whom a pod of higher priority pushes out: on each node that would take it were all lesser pods gone,
//! as few of them as will do; of such nodes the one where least is lost, disruption budgets first.
//! Source: kubernetes/kubernetes 1.34, plugins/defaultpreemption and framework/preemption.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::spark::PodTemplate;

use super::hosts::Host;
use super::neighbours::Neighbours;
use super::profile::Profile;
use super::{Bound, Scheduler};

/// What is lost on a node, what counts most first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Loss {
    /// Victims whose budget is broken.
    violations: usize,
    highest_priority: i32,
    /// Σ priorities, each counted from the lowest that there is.
    priorities: i64,
    victims: usize,
    /// When the oldest of the victims with the highest priority was bound: later is better.
    oldest: Reverse<u64>,
}

impl Scheduler {
    /// The node that a pod takes, and whom it pushes out there; never a DaemonSet's pod, which would
    /// come back at once.
    pub(super) fn preempt(&self, pod: &PodId, profile: usize) -> Option<(NodeId, Vec<PodId>)> {
        let profile = self.profiles.get(profile);
        let never = profile
            .placement
            .as_ref()
            .is_some_and(|placement| placement.never_preempts);
        let lowest = *self.priorities.keys().next()?;
        if never || lowest >= profile.priority {
            return None;
        }
        let template = self.queued[pod].template.as_ref();
        let mut best: Option<(Loss, &Host, Vec<PodId>)> = None;
        for host in self.hosts.iter().filter(|host| profile.suits(host)) {
            let found = self.victims(host, template, profile);
            let Some((violations, victims)) = found.filter(|(_, victims)| !victims.is_empty())
            else {
                continue;
            };
            let loss = self.loss(violations, &victims);
            let rank = (&loss, &host.facts.id);
            if best
                .as_ref()
                .is_none_or(|(least, first, _)| rank < (least, &first.facts.id))
            {
                best = Some((loss, host, victims));
            }
        }
        best.map(|(_, host, victims)| (host.facts.id.clone(), victims))
    }

    /// The fewest pods that must go from a host, and how many of them break a budget: all lesser ones
    /// go, then each comes back, the most important first, while the pod still fits.
    fn victims(
        &self,
        host: &Host,
        template: &PodTemplate,
        profile: &Profile,
    ) -> Option<(usize, Vec<PodId>)> {
        let is_lesser =
            |bound: &Bound| bound.template.priority < profile.priority && !bound.template.daemon;
        let mut lesser: Vec<&PodId> = host
            .pods
            .iter()
            .filter(|pod| is_lesser(&self.bound[*pod]))
            .collect();
        lesser.sort_by_key(|pod| {
            let bound = &self.bound[*pod];
            (Reverse(bound.template.priority), bound.since)
        });
        let mut gone: BTreeSet<PodId> = lesser.iter().map(|pod| (*pod).clone()).collect();
        let fits = |gone: &BTreeSet<PodId>| {
            let neighbours = Neighbours::of(self, template, gone);
            self.takes(host, profile, &neighbours, gone)
        };
        if lesser.is_empty() || !fits(&gone) {
            return None;
        }
        let broken = self.breaking_budgets(&lesser);
        let (breaking, others): (Vec<&PodId>, Vec<&PodId>) =
            lesser.iter().partition(|pod| broken.contains(*pod));
        for pod in breaking.into_iter().chain(others) {
            gone.remove(pod);
            if !fits(&gone) {
                gone.insert(pod.clone());
            }
        }
        let violations = gone.iter().filter(|pod| broken.contains(*pod)).count();
        Some((violations, gone.into_iter().collect()))
    }

    /// Those whose going, in this order, leaves a budget with fewer pods than it asks for.
    fn breaking_budgets<'p>(&self, pods: &[&'p PodId]) -> BTreeSet<&'p PodId> {
        let mut allowed: BTreeMap<&String, u32> = BTreeMap::new();
        let mut breaking = BTreeSet::new();
        for (name, budget) in &self.referents.budgets {
            let covered = |bound: &&Bound| budget.pods.selects(&bound.template, &self.referents);
            let all = self.bound.values().filter(covered).count();
            allowed.insert(name, budget.allowed(u32::try_from(all).unwrap_or(u32::MAX)));
        }
        for pod in pods {
            let template = &self.bound[*pod].template;
            for (name, budget) in &self.referents.budgets {
                let left = allowed
                    .get_mut(name)
                    .filter(|_| budget.pods.selects(template, &self.referents));
                match left {
                    Some(0) => drop(breaking.insert(*pod)),
                    Some(left) => *left -= 1,
                    None => {}
                }
            }
        }
        breaking
    }

    fn loss(&self, violations: usize, victims: &[PodId]) -> Loss {
        let bound = || victims.iter().map(|pod| &self.bound[pod]);
        let highest = bound()
            .map(|bound| bound.template.priority)
            .max()
            .unwrap_or(i32::MIN);
        let oldest = bound().filter(|bound| bound.template.priority == highest);
        Loss {
            violations,
            highest_priority: highest,
            priorities: bound()
                .map(|bound| i64::from(bound.template.priority) - i64::from(i32::MIN))
                .sum(),
            victims: victims.len(),
            oldest: Reverse(oldest.map(|bound| bound.since).min().unwrap_or(0)),
        }
    }
}
