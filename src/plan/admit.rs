//! Who gets in: applications in their order, each gang whole or not at all, within the pools' limits.
//! First everything at once, which packs best; where a limit stands against that, one application
//! after the other, and what a limit leaves of the growth beyond the gangs.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::model::money::UsdPerHour;
use crate::model::node::Purpose;
use crate::model::offering::ZoneId;
use crate::model::spark::PodTemplate;
use crate::model::time::Timestamp;

use super::demand::Ask;
use super::effect::Waiting;
use super::memo::Memo;
use super::menu::Menu;
use super::queue::Kept;
use super::ration::{self, obstacle};
use super::reason::Reason;
use super::seat::{Obstacle, Seat, Seating};
use super::split::{self, Preferred};
use super::zone::{self, Choice, Refusals};

/// Open nodes beyond which they are not filled one by one: a search of each would cost more than the
/// room of a last pod among so many is worth.
const SETTLED_ROOMS: usize = 500;

/// Pods up to which a round is planned both ways.
const FEW_PODS: usize = 2_000;

/// What was admitted, and what was not.
#[derive(Clone, Debug)]
pub struct Admission<'s, 'a> {
    /// Who sits where.
    pub seating: Seating<'s, 'a>,
    /// Pods that wait.
    pub waiting: Vec<Waiting>,
}

/// Decides who gets in. A small round is also planned with every application where it alone is cheapest:
/// of few applications the programme over all zones sees what whole ones cannot do.
pub fn admit<'s, 'a>(view: &View<'a>, memo: &'a Memo, asks: &'s [Ask<'a>]) -> Admission<'s, 'a> {
    let empty = Seating::new(*view, asks);
    let mut menu = Menu::new(*view, memo, BTreeSet::new());
    let preferred = split::preferred(view, &mut menu, &empty.rooms, asks);
    let pods = asks.iter().flat_map(|ask| &ask.needs);
    let pods: usize = pods.map(|need| need.pods.len()).sum();
    let other = (!preferred.is_empty() && pods <= FEW_PODS).then(|| empty.clone());
    let together = attempt(view, memo, &mut menu, empty, &preferred);
    let Some(empty) = other else { return together };
    let alone = attempt(view, memo, &mut menu, empty, &Preferred::new());
    if alone.rank() < together.rank() {
        alone
    } else {
        together
    }
}

/// Seats everybody who gets in, applications in the zones that are preferred for them.
fn attempt<'s, 'a>(
    view: &View<'a>,
    memo: &'a Memo,
    menu: &mut Menu<'a>,
    mut seating: Seating<'s, 'a>,
    preferred: &Preferred,
) -> Admission<'s, 'a> {
    let asks = seating.asks;
    let (choices, mut refused) = choose_zones(view, menu, &mut seating, preferred);
    seat_in_free_room(&mut seating, &refused);
    let bought = seating.buy_all(menu, &refused);
    if !bought || obstacle(view, (&[], &seating.drafts), &Kept::new()).is_some() {
        seating.scrap_all_drafts();
        ration::one_by_one(view, memo, asks, &mut seating, &choices, &mut refused);
    }
    let waiting = waiting(view, asks, &seating, &refused);
    Admission { seating, waiting }
}

impl Admission<'_, '_> {
    /// Fewer that wait first, then what costs less.
    fn rank(&self) -> (usize, UsdPerHour) {
        let market = self.seating.view.cluster.market();
        let drafts = self.seating.drafts.iter();
        let cost = drafts.map(|draft| market.kinds[draft.kind].cost).sum();
        (self.waiting.len(), cost)
    }
}

/// By application: where it may go, nowhere where there is nothing; and the needs that have no place there.
type Choices = (Vec<Vec<Choice>>, Vec<Refusals>);

/// What decides what a need may be bought, how many pods it has, and whether they are of the gang.
type Wanted = (usize, Option<Timestamp>, usize, bool);

/// What decides where an application may go that has no node and no rules: its needs, and the zone that is
/// preferred.
type Alike = (Vec<Wanted>, Option<ZoneId>);

/// Every application's zones. Those that nodes are kept for sit down at once, so that nobody else takes
/// their seats. After that no room changes hands, so that alike ones are asked for once.
fn choose_zones<'a>(
    view: &View<'a>,
    menu: &mut Menu<'a>,
    seating: &mut Seating<'_, 'a>,
    preferred: &Preferred,
) -> Choices {
    let asks = seating.asks;
    let mut choices = vec![Vec::new(); asks.len()];
    let mut refused = vec![Refusals::new(); asks.len()];
    let is_awaited = |i: &usize| !asks[*i].app.held.is_empty();
    let awaited = (0..asks.len()).filter(is_awaited);
    let fresh = (0..asks.len()).filter(|i| !is_awaited(i));
    let mut known: BTreeMap<Alike, Result<Vec<Choice>, Refusals>> = BTreeMap::new();
    for i in awaited.chain(fresh) {
        let preferred = preferred.get(&i).copied();
        let alike = alike(menu, seating, i).map(|needs| (needs, preferred));
        let before = alike.as_ref().and_then(|alike| known.get(alike)).cloned();
        let choice = before.unwrap_or_else(|| {
            let choice = zone::choose(view, menu, &seating.rooms, (asks, i), preferred);
            known.extend(alike.map(|alike| (alike, choice.clone())));
            choice
        });
        match choice {
            Ok(found) => {
                seating.zones[i] = Some(found[0].zones.clone());
                seating.claim_held(i);
                refused[i] = found[0].refusals.clone();
                choices[i] = found;
            }
            Err(refusals) => refused[i] = refusals,
        }
    }
    (choices, refused)
}

