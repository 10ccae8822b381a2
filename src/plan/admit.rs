//! Who gets in: applications in their order, each gang whole or not at all, within the pools' limits.
//! First everything at once, which packs best; where a limit stands against that, one application
//! after the other, and what a limit leaves of the growth beyond the gangs.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::model::name::PoolName;

use super::demand::Ask;
use super::effect::Waiting;
use super::limits::{self, Usage};
use super::menu::Menu;
use super::reason::{Limit, Reason};
use super::seat::{Draft, Seat, Seating};
use super::zone::{self, Refusals};

/// Open nodes beyond which they are not filled one by one: a search of each would cost more than the
/// room of a last pod among so many is worth.
const SETTLED_ROOMS: usize = 500;

/// What was admitted, and what was not.
#[derive(Clone, Debug)]
pub struct Admission<'s, 'a> {
    /// Who sits where.
    pub seating: Seating<'s, 'a>,
    /// Pods that wait.
    pub waiting: Vec<Waiting>,
}

/// Decides who gets in.
pub fn admit<'s, 'a>(view: &View<'a>, asks: &'s [Ask<'a>]) -> Admission<'s, 'a> {
    let mut menu = Menu::new(*view, BTreeSet::new());
    let mut seating = Seating::new(*view, asks);
    let refused = seat_in_free_room(view, asks, &mut menu, &mut seating);
    let mut all = seating.clone();
    let bought = all.buy_all(&mut menu, &refused);
    let in_use = limits::in_use(view);
    if bought && over_limit(view, &in_use, &all.drafts).is_none() {
        seating = all;
    } else {
        one_by_one(view, asks, &mut seating, &refused, &in_use);
    }
    let waiting = waiting(asks, &seating, &refused);
    Admission { seating, waiting }
}

/// Zones and free room. Those that nodes are kept for sit down first, so that nobody else takes their
/// seats.
fn seat_in_free_room<'a>(
    view: &View<'a>,
    asks: &[Ask<'a>],
    menu: &mut Menu<'a>,
    seating: &mut Seating<'_, 'a>,
) -> BTreeMap<usize, Refusals> {
    let mut refused = BTreeMap::new();
    let (awaited, fresh): (Vec<usize>, Vec<usize>) =
        (0..asks.len()).partition(|&i| !asks[i].app.held.is_empty());
    for &i in awaited.iter().chain(&fresh) {
        let refusals = match zone::choose(view, menu, &seating.rooms, &asks[i]) {
            Ok((zones, refusals)) => {
                seating.zones.insert(i, zones);
                seating.claim_held(i);
                refusals
            }
            Err(refusals) => refusals,
        };
        refused.insert(i, refusals);
    }
    let mut tight = seating.clone();
    for (i, refusals) in &refused {
        if seating.zones.contains_key(i) {
            seating.find_room(*i, refusals);
        }
    }
    // Pods spread by the scheduler's ranking can leave a large one without room that would be there if
    // the small ones sat closer; gates are lifted in the order that seats more.
    let stand = |seating: &Seating<'_, 'a>| -> usize {
        refused
            .iter()
            .filter(|(i, _)| seating.zones.contains_key(i))
            .map(|(i, refusals)| seating.standing_count(*i, refusals))
            .sum()
    };
    let mut standing = stand(seating);
    if standing == 0 || !seating.rooms.is_used() {
        return refused;
    }
    let mut filled = tight.clone();
    tight.find_room_tightly(&refused);
    if filled.rooms.count() <= SETTLED_ROOMS {
        filled.settle(&refused);
    }
    for other in [tight, filled] {
        if stand(&other) < standing {
            standing = stand(&other);
            *seating = other;
        }
    }
    refused
}

/// The first pool whose limits these nodes would exceed together with what it has. A pool that is
/// over its limits already, and of which nothing is asked, is not.
fn over_limit(
    view: &View<'_>,
    in_use: &BTreeMap<PoolName, Usage>,
    drafts: &[Draft],
) -> Option<(PoolName, Limit)> {
    let market = view.cluster.market();
    let mut usage: BTreeMap<&PoolName, Usage> = BTreeMap::new();
    for draft in drafts {
        let kind = &market.kinds[draft.kind];
        let known = in_use.get(&kind.pool.name).copied().unwrap_or_default();
        let so_far = usage.entry(&kind.pool.name).or_insert(known);
        *so_far = so_far.plus(Usage::of(&view.cluster.catalog, kind));
    }
    usage.into_iter().find_map(|(name, usage)| {
        let limit = usage.over(&view.cluster.pools.get(name)?.limits)?;
        Some((name.clone(), limit))
    })
}

/// Which pods of an application are to be seated.
#[derive(Clone, Copy, Debug)]
enum Part {
    Gang,
    /// The first so many that stand.
    Growth(usize),
}

/// Applications in order, gangs before growth.
fn one_by_one<'a>(
    view: &View<'a>,
    asks: &[Ask<'a>],
    seating: &mut Seating<'_, 'a>,
    refused: &BTreeMap<usize, Refusals>,
    in_use: &BTreeMap<PoolName, Usage>,
) {
    let order: Vec<usize> = seating.zones.keys().copied().collect();
    for &i in &order {
        let has_gang = asks[i].needs.iter().any(|need| need.gang > 0);
        if has_gang && !seat_within(view, seating, i, Part::Gang, &refused[&i], in_use) {
            seating.leave(i);
        }
    }
    for &i in &order {
        if seating.gang_sits(i) {
            grow(view, seating, i, &refused[&i], in_use);
        }
    }
}

/// Seats as much of an application's growth as the limits leave: all of it, else by halving.
fn grow<'a>(
    view: &View<'a>,
    seating: &mut Seating<'_, 'a>,
    i: usize,
    refusals: &Refusals,
    in_use: &BTreeMap<PoolName, Usage>,
) {
    let wanted = seating.standing_count(i, refusals);
    let (mut fits, mut too_many, mut attempt) = (0, wanted + 1, wanted);
    let mut best = seating.clone();
    while too_many - fits > 1 {
        let mut trial = seating.clone();
        if seat_within(view, &mut trial, i, Part::Growth(attempt), refusals, in_use) {
            (fits, best) = (attempt, trial);
        } else {
            too_many = attempt;
            best.limits.extend(trial.limits);
        }
        attempt = usize::midpoint(fits, too_many);
    }
    *seating = best;
}

