//! Advice on how an application's executors fit the nodes that its pools may buy. It looks at kinds of nodes
//! and at none of what is bought, so it is the same before and after a launch.

use std::collections::BTreeMap;

use crate::cluster::View;
use crate::cluster::app::App;
use crate::cluster::market::Kind;
use crate::model::advice::Advice;
use crate::model::name::AppId;
use crate::model::offering::{CapacityType, TypeId};
use crate::model::resources::{Bytes, Cpu};
use crate::model::spark::{PodTemplate, Role};

/// A request is not lowered below so many hundredths of the vCPUs that its tasks use.
const LEAST_PERCENT: u64 = 80;
/// Memory that is left below so many hundredths of a node is nobody's fault.
const STRANDED_PERCENT: u64 = 25;
/// Requests are written in steps of this.
const STEP_MILLIS: u64 = 100;
const MILLIS: u64 = 1000;

/// All advice on an application: on its properties, where it declared them, and on how it fits.
pub fn advise(view: &View<'_>, app: &App) -> Vec<Advice> {
    let declared = app.shape.iter().flat_map(|shape| &shape.advice);
    let mut found: Vec<Advice> = declared.cloned().collect();
    let groups = app.shape.iter().flat_map(|shape| &shape.executors);
    let templates = groups.map(|group| &group.template);
    let waiting = app.waiting.iter().map(|(template, _)| template);
    let mut executors: Vec<&PodTemplate> = templates
        .chain(waiting)
        .map(AsRef::as_ref)
        .filter(|template| template.role == Role::Executor)
        .collect();
    executors.sort();
    executors.dedup();
    let mut spills = false;
    for template in executors {
        let fits = fits(view, template);
        found.extend(lower_request(template, &fits));
        found.extend(stranded(view, template, &fits));
        spills |= may_be_bare(view, &fits);
    }
    found.retain(|advice| *advice != Advice::SpillsToRootVolume || spills);
    found.sort();
    found.dedup();
    found
}

/// Advice on every application that asks for something, by name.
pub fn advise_all(view: &View<'_>) -> Vec<(AppId, Vec<Advice>)> {
    let mut all: Vec<(AppId, Vec<Advice>)> = (view.cluster.apps.iter())
        .filter(|(_, app)| app.is_demanding())
        .map(|(id, app)| (id.clone(), advise(view, app)))
        .filter(|(_, advice)| !advice.is_empty())
        .collect();
    all.sort();
    all
}

/// The kinds on which an executor may run, the cheapest of each type.
fn fits<'a>(view: &View<'a>, template: &PodTemplate) -> BTreeMap<TypeId, &'a Kind> {
    let catalog = &view.cluster.catalog;
    let mut fits: BTreeMap<TypeId, &Kind> = BTreeMap::new();
    let market = view.cluster.market().kinds.iter();
    let spot = |kind: &Kind| kind.offering.capacity_type == CapacityType::Spot;
    // One that is a little too large for a type is what the advice is about, so its request is not asked.
    let mut smaller = template.clone();
    smaller.requests.cpu = Cpu::from_millis(asked(template) * LEAST_PERCENT / 100);
    for kind in market.filter(|kind| kind.pool.serves(template) && kind.accepts(catalog, &smaller))
    {
        let known = fits.entry(kind.offering.instance_type).or_insert(kind);
        if (!spot(kind), kind.cost) < (!spot(known), known.cost) {
            *known = kind;
        }
    }
    fits
}

fn asked(template: &PodTemplate) -> u64 {
    template.requests.cpu.millis()
}

/// The 80 to 85 per cent rule: an executor of four cores that asks for 3400m leaves the fifteenth part of a
/// node that is not its pods', and as many fit as the node has vCPUs for.
fn lower_request(template: &PodTemplate, fits: &BTreeMap<TypeId, &Kind>) -> Option<Advice> {
    let asks = asked(template);
    if asks == 0 || !asks.is_multiple_of(MILLIS) {
        return None;
    }
    let mut enough = Vec::new();
    let mut types = 0;
    for kind in fits.values() {
        let vcpus = kind.room.cpu.millis().div_ceil(MILLIS) * MILLIS;
        let by_memory = kind.room.memory.get() / template.requests.memory.get().max(1);
        let ideal = (vcpus / asks).min(by_memory);
        if ideal == 0 {
            continue;
        }
        types += 1;
        let room = kind.room.cpu.millis();
        if room / asks < ideal {
            let least = room / ideal / STEP_MILLIS * STEP_MILLIS;
            enough.extend((least * 100 >= asks * LEAST_PERCENT).then_some(least));
        }
    }
    let helped = u64::try_from(enough.len()).unwrap_or(u64::MAX);
    let most = helped * 2 > types;
    let write = enough.into_iter().min().filter(|_| most)?;
    Some(Advice::LowerCpuRequest {
        asks_millis: asks,
        write_millis: write,
        percent_of_types: helped * 100 / types,
    })
}

/// What is left of memory on the node that is cheapest for each executor.
fn stranded(
    view: &View<'_>,
    template: &PodTemplate,
    fits: &BTreeMap<TypeId, &Kind>,
) -> Option<Advice> {
    let count = |kind: &Kind| u64::from(template.requests.copies_in(&kind.room, u32::MAX));
    let whole = fits.values().filter(|kind| count(kind) > 0);
    let each = |kind: &Kind| {
        let price = u128::from(kind.cost.micros().unsigned_abs());
        price * 1_000_000 / u128::from(count(kind))
    };
    let kind = whole.min_by_key(|kind| each(kind))?;
    let room = kind.room.memory.get();
    let taken = count(kind) * template.requests.memory.get();
    let percent = room.saturating_sub(taken) * 100 / room.max(1);
    let instance_type = view
        .cluster
        .catalog
        .instance_type(kind.offering.instance_type);
    (percent >= STRANDED_PERCENT).then(|| Advice::StrandedMemory {
        instance_type: instance_type.name.clone(),
        percent,
        could_ask: room / count(kind),
    })
}

/// True where one of the nodes may come without local disks.
fn may_be_bare(view: &View<'_>, fits: &BTreeMap<TypeId, &Kind>) -> bool {
    let catalog = &view.cluster.catalog;
    let mut types = fits.keys().map(|id| catalog.instance_type(*id));
    types.any(|kind| kind.nvme == Bytes::default())
}
