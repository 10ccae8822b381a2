//! What a pod's spec asks of other pods: affinity and anti-affinity, required and preferred, topology
//! spread, and preferred node affinity beside them. Selectors are made whole here: the pod's own
//! namespace where none is named, and `matchLabelKeys` as conditions on the pod's own values.

use k8s_openapi::api::core::v1::{
    NodeAffinity, PodAffinityTerm, PodSpec, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::affinity;
use super::fault::Fault;
use crate::model::label;
use crate::model::placement::{Placement, PodSelector, PodTerm, Spread};
use crate::model::requirement::{Condition, Labels, Requirement};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Whose spec it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub namespace: &'a str,
    pub labels: &'a Labels,
}

/// Reads what a spec asks of other pods into a placement.
pub(super) fn read(owner: Owner<'_>, spec: &PodSpec, into: &mut Placement) -> Result<(), Fault> {
    if let Some(affinity) = &spec.affinity {
        if let Some(rule) = &affinity.pod_affinity {
            let under = |fault: Fault| fault.under("affinity.podAffinity");
            let (must, may) = (
                &rule.required_during_scheduling_ignored_during_execution,
                &rule.preferred_during_scheduling_ignored_during_execution,
            );
            into.affinity = terms(owner, must.as_deref()).map_err(under)?;
            into.likes_pods
                .extend(weighted(owner, may.as_deref(), 1).map_err(under)?);
        }
        if let Some(rule) = &affinity.pod_anti_affinity {
            let under = |fault: Fault| fault.under("affinity.podAntiAffinity");
            let (must, may) = (
                &rule.required_during_scheduling_ignored_during_execution,
                &rule.preferred_during_scheduling_ignored_during_execution,
            );
            into.anti_affinity = terms(owner, must.as_deref()).map_err(under)?;
            into.likes_pods
                .extend(weighted(owner, may.as_deref(), -1).map_err(under)?);
        }
        if let Some(rule) = &affinity.node_affinity {
            into.likes_nodes =
                liked_nodes(rule).map_err(|fault| fault.under("affinity.nodeAffinity"))?;
        }
    }
    let spreads = spec.topology_spread_constraints.iter().flatten();
    for (i, given) in spreads.enumerate() {
        let read = spread(owner, given);
        into.spread.push(
            read.map_err(|fault| fault.under(format_args!("topologySpreadConstraints[{i}]")))?,
        );
    }
    Ok(())
}

fn terms(owner: Owner<'_>, given: Option<&[PodAffinityTerm]>) -> Result<Vec<PodTerm>, Fault> {
    let read = |(i, given): (usize, &PodAffinityTerm)| {
        term(owner, given).map_err(|fault| fault.under(format_args!("{REQUIRED}[{i}]")))
    };
    given
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(read)
        .collect()
}

fn weighted(
    owner: Owner<'_>,
    given: Option<&[WeightedPodAffinityTerm]>,
    sign: i32,
) -> Result<Vec<(i32, PodTerm)>, Fault> {
    let read = |(i, given): (usize, &WeightedPodAffinityTerm)| {
        let under = |fault: Fault| fault.under(format_args!("{PREFERRED}[{i}]"));
        let term = term(owner, &given.pod_affinity_term)
            .map_err(|fault| under(fault.under("podAffinityTerm")))?;
        Ok((sign * weight(given.weight).map_err(under)?, term))
    };
    given
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(read)
        .collect()
}

fn liked_nodes(rule: &NodeAffinity) -> Result<Vec<(i32, Vec<Requirement>)>, Fault> {
    let given = &rule.preferred_during_scheduling_ignored_during_execution;
    let mut liked = Vec::new();
    for (i, given) in given.iter().flatten().enumerate() {
        let under = |fault: Fault| fault.under(format_args!("{PREFERRED}[{i}]"));
        let conditions = affinity::requirements(&given.preference)
            .map_err(|fault| under(fault.under("preference")))?;
        let weight = weight(given.weight).map_err(under)?;
        if !conditions.is_empty() {
            liked.push((weight, conditions));
        }
    }
    Ok(liked)
}

fn weight(given: i32) -> Result<i32, Fault> {
    let problem = "is no weight; write a whole number from 1 to 100";
    match given {
        1..=100 => Ok(given),
        _ => Err(Fault::new("weight", given.to_string(), problem)),
    }
}

fn term(owner: Owner<'_>, given: &PodAffinityTerm) -> Result<PodTerm, Fault> {
    let mut pods = selector(owner, given.label_selector.as_ref())?;
    add_keys(&mut pods, owner, given.match_label_keys.as_deref(), true);
    add_keys(
        &mut pods,
        owner,
        given.mismatch_label_keys.as_deref(),
        false,
    );
    let named = given.namespaces.as_deref().unwrap_or_default();
    let selected = given.namespace_selector.as_ref();
    if !named.is_empty() || selected.is_some() {
        pods.namespaces = named.iter().cloned().collect();
    }
    pods.namespaces_with = selected
        .map(conditions)
        .transpose()
        .map_err(|fault| fault.under("namespaceSelector"))?;
    Ok(PodTerm {
        topology: topology(&given.topology_key)?,
        pods,
    })
}

