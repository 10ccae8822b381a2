//! Where an application runs: the one zone in which it is cheapest, counting what is free there already
//! as free, or the zone in which it already runs. Nodes that are on their way for it make a zone the
//! first to be asked and no more: while nothing runs, a zone that is dry is left at once. Applications of pools that spread are dealt out evenly
//! over the zones that can hold them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::View;
use crate::model::offering::ZoneId;
use crate::model::pool::Pool;
use crate::model::spark::Role;

use super::constraint::{self, Rule, Who};
use super::demand::{Ask, Need};
use super::menu::Menu;
use super::reason::Reason;
use super::room::Rooms;

/// Where the pods of an application may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zones {
    /// All of them here.
    One(ZoneId),
    /// Evenly over these; never empty.
    Spread(Vec<ZoneId>),
}

/// Why needs of an application cannot be served, by position of the need.
pub type Refusals = BTreeMap<usize, Reason>;

/// Where an application may go, and the needs beyond its gang that have no place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The zones.
    pub zones: Zones,
    /// What has no place.
    pub refusals: Refusals,
}

/// Where an application may go, the cheapest first, or where the round would have it (`preferred`) unless
/// there is free room for it somewhere. Err where its gang has no place anywhere.
pub fn choose(
    view: &View<'_>,
    menu: &mut Menu<'_>,
    rooms: &Rooms<'_>,
    (asks, i): (&[Ask<'_>], usize),
    preferred: Option<ZoneId>,
) -> Result<Vec<Choice>, Refusals> {
    let ask = &asks[i];
    let spread = menu.is_spread(&ask.needs) && !stays_together(rooms, (ask, i));
    let tied = running(view, ask).filter(|_| !spread);
    let awaited = match tied {
        None if !spread => awaited(view, ask),
        _ => None,
    };
    if let Some(zone) = tied.or(awaited)
        && sells_to_all(menu, rooms, (ask, i), zone)
    {
        let (zones, refusals) = (Zones::One(zone), Refusals::new());
        return Ok(vec![Choice { zones, refusals }]);
    }
    let costs_in = |menu: &mut Menu<'_>, zone: ZoneId| -> (ZoneId, Costs) {
        let needs = ask.needs.iter().enumerate();
        let costs = needs.map(|(n, need)| cost(menu, rooms, need, (i, n), zone));
        (zone, costs.collect())
    };
    let is_whole = |(_, costs): &(ZoneId, Costs)| costs.iter().all(Result::is_ok);
    let first = tied.or(awaited).map(|zone| costs_in(menu, zone));
    let priced = match first.filter(|first| tied.is_some() || is_whole(first)) {
        Some(first) => vec![first],
        None => all(view)
            .into_iter()
            .map(|zone| costs_in(menu, zone))
            .collect(),
    };
    let (candidates, mut table): (Vec<ZoneId>, Vec<Costs>) = priced.into_iter().unzip();
    if !spread {
        let zones = candidates.iter().copied().zip(&mut table);
        zones.for_each(|(zone, costs)| refuse_crowds((view, menu, rooms), (asks, i), zone, costs));
    }
    let mut suitable = suitable(ask, &table);
    let is_free = |costs: &Costs| costs.iter().flatten().any(|cost| cost.seated > 0);
    let preferred = preferred.filter(|_| !table.iter().any(is_free));
    let first = (awaited, preferred);
    order(menu, ask, first, (&candidates, &table), &mut suitable);
    if suitable.is_empty() {
        let mut refusals = refusals(view, ask, &candidates, &table);
        name_dry_zone(view, tied, &mut refusals);
        return Err(refusals);
    }
    let places = suitable.iter();
    let mut choices: Vec<Choice> = places
        .map(|&z| choice(view, tied, (candidates[z], &table[z])))
        .collect();
    if choices[0].refusals.len() == ask.needs.len() {
        return Err(choices.swap_remove(0).refusals);
    }
    if spread {
        choices.truncate(1);
        spread_out(
            view,
            rooms,
            (ask, i),
            (&candidates, &table, suitable),
            &mut choices[0],
        )?;
    }
    Ok(choices)
}

/// True where a rule wants the application's pods in one zone.
fn stays_together(rooms: &Rooms<'_>, (ask, i): (&Ask<'_>, usize)) -> bool {
    let mut rules = (0..ask.needs.len()).filter_map(|n| rooms.rules.get((i, n)));
    rules.any(|rule| rule.one_zone)
}