/// Seats a part of an application within the limits, from pools of lower weight where one is
/// exhausted. False, and nothing done but the limit noted, where that cannot be.
fn seat_within<'a>(
    view: &View<'a>,
    seating: &mut Seating<'_, 'a>,
    i: usize,
    part: Part,
    refusals: &Refusals,
    in_use: &BTreeMap<PoolName, Usage>,
) -> bool {
    let mut barred = BTreeSet::new();
    loop {
        let mut menu = Menu::new(*view, barred.clone());
        let mut trial = seating.clone();
        let bought = match part {
            Part::Gang => trial.buy_gang(&mut menu, i, refusals),
            Part::Growth(count) => trial.buy_some(&mut menu, i, count, refusals),
        };
        if !bought {
            return false;
        }
        let Some((pool, limit)) = over_limit(view, in_use, &trial.drafts) else {
            *seating = trial;
            return true;
        };
        seating.limits.entry(i).or_insert((pool.clone(), limit));
        barred.insert(pool);
    }
}

/// A reason for every pod that has no seat: its own, else the limit that stood against its
/// application, else that its gang is not whole.
fn waiting(
    asks: &[Ask<'_>],
    seating: &Seating<'_, '_>,
    refused: &BTreeMap<usize, Refusals>,
) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        let limit = seating
            .limits
            .get(&i)
            .map(|(pool, limit)| Reason::LimitReached {
                pool: pool.clone(),
                limit: *limit,
            });
        for (n, need) in ask.needs.iter().enumerate() {
            let own = refused.get(&i).and_then(|refusals| refusals.get(&n));
            let reason = own.cloned().or_else(|| limit.clone());
            let reason = reason.unwrap_or_else(|| Reason::GangIncomplete {
                app: ask.id.clone(),
            });
            let standing = need.pods.iter().zip(&seating.seats[&(i, n)]);
            waiting.extend(
                standing
                    .filter(|(_, seat)| **seat == Seat::None)
                    .map(|(pod, _)| Waiting {
                        pod: pod.clone(),
                        reason: reason.clone(),
                    }),
            );
        }
    }
    waiting.sort();
    waiting
}
