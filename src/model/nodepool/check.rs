//! From what is written to what is meant: ranges, defaults, and what only makes sense together. Each
//! bad field is reported and stands at its default while the rest is checked.

use std::collections::{BTreeMap, BTreeSet};

use super::super::label::{REGION_PLACEHOLDER, key_fault, value_fault};
use super::super::money::UsdPerHour;
use super::super::node::CAPACITY_TYPE;
use super::super::object::fault::Faults;
use super::super::object::scalar::{self, Amount, Quantity};
use super::super::offering::INTERRUPTION_BUCKETS;
use super::super::performance::{Performance, Performances, family_fault};
use super::super::pool::{Limits, PodSelector, Pool, SpotPolicy, ZonePolicy};
use super::super::quantity;
use super::super::requirement::{Condition, Requirement};
use super::super::spark::Role;
use super::super::time::Span;
use super::spec::{
    LimitsSpec, NodePoolSpec, PodSelector as PodSelectorSpec, RoleName, SelectorOperator, SpotSpec,
    ZoneMode, ZonePolicySpec,
};
use super::{lifetime, requirement, taint};

/// Default of `maxPremium`: what EC2's freedom to choose may cost.
const MAX_PREMIUM_PERCENT: u32 = 15;
/// Default of `fallbackToOnDemandAfter`.
const FALLBACK_AFTER: Span = Span::from_secs(300);
/// The worst interruption bucket.
const WORST_BUCKET: u8 = 4;

/// Checks a spec. What is refused stands at its default in the answer.
pub(super) fn pool(name: &str, spec: &NodePoolSpec, faults: &mut Faults) -> Pool {
    let template = spec.template.clone().unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let node = template.spec.unwrap_or_default();
    let (requirements, labels) = requirement::check(&node, &metadata, faults);
    taint::annotations(&metadata, faults);
    lifetime::check(spec.disruption.as_ref(), &node, faults);
    let pool = Pool {
        name: name.into(),
        weight: whole("spec.weight", spec.weight, 0, 100, faults).unwrap_or(0),
        paused: spec.paused.unwrap_or(false),
        roles: served(spec.roles.as_deref(), faults),
        pod_selector: spec
            .pod_selector
            .as_ref()
            .map(|given| selector(given, faults)),
        labels,
        taints: taint::check("spec.template.spec.taints", node.taints, faults),
        startup_taints: taint::check(
            "spec.template.spec.startupTaints",
            node.startup_taints,
            faults,
        ),
        requirements,
        zone: zone(spec.zone_policy.as_ref(), faults),
        spot: spot(spec.spot.as_ref(), faults),
        max_premium_percent: spec
            .max_premium
            .as_ref()
            .and_then(|Amount(text)| faults.keep("spec.maxPremium", text, scalar::percent(text)))
            .unwrap_or(MAX_PREMIUM_PERCENT),
        performance: performance(spec.performance.as_ref(), faults),
        min_local_storage: spec.min_local_storage.as_ref().and_then(|Quantity(text)| {
            faults.keep("spec.minLocalStorage", text, quantity::bytes(text))
        }),
        empty_ttl: lifetime::empty_ttl(spec, faults),
        limits: limits(spec.limits.as_ref(), faults),
        max_pods: whole("spec.maxPods", spec.max_pods, 1, u32::MAX, faults),
    };
    warn(&pool, faults);
    pool
}

/// An optional whole number within bounds.
pub(super) fn whole(
    field: &str,
    value: Option<i64>,
    least: u32,
    most: u32,
    faults: &mut Faults,
) -> Option<u32> {
    let value = value?;
    match u32::try_from(value) {
        Ok(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            let problem = format!("is out of range; write a whole number from {least} to {most}");
            faults.refuse(field, value, problem);
            None
        }
    }
}

fn served(roles: Option<&[RoleName]>, faults: &mut Faults) -> BTreeSet<Role> {
    if roles.is_some_and(<[RoleName]>::is_empty) {
        let problem = "serves no role; leave it out for all roles, or name some";
        faults.refuse("spec.roles", "[]", problem);
    }
    match roles {
        Some(roles) => roles.iter().map(|role| role.meant()).collect(),
        None => BTreeSet::from([Role::Driver, Role::Executor, Role::Other]),
    }
}