/// True where a zone has a place for every need whatever is free there: nodes could be bought for all of
/// them, and no rule is against it.
fn sells_to_all(
    menu: &mut Menu<'_>,
    rooms: &Rooms<'_>,
    (ask, i): (&Ask<'_>, usize),
    zone: ZoneId,
) -> bool {
    ask.needs.iter().enumerate().all(|(n, need)| {
        let is_plain = rooms.rules.get((i, n)).is_none();
        is_plain && menu.is_served(need) && menu.options(need, zone).is_ok()
    })
}

/// Needs whose rules would have too many of their pods in one zone have no place there.
fn refuse_crowds(
    (view, menu, rooms): (&View<'_>, &mut Menu<'_>, &Rooms<'_>),
    (asks, i): (&[Ask<'_>], usize),
    zone: ZoneId,
    costs: &mut Costs,
) {
    for (n, need) in asks[i].needs.iter().enumerate() {
        let rule = rooms.rules.get((i, n));
        let Some(rule) = rule.filter(|rule| rule.counts_zones()) else {
            continue;
        };
        let domains = domains(view, menu, need, rule);
        if rule.deal(need.pods.len(), &[zone], &domains).is_none() {
            costs[n] = Err(one_zone_only(view, zone));
        }
    }
}

/// The awaited zone first, then the preferred one, then the cheapest; of those that cost the same as the
/// first one that is expected to cost least.
fn order(
    menu: &mut Menu<'_>,
    ask: &Ask<'_>,
    (awaited, preferred): (Option<ZoneId>, Option<ZoneId>),
    (candidates, table): (&[ZoneId], &[Costs]),
    suitable: &mut [usize],
) {
    let planned = |z: usize| {
        let elsewhere = awaited.is_some_and(|zone| zone != candidates[z]);
        let second = preferred.is_some_and(|zone| zone != candidates[z]);
        let weight = Reverse(weight(&table[z]));
        (elsewhere, weight, second, total(&table[z]))
    };
    suitable.sort_by_key(|&z| (planned(z), candidates[z]));
    let Some(&first) = suitable.first() else {
        return;
    };
    let equal = suitable.partition_point(|&z| planned(z) <= planned(first));
    if equal < 2 {
        return;
    }
    suitable[..equal].sort_by_cached_key(|&z| {
        let (mut narrow, mut sum) = (0, 0);
        for (need, cost) in ask.needs.iter().zip(&table[z]) {
            let to_buy = cost.as_ref().map_or(0, |cost| cost.to_buy);
            if to_buy > 0 {
                let (Reverse(wide), unit) = menu.unit_expected(need, candidates[z], to_buy);
                narrow += u32::from(!wide);
                sum += unit * i128::from(to_buy);
            }
        }
        (narrow, sum, candidates[z])
    });
}

/// The zones over which an application is dealt: those that are not much dearer than the cheapest, or
/// all that suit it where its pods must lie evenly. Err where the gang cannot.
fn spread_out(
    view: &View<'_>,
    rooms: &Rooms<'_>,
    (ask, i): (&Ask<'_>, usize),
    (candidates, table, mut suitable): (&[ZoneId], &[Costs], Vec<usize>),
    choice: &mut Choice,
) -> Result<(), Refusals> {
    let rule = |n: usize| rooms.rules.get((i, n)).filter(|rule| rule.counts_zones());
    let counted = (0..ask.needs.len()).any(|n| rule(n).is_some());
    let most = total(&table[suitable[0]]) * i128::from(100 + premium(view, ask));
    suitable.retain(|&z| counted || total(&table[z]) * 100 <= most);
    suitable.sort_unstable();
    let zones: Vec<ZoneId> = suitable.into_iter().map(|z| candidates[z]).collect();
    let mut gang_waits = false;
    for (n, need) in ask.needs.iter().enumerate() {
        if rule(n).is_some_and(|rule| rule.deal(need.pods.len(), &zones, &zones).is_none()) {
            choice.refusals.insert(n, too_few_zones());
            gang_waits |= need.gang > 0;
        }
    }
    choice.zones = Zones::Spread(zones);
    if gang_waits {
        Err(choice.refusals.clone())
    } else {
        Ok(())
    }
}

/// What a need costs in one zone, in thousandths of a micro-dollar per hour, the weight of the pools
/// that it would be bought from, and what it finds there.
#[derive(Clone, Copy, Debug)]
struct Cost {
    amount: i128,
    weight: u32,
    /// Pods that nodes are to be bought for.
    to_buy: u32,
    /// Pods that free room would take.
    seated: u32,
}

/// What each need of an application costs in one zone, or why it has no place there.
type Costs = Vec<Result<Cost, Reason>>;

fn total(costs: &Costs) -> i128 {
    costs.iter().flatten().map(|cost| cost.amount).sum()
}

/// Pools of higher weight come first, so a zone where they sell comes before one where they do not.
fn weight(costs: &Costs) -> u32 {
    costs.iter().flatten().map(|cost| cost.weight).sum()
}

/// How much dearer than the cheapest zone, in per cent, one may be that is spread to.
fn premium(view: &View<'_>, ask: &Ask<'_>) -> u32 {
    let serves = |pool: &Pool| ask.needs.iter().any(|need| pool.serves(&need.template));
    let pools = view.cluster.pools.values().filter(|pool| serves(pool));
    pools
        .map(|pool| pool.max_premium_percent)
        .max()
        .unwrap_or(0)
}

/// Candidate zones with a place for every need; where there is none, those with a place for the gang.
fn suitable(ask: &Ask<'_>, table: &[Costs]) -> Vec<usize> {
    let zones_for = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        let suits = |z: &usize| (0..ask.needs.len()).all(|i| !wanted(i) || table[*z][i].is_ok());
        (0..table.len()).filter(suits).collect()
    };
    let everyone = zones_for(&|_| true);
    if everyone.is_empty() {
        zones_for(&|i| ask.needs[i].gang > 0)
    } else {
        everyone
    }
}

fn refused(costs: &Costs) -> Refusals {
    let errors = costs.iter().enumerate();
    errors
        .filter_map(|(i, cost)| Some((i, cost.as_ref().err()?.clone())))
        .collect()
}

/// The zone in which the application runs: its driver's, else that of its first pod.
pub fn running(view: &View<'_>, ask: &Ask<'_>) -> Option<ZoneId> {
    let zone_of = |id| view.cluster.nodes.get(id).and_then(|node| node.zone);
    let bound = |driver: bool| {
        let pods = ask.app.bound.iter();
        let pods = pods.filter(|(_, (role, _))| !driver || *role == Role::Driver);
        let zones = pods.filter_map(|(pod, (_, node))| Some((pod, zone_of(node)?)));
        zones.min().map(|(_, zone)| zone)
    };
    bound(true).or_else(|| bound(false))
}

/// The zone in which the most room is on its way for the application.
fn awaited(view: &View<'_>, ask: &Ask<'_>) -> Option<ZoneId> {
    let mut held: BTreeMap<ZoneId, u32> = BTreeMap::new();
    for (node, count) in ask.app.held.values().flatten() {
        if let Some(zone) = view.cluster.nodes.get(node).and_then(|node| node.zone) {
            *held.entry(zone).or_default() += count;
        }
    }
    let most = held
        .into_iter()
        .max_by_key(|(zone, count)| (*count, Reverse(*zone)));
    most.map(|(zone, _)| zone)
}

/// Every zone of the catalogue.
pub fn all(view: &View<'_>) -> Vec<ZoneId> {
    (0..view.cluster.catalog.zones.len())
        .filter_map(|i| u8::try_from(i).ok().map(ZoneId))
        .collect()
}

/// What a need costs in a zone beyond what is free there.
fn cost(
    menu: &mut Menu<'_>,
    rooms: &Rooms<'_>,
    need: &Need,
    who: Who,
    zone: ZoneId,
) -> Result<Cost, Reason> {
    if !menu.is_served(need) {
        return Err(Reason::NoPool {
            role: need.template.role,
        });
    }
    let count = u32::try_from(need.pods.len()).unwrap_or(u32::MAX);
    let rule = rooms.rules.get(who);
    if let Some(rule) = rule {
        if let Some(reason) = &rule.refusal {
            return Err(reason.clone());
        }
        if !rule.is_open(zone) {
            return Err(constraint::waits(
                "the pod's disks, or the pods that it wants near or far, leave no zone that would do"
                    .to_owned(),
            ));
        }
    }
    let to_buy = count - rooms.capacity(need, who, zone, count);
    if to_buy == 0 {
        return Ok(Cost {
            amount: 0,
            weight: menu.highest_weight(need),
            to_buy,
            seated: count,
        });
    }
    if rule.is_some_and(|rule| rule.only_beside) {
        return Err(constraint::waits(
            "there is no room left beside the pods that spec.affinity.podAffinity selects"
                .to_owned(),
        ));
    }
    let answer = menu.options(need, zone);
    let options = answer.as_ref().as_ref().map_err(Clone::clone)?;
    if rule.is_some_and(|rule| rule.together && !menu.holds(options, &need.template, count)) {
        return Err(constraint::waits(format!(
            "no allowed type holds all {count} pods, which must share one node"
        )));
    }
    let weight = menu.weight(options);
    let unit = menu.unit_cost(need, zone, to_buy).unwrap_or(0);
    Ok(Cost {
        amount: unit * i128::from(to_buy),
        weight,
        to_buy,
        seated: count - to_buy,
    })
}

/// Zones in which such pods could be: those over which evenness is judged.
fn domains(view: &View<'_>, menu: &mut Menu<'_>, need: &Need, rule: &Rule) -> Vec<ZoneId> {
    let open = all(view).into_iter().filter(|zone| rule.is_open(*zone));
    open.filter(|zone| menu.options(need, *zone).is_ok())
        .collect()
}

fn choice(view: &View<'_>, tied: Option<ZoneId>, (zone, costs): (ZoneId, &Costs)) -> Choice {
    let mut refusals = refused(costs);
    name_dry_zone(view, tied, &mut refusals);
    let zones = Zones::One(zone);
    Choice { zones, refusals }
}

/// An application that runs cannot leave a zone that EC2 has run dry in: it says which, and what would help.
fn name_dry_zone(view: &View<'_>, tied: Option<ZoneId>, refusals: &mut Refusals) {
    let Some(zone) = tied else { return };
    for reason in refusals.values_mut() {
        if let Reason::NoCapacity { until } = *reason {
            let zone = view.cluster.catalog.zone(zone).name.clone();
            *reason = Reason::ZoneDry { zone, until };
        }
    }
}

fn one_zone_only(view: &View<'_>, zone: ZoneId) -> Reason {
    let zone = &view.cluster.catalog.zone(zone).name;
    constraint::waits(format!(
        "the pods must lie in several zones, and their NodePool keeps an application in one ({zone}); \
         set spec.zonePolicy.mode to Spread"
    ))
}

fn too_few_zones() -> Reason {
    constraint::waits("there are too few zones for pods that must lie in so many".to_owned())
}

/// Each need that has no place in any candidate zone says why; where each has some place but no zone
/// suits all, that is the reason of all.
fn refusals(view: &View<'_>, ask: &Ask<'_>, candidates: &[ZoneId], table: &[Costs]) -> Refusals {
    let catalog = &view.cluster.catalog;
    let reason = |i: usize| -> Option<Reason> {
        let mut reasons = table.iter().map(|row| row[i].as_ref().err());
        let first = reasons.next()??;
        let all = reasons.all(|reason| reason.is_some());
        all.then(|| first.clone())
    };
    let mut refusals: Refusals = (0..ask.needs.len())
        .filter_map(|i| reason(i).map(|reason| (i, reason)))
        .collect();
    if refusals.is_empty() {
        let names: Vec<&str> = candidates
            .iter()
            .map(|&z| catalog.zone(z).name.as_str())
            .collect();
        let conflict = match names.as_slice() {
            [] => "the catalogue has no zone".to_string(),
            [one] => {
                format!("the application is in {one}, where its pods' own selectors leave nothing")
            }
            _ => "no single zone suits the selectors of all pods of the application".to_string(),
        };
        refusals = (0..ask.needs.len())
            .map(|i| {
                (
                    i,
                    Reason::PinnedByUser {
                        conflict: conflict.clone(),
                    },
                )
            })
            .collect();
    }
    refusals
}
