//! Objects that pods' rules refer to, read and checked: claims, volumes, storage classes, namespaces,
//! disruption budgets; and priority classes, which give hand-written pods their number.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Namespace, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::affinity;
use super::fault::{Fault, Refusal};
use super::identity::Identity;
use super::neighbours::{self, Owner};
use crate::model::label;
use crate::model::node::ZONE;
use crate::model::placement::PodSelector;
use crate::model::referent::{Budget, BudgetBound, Class, Referent, Volume, VolumeClaim};
use crate::model::requirement::{Condition, Labels, Requirement};

/// The EBS driver's own label for the zone; its value is that of Kubernetes' label on the same node.
const EBS_ZONE: &str = "topology.ebs.csi.aws.com/zone";
/// Marks the class of claims that name none.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// Between several zones in a volume's label.
const ZONE_SEPARATOR: &str = "__";

/// A PersistentVolumeClaim.
pub fn claim(object: &PersistentVolumeClaim) -> Result<Referent, Refusal> {
    Identity::namespaced("PersistentVolumeClaim", &object.metadata)?;
    let spec = object.spec.as_ref();
    let named = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    Ok(Referent::Claim(VolumeClaim {
        volume: named(spec.and_then(|spec| spec.volume_name.as_ref())),
        class: spec.and_then(|spec| spec.storage_class_name.clone()),
    }))
}

/// A PersistentVolume, with its zone labels as conditions.
pub fn volume(object: &PersistentVolume) -> Result<Referent, Refusal> {
    let identity = Identity::clusterwide("PersistentVolume", &object.metadata)?;
    let spec = object.spec.as_ref();
    let required = spec
        .and_then(|spec| spec.node_affinity.as_ref())
        .and_then(|affinity| affinity.required.as_ref());
    let given = required.map(|required| required.node_selector_terms.as_slice());
    let mut nodes = terms(given.unwrap_or_default())
        .map_err(|fault| identity.refuse(fault.under("spec.nodeAffinity.required")))?;
    for zone in zones(object.metadata.labels.as_ref()) {
        if nodes.is_empty() {
            nodes.push(Vec::new());
        }
        nodes.iter_mut().for_each(|term| term.push(zone.clone()));
    }
    let csi = spec.and_then(|spec| spec.csi.as_ref());
    let ebs = spec.is_some_and(|spec| spec.aws_elastic_block_store.is_some());
    let driver = csi.map(|csi| csi.driver.clone());
    let in_tree = if ebs { "kubernetes.io/aws-ebs" } else { "" };
    Ok(Referent::Volume(Volume {
        nodes,
        driver: driver.unwrap_or_else(|| in_tree.to_owned()),
    }))
}

/// A StorageClass.
pub fn class(object: &StorageClass) -> Result<Referent, Refusal> {
    let identity = Identity::clusterwide("StorageClass", &object.metadata)?;
    let immediate = match object.volume_binding_mode.as_deref() {
        None | Some("Immediate") => true,
        Some("WaitForFirstConsumer") => false,
        Some(other) => {
            let problem = "is unknown; write Immediate or WaitForFirstConsumer";
            return Err(identity.refuse(Fault::new("volumeBindingMode", other, problem)));
        }
    };
    let annotations = object.metadata.annotations.as_ref();
    Ok(Referent::Class(Class {
        provisioner: object.provisioner.clone(),
        immediate,
        nodes: object
            .allowed_topologies
            .iter()
            .flatten()
            .map(topology)
            .collect(),
        is_default: annotations
            .and_then(|annotations| annotations.get(IS_DEFAULT))
            .is_some_and(|value| value == "true"),
    }))
}

/// A namespace's labels.
pub fn namespace(object: &Namespace) -> Result<Referent, Refusal> {
    Identity::clusterwide("Namespace", &object.metadata)?;
    let labels = object.metadata.labels.clone();
    Ok(Referent::Namespace(labels.unwrap_or_default().into()))
}

