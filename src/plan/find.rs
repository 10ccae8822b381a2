//! Which free room a pod takes: the feasible node that ranks first. What each make of nodes has to offer the
//! pods of a sort is kept until room of that make is taken or put back, so that of a thousand pods that look
//! for room one after the other each looks at what has changed and not at every make again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::node::Node;
use crate::cluster::space::Free;
use crate::model::name::{NodeId, PodId};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::constraint::Who;
use super::room::Rooms;

/// Which of the nodes that could take a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ranking {
    /// The one with the most room: kube-scheduler's default.
    LeastAllocated,
    /// The one with the least room left beside the pod.
    Tightest,
}

/// The node of a make that ranks first, with its rank; of equal ones the first by name.
type Best<'a> = Option<(i64, Reverse<&'a NodeId>)>;

/// What every make that takes a sort of pods has to offer, as far as the changes to room are taken in.
#[derive(Clone, Debug, Default)]
struct Offers<'a> {
    /// By make, in order of their numbers.
    best: Vec<(usize, Best<'a>)>,
    /// Changes that are taken in.
    seen: usize,
}

/// What is known of the nodes that sorts of pods would take, by sort, zone and ranking.
#[derive(Clone, Debug, Default)]
pub(super) struct Found<'a> {
    offers: BTreeMap<(usize, Option<ZoneId>, Ranking), Offers<'a>>,
    /// Makes of nodes of which room was taken or put back, in order.
    changes: Vec<usize>,
}

impl Found<'_> {
    /// Room of a node of this make was taken or put back.
    pub fn changes(&mut self, make: usize) {
        self.changes.push(make);
    }
}

impl<'a> Rooms<'a> {
    /// Puts one pod on the feasible node that ranks first; of equal ones the first by name.
    pub fn find(
        &mut self,
        pod: &PodId,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
        ranking: Ranking,
    ) -> Option<&'a NodeId> {
        let best = if self.rules.get(who).is_some() {
            let makes = self.makes_for(template, who, zone);
            let best = makes.iter();
            best.filter_map(|make| self.best_of(*make, template, who, ranking))
                .max()
        } else {
            self.best_known(template, who, zone, ranking)
        };
        let (_, Reverse(node)) = best?;
        self.put(node, std::slice::from_ref(pod), template, who);
        Some(node)
    }

    /// The first of all makes for a pod without rules.
    fn best_known(
        &mut self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
        ranking: Ranking,
    ) -> Best<'a> {
        let key = (self.sort_of(who), zone, ranking);
        let offers = self.found.offers.remove(&key);
        let all = self.found.changes.len();
        let offers = match offers {
            Some(mut offers) => {
                let changed: BTreeSet<usize> =
                    self.found.changes[offers.seen..].iter().copied().collect();
                for make in changed {
                    let place = offers.best.binary_search_by_key(&make, |(make, _)| *make);
                    if let Ok(place) = place {
                        offers.best[place].1 = self.best_of(make, template, who, ranking);
                    }
                }
                offers.seen = all;
                offers
            }
            None => {
                let makes = self.makes_for(template, who, zone);
                let best = makes.iter();
                let best = best.map(|make| (*make, self.best_of(*make, template, who, ranking)));
                Offers {
                    best: best.collect(),
                    seen: all,
                }
            }
        };
        let best = offers.best.iter().filter_map(|(_, best)| *best).max();
        self.found.offers.insert(key, offers);
        best
    }

    /// The feasible node of a make that ranks first, among those that this plan has touched and those that
    /// it has not.
    fn best_of(&self, make: usize, template: &PodTemplate, who: Who, ranking: Ranking) -> Best<'a> {
        let feasible = |id: &'a NodeId| self.feasible_on(id, template, who);
        let unchanged = |nodes: &'a BTreeSet<NodeId>| {
            let mut nodes = nodes.iter().filter(|id| !self.is_changed(id));
            nodes.find_map(feasible)
        };
        let changed = |nodes: &BTreeSet<&'a NodeId>| nodes.iter().copied().find_map(feasible);
        let open = self.open_groups(make, template);
        let moved = self.moved_groups(make, template);
        let first = if ranking == Ranking::LeastAllocated {
            [first(open.rev(), unchanged), first(moved.rev(), changed)]
        } else {
            [first(open, unchanged), first(moved, changed)]
        };
        let first = first.into_iter().flatten();
        let ranked = first.map(|(node, free)| {
            let free = least_allocated(node, &free, template);
            let free = i64::try_from(free).unwrap_or(i64::MAX);
            let rank = match ranking {
                Ranking::LeastAllocated => free,
                Ranking::Tightest => -free,
            };
            (rank, Reverse(&node.id))
        });
        ranked.max()
    }
}

/// The first node that will do, of the first share that has one; of one share the first by name.
fn first<'g, 'a, N: 'g>(
    groups: impl Iterator<Item = (&'g Free, &'g BTreeSet<N>)>,
    find: impl Fn(&'g BTreeSet<N>) -> Option<(&'a Node, Resources)>,
) -> Option<(&'a Node, Resources)> {
    let mut best: Option<(u64, (&Node, Resources))> = None;
    for ((share, _), nodes) in groups {
        if best.as_ref().is_some_and(|(of, _)| of != share) {
            break;
        }
        let Some(found) = find(nodes) else { continue };
        if best
            .as_ref()
            .is_none_or(|(_, (node, _))| found.0.id < node.id)
        {
            best = Some((*share, found));
        }
    }
    best.map(|(_, found)| found)
}

/// kube-scheduler's LeastAllocated score: the mean over CPU and memory of the share left free, in
/// ten-thousandths.
fn least_allocated(node: &Node, free: &Resources, template: &PodTemplate) -> u64 {
    let share = |free: u64, need: u64, all: u64| {
        let left = free.saturating_sub(need).saturating_mul(10_000);
        left.checked_div(all).unwrap_or(0)
    };
    let (need, all) = (&template.requests, &node.allocatable);
    let cpu = share(free.cpu.millis(), need.cpu.millis(), all.cpu.millis());
    let memory = share(free.memory.mib(), need.memory.mib(), all.memory.mib());
    (cpu + memory) / 2
}