fn selector(given: &PodSelectorSpec, faults: &mut Faults) -> PodSelector {
    const FIELD: &str = "spec.podSelector";
    let mut wanted = PodSelector::new();
    for (key, value) in given.match_labels.iter().flatten() {
        let field = format!("{FIELD}.matchLabels.{key}");
        if let Some(problem) = key_fault(key).or(value_fault(value)) {
            faults.refuse(&field, value, problem);
        }
        wanted.push(Requirement::is(key, value));
    }
    for (i, expression) in given.match_expressions.iter().flatten().enumerate() {
        let field = format!("{FIELD}.matchExpressions[{i}]");
        let key = requirement::key(&field, expression.key.as_deref(), faults);
        let values = expression.values.as_deref().unwrap_or_default();
        requirement::check_values(&field, values, None, faults);
        let Some(operator) = expression.operator else {
            faults.refuse(
                &format!("{field}.operator"),
                "",
                "is missing; write In or Exists",
            );
            continue;
        };
        let condition = match operator {
            SelectorOperator::In => Condition::In(values.iter().cloned().collect()),
            SelectorOperator::NotIn => Condition::NotIn(values.iter().cloned().collect()),
            SelectorOperator::Exists => Condition::Exists,
            SelectorOperator::DoesNotExist => Condition::DoesNotExist,
        };
        requirement::check_count(&field, &condition, values, faults);
        wanted.extend(key.map(|key| Requirement { key, condition }));
    }
    let silent = given.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && given.match_expressions.as_ref().is_none_or(Vec::is_empty);
    if silent {
        let problem =
            "selects every pod of the cluster; name a label, or leave it out for Spark pods";
        faults.refuse(FIELD, "{}", problem);
    }
    wanted
}

fn zone(given: Option<&ZonePolicySpec>, faults: &mut Faults) -> ZonePolicy {
    const FIELD: &str = "spec.zonePolicy.zone";
    let Some(policy) = given else {
        return ZonePolicy::default();
    };
    if let (Some(zone), None | Some(ZoneMode::PerApplication | ZoneMode::Spread)) =
        (&policy.zone, policy.mode)
    {
        faults.refuse(
            FIELD,
            zone,
            "counts only with mode Fixed; write mode: Fixed or take it out",
        );
    }
    match policy.mode {
        None | Some(ZoneMode::PerApplication) => ZonePolicy::PerApplication,
        Some(ZoneMode::Spread) => ZonePolicy::Spread,
        Some(ZoneMode::Fixed) => {
            let zone = policy.zone.as_deref().unwrap_or_default();
            let plain = zone.replace(REGION_PLACEHOLDER, "r");
            if plain.is_empty() || value_fault(&plain).is_some() {
                let problem = "is no zone; name one, such as us-east-1a, use1-az4 or {region}a";
                faults.refuse(FIELD, zone, problem);
            }
            ZonePolicy::Fixed(zone.to_owned())
        }
    }
}

fn spot(given: Option<&SpotSpec>, faults: &mut Faults) -> SpotPolicy {
    let given = given.cloned().unwrap_or_default();
    let worst = u32::from(WORST_BUCKET);
    let bucket = whole(
        "spec.spot.maxInterruptionBucket",
        given.max_interruption_bucket,
        0,
        worst,
        faults,
    );
    SpotPolicy {
        roles: match given.roles {
            Some(roles) => roles.iter().map(|role| role.meant()).collect(),
            None => BTreeSet::from([Role::Executor]),
        },
        fallback_after: lifetime::length_or_never(
            "spec.spot.fallbackToOnDemandAfter",
            given.fallback_to_on_demand_after.as_ref(),
            Some(FALLBACK_AFTER),
            faults,
        ),
        max_interruption: bucket
            .and_then(|b| u8::try_from(b).ok())
            .unwrap_or(WORST_BUCKET),
        penalty: penalty(given.interruption_penalty.unwrap_or_default(), faults),
    }
}

