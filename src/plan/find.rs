//! Which free room a pod takes: the feasible node that ranks first. What each make of nodes has to offer the
//! pods of a sort is kept until room of that make is taken or put back, so that of a thousand pods that look
//! for room one after the other each looks at what has changed and not at every make again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::cluster::space::{ByFree, Free, share_free};
use crate::model::name::{NodeId, PodId};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::constraint::Who;
use super::room::{Rooms, emptiest_first};

/// Which of the nodes that could take a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ranking {
    /// The one with the most room: kube-scheduler's default.
    LeastAllocated,
    /// The one with the least room left beside the pod.
    Tightest,
}

/// A pod that looks for room.
#[derive(Clone, Copy)]
struct Search<'t> {
    template: &'t PodTemplate,
    who: Who,
    ranking: Ranking,
    /// Any node takes it that accepts its sort and has the room.
    plain: bool,
}

/// The node of a make that ranks first, with its rank; of equal ones the first by name.
type Best<'a> = Option<(i64, Reverse<&'a NodeId>)>;

/// A node, and what is free of it.
type Place<'a> = (&'a Free, &'a NodeId);

/// What a make that takes a sort of pods has to offer.
#[derive(Clone, Debug)]
struct Offer<'a> {
    make: usize,
    best: Best<'a>,
    /// Room of the make has changed since.
    stale: bool,
}

