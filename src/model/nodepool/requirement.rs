//! Requirements and template labels: syntax, which keys can hold at all, values that fit operator and
//! key. A key that is not well known becomes a label of the nodes.

use super::super::label::{
    self, ARCH, FAMILY, REGION_PLACEHOLDER, canonical, key_fault, value_fault, well_known,
};
use super::super::node::{CAPACITY_TYPE, INSTANCE_TYPE, ZONE};
use super::super::object::fault::Faults;
use super::super::pool::PoolRequirement;
use super::super::requirement::{Condition, Labels, Requirement};
use super::check::whole;
use super::contradiction;
use super::template::{NodeSpec, Operator, RequirementSpec, TemplateMetadata};

/// Karpenter's bound on requirements of one NodePool.
const MOST: usize = 100;
/// Karpenter's bound on `minValues`.
const MOST_MIN_VALUES: u32 = 50;
/// Prefix of labels that are ours to set.
const OURS: &str = "sparkwright.dev/";
/// Label by which Karpenter knows its own nodes; on ours it would claim them.
const KARPENTERS: &str = "karpenter.sh/nodepool";
const FIELD: &str = "spec.template.spec.requirements";
const LABELS: &str = "spec.template.metadata.labels";

/// A requirement and the field that it comes from.
pub(super) struct Sourced {
    /// `spec.template.spec.requirements[2]`, or a template label.
    pub field: String,
    /// The requirement.
    pub wanted: PoolRequirement,
}

/// Checks requirements and template labels together: the answer is the requirements on offerings and
/// the labels that nodes get.
pub(super) fn check(
    node: &NodeSpec,
    metadata: &TemplateMetadata,
    faults: &mut Faults,
) -> (Vec<PoolRequirement>, Labels) {
    let given = node.requirements.as_deref().unwrap_or_default();
    if given.len() > MOST {
        let problem = format!("requirements are too many; write at most {MOST}");
        faults.refuse(FIELD, given.len(), problem);
    }
    let mut all = template_labels(metadata, faults);
    let written = given.iter().take(MOST).enumerate();
    all.extend(written.filter_map(|(i, given)| read(&format!("{FIELD}[{i}]"), given, faults)));
    contradiction::refuse(&all, faults);
    let (known, own): (Vec<Sourced>, Vec<Sourced>) = all
        .into_iter()
        .partition(|sourced| well_known(&sourced.wanted.requirement.key).is_some());
    let labels = own_labels(&own, faults);
    warn_of_exclusions(&known, faults);
    let of_own = own
        .into_iter()
        .filter(|sourced| sourced.field.starts_with(FIELD));
    let requirements = known
        .into_iter()
        .chain(of_own)
        .map(|sourced| sourced.wanted);
    (requirements.collect(), labels)
}

/// Checks a key; the answer is its present name.
pub(super) fn key(field: &str, key: Option<&str>, faults: &mut Faults) -> Option<String> {
    let field = format!("{field}.key");
    let Some(key) = key else {
        faults.refuse(&field, "", "is missing; name a label");
        return None;
    };
    if let Some(problem) = key_fault(key) {
        faults.refuse(&field, key, problem);
        return None;
    }
    Some(canonical(key).to_owned())
}

/// Checks values for syntax and, for well-known keys, for what the key can have.
pub(super) fn check_values(field: &str, values: &[String], key: Option<&str>, faults: &mut Faults) {
    for (i, value) in values.iter().enumerate() {
        if let Some(problem) = fault_of(value, key) {
            faults.refuse(&format!("{field}.values[{i}]"), value, problem);
        }
    }
}

fn fault_of(value: &str, key: Option<&str>) -> Option<String> {
    let plain = match key {
        Some(ZONE) => value.replace(REGION_PLACEHOLDER, "r"),
        _ => value.to_owned(),
    };
    let known: &[&str] = match key {
        Some(CAPACITY_TYPE) => &["spot", "on-demand"],
        Some(ARCH) => &["amd64", "arm64"],
        _ => return value_fault(&plain).map(str::to_owned),
    };
    (!known.contains(&value)).then(|| format!("is not known; write {}", known.join(" or ")))
}

/// Checks that the operator has as many values as it takes.
pub(super) fn check_count(
    field: &str,
    condition: &Condition,
    values: &[String],
    faults: &mut Faults,
) {
    let problem = match condition {
        Condition::In(_) | Condition::NotIn(_) if values.is_empty() => {
            "has no value; write at least one for In and NotIn"
        }
        Condition::Exists | Condition::DoesNotExist if !values.is_empty() => {
            "has values; take them out for Exists and DoesNotExist"
        }
        _ => return,
    };
    faults.refuse(&format!("{field}.values"), format!("{values:?}"), problem);
}

fn template_labels(metadata: &TemplateMetadata, faults: &mut Faults) -> Vec<Sourced> {
    let mut labels = Vec::new();
    for (name, value) in metadata.labels.iter().flatten() {
        let field = format!("{LABELS}.{name}");
        let key = canonical(name);
        let bad_name = key_fault(name).map(str::to_owned).or_else(|| reserved(key));
        if let Some(problem) = bad_name.or_else(|| fault_of(value, Some(key))) {
            faults.refuse(&field, value, problem);
        }
        labels.push(Sourced {
            field,
            wanted: PoolRequirement {
                requirement: Requirement::is(key, value),
                min_values: None,
            },
        });
    }
    labels
}