/// A PodDisruptionBudget.
pub fn budget(object: &PodDisruptionBudget) -> Result<Referent, Refusal> {
    let identity = Identity::namespaced("PodDisruptionBudget", &object.metadata)?;
    let refuse = |fault: Fault| identity.refuse(fault.under("spec"));
    let none = Labels::new();
    let owner = Owner {
        namespace: identity.namespace.unwrap_or_default(),
        labels: &none,
    };
    let spec = object.spec.as_ref();
    let given = spec.and_then(|spec| spec.selector.as_ref());
    let pods: PodSelector = neighbours::selector(owner, given).map_err(|fault| {
        refuse(Fault {
            field: fault.field.replace("labelSelector", "selector"),
            ..fault
        })
    })?;
    let available = spec.and_then(|spec| spec.min_available.as_ref());
    let missing = spec.and_then(|spec| spec.max_unavailable.as_ref());
    let bound = match (available, missing) {
        (Some(_), Some(_)) => Err(Fault::missing(
            "maxUnavailable",
            "is there beside minAvailable; write one of them",
        )),
        (Some(given), None) => amount("minAvailable", given).map(|(n, is_percent)| {
            if is_percent {
                BudgetBound::AvailablePercent(n)
            } else {
                BudgetBound::Available(n)
            }
        }),
        (None, Some(given)) => amount("maxUnavailable", given).map(|(n, is_percent)| {
            if is_percent {
                BudgetBound::MissingPercent(n)
            } else {
                BudgetBound::Missing(n)
            }
        }),
        (None, None) => Ok(BudgetBound::Available(1)),
    };
    Ok(Referent::Budget(Budget {
        pods,
        bound: bound.map_err(refuse)?,
    }))
}

/// A PriorityClass's number, and whether pods of it push no others out.
pub fn priority(object: &PriorityClass) -> Result<(i32, bool), Refusal> {
    let identity = Identity::clusterwide("PriorityClass", &object.metadata)?;
    let missing = || identity.refuse(Fault::missing("value", "is missing; write a whole number"));
    Ok((
        object.value.ok_or_else(missing)?,
        object.preemption_policy.as_deref() == Some("Never"),
    ))
}

/// A number, or a percentage (true).
fn amount(field: &str, given: &IntOrString) -> Result<(u32, bool), Fault> {
    let read = match given {
        IntOrString::Int(n) => (u32::try_from(*n).ok(), false),
        IntOrString::String(text) => (
            text.strip_suffix('%')
                .and_then(|digits| digits.parse().ok()),
            true,
        ),
    };
    match read {
        (Some(n), is_percent) => Ok((n, is_percent)),
        (None, _) => {
            let shown = match given {
                IntOrString::Int(n) => n.to_string(),
                IntOrString::String(text) => text.clone(),
            };
            let problem =
                "is no amount; write a whole number such as 2, or a percentage such as 50%";
            Err(Fault::new(field, shown, problem))
        }
    }
}

fn terms(given: &[NodeSelectorTerm]) -> Result<Vec<Vec<Requirement>>, Fault> {
    let mut terms = Vec::new();
    for (i, term) in given.iter().enumerate() {
        let read = affinity::requirements(term);
        let mut term = read.map_err(|fault| fault.under(format_args!("nodeSelectorTerms[{i}]")))?;
        term.iter_mut()
            .for_each(|wanted| wanted.key = zone_key(&wanted.key));
        if !term.is_empty() {
            terms.push(term);
        }
    }
    Ok(terms)
}

fn topology(given: &TopologySelectorTerm) -> Vec<Requirement> {
    let expressions = given.match_label_expressions.iter().flatten();
    expressions
        .map(|expression| Requirement {
            key: zone_key(&expression.key),
            condition: Condition::In(expression.values.iter().cloned().collect()),
        })
        .collect()
}

/// Zone labels of a volume, which name one zone or several.
fn zones(labels: Option<&BTreeMap<String, String>>) -> Vec<Requirement> {
    let labels = labels.into_iter().flatten();
    let zones = labels.filter(|(key, _)| label::canonical(key) == ZONE);
    zones
        .map(|(_, value)| Requirement {
            key: ZONE.to_owned(),
            condition: Condition::In(value.split(ZONE_SEPARATOR).map(str::to_owned).collect()),
        })
        .collect()
}

fn zone_key(key: &str) -> String {
    match key {
        EBS_ZONE => ZONE.to_owned(),
        key => label::canonical(key).to_owned(),
    }
}
