//! Where a pod may run: its `nodeSelector` and required node affinity as constraints on labels, with
//! renamed labels under their present names. Preferred node affinity is a preference, and planning
//! passes it over; it and affinity to other pods are read in `neighbours.rs`.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec,
};

use super::fault::Fault;
use crate::model::label;
use crate::model::requirement::{Condition, Constraints, Requirement};

/// The one field that `matchFields` can name. Nodes carry it as a label of this key.
pub const NODE_NAME: &str = "metadata.name";

const AFFINITY: &str =
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";

/// The constraints of a pod of this spec.
pub fn constraints(spec: &PodSpec) -> Result<Constraints, Fault> {
    let selector = spec.node_selector.iter().flatten();
    let all = selector
        .map(|(key, value)| Requirement::is(label::canonical(key), value.as_str()))
        .collect();
    let any = match required(spec.affinity.as_ref()) {
        Some(selector) => terms(selector)?,
        None => Vec::new(),
    };
    Ok(Constraints { all, any })
}

fn required(affinity: Option<&Affinity>) -> Option<&NodeSelector> {
    affinity?
        .node_affinity
        .as_ref()?
        .required_during_scheduling_ignored_during_execution
        .as_ref()
}

/// The alternatives. An empty term matches no node, so it drops out; where none is left, one
/// alternative that nothing meets remains.
fn terms(selector: &NodeSelector) -> Result<Vec<Vec<Requirement>>, Fault> {
    let mut alternatives = Vec::new();
    for (i, term) in selector.node_selector_terms.iter().enumerate() {
        let requirements =
            requirements(term).map_err(|fault| fault.under(format_args!("{AFFINITY}[{i}]")))?;
        if !requirements.is_empty() {
            alternatives.push(requirements);
        }
    }
    if alternatives.is_empty() {
        alternatives.push(vec![Requirement {
            key: NODE_NAME.into(),
            condition: Condition::In([].into()),
        }]);
    }
    Ok(alternatives)
}

/// The conditions of one term; none for an empty term.
pub(super) fn requirements(term: &NodeSelectorTerm) -> Result<Vec<Requirement>, Fault> {
    let mut requirements = Vec::new();
    for (i, expression) in term.match_expressions.iter().flatten().enumerate() {
        let requirement = requirement(expression)
            .map_err(|fault| fault.under(format_args!("matchExpressions[{i}]")))?;
        requirements.push(requirement);
    }
    for (i, field) in term.match_fields.iter().flatten().enumerate() {
        let requirement = on_name(field)
            .and_then(|()| requirement(field))
            .map_err(|fault| fault.under(format_args!("matchFields[{i}]")))?;
        requirements.push(requirement);
    }
    Ok(requirements)
}

/// Refuses a field selector that is not on a node's name, or not on exactly one.
fn on_name(field: &NodeSelectorRequirement) -> Result<(), Fault> {
    let one = field
        .values
        .as_ref()
        .is_some_and(|values| values.len() == 1);
    if field.key != NODE_NAME {
        let problem = "is no field to select by; write metadata.name";
        Err(Fault::new("key", field.key.as_str(), problem))
    } else if !matches!(field.operator.as_str(), "In" | "NotIn") {
        let problem = "is no operator of a field; write In or NotIn";
        Err(Fault::new("operator", field.operator.as_str(), problem))
    } else if !one {
        Err(Fault::missing("values", "must hold exactly one name"))
    } else {
        Ok(())
    }
}

fn requirement(given: &NodeSelectorRequirement) -> Result<Requirement, Fault> {
    let values = given.values.as_deref().unwrap_or_default();
    let condition = match given.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let problem = format!("is empty; {} needs at least one value", given.operator);
            return Err(Fault::missing("values", problem));
        }
        "In" => Condition::In(values.iter().cloned().collect()),
        "NotIn" => Condition::NotIn(values.iter().cloned().collect()),
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let problem = format!("is not allowed with {}; leave values out", given.operator);
            return Err(Fault::new("values", values.join(", "), problem));
        }
        "Exists" => Condition::Exists,
        "DoesNotExist" => Condition::DoesNotExist,
        "Gt" => Condition::Gt(integer(values)?),
        "Lt" => Condition::Lt(integer(values)?),
        other => {
            let problem = "is no operator; write In, NotIn, Exists, DoesNotExist, Gt or Lt";
            return Err(Fault::new("operator", other, problem));
        }
    };
    if given.key.is_empty() {
        return Err(Fault::missing(
            "key",
            "is missing; write the name of a label",
        ));
    }
    Ok(Requirement {
        key: label::canonical(&given.key).to_owned(),
        condition,
    })
}

fn integer(values: &[String]) -> Result<i64, Fault> {
    let problem = "is not one whole number, which Gt and Lt need; write one, such as \"4\"";
    match values {
        [value] => value
            .parse()
            .map_err(|_| Fault::new("values[0]", value.as_str(), problem)),
        _ => Err(Fault::new("values", values.join(", "), problem)),
    }
}
