//! What limits leave: applications one after the other, gangs before growth, each from pools of lower
//! weight where one is exhausted and in another zone where room is left there. Whoever could not sit
//! is asked again while others who sat down after them have brought nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::model::offering::ZoneId;

use super::addresses;
use super::buy::Draft;
use super::demand::Ask;
use super::limits;
use super::memo::Memo;
use super::menu::Menu;
use super::queue::{self, Kept};
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

/// Seats applications in their order. The first one that waits for a pool's limit keeps what that leaves,
/// and the free room that it has found, from all that come after it (`queue.rs`).
pub fn one_by_one<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    asks: &[Ask<'a>],
    seating: &mut Seating<'_, 'a>,
    choices: &[Vec<Choice>],
    refused: &mut [Refusals],
) {
    // Drafts that there were, and applications that had gone, when one was tried last.
    let mut tried: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut waits = queue::Waits::default();
    let mut gone = 0;
    for _ in 0..PASSES {
        let before = seating.sitting();
        let mut kept = Kept::new();
        for (i, choices) in choices.iter().enumerate() {
            let has_gang = asks[i].needs.iter().any(|need| need.gang > 0);
            let news = (seating.drafts.len(), gone);
            if choices.is_empty() || !has_gang || seating.gang_sits(i) {
                continue;
            }
            if tried.insert(i, news) != Some(news) {
                let sat = seating.has_seats(i);
                seat_gang(view, memo, seating, (i, &kept), choices, refused);
                gone += usize::from(sat && !seating.gang_sits(i));
            }
            if !seating.gang_sits(i) {
                waits.wait((view, memo), seating, (i, &refused[i]), &mut kept);
            }
        }
        waits.sit_down(seating, refused);
        for (i, refusals) in refused.iter().enumerate() {
            let may_sit = !choices[i].is_empty() && seating.gang_sits(i);
            if may_sit && seating.standing_count(i, refusals) > 0 {
                grow(view, memo, seating, (i, &kept), refusals);
            }
        }
        waits.get_up(seating);
        if seating.sitting() == before {
            break;
        }
    }
    waits.leave(seating);
}

/// Seats a gang in the first of its zones where it fits: the cheapest, or another in which nodes are.
fn seat_gang<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &mut Seating<'_, 'a>,
    (i, kept): (usize, &Kept),
    choices: &[Choice],
    refused: &mut [Refusals],
) {
    let occupied = occupied(view, seating);
    for (n, choice) in choices.iter().enumerate() {
        let elsewhere = matches!(choice.zones, Zones::One(zone) if occupied.contains(&zone));
        let no_addresses = matches!(seating.obstacles[i], Some(Obstacle::Addresses(_)));
        if n > 0 && !elsewhere && !no_addresses {
            continue;
        }
        if n > 0 {
            seating.leave(i);
        }
        seating.zones[i] = Some(choice.zones.clone());
        refused[i] = choice.refusals.clone();
        if seat_within(
            view,
            memo,
            seating,
            (i, kept, None),
            Part::Gang,
            &choice.refusals,
        ) {
            return;
        }
    }
    seating.leave(i);
    seating.zones[i] = Some(choices[0].zones.clone());
    refused[i] = choices[0].refusals.clone();
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
    (i, kept): (usize, &Kept),
    refusals: &Refusals,
) {
    let wanted = seating.standing_count(i, refusals);
    let (mut fits, mut too_many, mut attempt) = (0, wanted + 1, wanted);
    let mut best = seating.clone();
    let settled = seating.drafts.clone();
    // The gang's own drafts are packed anew, together with the growth.
    let mut without = seating.clone();
    let gang = without.scrap_drafts(i);
    while too_many - fits > 1 {
        let mut trial = without.clone();
        let part = Part::Growth(gang + attempt);
        let whose = (i, kept, Some(&*settled));
        if seat_within(view, memo, &mut trial, whose, part, refusals) {
            (fits, best) = (attempt, trial);
        } else {
            too_many = attempt;
            let met = best.obstacles.iter_mut().zip(trial.obstacles);
            met.for_each(|(known, met)| *known = met.or(known.take()));
        }
        attempt = usize::midpoint(fits, too_many);
    }
    *seating = best;
}

/// Seats a part of an application within the limits; `settled` are nodes that come anyway, where these are not
/// those that there are. False, and nothing done but the limit noted, where
/// that cannot be.
fn seat_within<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    seating: &mut Seating<'_, 'a>,
    (i, kept, settled): (usize, &Kept, Option<&[Draft]>),
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
        let settled = settled.unwrap_or(&seating.drafts);
        let Some(obstacle) = obstacle(view, (settled, &trial.drafts), kept) else {
            *seating = trial;
            return true;
        };
        let known = seating.obstacles[i].get_or_insert_with(|| obstacle.clone());
        match obstacle {
            Obstacle::Limit(pool, _) | Obstacle::Never(pool, _) | Obstacle::Kept(pool, _) => {
                barred.insert(pool)
            }
            Obstacle::Addresses(_) => {
                *known = obstacle;
                return false;
            }
        };
    }
}

/// What stands against these nodes, of which some were settled before: a pool's limit, who comes first, or a
/// zone without addresses.
pub fn obstacle(
    view: &View<'_>,
    (settled, drafts): (&[Draft], &[Draft]),
    kept: &Kept,
) -> Option<Obstacle> {
    if drafts.is_empty() {
        return None;
    }
    over_limit(view, (settled, drafts), kept)
        .or_else(|| addresses::short(view, drafts).map(Obstacle::Addresses))
}

/// The first pool whose limits these nodes would exceed together with what it has, or with what of it is
/// kept for others. A pool that is over its limits already, and of which nothing is asked, is not.
fn over_limit(
    view: &View<'_>,
    (settled, drafts): (&[Draft], &[Draft]),
    kept: &Kept,
) -> Option<Obstacle> {
    let cluster = view.cluster;
    let settled = limits::charges(view, settled);
    let charges = limits::charges(view, drafts).into_iter();
    charges.into_iter().find_map(|(name, charge)| {
        let limits = &cluster.pools.get(name)?.limits;
        let known = cluster.usages.get(name).copied().unwrap_or_default();
        let usage = known.plus(charge);
        if let Some(limit) = usage.over(limits) {
            return Some(Obstacle::Limit(name.clone(), limit));
        }
        // Who finds room on nodes that come anyway takes nothing that is kept.
        let before = settled.get(name).copied().unwrap_or_default();
        let (other, room) = kept.get(name).filter(|_| before.or(charge) != before)?;
        let over = usage.plus(*room).over(limits);
        over.map(|_| Obstacle::Kept(name.clone(), *other))
    })
}
