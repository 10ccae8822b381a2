//! A plan as an operator reads it: what is launched and why, what goes onto nodes that are there, which
//! gates are lifted, which nodes go, what waits and why, and the sums. Then what follows once that is
//! carried out, as far as time alone makes anything happen.

use std::collections::BTreeMap;
use std::fmt::Write;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::name::PodId;
use sparkwright::model::offering::Catalog;
use sparkwright::model::time::Timestamp;
use sparkwright::plan::effect::{Effect, Launch, Place, Plan};
use sparkwright::plan::reason::Reason;
use sparkwright_sim::manifests;
use sparkwright_sim::nodepools;

use crate::world;

/// Further rounds told at most; a plan that is carried out should be quiet after three.
const MOST_ROUNDS: usize = 6;

/// The page for a text of manifests, with the embedded catalogue of us-east-1, and the embedded
/// NodePools where the text holds none.
pub fn page(text: &str) -> String {
    let given = manifests::read_text("scenario", text);
    let mut page = String::new();
    for line in given.refusals.iter().chain(&given.warnings) {
        tell(&mut page, line);
    }
    let pools = match given.has_pools {
        true => Vec::new(),
        false => nodepools::chosen(None, &mut std::io::empty()).pools,
    };
    let pools = pools.into_iter().map(|pool| Fact::PoolApplied(pool.into()));
    let mut cluster = Cluster::default();
    let catalog = Fact::CatalogListed(world::catalog());
    world::apply(
        &mut cluster,
        given.latest,
        std::iter::once(catalog).chain(pools),
    );
    world::apply(&mut cluster, given.latest, given.facts);
    let plan = world::plan_at(&cluster, given.latest);
    round(&mut page, &cluster.catalog, &plan);
    waiting(&mut page, &plan);
    sums(&mut page, &plan);
    follow(&mut page, cluster, given.latest, plan);
    page
}

/// Carries the plan out and plans again, at once and whenever the plan wants to look again.
fn follow(page: &mut String, mut cluster: Cluster, start: Timestamp, mut plan: Plan) {
    let mut now = start;
    for _ in 0..MOST_ROUNDS {
        world::carry_out(&mut cluster, now, &plan);
        plan = world::plan_at(&cluster, now);
        if plan.effects.is_empty() {
            let Some(next) = plan.next_look else { return };
            now = next;
            plan = world::plan_at(&cluster, now);
        }
        let after = now - start;
        tell(page, &format!("\nTHEN, after {after}"));
        round(page, &cluster.catalog, &plan);
        if plan.effects.is_empty() {
            waiting(page, &plan);
        }
    }
}

fn round(page: &mut String, catalog: &Catalog, plan: &Plan) {
    for launch in plan.launches() {
        launched(page, catalog, launch);
    }
    for (node, pods) in &plan.existing {
        tell(page, &format!("EXISTING {node}: {}", names(pods)));
    }
    lifted(page, catalog, plan);
    for effect in &plan.effects {
        match effect {
            Effect::Cordon { node, reason } => tell(page, &format!("CORDON {node}: {reason}")),
            Effect::Evict { pod, reason } => tell(page, &format!("EVICT {pod}: {reason}")),
            Effect::Terminate { node, reason } => {
                tell(page, &format!("TERMINATE {node}: {reason}"));
            }
            Effect::Launch(_) | Effect::Place(_) => {}
        }
    }
}

fn launched(page: &mut String, catalog: &Catalog, launch: &Launch) {
    let intent = &launch.intent;
    let types: Vec<&str> = intent
        .types
        .iter()
        .map(|id| catalog.instance_type(*id).name.as_str())
        .collect();
    let zone = catalog.zone(intent.zone);
    let head = format!(
        "LAUNCH {} × {} {} in {} ({}) for NodePool {}, {} USD/h each, {} expected",
        launch.count(),
        types[0],
        intent.capacity_type,
        zone.name,
        zone.id,
        intent.pool,
        launch.planned,
        launch.expected,
    );
    tell(page, &head);
    match &types[1..] {
        [] => tell(page, "  or nothing else"),
        [other] => tell(page, &format!("  or {other}")),
        others => tell(
            page,
            &format!("  or {} others: {}", others.len(), others.join(" ")),
        ),
    }
    tell(page, &format!("  by {}", launch.strategy.as_str()));
    tell(page, &format!("  why: {}", launch.reason));
    if let Some(narrow) = &launch.narrow {
        tell(page, &format!("  narrow: {narrow} ({})", narrow.code()));
    }
    for (node, pods) in intent.nodes.iter().zip(&launch.pods) {
        tell(page, &format!("  {}: {}", node.id, names(pods)));
    }
}

