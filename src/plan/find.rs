//! Which free room a pod takes: the feasible node that ranks first. What each make of nodes has to offer the
//! pods of a class is kept until room of that make is taken or put back, so that of a thousand pods that look
//! for room one after the other each looks at what has changed and not at every make again.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use crate::cluster::space::{ByFree, Free, share_free};
use crate::model::name::NodeId;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::constraint::Who;
use super::demand::Need;
use super::moved::Moved;
use super::room::Rooms;
use super::seat::Seat;

/// Which of the nodes that could take a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ranking {
    /// The one with the most room: kube-scheduler's default.
    LeastAllocated,
    /// The one with the least room left beside the pod.
    Tightest,
}

/// Pods that look for room.
#[derive(Clone, Copy)]
struct Search<'t> {
    template: &'t PodTemplate,
    who: Who,
    ranking: Ranking,
    /// Any node takes them that accepts their class and has the room.
    plain: bool,
}

/// The node of a make that ranks first, with its rank; of equal ones the first by name.
type Best<'a> = Option<(i64, Reverse<&'a NodeId>)>;

/// A node, and what is free of it.
pub(super) type Place<'a> = (&'a Free, &'a NodeId);

/// What a make that takes a class of pods has to offer.
#[derive(Clone, Debug)]
struct Offer<'a> {
    make: usize,
    best: Best<'a>,
    /// Room of the make has changed since.
    stale: bool,
}

/// What every make that takes a class of pods has to offer, in order of their numbers.
#[derive(Clone, Debug)]
struct Offers<'a> {
    all: Vec<Offer<'a>>,
    /// Changes to room that are taken note of.
    seen: usize,
}

/// Whose offers these are: pods of a class, in a zone, by this ranking.
type Asked = (usize, Option<ZoneId>, Ranking);

/// What is known of the nodes that pods would take.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    offers: Vec<(Asked, Offers<'a>)>,
    /// Makes of nodes of which room was taken or put back, in order.
    changes: Vec<usize>,
}

impl Found<'_> {
    /// Nothing is known yet, and so many changes may come.
    pub fn with_room_for(changes: usize) -> Self {
        Found {
            offers: Vec::new(),
            changes: Vec::with_capacity(changes),
        }
    }

    /// Room of a node of this make was taken or put back.
    pub fn changes(&mut self, make: usize) {
        self.changes.push(make);
    }
}

impl<'a> Rooms<'a> {
    /// Seats pods of a need that stand, one after the other, each on the feasible node that ranks first; of equal
    /// ones the first by name. Adds those that find room to those that are `seated`, by need and position in it;
    /// who follows one that does not finds none.
    pub fn find(
        &mut self,
        seats: &mut [Seat<'a>],
        (need, who): (&Need, Who),
        (zone, ranking): (Option<ZoneId>, Ranking),
        seated: &mut Vec<(usize, usize)>,
    ) {
        let search = Search {
            template: &need.template,
            who,
            ranking,
            plain: self.is_plain(&need.template, who),
        };
        let has_rules = self.rules.get(who).is_some();
        let asked = (need.class, zone, ranking);
        let known = self.found.offers.iter().position(|(of, _)| *of == asked);
        let known = known.filter(|_| !has_rules);
        let mut offers = match known {
            Some(place) => self.found.offers.swap_remove(place).1,
            None => self.unseen_offers(need, zone),
        };
        let standing = seats.iter_mut().enumerate();
        for (pod, seat) in standing.filter(|(_, seat)| **seat == Seat::None) {
            offers.note(&self.found.changes);
            let best = self.best(&mut offers, search);
            let Some((_, Reverse(node))) = best else {
                break;
            };
            self.put(node, 1, (need, who));
            *seat = Seat::Node(node);
            seated.push((who.1, pod));
        }
        // What rules leave of a node may be less than there is room, for these pods alone.
        if !has_rules {
            self.found.offers.push((asked, offers));
        }
    }

    /// The makes that take pods of a need, of which none has been looked at.
    fn unseen_offers(&self, need: &Need, zone: Option<ZoneId>) -> Offers<'a> {
        let makes = self.makes_for(need, zone);
        let unseen = |make: &usize| Offer {
            make: *make,
            best: None,
            stale: true,
        };
        Offers {
            all: makes.iter().map(unseen).collect(),
            seen: self.found.changes.len(),
        }
    }