fn penalty(
    given: BTreeMap<String, Amount>,
    faults: &mut Faults,
) -> [UsdPerHour; INTERRUPTION_BUCKETS] {
    let mut penalty = [UsdPerHour::ZERO; INTERRUPTION_BUCKETS];
    for (bucket, Amount(text)) in given {
        let field = format!("spec.spot.interruptionPenalty.{bucket}");
        let slot = ["0", "1", "2", "3", "4"]
            .iter()
            .position(|known| *known == bucket);
        match slot {
            Some(slot) => {
                penalty[slot] = faults
                    .keep(&field, &text, scalar::usd(&text))
                    .unwrap_or_default();
            }
            None => faults.refuse(
                &field,
                &text,
                "is for no bucket; write one of 0, 1, 2, 3, 4",
            ),
        }
    }
    penalty
}

/// Whether EC2 has a family is asked where its catalogue is known.
fn performance(given: Option<&BTreeMap<String, Amount>>, faults: &mut Faults) -> Performances {
    let mut kept = Vec::new();
    for (family, Amount(text)) in given.into_iter().flatten() {
        let field = format!("spec.performance.{family}");
        if let Some(problem) = family_fault(family) {
            faults.refuse(&field, text, problem);
        } else if let Some(factor) = faults.keep(&field, text, Performance::parse(text)) {
            kept.push((family.clone(), factor));
        }
    }
    kept.into_iter().collect()
}

fn limits(given: Option<&LimitsSpec>, faults: &mut Faults) -> Limits {
    let given = given.cloned().unwrap_or_default();
    let nodes = |text: &str| {
        let count = quantity::whole(text).map_err(|error| error.to_string())?;
        if quantity::cpu(text).is_ok_and(|exact| exact.millis() != count.saturating_mul(1000)) {
            return Err("is no whole number of nodes; write one such as 50".to_owned());
        }
        u32::try_from(count).map_err(|_| "is too large; leave it out for no limit".to_owned())
    };
    let text = |quantity: Option<Quantity>| quantity.map(|Quantity(text)| text);
    Limits {
        cpu: text(given.cpu)
            .and_then(|text| faults.keep("spec.limits.cpu", &text, quantity::cpu(&text))),
        memory: text(given.memory)
            .and_then(|text| faults.keep("spec.limits.memory", &text, quantity::bytes(&text))),
        nodes: text(given.nodes)
            .and_then(|text| faults.keep("spec.limits.nodes", &text, nodes(&text))),
        usd_per_hour: given.usd_per_hour.and_then(|Amount(text)| {
            faults.keep("spec.limits.usdPerHour", &text, scalar::usd(&text))
        }),
    }
}

/// Says what is allowed and probably not meant.
fn warn(pool: &Pool, faults: &mut Faults) {
    let spot_only = pool.requirements.iter().any(|wanted| {
        wanted.requirement.key == CAPACITY_TYPE
            && matches!(&wanted.requirement.condition,
                Condition::In(values) if !values.contains("on-demand"))
    });
    let stranded: Vec<&str> = pool
        .roles
        .difference(&pool.spot.roles)
        .map(|role| role.as_str())
        .collect();
    if spot_only && !stranded.is_empty() {
        faults.warnings.push(format!(
            "spec.spot.roles leaves out {}, and the requirements allow spot only: such pods get no \
             node here unless they select spot themselves; add the role or allow on-demand",
            stranded.join(", ")
        ));
    }
    if !pool.performance.are_one() && !pool.roles.contains(&Role::Executor) {
        faults.warnings.push(
            "spec.performance counts for executors alone, and the pool serves none; take it out"
                .to_owned(),
        );
    }
    if pool.pod_selector.is_none() && pool.roles == BTreeSet::from([Role::Other]) {
        faults.warnings.push(
            "spec.roles is other alone and there is no spec.podSelector: the pool serves no pod; \
             add a podSelector"
                .to_owned(),
        );
    }
}

impl RoleName {
    fn meant(self) -> Role {
        match self {
            RoleName::Driver => Role::Driver,
            RoleName::Executor => Role::Executor,
            RoleName::Other => Role::Other,
        }
    }
}
