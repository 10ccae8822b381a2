//! Which free room a pod takes: the feasible node that ranks first. What each make of nodes has to offer the
//! pods of a sort is kept until room of that make is taken or put back, so that of a thousand pods that look
//! for room one after the other each looks at what has changed and not at every make again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

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

/// A node, and what is free of it.
type Place<'a> = (&'a Free, &'a NodeId);

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
    /// By make: the first node, the emptiest first, that was not touched when it was last looked for.
    untouched: BTreeMap<usize, Option<Place<'a>>>,
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
        let known = self.found.offers.remove(&key);
        let mut offers = known.unwrap_or_else(|| {
            let makes = self.makes_for(template, who, zone);
            let best = makes.iter();
            let best = best.map(|make| (*make, self.best_of(*make, template, who, ranking)));
            Offers {
                best: best.collect(),
                seen: self.found.changes.len(),
            }
        });
        let news = &self.found.changes[offers.seen..];
        let changed: BTreeSet<usize> = news.iter().copied().collect();
        offers.seen += news.len();
        for make in changed {
            let place = offers.best.binary_search_by_key(&make, |(make, _)| *make);
            if let Ok(place) = place {
                offers.best[place].1 = self.best_of(make, template, who, ranking);
            }
        }
        let best = offers.best.iter().filter_map(|(_, best)| *best).max();
        self.found.offers.insert(key, offers);
        best
    }

    /// The feasible node of a make that ranks first, among those that this plan has touched and those that
    /// it has not.
    fn best_of(
        &mut self,
        make: usize,
        template: &PodTemplate,
        who: Who,
        ranking: Ranking,
    ) -> Best<'a> {
        let from = self.first_untouched(make);
        let all = &self.view().cluster.space.make(make)?.allocatable;
        let plain = self.is_plain(template, who);
        let feasible = |id: &&'a NodeId| plain || self.takes_one(id, template, who);
        let moved = self.moved_groups(make, template);
        let changed = |_: &Free, nodes: &BTreeSet<&'a NodeId>| nodes.iter().copied().find(feasible);
        let found = match ranking {
            Ranking::LeastAllocated => {
                let open = from.map(|(free, _)| self.open_groups(make, template, Some(free)).rev());
                let unchanged = |free: &Free, nodes: &'a BTreeSet<NodeId>| {
                    let mut nodes = from_place(free, nodes, from);
                    nodes.find(|id| !self.is_changed(id) && feasible(id))
                };
                let open = open.into_iter().flatten();
                [first(open, unchanged), first(moved.rev(), changed)]
            }
            Ranking::Tightest => {
                let open = self.open_groups(make, template, None);
                let unchanged = |_: &Free, nodes: &'a BTreeSet<NodeId>| {
                    let mut nodes = nodes.iter();
                    nodes.find(|id| !self.is_changed(id) && feasible(id))
                };
                [first(open, unchanged), first(moved, changed)]
            }
        };
        let ranked = found.into_iter().flatten().map(|(free, node)| {
            let left = least_allocated(all, free, template);
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            let rank = match ranking {
                Ranking::LeastAllocated => left,
                Ranking::Tightest => -left,
            };
            (rank, Reverse(node))
        });
        ranked.max()
    }

    /// The first node of a make, the emptiest first, that this plan has not touched; None where it has touched all.
    fn first_untouched(&mut self, make: usize) -> Option<Place<'a>> {
        let known = self.found.untouched.get(&make).copied();
        if known == Some(None) {
            return None;
        }
        let before = known.flatten();
        let space = &self.view().cluster.space;
        let mut groups = space.open(make, 0, before.map(|(free, _)| free)).rev();
        let first = groups.find_map(|(free, nodes)| {
            let mut nodes = from_place(free, nodes, before);
            let node = nodes.find(|id| !self.is_changed(id))?;
            Some((free, node))
        });
        self.found.untouched.insert(make, first);
        first
    }
}

/// The nodes of a group, in the group of `place` from there on.
fn from_place<'a>(
    free: &Free,
    nodes: &'a BTreeSet<NodeId>,
    place: Option<Place<'a>>,
) -> impl Iterator<Item = &'a NodeId> + use<'a> {
    let here = place.filter(|(of, _)| *of == free);
    let from = here.map_or(Bound::Unbounded, |(_, id)| Bound::Included(id));
    nodes.range::<NodeId, _>((from, Bound::Unbounded))
}

/// The first node that will do, of the first share that has one; of one share the first by name. With what is
/// free of it.
fn first<'g, 'a, N: 'g>(
    groups: impl Iterator<Item = (&'g Free, &'g BTreeSet<N>)>,
    find: impl Fn(&'g Free, &'g BTreeSet<N>) -> Option<&'a NodeId>,
) -> Option<(&'g Resources, &'a NodeId)> {
    let mut best: Option<(&Free, &NodeId)> = None;
    for (free, nodes) in groups {
        if best.is_some_and(|(of, _)| of.0 != free.0) {
            break;
        }
        let Some(node) = find(free, nodes) else {
            continue;
        };
        if best.is_none_or(|(_, known)| node < known) {
            best = Some((free, node));
        }
    }
    best.map(|(free, node)| (&free.1, node))
}

/// kube-scheduler's LeastAllocated score: the mean over CPU and memory of the share left free, in
/// ten-thousandths.
fn least_allocated(all: &Resources, free: &Resources, template: &PodTemplate) -> u64 {
    let share = |free: u64, need: u64, all: u64| {
        let left = free.saturating_sub(need).saturating_mul(10_000);
        left.checked_div(all).unwrap_or(0)
    };
    let need = &template.requests;
    let cpu = share(free.cpu.millis(), need.cpu.millis(), all.cpu.millis());
    let memory = share(free.memory.mib(), need.memory.mib(), all.memory.mib());
    (cpu + memory) / 2
}