    /// The first of all makes.
    fn best(&mut self, offers: &mut Offers<'a>, search: Search<'_>) -> Best<'a> {
        let mut first = None;
        for offer in &mut offers.all {
            if offer.stale {
                offer.best = self.best_of(offer.make, search);
                offer.stale = false;
            }
            first = first.max(offer.best);
        }
        first
    }

    /// The feasible node of a make that ranks first, among those that this plan has touched and those that
    /// it has not.
    fn best_of(&mut self, make: usize, search: Search<'_>) -> Best<'a> {
        let (kind, open) = self.view().cluster.space.shelf(make)?;
        let least = share_free(&search.template.requests, &kind.allocatable);
        let place = self.place_of_make(make).ok();
        let from = match place {
            Some(place) if search.ranking == Ranking::LeastAllocated => {
                self.first_untouched(place, open)
            }
            _ => None,
        };
        let rank = |(free, node): (&Resources, &'a NodeId)| {
            let left = least_allocated(&kind.allocatable, free, search.template);
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            let rank = match search.ranking {
                Ranking::LeastAllocated => left,
                Ranking::Tightest => -left,
            };
            (rank, Reverse(node))
        };
        let untouched = self.best_untouched((open, least), place.map(|_| from), search);
        let untouched = untouched.map(rank);
        let Some(place) = place else { return untouched };
        let touched = self.best_touched((&self.moved[place], least), search);
        untouched.max(touched.map(rank))
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
            (Ranking::LeastAllocated, None) => first(open.iter().rev(), (template, least), whole),
            (Ranking::LeastAllocated, Some(from)) => {
                let from = from?;
                let groups = open.range((Bound::Unbounded, Bound::Included(from.0)));
                let rest = |free: &Free, nodes| from_place(free, nodes, Some(from)).find(takes);
                first(groups.rev(), (template, least), rest)
            }
            (Ranking::Tightest, _) => {
                let groups = open.range((least, Resources::default())..);
                first(groups, (template, least), whole)
            }
        }
    }

    /// The same among nodes that it has touched.
    fn best_touched<'r>(
        &'r self,
        (moved, least): (&'r Moved<'a>, u64),
        search: Search<'_>,
    ) -> Option<(&'r Resources, &'a NodeId)> {
        let (template, plain) = (search.template, search.plain);
        let takes = |id: &&'a NodeId| plain || self.takes_one(id, template, search.who);
        let find = |_: &Free, nodes: &VecDeque<&'a NodeId>| nodes.iter().copied().find(takes);
        let groups = moved.groups.iter().map(|(free, nodes)| (free, nodes));
        match search.ranking {
            Ranking::LeastAllocated => first(groups.rev(), (template, least), find),
            Ranking::Tightest => {
                let groups = groups.skip_while(|((share, _), _)| *share < least);
                first(groups, (template, least), find)
            }
        }
    }

    /// The first node of a make, the emptiest first, that this plan has not touched; None where it has touched all.
    fn first_untouched(&mut self, place: usize, open: &'a ByFree<NodeId>) -> Option<Place<'a>> {
        let known = self.moved[place].untouched;
        if known == Some(None) {
            return None;
        }
        let before = known.flatten();
        let most = before.map_or(Bound::Unbounded, |(free, _)| Bound::Included(free));
        let mut groups = open.range((Bound::Unbounded, most)).rev();
        let first = groups.find_map(|(free, nodes)| {
            let mut nodes = from_place(free, nodes, before);
            let node = nodes.find(|id| !self.is_changed(id))?;
            Some((free, node))
        });
        self.moved[place].untouched = Some(first);
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
/// free of it. What fits a pod has no smaller share free than `least`.
fn first<'g, 'a, G: 'g>(
    groups: impl Iterator<Item = (&'g Free, &'g G)>,
    (template, least): (&PodTemplate, u64),
    find: impl Fn(&'g Free, &'g G) -> Option<&'a NodeId>,
) -> Option<(&'g Resources, &'a NodeId)> {
    let mut best: Option<(&Free, &NodeId)> = None;
    for (free, nodes) in groups {
        if free.0 < least || best.is_some_and(|(of, _)| of.0 != free.0) {
            break;
        }
        if !template.requests.fits(&free.1) {
            continue;
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