/// Gates, those with the same selectors together.
fn lifted(page: &mut String, catalog: &Catalog, plan: &Plan) {
    let mut lifted: BTreeMap<String, Vec<PodId>> = BTreeMap::new();
    for effect in &plan.effects {
        if let Effect::Place(place) = effect {
            let pods = lifted.entry(selectors(catalog, place)).or_default();
            pods.push(place.pod.clone());
        }
    }
    for (selectors, pods) in lifted {
        tell(
            page,
            &format!("LIFT GATE of {}, onto {selectors}", names(&pods)),
        );
    }
}

fn selectors(catalog: &Catalog, place: &Place) -> String {
    let purpose = place.purpose.map_or("other", |purpose| purpose.as_str());
    let zone = place.zone.map(|zone| catalog.zone(zone).name.as_str());
    let capacity_type = place
        .capacity_type
        .map(|capacity_type| capacity_type.as_str());
    format!(
        "{purpose} nodes, {}, {}",
        zone.unwrap_or("any zone"),
        capacity_type.unwrap_or("spot or on-demand")
    )
}

fn waiting(page: &mut String, plan: &Plan) {
    let mut waiting: BTreeMap<&Reason, Vec<PodId>> = BTreeMap::new();
    for pod in &plan.waiting {
        waiting
            .entry(&pod.reason)
            .or_default()
            .push(pod.pod.clone());
    }
    for (reason, pods) in waiting {
        tell(page, &format!("WAIT {}", names(&pods)));
        tell(page, &format!("  why: {reason} ({})", reason.code()));
    }
}

fn sums(page: &mut String, plan: &Plan) {
    let sums = format!(
        "TOTAL {} USD/h planned, {} expected, {} at least",
        plan.planned(),
        plan.expected(),
        plan.bound
    );
    tell(page, &sums);
    if (plan.compared(), plan.compared_bound) != (plan.planned(), plan.bound) {
        let (compared, least) = (plan.compared(), plan.compared_bound);
        tell(
            page,
            &format!("COMPARED at {compared} USD/h, {least} at least"),
        );
    }
}

fn tell(page: &mut String, line: &str) {
    writeln!(page, "{line}").expect("text grows");
}

/// Names in order, runs of numbers as `default/a-exec-[1..8]`.
fn names(pods: &[PodId]) -> String {
    let mut split: Vec<(&str, Option<u64>)> =
        pods.iter().map(|pod| numbered(pod.as_str())).collect();
    split.sort_unstable();
    let mut runs: Vec<(&str, Option<(u64, u64)>)> = Vec::new();
    for (stem, number) in split {
        match (runs.last_mut(), number) {
            (Some((last, Some((_, end)))), Some(n)) if *last == stem && *end + 1 == n => *end = n,
            _ => runs.push((stem, number.map(|n| (n, n)))),
        }
    }
    let told = runs.into_iter().map(|(stem, run)| match run {
        None => stem.to_owned(),
        Some((first, last)) if first == last => format!("{stem}{first}"),
        Some((first, last)) => format!("{stem}[{first}..{last}]"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// A name and the number at its end; a number with leading zeros belongs to the name.
fn numbered(name: &str) -> (&str, Option<u64>) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[stem.len()..];
    match digits.parse() {
        Ok(number) if digits == "0" || !digits.starts_with('0') => (stem, Some(number)),
        _ => (name, None),
    }
}

#[test]
fn runs_of_numbers_are_told_as_one() {
    let pods = ["a-10", "a-9", "b", "a-12", "c-007", "a-11", "a-1"].map(PodId::from);
    assert_eq!(names(&pods), "a-1, a-[9..12], b, c-007");
}