/// What an application's needs have in common with those of others that may go where it may; None where
/// nodes or rules of its own bear on that, and where there are no others.
fn alike(menu: &Menu<'_>, seating: &Seating<'_, '_>, i: usize) -> Option<Vec<Wanted>> {
    let ask = &seating.asks[i];
    if seating.asks.len() < 2 || !ask.app.held.is_empty() || !ask.app.bound.is_empty() {
        return None;
    }
    let needs = ask.needs.iter().enumerate();
    let plain = needs.map(|(n, need)| {
        let rule = seating.rooms.rules.get((i, n));
        let patience = menu.patience(need);
        let wanted = (need.class, patience, need.pods.len(), need.gang > 0);
        rule.is_none().then_some(wanted)
    });
    plain.collect()
}

/// Free room, as the scheduler would rank it. Pods spread that way can leave a large one without room
/// that would be there if the small ones sat closer; gates are lifted in the order that seats more.
fn seat_in_free_room(seating: &mut Seating<'_, '_>, refused: &[Refusals]) {
    let who = seating.who();
    let seated: Vec<_> = who
        .iter()
        .map(|i| seating.find_room(*i, &refused[*i]))
        .collect();
    let stand = |seating: &Seating<'_, '_>| -> usize {
        who.iter()
            .map(|i| seating.standing_count(*i, &refused[*i]))
            .sum()
    };
    let mut standing = stand(seating);
    // Where nobody found room there is none, in whatever order it is looked for.
    let nothing_found = seated.iter().all(Vec::is_empty);
    if standing == 0 || nothing_found || !is_contested(seating, &who, refused) {
        return;
    }
    let mut tight = seating.clone();
    for (i, pods) in who.iter().zip(&seated) {
        tight.stand_up(*i, pods);
    }
    let mut filled = tight.clone();
    tight.find_room_tightly(refused);
    // The search of whole nodes knows no rules between pods.
    let plain = filled.rooms.rules.is_empty();
    if plain && filled.rooms_for_standing(refused).len() <= SETTLED_ROOMS {
        filled.settle(refused);
    }
    for other in [tight, filled] {
        if stand(&other) < standing {
            standing = stand(&other);
            *seating = other;
        }
    }
}

/// True where pods of different sizes, or with rules between them, look for room on the same sort of
/// node. Those that are alike fill it to the same count in any order.
fn is_contested(seating: &Seating<'_, '_>, who: &[usize], refused: &[Refusals]) -> bool {
    let mut first: BTreeMap<Purpose, &PodTemplate> = BTreeMap::new();
    let needs = who.iter().flat_map(|i| {
        let needs = seating.asks[*i].needs.iter().enumerate();
        needs.filter(|(n, _)| !refused[*i].contains_key(n))
    });
    for (_, need) in needs {
        let template = &*need.template;
        let known = *first.entry(purpose_of(template.role)).or_insert(template);
        let alike = known.requests == template.requests
            && known.placement.is_none()
            && template.placement.is_none();
        if !alike {
            return true;
        }
    }
    false
}

/// A reason for every pod that has no seat: its own, else the limit that stood against its
/// application, else that its gang is not whole.
fn waiting(
    view: &View<'_>,
    asks: &[Ask<'_>],
    seating: &Seating<'_, '_>,
    refused: &[Refusals],
) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        for (n, need) in ask.needs.iter().enumerate() {
            let standing = need.pods.iter().zip(&seating.seats[i][n]);
            let standing = standing.filter(|(_, seat)| **seat == Seat::None);
            let reason = LazyCell::new(|| {
                let own = refused[i].get(&n).cloned();
                let own = own.or_else(|| Some(limit(view, asks, seating.obstacles[i].as_ref()?)));
                own.unwrap_or_else(|| Reason::GangIncomplete {
                    app: ask.id.clone(),
                })
            });
            waiting.extend(standing.map(|(pod, _)| Waiting {
                pod: pod.clone(),
                reason: reason.clone(),
            }));
        }
    }
    waiting.sort();
    waiting
}

/// The limit that is an obstacle.
fn limit(view: &View<'_>, asks: &[Ask<'_>], obstacle: &Obstacle) -> Reason {
    match obstacle {
        Obstacle::Limit(pool, limit) => Reason::LimitReached {
            pool: pool.clone(),
            limit: *limit,
        },
        Obstacle::Never(pool, limit) => Reason::AboveLimit {
            pool: pool.clone(),
            limit: *limit,
        },
        Obstacle::Kept(pool, other) => Reason::BehindOther {
            pool: pool.clone(),
            app: asks[*other].id.clone(),
        },
        Obstacle::Addresses(zone) => Reason::NoAddresses {
            zone: view.cluster.catalog.zone(*zone).name.clone(),
        },
    }
}
