//! From nodes to be to calls to EC2: which types each call names, planned one first, what that choice
//! may cost, and which nodes are alike enough to be asked for together.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::{AwaitedNode, Held, Intent};
use crate::cluster::market::{Kind, taints};
use crate::model::money::UsdPerHour;
use crate::model::name::{NodeId, PodId, PoolName};
use crate::model::node::{CAPACITY_TYPE, MANAGED, NODEPOOL, PURPOSE, Toleration, ZONE, ZONE_ID};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::pool::Pool;
use crate::model::requirement::{Constraints, Labels};
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::PodTemplate;

use super::addresses;
use super::buy::Draft;
use super::demand::Ask;
use super::effect::{AllocationStrategy, Launch};
use super::limits::Usage;
use super::offer;
use super::reason::Reason;
use super::width;

/// Types named in one launch at most. EC2 takes sixty; beyond twenty the dearer ones add price and
/// hardly any chance, since the premium bounds them to near equals.
const MOST_TYPES: usize = 20;

/// The launches for these drafts.
pub fn launches(view: &View<'_>, asks: &[Ask<'_>], drafts: &[Draft]) -> Vec<Launch> {
    let mut slack = Slack::new(view, drafts);
    let mut merged: BTreeMap<_, Vec<&Draft>> = BTreeMap::new();
    let mut suitable = Suitable::default();
    for draft in drafts {
        let others = suitable.others(view, asks, draft);
        let alternatives = alternatives(view, draft, &others, &mut slack);
        merged
            .entry((draft.kind, alternatives, draft.note.clone()))
            .or_default()
            .push(draft);
    }
    let mut next = view.cluster.asked;
    merged
        .into_iter()
        .map(|((_, kinds, note), drafts)| launch(view, asks, &kinds, note, &drafts, &mut next))
        .collect()
}

/// What is left of the pools' limits once every draft is charged at its planned type. Alternatives
/// that are larger than the planned type use it up.
struct Slack {
    left: BTreeMap<PoolName, Usage>,
    addresses: BTreeMap<ZoneId, u32>,
}

impl Slack {
    fn new(view: &View<'_>, drafts: &[Draft]) -> Self {
        let mut used = view.cluster.usages.clone();
        for draft in drafts {
            let kind = &view.cluster.market().kinds[draft.kind];
            let usage = used.entry(kind.pool.name.clone()).or_default();
            *usage = usage.plus(Usage::of(&view.cluster.catalog, kind));
        }
        let unlimited = UsdPerHour::from_micros(i64::MAX);
        let left = view.cluster.pools.values().map(|pool| {
            let used = used.get(&pool.name).copied().unwrap_or_default();
            let limits = &pool.limits;
            let left = Usage {
                cpu: limits.cpu.unwrap_or(Cpu::from_millis(u64::MAX)) - used.cpu,
                memory: limits.memory.unwrap_or(Bytes::new(u64::MAX)) - used.memory,
                nodes: 0,
                usd_per_hour: limits.usd_per_hour.unwrap_or(unlimited) - used.usd_per_hour,
            };
            (pool.name.clone(), left)
        });
        Slack {
            left: left.collect(),
            addresses: addresses_left(view, drafts),
        }
    }

    /// Takes what `kind` is larger than what has been charged so far. False, and nothing taken, where
    /// it does not fit.
    fn take(&mut self, view: &View<'_>, kind: &Kind, charged: &mut Usage) -> bool {
        let Some(left) = self.left.get_mut(&kind.pool.name) else {
            return false;
        };
        let worst = charged.or(Usage::of(&view.cluster.catalog, kind));
        let more = (
            worst.cpu - charged.cpu,
            worst.memory - charged.memory,
            worst.usd_per_hour - charged.usd_per_hour,
        );
        if more.0 > left.cpu || more.1 > left.memory || more.2 > left.usd_per_hour {
            return false;
        }
        left.cpu = left.cpu - more.0;
        left.memory = left.memory - more.1;
        left.usd_per_hour = left.usd_per_hour - more.2;
        *charged = worst;
        true
    }

    /// The same for addresses.
    fn take_addresses(&mut self, zone: ZoneId, count: u32, charged: &mut u32) -> bool {
        let Some(left) = self.addresses.get_mut(&zone) else {
            return true;
        };
        let more = count.saturating_sub(*charged);
        let taken = left.checked_sub(more);
        if let Some(rest) = taken {
            *left = rest;
            *charged += more;
        }
        taken.is_some()
    }
}

