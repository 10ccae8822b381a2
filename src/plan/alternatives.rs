//! Which types a call names beside the planned one: as many as the pool's premium allows, since spot
//! that can be taken from many pools of EC2 is had sooner and kept longer; and why there are not more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::market::Kind;
use crate::model::money::UsdPerHour;
use crate::model::offering::CapacityType;
use crate::model::pool::Pool;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::addresses;
use super::buy::Draft;
use super::demand::Ask;
use super::expected;
use super::limits::Usage;
use super::memo::Memo;
use super::menu::Menu;
use super::offer;
use super::reason::{Narrowness, Reason};
use super::slack::Slack;
use super::width;

/// Types named in one launch at most: as many as Karpenter names in a call.
const MOST_TYPES: usize = 60;
/// What a launch on spot should leave EC2 to choose from: so many types …
const AIM_TYPES: usize = 5;
/// … of so many families. Fewer are launched all the same, with a reason.
const AIM_FAMILIES: usize = 3;

/// The kinds that a call names for a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Positions in the market, the planned one first and the others by the price of work.
    pub kinds: Vec<usize>,
    /// Why there are fewer than is well.
    pub narrow: Option<Reason>,
}

/// What a call names for a draft: of the draft's pool, zone and capacity type, with room for all its
/// pods, within the premium. Where the pool asks for a number of distinct values (`minValues`), dearer
/// ones are added until there are as many.
pub(super) fn choose(
    view: &View<'_>,
    suitable: &[Priced],
    draft: &Draft,
    slack: &mut Slack,
) -> Choice {
    let market = view.cluster.market();
    let mut naming = Naming::new(view, draft, slack);
    let first = settle(view, suitable, &mut naming);
    let planned = &market.kinds[first];
    let most = premium(planned.price_of_work(), planned.pool.max_premium_percent);
    let counts_values = width::is_wanted(&planned.pool);
    for &(price, i) in suitable.iter().filter(|(_, i)| *i != first) {
        if price > most && !counts_values {
            break;
        }
        let within = price <= most && naming.has_place_for(i);
        if within || counts_values && widens(view, &planned.pool, &naming.named, i) {
            naming.name(i);
        }
    }
    let kinds = naming.named;
    Choice {
        narrow: narrow(view, suitable, &kinds, most),
        kinds,
    }
}

/// A kind by position in the market, with its price of work.
pub(super) type Priced = (UsdPerHour, usize);

/// What decides which kinds suit a draft: its kind, load and disks, and the classes of its pods.
pub(super) type Alike = (usize, Resources, u32, BTreeSet<usize>);

/// Kinds that suit drafts, asked once for those that are alike: a large plan has many nodes and few
/// sorts of them, and so have many plans.
pub(super) struct Suitable<'a> {
    menu: Menu<'a>,
    /// What holds under today's circumstances alone.
    own: BTreeMap<Alike, Arc<[Priced]>>,
}

impl<'a> Suitable<'a> {
    /// Nothing has been asked.
    pub fn new(view: &View<'a>, memo: &'a Memo) -> Self {
        Suitable {
            menu: Menu::new(*view, memo, BTreeSet::new()),
            own: BTreeMap::new(),
        }
    }

    /// Kinds that could take the draft's place and the draft's own, by the price of work.
    pub fn kinds(&mut self, view: &View<'_>, asks: &[Ask<'_>], draft: &Draft) -> Arc<[Priced]> {
        let mut one_of_each: BTreeMap<usize, &PodTemplate> = BTreeMap::new();
        for load in &draft.loads {
            let need = &asks[load.ask].needs[load.need];
            one_of_each.entry(need.class).or_insert(&need.template);
        }
        let load = load(asks, draft);
        let classes = one_of_each.keys().copied().collect();
        let alike = (draft.kind, load, draft.disks, classes);
        let mut remembered = self.menu.memo().suitable.borrow_mut();
        let known = match self.menu.is_plain() {
            true => &mut *remembered,
            false => &mut self.own,
        };
        let kinds = known.entry(alike).or_insert_with_key(|(_, load, ..)| {
            let templates: Vec<&PodTemplate> = one_of_each.into_values().collect();
            suitable(view, draft, load, &templates).into()
        });
        kinds.clone()
    }
}

