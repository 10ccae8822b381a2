//! Rules between pods as what a plan can keep: how many pods of a need a node takes, which needs never
//! share one, which zones are open to it. Read from placements and from the pods that run; whatever
//! cannot be put that way makes the pod wait and say so. Preferences are left to the scheduler, and so
//! is preemption: room is bought also for a pod that could push others out.

mod disk;
mod survey;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::model::name::NodeId;
use crate::model::node::ZONE;
use crate::model::offering::ZoneId;
use crate::model::placement::{HOSTNAME, Placement, Spread, are_apart};
use crate::model::spark::PodTemplate;

use super::demand::{Ask, Need};
use super::reason::Reason;
use survey::Survey;

/// A need by position of its application and its own.
pub type Who = (usize, usize);

/// What one need must keep.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Why its pods wait, whatever room there is.
    pub refusal: Option<Reason>,
    /// Its pods on one node at most.
    pub most: u32,
    /// Nodes that take fewer, those that take none included.
    nodes: BTreeMap<NodeId, u32>,
    /// What nodes take that are not among these.
    elsewhere: u32,
    /// Needs that never share a node with it.
    pub apart: BTreeSet<Who>,
    /// Zones that are closed to it.
    closed: BTreeSet<ZoneId>,
    /// Its pods in one zone at most.
    most_in_zone: u32,
    /// How evenly it must lie over zones, with the pods that count and run, by zone.
    pub spread: Vec<(Spread, BTreeMap<ZoneId, u32>)>,
    /// Its pods, and those of its application, are to be in one zone.
    pub one_zone: bool,
    /// All its pods go onto one node.
    pub together: bool,
    /// Only nodes with certain pods will do, and a new one has none.
    pub only_beside: bool,
    /// EBS volumes of one pod.
    pub disks: u32,
}

/// The rules of all needs that have any.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: BTreeMap<Who, Rule>,
}

impl Default for Rule {
    fn default() -> Self {
        Rule {
            refusal: None,
            most: u32::MAX,
            nodes: BTreeMap::new(),
            elsewhere: u32::MAX,
            apart: BTreeSet::new(),
            closed: BTreeSet::new(),
            most_in_zone: u32::MAX,
            spread: Vec::new(),
            one_zone: false,
            together: false,
            only_beside: false,
            disks: 0,
        }
    }
}

impl Rule {
    /// How many of its pods a node takes, those of this plan apart.
    pub fn on(&self, node: &NodeId) -> u32 {
        self.nodes.get(node).copied().unwrap_or(self.elsewhere)
    }

    /// True where a zone is open to it.
    pub fn is_open(&self, zone: ZoneId) -> bool {
        !self.closed.contains(&zone)
    }

    /// True where it matters how many of its pods are in a zone.
    pub fn counts_zones(&self) -> bool {
        self.most_in_zone < u32::MAX || !self.spread.is_empty()
    }

    /// Deals pods out over `zones`, always to the emptiest, where `domains` are the zones that count
    /// for evenness. Positions in `zones`; None where the rules leave no zone for one of them.
    pub fn deal(&self, pods: usize, zones: &[ZoneId], domains: &[ZoneId]) -> Option<Vec<usize>> {
        let mut here: BTreeMap<ZoneId, u32> = BTreeMap::new();
        let mut dealt = Vec::with_capacity(pods);
        for _ in 0..pods {
            let keeps = |zone: ZoneId| {
                here.get(&zone).copied().unwrap_or(0) < self.most_in_zone
                    && self.spread.iter().all(|(spread, counts)| {
                        let count = |zone: &ZoneId| {
                            counts.get(zone).copied().unwrap_or(0)
                                + here.get(zone).copied().unwrap_or(0)
                        };
                        let few = domains.len() < usize::try_from(spread.min_domains).unwrap_or(0);
                        let emptiest = domains.iter().map(count).min().unwrap_or(0);
                        let least = if few { 0 } else { emptiest };
                        (count(&zone) + 1).saturating_sub(least) <= spread.max_skew
                    })
            };
            let crowd = |zone: &ZoneId| -> u32 {
                let known = self
                    .spread
                    .iter()
                    .filter_map(|(_, counts)| counts.get(zone))
                    .sum::<u32>();
                known + here.get(zone).copied().unwrap_or(0)
            };
            let free = (0..zones.len()).filter(|&z| self.is_open(zones[z]) && keeps(zones[z]));
            let next = free.min_by_key(|&z| (crowd(&zones[z]), z))?;
            *here.entry(zones[next]).or_default() += 1;
            dealt.push(next);
        }
        Some(dealt)
    }
}