fn read(field: &str, given: &RequirementSpec, faults: &mut Faults) -> Option<Sourced> {
    let key = key(field, given.key.as_deref(), faults)?;
    if let Some(problem) = reserved(&key) {
        faults.refuse(&format!("{field}.key"), &key, problem);
        return None;
    }
    let values = given.values.as_deref().unwrap_or_default();
    let Some(operator) = given.operator else {
        let problem = "is missing; write In, NotIn, Exists, DoesNotExist, Gt or Lt";
        faults.refuse(&format!("{field}.operator"), "", problem);
        return None;
    };
    let condition = match operator {
        Operator::In => Condition::In(values.iter().cloned().collect()),
        Operator::NotIn => Condition::NotIn(values.iter().cloned().collect()),
        Operator::Exists => Condition::Exists,
        Operator::DoesNotExist => Condition::DoesNotExist,
        Operator::Gt => Condition::Gt(bound(field, &key, values, faults)?),
        Operator::Lt => Condition::Lt(bound(field, &key, values, faults)?),
    };
    check_count(field, &condition, values, faults);
    if matches!(condition, Condition::In(_) | Condition::NotIn(_)) {
        check_values(field, values, Some(&key), faults);
    }
    let min_values = min_values(field, given.min_values, &condition, faults);
    Some(Sourced {
        field: field.to_owned(),
        wanted: PoolRequirement {
            requirement: Requirement { key, condition },
            min_values,
        },
    })
}

/// The one integer that `Gt` and `Lt` take.
fn bound(field: &str, key: &str, values: &[String], faults: &mut Faults) -> Option<i64> {
    if well_known(key).is_some_and(|label| !label.numeric) {
        let problem = "is not a number, so Gt and Lt never hold; write In with the values";
        faults.refuse(&format!("{field}.key"), key, problem);
        return None;
    }
    let number = match values {
        [value] => value.parse().ok(),
        _ => None,
    };
    if number.is_none() {
        let problem = "is not one integer; write one in quotes, such as [\"4\"], for Gt and Lt";
        faults.refuse(&format!("{field}.values"), format!("{values:?}"), problem);
    }
    number
}

fn min_values(
    field: &str,
    given: Option<i64>,
    condition: &Condition,
    faults: &mut Faults,
) -> Option<u32> {
    let field = format!("{field}.minValues");
    let least = whole(&field, given, 1, MOST_MIN_VALUES, faults)?;
    if let Condition::In(values) = condition
        && usize::try_from(least).is_ok_and(|least| least > values.len())
    {
        let problem = format!(
            "is above the {} values listed; list more or ask for less",
            values.len()
        );
        faults.refuse(&field, least, problem);
    }
    Some(least)
}

/// Keys that a NodePool may not touch.
fn reserved(key: &str) -> Option<String> {
    if key.starts_with(OURS) {
        Some("is set by Sparkwright itself; take it out".to_owned())
    } else if key == KARPENTERS {
        Some("is Karpenter's mark on its own nodes; take it out".to_owned())
    } else if key == "kubernetes.io/hostname" {
        Some("names one node; take it out".to_owned())
    } else {
        None
    }
}

/// The labels that nodes get: keys that are not well known. Each needs one single value from a label or
/// an `In`; other operators may be written on it beside that.
fn own_labels(own: &[Sourced], faults: &mut Faults) -> Labels {
    let mut labels = Labels::new();
    for sourced in own {
        let Requirement { key, condition } = &sourced.wanted.requirement;
        if let Condition::In(values) = condition
            && let (1, Some(value)) = (values.len(), values.first())
        {
            labels.insert(key.clone(), value.clone());
        }
    }
    for sourced in own {
        let requirement = &sourced.wanted.requirement;
        if !labels.contains_key(&requirement.key) {
            let near = near(&requirement.key);
            let problem = format!(
                "is neither a well-known label nor one of the template's{near}; write In with \
                 exactly one value to put it on the nodes, or correct the name"
            );
            faults.refuse(&format!("{}.key", sourced.field), &requirement.key, problem);
        }
    }
    labels
}

/// The well-known label with the same last part, for a slip in the prefix.
fn near(key: &str) -> String {
    let name = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
    let meant = label::WELL_KNOWN
        .iter()
        .find(|known| name(known.key) == name(key));
    meant.map_or(String::new(), |known| format!(" ({} is)", known.key))
}

/// A pool that asks for GPUs without naming a family gets none: the default exclusions stand.
fn warn_of_exclusions(known: &[Sourced], faults: &mut Faults) {
    let key = |sourced: &Sourced| sourced.wanted.requirement.key.clone();
    let names = known.iter().any(|sourced| {
        [FAMILY, INSTANCE_TYPE].contains(&key(sourced).as_str())
            && matches!(sourced.wanted.requirement.condition, Condition::In(_))
    });
    let gpu = known
        .iter()
        .find(|sourced| key(sourced).contains("/instance-gpu-"));
    if let (false, Some(sourced)) = (names, gpu) {
        faults.warnings.push(format!(
            "{} asks for GPUs, which are excluded unless a family or type is named; add a \
             requirement In on {FAMILY}",
            sourced.field
        ));
    }
}