fn suitable(
    view: &View<'_>,
    draft: &Draft,
    load: &Resources,
    templates: &[&PodTemplate],
) -> Vec<Priced> {
    let (catalog, market) = (&view.cluster.catalog, view.cluster.market());
    let planned = &market.kinds[draft.kind];
    let could = |kind: &Kind| {
        kind.pool.name == planned.pool.name
            && kind.offering.capacity_type == planned.offering.capacity_type
            && load.fits(&kind.room)
            && draft.disks <= kind.instance_type(catalog).disks
            && offer::is_available(view, kind)
            && templates.iter().all(|pod| kind.accepts(catalog, pod))
    };
    let mut suitable: Vec<(Priced, UsdPerHour)> = market
        .shelf(planned.offering.zone, planned.purpose)
        .map(|i| (i, &market.kinds[i]))
        .filter(|(i, kind)| *i == draft.kind || could(kind))
        .map(|(i, kind)| ((kind.price_of_work(), i), kind.cost))
        .collect();
    suitable.sort_unstable_by_key(|((price, i), cost)| (*price, *cost, *i));
    suitable.into_iter().map(|(priced, _)| priced).collect()
}

fn load(asks: &[Ask<'_>], draft: &Draft) -> Resources {
    let mut sum = Resources::default();
    for load in &draft.loads {
        let count = u32::try_from(load.pods.len()).unwrap_or(u32::MAX);
        sum += &asks[load.ask].needs[load.need]
            .template
            .requests
            .times(count);
    }
    sum
}

/// Among kinds that are compared at the planned one's price the one whose launch is expected to cost
/// least. Where all are compared at list price, those of one price are expected to cost the same.
fn settle(view: &View<'_>, suitable: &[Priced], naming: &mut Naming<'_, '_>) -> usize {
    let market = view.cluster.market();
    let drafted = naming.named[0];
    if market.at_list_price {
        return drafted;
    }
    let expected = |(price, first): Priced| {
        let planned = &market.kinds[first];
        let most = premium(price, planned.pool.max_premium_percent);
        let others = suitable.iter().take_while(|(price, _)| *price <= most);
        let others = others.filter(|(_, i)| *i != first).map(|(price, _)| *price);
        let all = std::iter::once(price).chain(others);
        expected::of_work(planned.offering.capacity_type, all)
    };
    let equal = suitable
        .iter()
        .copied()
        .filter(|(_, i)| market.kinds[*i].cost == market.kinds[drafted].cost);
    let best = equal.min_by_key(|&(price, i)| (expected((price, i)), i != drafted, i));
    match best {
        Some((_, best)) if best != drafted && naming.name(best) => {
            naming.named.remove(0);
            best
        }
        _ => drafted,
    }
}

/// The kinds of a call while they are named, each charged to limits and addresses as far as it is larger
/// than those before it.
struct Naming<'s, 'v> {
    view: &'s View<'v>,
    slack: &'s mut Slack,
    named: Vec<usize>,
    families: BTreeSet<&'s str>,
    pods: u32,
    charged: Usage,
    addresses: u32,
}

impl<'s, 'v> Naming<'s, 'v> {
    /// The planned kind has been charged already.
    fn new(view: &'s View<'v>, draft: &Draft, slack: &'s mut Slack) -> Self {
        let planned = &view.cluster.market().kinds[draft.kind];
        Naming {
            named: vec![draft.kind],
            families: BTreeSet::from([family(view, draft.kind)]),
            pods: draft.pods(),
            charged: Usage::of(&view.cluster.catalog, planned),
            addresses: addresses::of_kind(view, planned, draft.pods()),
            view,
            slack,
        }
    }

    /// The last places are for families that are missing.
    fn has_place_for(&self, kind: usize) -> bool {
        let missing = AIM_FAMILIES.saturating_sub(self.families.len());
        let is_new = !self.families.contains(family(self.view, kind));
        self.named.len() + missing < MOST_TYPES || is_new && self.named.len() < MOST_TYPES
    }

    /// Names a kind; false where limits or addresses leave no room for it.
    fn name(&mut self, kind: usize) -> bool {
        let of = &self.view.cluster.market().kinds[kind];
        let needed = || addresses::of_kind(self.view, of, self.pods);
        let zone = of.offering.zone;
        let fits = (self.slack).take_addresses(zone, needed, &mut self.addresses)
            && self.slack.take(self.view, of, &mut self.charged);
        if fits {
            self.families.insert(family(self.view, kind));
            self.named.push(kind);
        }
        fits
    }
}

fn family<'a>(view: &'a View<'_>, kind: usize) -> &'a str {
    let kind = &view.cluster.market().kinds[kind];
    &kind.instance_type(&view.cluster.catalog).family
}

/// A price and so many per cent of it.
pub(super) fn premium(price: UsdPerHour, percent: u32) -> UsdPerHour {
    let micros = i128::from(price.micros()) * i128::from(100 + u64::from(percent)) / 100;
    UsdPerHour::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// True where a kind adds a value to a requirement that asks for more distinct ones than are chosen.
fn widens(view: &View<'_>, pool: &Pool, chosen: &[usize], candidate: usize) -> bool {
    let missing = |key: &str, least: u32| {
        let values: BTreeSet<String> = chosen
            .iter()
            .filter_map(|&i| width::value(view, i, key))
            .collect();
        values.len() < usize::try_from(least).unwrap_or(usize::MAX)
            && width::value(view, candidate, key).is_some_and(|value| !values.contains(&value))
    };
    pool.requirements.iter().any(|wanted| {
        wanted
            .min_values
            .is_some_and(|least| missing(&wanted.requirement.key, least))
    })
}

/// Types among these kinds, and families.
fn spread(view: &View<'_>, kinds: &[usize]) -> (usize, usize) {
    let families: BTreeSet<&str> = kinds.iter().map(|&i| family(view, i)).collect();
    (kinds.len(), families.len())
}

/// True where EC2 has as much to choose from as is well.
pub(super) fn is_wide(view: &View<'_>, kinds: &[usize]) -> bool {
    let (types, families) = spread(view, kinds);
    types >= AIM_TYPES && families >= AIM_FAMILIES
}

/// Why a launch on spot names fewer types than is well: what would have to change for enough.
fn narrow(
    view: &View<'_>,
    suitable: &[Priced],
    named: &[usize],
    most: UsdPerHour,
) -> Option<Reason> {
    let market = view.cluster.market();
    let planned = &market.kinds[*named.first()?];
    if planned.offering.capacity_type != CapacityType::Spot || is_wide(view, named) {
        return None;
    }
    let (types, families) = spread(view, named);
    let pool = || planned.pool.name.clone();
    let because = match price_of_width(view, suitable) {
        None => Narrowness::Offerings(pool()),
        Some(price) if price <= most => Narrowness::Limits(pool()),
        Some(price) => Narrowness::Premium {
            enough_at: percent_above(planned.price_of_work(), price),
        },
    };
    Some(Reason::FewTypes {
        types,
        families,
        because,
    })
}

/// The price of work up to which kinds are as many as is well.
fn price_of_width(view: &View<'_>, suitable: &[Priced]) -> Option<UsdPerHour> {
    let mut families = BTreeSet::new();
    let mut types = 0;
    let last = suitable.iter().find(|(_, kind)| {
        families.insert(family(view, *kind));
        types += 1;
        types >= AIM_TYPES && families.len() >= AIM_FAMILIES
    });
    last.map(|(price, _)| *price)
}

/// How far a price is above another in whole per cent, rounded up.
fn percent_above(low: UsdPerHour, high: UsdPerHour) -> u64 {
    let over = u64::try_from((high - low).micros()).unwrap_or(0);
    let low = u64::try_from(low.micros()).unwrap_or(0).max(1);
    over.saturating_mul(100).div_ceil(low)
}