/// What is left of each zone's addresses once every draft is charged at its planned type.
fn addresses_left(view: &View<'_>, drafts: &[Draft]) -> BTreeMap<ZoneId, u32> {
    let mut free = addresses::free(view);
    for draft in drafts
        .iter()
        .filter(|_| !view.cluster.shortages.addresses.is_empty())
    {
        let kind = &view.cluster.market().kinds[draft.kind];
        if let Some(left) = free.get_mut(&kind.offering.zone) {
            *left = left.saturating_sub(addresses::of_kind(view, kind, draft.pods()));
        }
    }
    free
}

/// What makes two drafts alike: kind, load, attachments, and what their pods ask of nodes.
type Alike<'a> = (
    usize,
    Resources,
    u32,
    BTreeSet<(&'a Constraints, &'a [Toleration])>,
);

/// Kinds that could take a draft's place, asked once for drafts that are alike: a large plan has many
/// nodes and few sorts of them.
#[derive(Default)]
struct Suitable<'a> {
    known: BTreeMap<Alike<'a>, Rc<[usize]>>,
}

impl<'a> Suitable<'a> {
    /// Kinds of the draft's pool, zone and capacity type with room for all its pods, by price, but for
    /// its own.
    fn others(&mut self, view: &View<'_>, asks: &'a [Ask<'_>], draft: &Draft) -> Rc<[usize]> {
        let templates = || {
            let needs = draft.loads.iter();
            needs.map(|load| &asks[load.ask].needs[load.need].template)
        };
        let asked = templates().map(|pod| (&pod.constraints, pod.tolerations.as_slice()));
        let load = load(asks, draft);
        let alike = (draft.kind, load.clone(), draft.disks, asked.collect());
        let others = self.known.entry(alike).or_insert_with_key(|(.., asked)| {
            let mut one_of_each: Vec<&PodTemplate> = Vec::new();
            for template in templates() {
                let same = |known: &&PodTemplate| {
                    known.constraints == template.constraints
                        && known.tolerations == template.tolerations
                };
                if one_of_each.len() < asked.len() && !one_of_each.iter().any(same) {
                    one_of_each.push(template);
                }
            }
            others(view, draft, &load, &one_of_each).into()
        });
        others.clone()
    }
}

fn others(
    view: &View<'_>,
    draft: &Draft,
    load: &Resources,
    templates: &[&PodTemplate],
) -> Vec<usize> {
    let (catalog, market) = (&view.cluster.catalog, view.cluster.market());
    let planned = &market.kinds[draft.kind];
    let could = |&i: &usize| {
        let kind = &market.kinds[i];
        i != draft.kind
            && kind.pool.name == planned.pool.name
            && kind.offering.capacity_type == planned.offering.capacity_type
            && load.fits(&kind.room)
            && draft.disks <= kind.instance_type(catalog).disks
            && offer::is_available(view, kind)
            && templates
                .iter()
                .all(|template| kind.accepts(catalog, template))
    };
    let shelf = market.shelf(planned.offering.zone, planned.purpose);
    let mut others: Vec<usize> = shelf.filter(could).collect();
    others.sort_by_key(|&i| (market.kinds[i].offering.price, market.kinds[i].cost, i));
    others
}

/// Kinds that a launch may name for a draft, the planned one first and the others by price, within the
/// premium. Where the pool asks for a number of distinct values (`minValues`), dearer ones are added
/// until there are as many.
fn alternatives(view: &View<'_>, draft: &Draft, others: &[usize], slack: &mut Slack) -> Vec<usize> {
    let (catalog, market) = (&view.cluster.catalog, view.cluster.market());
    let planned = &market.kinds[draft.kind];
    let most = premium(planned.offering.price, planned.pool.max_premium_percent);
    let mut charged = Usage::of(catalog, planned);
    let mut held = addresses::of_kind(view, planned, draft.pods());
    let mut chosen = vec![draft.kind];
    for &i in others {
        let kind = &market.kinds[i];
        let within = kind.offering.price <= most && chosen.len() < MOST_TYPES;
        let wanted = within || widens(view, &planned.pool, &chosen, i);
        if !wanted {
            continue;
        }
        let more = addresses::of_kind(view, kind, draft.pods());
        if slack.take_addresses(kind.offering.zone, more, &mut held)
            && slack.take(view, kind, &mut charged)
        {
            chosen.push(i);
        }
    }
    chosen
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

fn premium(price: UsdPerHour, percent: u32) -> UsdPerHour {
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

fn launch(
    view: &View<'_>,
    asks: &[Ask<'_>],
    kinds: &[usize],
    note: Option<Reason>,
    drafts: &[&Draft],
    next: &mut u64,
) -> Launch {
    let kinds: Vec<&Kind> = kinds
        .iter()
        .map(|&i| &view.cluster.market().kinds[i])
        .collect();
    let planned = kinds[0];
    let mut room = planned.room.clone();
    kinds
        .iter()
        .for_each(|kind| room = least(&room, &kind.room));
    let nodes = drafts.iter().map(|draft| {
        *next += 1;
        let id = NodeId::from(format!("{}-{next}", planned.pool.name));
        AwaitedNode {
            id,
            room: room.clone(),
            held: held(asks, draft),
        }
    });
    let intent = Intent {
        pool: planned.pool.name.clone(),
        purpose: planned.purpose,
        zone: planned.offering.zone,
        capacity_type: planned.offering.capacity_type,
        types: kinds
            .iter()
            .map(|kind| kind.offering.instance_type)
            .collect(),
        labels: labels(view, &kinds),
        taints: taints(&planned.pool, planned.purpose),
        nodes: nodes.collect(),
    };
    let (strategy, expected) = expected_price(&kinds);
    Launch {
        intent,
        strategy,
        planned: planned.offering.price,
        expected,
        pods: drafts.iter().map(|draft| pods(draft)).collect(),
        reason: note.unwrap_or_else(|| cheapest(drafts)),
    }
}

fn pods(draft: &Draft) -> Vec<PodId> {
    draft
        .loads
        .iter()
        .flat_map(|load| load.pods.iter().cloned())
        .collect()
}

fn cheapest(drafts: &[&Draft]) -> Reason {
    let loads = || drafts.iter().flat_map(|draft| &draft.loads);
    let apps: BTreeSet<usize> = loads().map(|load| load.ask).collect();
    Reason::Cheapest {
        pods: loads().map(|load| load.pods.len()).sum(),
        apps: apps.len(),
    }
}

/// EC2's model: on-demand gets the cheapest, which is the first; for spot each type is equally likely.
fn expected_price(kinds: &[&Kind]) -> (AllocationStrategy, UsdPerHour) {
    let planned = kinds[0].offering;
    match planned.capacity_type {
        CapacityType::OnDemand => {
            let cheapest = kinds.iter().map(|kind| kind.offering.price).min();
            (
                AllocationStrategy::LowestPrice,
                cheapest.unwrap_or(planned.price),
            )
        }
        CapacityType::Spot => {
            let sum: i64 = kinds.iter().map(|kind| kind.offering.price.micros()).sum();
            let count = i64::try_from(kinds.len()).unwrap_or(1);
            let mean = UsdPerHour::from_micros((sum + count / 2) / count);
            (AllocationStrategy::PriceCapacityOptimized, mean)
        }
    }
}

fn held(asks: &[Ask<'_>], draft: &Draft) -> Vec<Held> {
    let mut held: BTreeMap<_, u32> = BTreeMap::new();
    for load in &draft.loads {
        let ask = &asks[load.ask];
        let key = (ask.id.clone(), slot_of(&ask.needs[load.need].template));
        *held.entry(key).or_default() += u32::try_from(load.pods.len()).unwrap_or(u32::MAX);
    }
    held.into_iter()
        .map(|((app, slot), count)| Held { app, slot, count })
        .collect()
}

/// The smaller of each resource.
fn least(a: &Resources, b: &Resources) -> Resources {
    Resources {
        cpu: a.cpu.min(b.cpu),
        memory: a.memory.min(b.memory),
        pods: a.pods.min(b.pods),
        storage: a.storage.min(b.storage),
        extended: a
            .extended
            .iter()
            .filter_map(|(name, n)| b.extended.get(name).map(|m| (name.clone(), *n.min(m))))
            .collect(),
    }
}

/// Labels that nodes carry whichever of these kinds they are.
fn labels(view: &View<'_>, kinds: &[&Kind]) -> Labels {
    let catalog = &view.cluster.catalog;
    let planned = kinds[0];
    let mut labels = planned.instance_type(catalog).labels.clone();
    labels.retain(|key, value| {
        kinds
            .iter()
            .all(|kind| kind.instance_type(catalog).labels.get(key) == Some(value))
    });
    labels.extend(planned.pool.labels.clone());
    let zone = catalog.zone(planned.offering.zone);
    for (key, value) in [
        (ZONE, zone.name.as_str()),
        (ZONE_ID, zone.id.as_str()),
        (CAPACITY_TYPE, planned.offering.capacity_type.as_str()),
        (MANAGED, "true"),
        (NODEPOOL, planned.pool.name.as_str()),
        (PURPOSE, planned.purpose.as_str()),
    ] {
        labels.insert(key.into(), value.into());
    }
    labels
}