impl Rules {
    /// The rules of these applications' needs.
    pub fn of(view: &View<'_>, asks: &[Ask<'_>]) -> Rules {
        let cluster = view.cluster;
        let needs = || {
            asks.iter().enumerate().flat_map(|(i, ask)| {
                ask.needs
                    .iter()
                    .enumerate()
                    .map(move |(n, need)| ((i, n), need))
            })
        };
        let asks_something = |need: &Need| need.template.placement.is_some();
        if cluster.particular.is_empty() && !needs().any(|(_, need)| asks_something(need)) {
            return Rules::default();
        }
        let mut rules: BTreeMap<Who, Rule> = BTreeMap::new();
        for (who, need) in needs() {
            let survey = Survey::of(view, &need.template);
            if asks_something(need) || !survey.nodes.is_empty() || !survey.zones.is_empty() {
                rules.insert(who, rule(view, asks, who, survey));
            }
        }
        let particular: Vec<(Who, &Need)> =
            needs().filter(|(_, need)| asks_something(need)).collect();
        for (a, one) in particular {
            for (b, other) in needs().filter(|(b, _)| *b != a) {
                keep_apart(view, (a, one), (b, other), &mut rules);
            }
        }
        Rules { rules }
    }

    /// True where nobody has any.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule of a need.
    pub fn get(&self, who: Who) -> Option<&Rule> {
        self.rules.get(&who)
    }
}

fn rule(view: &View<'_>, asks: &[Ask<'_>], who: Who, survey: Survey) -> Rule {
    let need = &asks[who.0].needs[who.1];
    let template = &need.template;
    let referents = &view.cluster.referents;
    let mut rule = Rule {
        nodes: survey.nodes.iter().map(|node| (node.clone(), 0)).collect(),
        closed: survey.zones.clone(),
        ..Rule::default()
    };
    let Some(own) = template.placement.as_deref() else {
        return rule;
    };
    rule.refusal = unknown_topology(own);
    if are_apart(template, template, HOSTNAME, referents) {
        (rule.most, rule.elsewhere) = (1, 1);
    }
    if are_apart(template, template, ZONE, referents) {
        rule.most_in_zone = 1;
    }
    for (spread, (nodes, zones)) in own.required_spread().zip(&survey.counts) {
        spread_over(
            &mut rule,
            spread,
            nodes,
            zones,
            spread.pods.selects(template, referents),
        );
    }
    be_near(view, asks, who, own, &survey, &mut rule);
    disk::reach(view, need, own, &mut rule);
    rule
}

/// Nodes are bought by zone, and each is a host of its own; no other place is chosen for a pod.
fn unknown_topology(own: &Placement) -> Option<Reason> {
    let terms = own
        .affinity
        .iter()
        .chain(&own.anti_affinity)
        .map(|term| &term.topology);
    let mut keys = terms.chain(own.required_spread().map(|spread| &spread.topology));
    let unknown = keys.find(|key| !matches!(key.as_str(), HOSTNAME | ZONE))?;
    Some(waits(format!(
        "the pod's rules are about {unknown}, which no node is bought by; use {HOSTNAME} or {ZONE}"
    )))
}

