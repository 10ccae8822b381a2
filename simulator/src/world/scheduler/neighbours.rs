//! What the pods that run mean for one that is to be placed: places where it must be, may not be, and
//! how crowded each is. Source: kubernetes/kubernetes 1.34, plugins interpodaffinity and
//! podtopologyspread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparkwright::model::node::tolerated;
use sparkwright::model::placement::{Placement, PodTerm, Spread};
use sparkwright::model::referent::Referents;
use sparkwright::model::spark::PodTemplate;

use super::hosts::Host;
use super::{Gone, Scheduler};

/// What a required affinity of a pod that runs is worth to one that it selects.
const REQUIRED_LIKING: i64 = 1;

/// A topology label and one of its values.
type Spot<'a> = (&'a str, &'a str);

/// The pods that run, as one pod sees them.
#[derive(Debug)]
pub(super) struct Neighbours<'a> {
    template: &'a PodTemplate,
    referents: &'a Referents,
    /// Places with pods that the required affinity selects.
    near: BTreeSet<Spot<'a>>,
    /// Places that anti-affinity forbids, the pod's own or another's.
    forbidden: BTreeSet<Spot<'a>>,
    liking: BTreeMap<Spot<'a>, i64>,
    /// By spread constraint: selected pods by place.
    counts: Vec<BTreeMap<&'a str, u32>>,
}

impl<'a> Neighbours<'a> {
    /// Everybody but those who are gone.
    pub fn of(scheduler: &'a Scheduler, template: &'a PodTemplate, gone: &Gone) -> Self {
        let own = template.placement.as_deref();
        let spreads = own.map_or(0, |own| own.spread.len());
        let mut neighbours = Neighbours {
            template,
            referents: &scheduler.referents,
            near: BTreeSet::new(),
            forbidden: BTreeSet::new(),
            liking: BTreeMap::new(),
            counts: vec![BTreeMap::new(); spreads],
        };
        if own.is_none() && scheduler.particular == 0 {
            return neighbours;
        }
        for (_, host) in scheduler.hosts.iter() {
            let pods = host.pods.iter().filter(|pod| !gone.contains(*pod));
            let pods = pods.map(|pod| scheduler.template(*pod));
            let others = host.others.iter().map(Arc::as_ref);
            let pods: Vec<&PodTemplate> = pods.chain(others).collect();
            for other in &pods {
                neighbours.meet(host, own, other);
            }
            if let Some(own) = own {
                neighbours.count(host, own, &pods);
            }
        }
        neighbours
    }

    fn meet(&mut self, host: &'a Host, own: Option<&'a Placement>, other: &'a PodTemplate) {
        let selects = |term: &PodTerm, pod: &PodTemplate| term.pods.selects(pod, self.referents);
        let spot = |term: &'a PodTerm| Some((term.topology.as_str(), host.domain(&term.topology)?));
        if let Some(own) = own {
            if own.affinity.iter().all(|term| selects(term, other)) {
                self.near.extend(own.affinity.iter().filter_map(spot));
            }
            let rejected = own.anti_affinity.iter().filter(|term| selects(term, other));
            self.forbidden.extend(rejected.filter_map(spot));
            for (weight, term) in own
                .likes_pods
                .iter()
                .filter(|(_, term)| selects(term, other))
            {
                if let Some(spot) = spot(term) {
                    *self.liking.entry(spot).or_default() += i64::from(*weight);
                }
            }
        }
        let Some(theirs) = other.placement.as_deref() else {
            return;
        };
        let rejecting = theirs
            .anti_affinity
            .iter()
            .filter(|term| selects(term, self.template));
        self.forbidden.extend(rejecting.filter_map(spot));
        let liking = theirs
            .likes_pods
            .iter()
            .map(|(weight, term)| (i64::from(*weight), term));
        let needing = theirs.affinity.iter().map(|term| (REQUIRED_LIKING, term));
        for (weight, term) in liking.chain(needing) {
            if let Some(spot) = spot(term).filter(|_| selects(term, self.template)) {
                *self.liking.entry(spot).or_default() += weight;
            }
        }
    }

    /// Adds a host's pods to the places of each spread constraint that counts it. A host without one of
    /// the labels that the pod is spread by, required or not, counts for none of that sort.
    fn count(&mut self, host: &'a Host, own: &'a Placement, pods: &[&PodTemplate]) {
        for (spread, counts) in own.spread.iter().zip(&mut self.counts) {
            let mut alike = own
                .spread
                .iter()
                .filter(|other| other.required == spread.required);
            if !alike.all(|other| host.domain(&other.topology).is_some()) {
                continue;
            }
            let is_counted = (!spread.honours_selectors
                || self.template.constraints.hold(&host.facts.labels))
                && (!spread.honours_taints
                    || tolerated(&host.facts.taints, &self.template.tolerations));
            if let Some(domain) = host.domain(&spread.topology).filter(|_| is_counted) {
                let selected = pods
                    .iter()
                    .filter(|pod| spread.pods.selects(pod, self.referents));
                let selected = selected.filter(|pod| pod.namespace == self.template.namespace);
                let count = u32::try_from(selected.count()).unwrap_or(u32::MAX);
                *counts.entry(domain).or_default() += count;
            }
        }
    }