/// What every make that takes a sort of pods has to offer, in order of their numbers.
#[derive(Clone, Debug, Default)]
struct Offers<'a> {
    all: Vec<Offer<'a>>,
    /// Changes to room that are taken note of.
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
        let has_rules = self.rules.get(who).is_some();
        let search = Search {
            template,
            who,
            ranking,
            plain: self.is_plain(template, who),
        };
        let best = if has_rules {
            let makes = self.makes_for(template, who, zone);
            let best = makes.iter();
            best.filter_map(|make| self.best_of(*make, search)).max()
        } else {
            self.best_known(zone, search)
        };
        let (_, Reverse(node)) = best?;
        self.put(node, std::slice::from_ref(pod), template, who);
        Some(node)
    }

    /// The first of all makes for a pod without rules.
    fn best_known(&mut self, zone: Option<ZoneId>, search: Search<'_>) -> Best<'a> {
        let key = (self.sort_of(search.who), zone, search.ranking);
        let mut offers = match self.found.offers.get_mut(&key) {
            Some(known) => std::mem::take(known),
            None => Offers {
                all: self.unseen_offers(zone, search),
                seen: self.found.changes.len(),
            },
        };
        offers.note(&self.found.changes);
        let mut first = None;
        for offer in &mut offers.all {
            if offer.stale {
                offer.best = self.best_of(offer.make, search);
                offer.stale = false;
            }
            first = first.max(offer.best);
        }
        self.found.offers.insert(key, offers);
        first
    }

    /// The makes that take a pod, of which none has been looked at.
    fn unseen_offers(&self, zone: Option<ZoneId>, search: Search<'_>) -> Vec<Offer<'a>> {
        let makes = self.makes_for(search.template, search.who, zone);
        let unseen = |make: &usize| Offer {
            make: *make,
            best: None,
            stale: true,
        };
        makes.iter().map(unseen).collect()
    }

    /// The feasible node of a make that ranks first, among those that this plan has touched and those that
    /// it has not.
    fn best_of(&mut self, make: usize, search: Search<'_>) -> Best<'a> {
        let (kind, open) = self.view().cluster.space.shelf(make)?;
        let least = share_free(&search.template.requests, &kind.allocatable);
        let from = match self.moved_groups(make) {
            Some(_) if search.ranking == Ranking::LeastAllocated => self.first_untouched(make),
            _ => None,
        };
        let moved = self.moved_groups(make);
        let found = [
            self.best_untouched((open, least), moved.map(|_| from), search),
            moved.and_then(|moved| self.best_touched((moved, least), search)),
        ];
        let ranked = found.into_iter().flatten().map(|(free, node)| {
            let left = least_allocated(&kind.allocatable, free, search.template);
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            let rank = match search.ranking {
                Ranking::LeastAllocated => left,
                Ranking::Tightest => -left,
            };
            (rank, Reverse(node))
        });
        ranked.max()
    }

    /// The same among nodes that this plan has not touched. `from`: None where it has touched none of the make,
    /// else the first of the others, the emptiest first. What fits has no smaller share free than `least`.
    fn best_untouched(
        &self,
        (open, least): (&'a ByFree<NodeId>, u64),
        from: Option<Option<Place<'a>>>,
        search: Search<'_>,
    ) -> Option<(&'a Resources, &'a NodeId)> {
        let (template, plain) = (search.template, search.plain);
        let takes = |id: &&'a NodeId| {
            !(from.is_some() && self.is_changed(id))
                && (plain || self.takes_one(id, template, search.who))
        };
        let whole = |_: &Free, nodes: &'a BTreeSet<NodeId>| nodes.iter().find(takes);
        match (search.ranking, from) {
            (Ranking::LeastAllocated, None) => {
                first(emptiest_first(open.iter(), template, least), whole)
            }
            (Ranking::LeastAllocated, Some(from)) => {
                let from = from?;
                let groups = open.range((Bound::Unbounded, Bound::Included(from.0)));
                let rest = |free: &Free, nodes| from_place(free, nodes, Some(from)).find(takes);
                first(emptiest_first(groups, template, least), rest)
            }
            (Ranking::Tightest, _) => first(fullest_first(open, template, least), whole),
        }
    }

    /// The same among nodes that it has touched.
    fn best_touched<'r>(
        &'r self,
        (moved, least): (&'r ByFree<&'a NodeId>, u64),
        search: Search<'_>,
    ) -> Option<(&'r Resources, &'a NodeId)> {
        let (template, plain) = (search.template, search.plain);
        let takes = |id: &&'a NodeId| plain || self.takes_one(id, template, search.who);
        let find = |_: &Free, nodes: &BTreeSet<&'a NodeId>| nodes.iter().copied().find(takes);
        match search.ranking {
            Ranking::LeastAllocated => first(emptiest_first(moved.iter(), template, least), find),
            Ranking::Tightest => first(fullest_first(moved, template, least), find),
        }
    }

    /// The first node of a make, the emptiest first, that this plan has not touched; None where it has touched all.
    fn first_untouched(&mut self, make: usize) -> Option<Place<'a>> {
        let known = self.found.untouched.get(&make).copied();
        if known == Some(None) {
            return None;
        }
        let before = known.flatten();
        let (_, open) = self.view().cluster.space.shelf(make)?;
        let most = before.map_or(Bound::Unbounded, |(free, _)| Bound::Included(free));
        let mut groups = open.range((Bound::Unbounded, most)).rev();
        let first = groups.find_map(|(free, nodes)| {
            let mut nodes = from_place(free, nodes, before);
            let node = nodes.find(|id| !self.is_changed(id))?;
            Some((free, node))
        });
        self.found.untouched.insert(make, first);
        first
    }
}

impl Offers<'_> {
    /// Takes note of changes to room, in order of which some may be known.
    fn note(&mut self, changes: &[usize]) {
        for make in &changes[self.seen..] {
            let place = self.all.binary_search_by_key(make, |offer| offer.make);
            if let Ok(place) = place {
                self.all[place].stale = true;
            }
        }
        self.seen = changes.len();
    }
}

/// Groups of nodes with room for a pod, the fullest first.
fn fullest_first<'g, N>(
    groups: &'g ByFree<N>,
    template: &PodTemplate,
    least: u64,
) -> impl Iterator<Item = (&'g Free, &'g BTreeSet<N>)> {
    let groups = groups.range((least, Resources::default())..);
    groups.filter(|((_, free), _)| template.requests.fits(free))
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