/// On nodes the emptiest is taken to hold none, since any node may join: each takes the skew. That is
/// safe, and dearer only where every node holds some.
fn spread_over(
    rule: &mut Rule,
    spread: &Spread,
    nodes: &BTreeMap<NodeId, u32>,
    zones: &BTreeMap<ZoneId, u32>,
    selects_itself: bool,
) {
    if spread.topology == ZONE && selects_itself {
        rule.spread.push((spread.clone(), zones.clone()));
    } else if spread.topology == HOSTNAME && selects_itself {
        rule.most = rule.most.min(spread.max_skew);
        rule.elsewhere = rule.elsewhere.min(spread.max_skew);
        for (node, count) in nodes {
            let left = spread.max_skew.saturating_sub(*count);
            let known = rule.nodes.entry(node.clone()).or_insert(left);
            *known = left.min(*known);
        }
    }
}

/// Affinity: where the pods are that it selects; where there are none, the pods are the first of their
/// group and may start one, or they wait for others to be somewhere.
fn be_near(
    view: &View<'_>,
    asks: &[Ask<'_>],
    who: Who,
    own: &Placement,
    survey: &Survey,
    rule: &mut Rule,
) {
    if own.affinity.is_empty() {
        return;
    }
    let referents = &view.cluster.referents;
    let selects = |template: &PodTemplate| {
        own.affinity
            .iter()
            .all(|term| term.pods.selects(template, referents))
    };
    let on_host = own.affinity.iter().any(|term| term.topology == HOSTNAME);
    let in_zone = own.affinity.iter().any(|term| term.topology == ZONE);
    rule.one_zone = true;
    if !survey.near_nodes.is_empty() {
        if on_host {
            let barred = std::mem::take(&mut rule.nodes);
            let left = |node: &NodeId| barred.get(node).copied().unwrap_or(rule.most);
            rule.nodes = survey
                .near_nodes
                .iter()
                .map(|node| (node.clone(), left(node)))
                .collect();
            (rule.elsewhere, rule.only_beside) = (0, true);
        }
        if in_zone {
            let zones = super::zone::all(view).into_iter();
            rule.closed
                .extend(zones.filter(|zone| !survey.near_zones.contains(zone)));
        }
        return;
    }
    let mut companions = asks[who.0].needs.iter().enumerate();
    let own_need = selects(&asks[who.0].needs[who.1].template);
    let beside = companions.any(|(n, need)| n != who.1 && selects(&need.template));
    if own_need && on_host {
        (rule.together, rule.elsewhere) = (true, 0);
    } else if !own_need && (on_host || !beside) {
        rule.refusal = Some(waits(
            "no pod that spec.affinity.podAffinity selects is on a node yet, so there is nothing to be near"
                .to_owned(),
        ));
    }
}

/// Two needs that may not share a node, or a zone.
fn keep_apart(
    view: &View<'_>,
    (a, one): (Who, &Need),
    (b, other): (Who, &Need),
    rules: &mut BTreeMap<Who, Rule>,
) {
    let referents = &view.cluster.referents;
    let (one, other) = (&one.template, &other.template);
    let mut spreads = one.placement.iter().flat_map(|own| own.required_spread());
    let counted =
        spreads.any(|spread| spread.topology == HOSTNAME && spread.pods.selects(other, referents));
    if counted || are_apart(one, other, HOSTNAME, referents) {
        rules.entry(a).or_default().apart.insert(b);
        rules.entry(b).or_default().apart.insert(a);
    }
    if are_apart(one, other, ZONE, referents) {
        let later = a.max(b);
        let reason = if a.0 == b.0 {
            "the pods of the application refuse to share a zone with each other"
        } else {
            "the pod refuses to share a zone with pods that have none yet, and waits until they have"
        };
        let refusal = &mut rules.entry(later).or_default().refusal;
        refusal.get_or_insert_with(|| waits(reason.to_owned()));
    }
}

/// A reason to wait.
pub fn waits(because: String) -> Reason {
    Reason::Constraint { because }
}