    /// True where the pod's required affinity, everybody's anti-affinity and its required spread let it
    /// onto a host.
    pub fn admit(&self, host: &Host) -> bool {
        let is_forbidden = || {
            self.forbidden
                .iter()
                .any(|(topology, value)| host.domain(topology) == Some(value))
        };
        let Some(own) = self.template.placement.as_deref() else {
            return !is_forbidden();
        };
        let spreads = own.spread.iter().zip(&self.counts);
        self.is_near(host, own)
            && !is_forbidden()
            && spreads
                .filter(|(spread, _)| spread.required)
                .all(|(spread, counts)| self.keeps(host, spread, counts))
    }

    /// The first pod of a group that wants to be together may go anywhere that has the labels.
    fn is_near(&self, host: &Host, own: &Placement) -> bool {
        let selects_itself = || {
            let mut terms = own.affinity.iter();
            terms.all(|term| term.pods.selects(self.template, self.referents))
        };
        let has = |term: &PodTerm| host.domain(&term.topology);
        let is_there = |term: &PodTerm| {
            has(term).is_some_and(|value| self.near.contains(&(term.topology.as_str(), value)))
        };
        own.affinity.iter().all(is_there)
            || (self.near.is_empty()
                && selects_itself()
                && own.affinity.iter().all(|term| has(term).is_some()))
    }

    fn keeps(&self, host: &Host, spread: &Spread, counts: &BTreeMap<&str, u32>) -> bool {
        let Some(domain) = host.domain(&spread.topology) else {
            return false;
        };
        let places = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        let emptiest = counts.values().copied().min().unwrap_or(0);
        let least = if places < spread.min_domains {
            0
        } else {
            emptiest
        };
        let here = counts.get(domain).copied().unwrap_or(0);
        let own = u32::from(spread.pods.selects(self.template, self.referents));
        (here + own).saturating_sub(least) <= spread.max_skew
    }

    /// How much the pod likes a host for who is in its places, and they the pod.
    pub fn liking(&self, host: &Host) -> i64 {
        let here = self.liking.iter();
        here.filter(|((topology, value), _)| host.domain(topology) == Some(value))
            .map(|(_, weight)| weight)
            .sum()
    }

    /// How crowded each host's places are by the pod's soft spread, in thousandths of a pod; -1 where it
    /// lacks a label. Places count for more the more of them there are.
    pub fn crowding(&self, feasible: &[&Host]) -> Vec<i64> {
        let own = self.template.placement.iter().flat_map(|own| &own.spread);
        let soft: Vec<(&Spread, &BTreeMap<&str, u32>)> = own
            .zip(&self.counts)
            .filter(|(spread, _)| !spread.required)
            .collect();
        let weight = |spread: &Spread| {
            let places: BTreeSet<&str> = feasible
                .iter()
                .filter_map(|host| host.domain(&spread.topology))
                .collect();
            LOGARITHMS[places.len().min(LOGARITHMS.len() - 1)]
        };
        let weights: Vec<i64> = soft.iter().map(|(spread, _)| weight(spread)).collect();
        let of = |host: &&Host| -> Option<i64> {
            let parts = soft.iter().zip(&weights).map(|((spread, counts), weight)| {
                let domain = host.domain(&spread.topology)?;
                let count = counts.get(domain).copied().unwrap_or(0);
                Some(i64::from(count) * weight + i64::from(spread.max_skew - 1) * 1000)
            });
            parts.sum()
        };
        feasible.iter().map(|host| of(host).unwrap_or(-1)).collect()
    }
}

/// Thousandths of ln(n + 2), by n; integers, so that no machine's logarithm decides. More places than
/// these weigh as much as the last, which matters only between several constraints of one pod.
const LOGARITHMS: [i64; 53] = [
    693, 1099, 1386, 1609, 1792, 1946, 2079, 2197, 2303, 2398, 2485, 2565, 2639, 2708, 2773, 2833,
    2890, 2944, 2996, 3045, 3091, 3135, 3178, 3219, 3258, 3296, 3332, 3367, 3401, 3434, 3466, 3497,
    3526, 3555, 3584, 3611, 3638, 3664, 3689, 3714, 3738, 3761, 3784, 3807, 3829, 3850, 3871, 3892,
    3912, 3932, 3951, 3970, 3989,
];
