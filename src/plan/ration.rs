//! What limits leave: applications one after the other, gangs before growth, each from pools of lower
//! weight where one is exhausted and in another zone where room is left there. Whoever could not sit
//! is asked again while others who sat down after them have brought nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::model::name::PoolName;
use crate::model::offering::ZoneId;

use super::addresses;
use super::buy::Draft;
use super::demand::Ask;
use super::limits::Usage;
use super::memo::Memo;
use super::menu::Menu;
use super::reason::Limit;
use super::seat::{Obstacle, Seating};
use super::zone::{Choice, Refusals, Zones};

/// Times that everybody is asked. Each further time needs somebody to have sat down, and in practice
/// the second changes nothing.
const PASSES: usize = 10;

/// Which pods of an application are to be seated.
#[derive(Clone, Copy, Debug)]
enum Part {
    Gang,
    /// The first so many that stand.
    Growth(usize),
}

/// Seats applications in their order.
pub fn one_by_one<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    asks: &[Ask<'a>],
    seating: &mut Seating<'_, 'a>,
    choices: &BTreeMap<usize, Vec<Choice>>,
    refused: &mut BTreeMap<usize, Refusals>,
) {
    let mut tried: BTreeMap<usize, usize> = BTreeMap::new();
    for _ in 0..PASSES {
        let before = seating.sitting();
        for (&i, choices) in choices {
            let has_gang = asks[i].needs.iter().any(|need| need.gang > 0);
            let is_news = tried.get(&i) != Some(&seating.drafts.len());
            if has_gang && is_news && !seating.gang_sits(i) {
                seat_gang(view, memo, seating, i, choices, refused);
                tried.insert(i, seating.drafts.len());
            }
        }
        for &i in choices.keys() {
            if seating.gang_sits(i) && seating.standing_count(i, &refused[&i]) > 0 {
                grow(view, memo, seating, i, &refused[&i]);
            }
        }
        if seating.sitting() == before {
            break;
        }
    }
}

/// Seats a gang in the first of its zones where it fits: the cheapest, or another in which nodes are.
fn seat_gang<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &mut Seating<'_, 'a>,
    i: usize,
    choices: &[Choice],
    refused: &mut BTreeMap<usize, Refusals>,
) {
    let occupied = occupied(view, seating);
    for (n, choice) in choices.iter().enumerate() {
        let elsewhere = matches!(choice.zones, Zones::One(zone) if occupied.contains(&zone));
        let no_addresses = matches!(seating.obstacles.get(&i), Some(Obstacle::Addresses(_)));
        if n > 0 && !elsewhere && !no_addresses {
            continue;
        }
        if n > 0 {
            seating.leave(i);
        }
        seating.zones.insert(i, choice.zones.clone());
        refused.insert(i, choice.refusals.clone());
        if seat_within(view, memo, seating, i, Part::Gang, &choice.refusals) {
            return;
        }
    }
    seating.leave(i);
    seating.zones.insert(i, choices[0].zones.clone());
    refused.insert(i, choices[0].refusals.clone());
}

/// Zones in which there are open nodes or drafts.
fn occupied(view: &View<'_>, seating: &Seating<'_, '_>) -> BTreeSet<ZoneId> {
    let market = view.cluster.market();
    let drafts = seating
        .drafts
        .iter()
        .map(|draft| market.kinds[draft.kind].offering.zone);
    view.cluster.space.zones().chain(drafts).collect()
}

/// Seats as much of an application's growth as the limits leave: all of it, else by halving.
fn grow<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &mut Seating<'_, 'a>,
    i: usize,
    refusals: &Refusals,
) {
    let wanted = seating.standing_count(i, refusals);
    let (mut fits, mut too_many, mut attempt) = (0, wanted + 1, wanted);
    let mut best = seating.clone();
    // The gang's own drafts are packed anew, together with the growth.
    let mut without = seating.clone();
    let gang = without.scrap_drafts(i);
    while too_many - fits > 1 {
        let mut trial = without.clone();
        let part = Part::Growth(gang + attempt);
        if seat_within(view, memo, &mut trial, i, part, refusals) {
            (fits, best) = (attempt, trial);
        } else {
            too_many = attempt;
            best.obstacles.extend(trial.obstacles);
        }
        attempt = usize::midpoint(fits, too_many);
    }
    *seating = best;
}

/// Seats a part of an application within the limits. False, and nothing done but the limit noted, where
/// that cannot be.
fn seat_within<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &mut Seating<'_, 'a>,
    i: usize,
    part: Part,
    refusals: &Refusals,
) -> bool {
    let mut barred = BTreeSet::new();
    loop {
        let mut menu = Menu::new(*view, memo, barred.clone());
        let mut trial = seating.clone();
        let bought = match part {
            Part::Gang => trial.buy_gang(&mut menu, i, refusals),
            Part::Growth(count) => trial.buy_some(&mut menu, i, count, refusals),
        };
        if !bought {
            return false;
        }
        let Some(obstacle) = obstacle(view, &trial.drafts) else {
            *seating = trial;
            return true;
        };
        let known = seating
            .obstacles
            .entry(i)
            .or_insert_with(|| obstacle.clone());
        match obstacle {
            Obstacle::Limit(pool, _) => barred.insert(pool),
            Obstacle::Addresses(_) => {
                *known = obstacle;
                return false;
            }
        };
    }
}

/// What stands against these nodes: a pool's limit, or a zone without addresses.
pub fn obstacle(view: &View<'_>, drafts: &[Draft]) -> Option<Obstacle> {
    let limit = over_limit(view, drafts).map(|(pool, limit)| Obstacle::Limit(pool, limit));
    limit.or_else(|| addresses::short(view, drafts).map(Obstacle::Addresses))
}

/// The first pool whose limits these nodes would exceed together with what it has. A pool that is
/// over its limits already, and of which nothing is asked, is not.
fn over_limit(view: &View<'_>, drafts: &[Draft]) -> Option<(PoolName, Limit)> {
    let market = view.cluster.market();
    let mut usage: BTreeMap<&PoolName, Usage> = BTreeMap::new();
    for draft in drafts {
        let kind = &market.kinds[draft.kind];
        let known = view
            .cluster
            .usages
            .get(&kind.pool.name)
            .copied()
            .unwrap_or_default();
        let so_far = usage.entry(&kind.pool.name).or_insert(known);
        *so_far = so_far.plus(Usage::of(&view.cluster.catalog, kind));
    }
    usage.into_iter().find_map(|(name, usage)| {
        let limit = usage.over(&view.cluster.pools.get(name)?.limits)?;
        Some((name.clone(), limit))
    })
}
