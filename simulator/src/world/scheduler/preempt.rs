//! Whom a pod of higher priority pushes out: on each node that would take it were all lesser pods gone,
//! as few of them as will do; of such nodes the one where least is lost, disruption budgets first.
//! Source: kubernetes/kubernetes 1.34, plugins/defaultpreemption and framework/preemption.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sparkwright::model::spark::PodTemplate;

use super::hosts::Host;
use super::neighbours::Neighbours;
use super::profile::Profile;
use super::{Gone, Scheduler, State};
use crate::world::pods::PodKey;

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
    /// Where the node is that a pod takes, and whom it pushes out there, by name; never a DaemonSet's pod,
    /// which would come back at once.
    pub(super) fn preempt(&self, pod: PodKey, profile: usize) -> Option<(usize, Vec<PodKey>)> {
        let profile = self.profiles.get(profile);
        let never = profile
            .placement
            .as_ref()
            .is_some_and(|placement| placement.never_preempts);
        if never || self.lowest_priority()? >= profile.priority {
            return None;
        }
        let template = self.template(pod);
        let mut best: Option<(Loss, &Host, usize, Vec<PodKey>)> = None;
        for (place, host) in self.hosts.iter().filter(|(_, host)| profile.suits(host)) {
            let found = self.victims(host, template, profile);
            let Some((violations, victims)) = found.filter(|(_, victims)| !victims.is_empty())
            else {
                continue;
            };
            let loss = self.loss(violations, &victims);
            let rank = (&loss, &host.facts.id);
            if best
                .as_ref()
                .is_none_or(|(least, first, ..)| rank < (least, &first.facts.id))
            {
                best = Some((loss, host, place, victims));
            }
        }
        let (_, _, place, mut victims) = best?;
        victims.sort_by(|one, other| self.known(*one).id.cmp(&self.known(*other).id));
        Some((place, victims))
    }

    /// The fewest pods that must go from a host, and how many of them break a budget: all lesser ones
    /// go, then each comes back, the most important first, while the pod still fits.
    fn victims(
        &self,
        host: &Host,
        template: &PodTemplate,
        profile: &Profile,
    ) -> Option<(usize, Vec<PodKey>)> {
        let here = host.pods.iter().copied();
        let is_lesser = |pod: &PodKey| self.template(*pod).priority < profile.priority;
        let mut lesser: Vec<PodKey> = here.filter(is_lesser).collect();
        lesser.sort_by_key(|pod| {
            let (known, bound) = self.bound(*pod);
            (Reverse(known.template.priority), bound.since)
        });
        let mut gone: Gone = lesser.iter().copied().collect();
        let fits = |gone: &Gone| {
            let neighbours = Neighbours::of(self, template, gone);
            self.takes(host, profile, &neighbours, gone)
        };
        if lesser.is_empty() || !fits(&gone) {
            return None;
        }
        let broken = self.breaking_budgets(&lesser);
        let (breaking, others): (Vec<PodKey>, Vec<PodKey>) =
            lesser.iter().partition(|pod| broken.contains(*pod));
        for pod in breaking.into_iter().chain(others) {
            gone.remove(&pod);
            if !fits(&gone) {
                gone.insert(pod);
            }
        }
        let violations = gone.iter().filter(|pod| broken.contains(*pod)).count();
        Some((violations, gone.into_iter().collect()))
    }

    /// Those whose going, in this order, leaves a budget with fewer pods than it asks for.
    fn breaking_budgets(&self, pods: &[PodKey]) -> Gone {
        let mut allowed: BTreeMap<&String, u32> = BTreeMap::new();
        let mut breaking = Gone::new();
        for (name, budget) in &self.referents.budgets {
            let covered = |template: &&PodTemplate| budget.pods.selects(template, &self.referents);
            let all = self.bound_templates().filter(covered).count();
            allowed.insert(name, budget.allowed(u32::try_from(all).unwrap_or(u32::MAX)));
        }
        for &pod in pods {
            let template = self.template(pod);
            for (name, budget) in &self.referents.budgets {
                let left = allowed
                    .get_mut(name)
                    .filter(|_| budget.pods.selects(template, &self.referents));
                match left {
                    Some(0) => drop(breaking.insert(pod)),
                    Some(left) => *left -= 1,
                    None => {}
                }
            }
        }
        breaking
    }

    /// Templates of all pods that run, DaemonSets' included.
    fn bound_templates(&self) -> impl Iterator<Item = &PodTemplate> {
        let known = self.pods.iter().flatten();
        let bound = known.filter(|known| matches!(known.state, State::Bound(_)));
        let others = self.hosts.iter().flat_map(|(_, host)| &host.others);
        let bound = bound.map(|known| &known.template);
        bound.chain(others).map(AsRef::as_ref)
    }

    fn loss(&self, violations: usize, victims: &[PodKey]) -> Loss {
        let bound = || victims.iter().map(|pod| self.bound(*pod));
        let priorities = || bound().map(|(known, _)| known.template.priority);
        let highest = priorities().max().unwrap_or(i32::MIN);
        let oldest = bound().filter(|(known, _)| known.template.priority == highest);
        Loss {
            violations,
            highest_priority: highest,
            priorities: priorities()
                .map(|priority| i64::from(priority) - i64::from(i32::MIN))
                .sum(),
            victims: victims.len(),
            oldest: Reverse(oldest.map(|(_, bound)| bound.since).min().unwrap_or(0)),
        }
    }
}
