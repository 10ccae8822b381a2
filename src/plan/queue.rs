//! Who waits in front. The first gang, by priority and age, that a pool's limits leave too little for keeps
//! what they leave from all that come after it, and the free room that it has found: small ones that come
//! later cannot go past it for ever. Behind it others get in only where that takes nothing of what it needs.
//! A gang that the limits would never leave enough for keeps nothing, and says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::node::Node;
use crate::model::name::PoolName;

use super::limits::{self, Usage};
use super::memo::Memo;
use super::menu::Menu;
use super::reason::Limit;
use super::seat::{Obstacle, Seat, Seating};
use super::zone::Refusals;

/// What is kept of each pool's limits, and for whom, by position among the asks.
pub type Kept = BTreeMap<PoolName, (usize, Usage)>;

/// What a gang would be charged where nothing else ran; Err names the limit that it exceeds all the same.
type Whole = Result<BTreeMap<PoolName, Usage>, (PoolName, Limit)>;

/// Gangs that wait for a limit.
#[derive(Debug, Default)]
pub struct Waits {
    /// What they need, so that it is found once.
    whole: BTreeMap<usize, Option<Whole>>,
    /// Those that keep free room from all that come after them.
    sitting: BTreeSet<usize>,
    /// Those that keep it from growth alone.
    guests: BTreeSet<usize>,
}

impl Waits {
    /// A gang has found no place. Where a limit is why, and nobody in front waits for the same pool, it
    /// keeps what it needs, and those who come later give back the free room that it can use.
    pub fn wait<'a>(
        &mut self,
        (view, memo): (&View<'a>, &'a Memo),
        seating: &mut Seating<'_, 'a>,
        (i, refusals): (usize, &Refusals),
        kept: &mut Kept,
    ) {
        let Some(Obstacle::Limit(..) | Obstacle::Never(..)) = &seating.obstacles[i] else {
            return;
        };
        let known = self.whole.entry(i);
        match known.or_insert_with(|| whole(view, memo, seating, (i, refusals))) {
            None => {}
            Some(Err((pool, limit))) => {
                let never = Obstacle::Never(pool.clone(), *limit);
                seating.obstacles[i] = Some(never);
            }
            Some(Ok(charges)) => {
                let mut first = false;
                for (pool, charge) in charges.iter() {
                    if !kept.contains_key(pool) {
                        kept.insert(pool.clone(), (i, *charge));
                        first = true;
                    }
                }
                if first {
                    if self.sitting.insert(i) {
                        make_way(seating, i);
                    }
                    seating.find_room_for_gang(i, refusals);
                }
            }
        }
    }

    /// Every gang that waits for a limit takes the free room that it finds, so that no growth does: a
    /// minimum comes before what others want on top of theirs.
    pub fn sit_down(&mut self, seating: &mut Seating<'_, '_>, refused: &[Refusals]) {
        for (i, refusals) in refused.iter().enumerate() {
            let obstacle = &seating.obstacles[i];
            let waits = matches!(obstacle, Some(Obstacle::Limit(..) | Obstacle::Kept(..)));
            if waits && !self.sitting.contains(&i) && !seating.gang_sits(i) {
                seating.find_room_for_gang(i, refusals);
                self.guests.insert(i);
            }
        }
    }

    /// Growth has taken what was left: gangs may use each other's room again.
    pub fn get_up(&mut self, seating: &mut Seating<'_, '_>) {
        for i in std::mem::take(&mut self.guests) {
            seating.leave(i);
        }
    }

    /// Those that wait give back the room that they kept from others: the nodes may go meanwhile.
    pub fn leave(self, seating: &mut Seating<'_, '_>) {
        for i in self.sitting {
            if !seating.gang_sits(i) {
                seating.leave(i);
            }
        }
    }
}

/// Later applications stand up from free room that nobody holds for them.
fn make_way(seating: &mut Seating<'_, '_>, i: usize) {
    for later in i + 1..seating.asks.len() {
        let is_new = seating.asks[later].app.held.is_empty();
        if is_new && !seating.sits_on_drafts(later) {
            seating.leave(later);
        }
    }
}

/// What an application's gang would be charged if only the application itself ran. None where its nodes
/// cannot be told.
fn whole<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &Seating<'_, 'a>,
    (i, refusals): (usize, &Refusals),
) -> Option<Whole> {
    let mut barred = BTreeSet::new();
    let mut first = None;
    loop {
        let mut menu = Menu::new(*view, memo, barred.clone());
        let mut trial = seating.clone();
        trial.drafts.clear();
        trial.leave(i);
        if !trial.buy_gang_afresh(&mut menu, i, refusals) {
            return first.map(Err);
        }
        let charges = limits::charges(view, &trial.drafts);
        let own = own(view, seating, i);
        let over = charges.iter().find_map(|(name, charge)| {
            let running = own.get(*name).copied().unwrap_or_default();
            let limits = &view.cluster.pools.get(*name)?.limits;
            let limit = charge.plus(running).over(limits)?;
            Some(((*name).clone(), limit))
        });
        let Some((pool, limit)) = over else {
            let bounded = charges.into_iter();
            return Some(Ok(bounded.map(|(name, sum)| (name.clone(), sum)).collect()));
        };
        barred.insert(pool.clone());
        first.get_or_insert((pool, limit));
    }
}

/// What the nodes are charged on which an application runs.
fn own(view: &View<'_>, seating: &Seating<'_, '_>, i: usize) -> BTreeMap<PoolName, Usage> {
    let nodes: BTreeSet<_> = seating.asks[i].app.bound.values().map(|(_, n)| n).collect();
    let nodes = nodes
        .into_iter()
        .filter_map(|id| view.cluster.nodes.get(id));
    let mut sums: BTreeMap<PoolName, Usage> = BTreeMap::new();
    for (pool, charge) in nodes.filter_map(Node::charge) {
        let sum = sums.entry(pool.clone()).or_default();
        *sum = sum.plus(*charge);
    }
    sums
}

impl Seating<'_, '_> {
    /// True where any pod of an application sits.
    pub fn has_seats(&self, i: usize) -> bool {
        self.seats_of(i).any(|seat| *seat != Seat::None)
    }

    /// True where any pod of an application sits on a node to be.
    fn sits_on_drafts(&self, i: usize) -> bool {
        self.seats_of(i).any(|seat| *seat == Seat::Draft)
    }

    fn seats_of(&self, i: usize) -> impl Iterator<Item = &Seat<'_>> {
        self.seats[i].iter().flatten()
    }

    /// Seats members of a gang on nodes with free room, and nobody else of the application.
    fn find_room_for_gang(&mut self, i: usize, refusals: &Refusals) {
        let found = self.find_room(i, refusals);
        let needs = &self.asks[i].needs;
        let growth: Vec<(usize, usize)> = found
            .into_iter()
            .filter(|&(n, pod)| pod >= needs[n].gang)
            .collect();
        self.stand_up(i, &growth);
    }
}