fn topology(key: &str) -> Result<String, Fault> {
    match label::key_fault(key) {
        None => Ok(label::canonical(key).to_owned()),
        Some(_) => {
            let problem = "is no label; write the name of one, such as kubernetes.io/hostname";
            Err(Fault::new("topologyKey", key, problem))
        }
    }
}

fn spread(owner: Owner<'_>, given: &TopologySpreadConstraint) -> Result<Spread, Fault> {
    let max_skew = u32::try_from(given.max_skew).unwrap_or(0);
    if max_skew == 0 {
        let problem = "is no skew; write a whole number above zero";
        return Err(Fault::new("maxSkew", given.max_skew.to_string(), problem));
    }
    let required = match given.when_unsatisfiable.as_str() {
        "DoNotSchedule" => true,
        "ScheduleAnyway" => false,
        other => {
            let problem = "is unknown; write DoNotSchedule or ScheduleAnyway";
            return Err(Fault::new("whenUnsatisfiable", other, problem));
        }
    };
    let min_domains = match given.min_domains {
        None => 1,
        Some(n) if n > 0 && required => u32::try_from(n).unwrap_or(1),
        Some(n) => {
            let problem =
                "is not allowed; write a whole number above zero, with DoNotSchedule only";
            return Err(Fault::new("minDomains", n.to_string(), problem));
        }
    };
    let mut pods = selector(owner, given.label_selector.as_ref())?;
    add_keys(&mut pods, owner, given.match_label_keys.as_deref(), true);
    Ok(Spread {
        max_skew,
        topology: topology(&given.topology_key)?,
        required,
        pods,
        min_domains,
        honours_selectors: honours(
            "nodeAffinityPolicy",
            given.node_affinity_policy.as_deref(),
            true,
        )?,
        honours_taints: honours(
            "nodeTaintsPolicy",
            given.node_taints_policy.as_deref(),
            false,
        )?,
    })
}

fn honours(field: &str, given: Option<&str>, default: bool) -> Result<bool, Fault> {
    match given {
        None => Ok(default),
        Some("Honor") => Ok(true),
        Some("Ignore") => Ok(false),
        Some(other) => Err(Fault::new(
            field,
            other,
            "is unknown; write Honor or Ignore",
        )),
    }
}

/// Pods of the owner's namespace; without a selector none.
pub(super) fn selector(
    owner: Owner<'_>,
    given: Option<&LabelSelector>,
) -> Result<PodSelector, Fault> {
    let Some(given) = given else {
        return Ok(PodSelector::nothing());
    };
    Ok(PodSelector {
        labels: conditions(given).map_err(|fault| fault.under("labelSelector"))?,
        namespaces: [owner.namespace.to_owned()].into(),
        namespaces_with: None,
    })
}

/// Keys that the owner's own labels give a value; a selector that selects nothing stays so.
fn add_keys(pods: &mut PodSelector, owner: Owner<'_>, keys: Option<&[String]>, same: bool) {
    for key in keys.unwrap_or_default() {
        if let Some(value) = owner.labels.get(key) {
            let values = [value.clone()].into();
            pods.labels.push(Requirement {
                key: key.clone(),
                condition: if same {
                    Condition::In(values)
                } else {
                    Condition::NotIn(values)
                },
            });
        }
    }
}

/// The conditions of a label selector; none for one that selects everything.
pub(super) fn conditions(given: &LabelSelector) -> Result<Vec<Requirement>, Fault> {
    let exact = given.match_labels.iter().flatten();
    let mut conditions: Vec<Requirement> = exact
        .map(|(key, value)| Requirement::is(key.as_str(), value.as_str()))
        .collect();
    for (i, expression) in given.match_expressions.iter().flatten().enumerate() {
        let read = condition(expression);
        conditions.push(Requirement {
            key: expression.key.clone(),
            condition: read.map_err(|fault| fault.under(format_args!("matchExpressions[{i}]")))?,
        });
    }
    Ok(conditions)
}

fn condition(given: &LabelSelectorRequirement) -> Result<Condition, Fault> {
    let values = given.values.as_deref().unwrap_or_default();
    if let Some(problem) = label::key_fault(&given.key) {
        return Err(Fault::new("key", given.key.as_str(), problem));
    }
    match given.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let problem = format!("is empty; {} needs at least one value", given.operator);
            Err(Fault::missing("values", problem))
        }
        "In" => Ok(Condition::In(values.iter().cloned().collect())),
        "NotIn" => Ok(Condition::NotIn(values.iter().cloned().collect())),
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let problem = format!("is not allowed with {}; leave values out", given.operator);
            Err(Fault::new("values", values.join(", "), problem))
        }
        "Exists" => Ok(Condition::Exists),
        "DoesNotExist" => Ok(Condition::DoesNotExist),
        other => {
            let problem = "is no operator; write In, NotIn, Exists or DoesNotExist";
            Err(Fault::new("operator", other, problem))
        }
    }
}
