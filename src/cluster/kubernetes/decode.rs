//! One object's JSON to the fact that it states, for readers of manifests. A value of the wrong type is
//! refused like any other bad value, with its field; kinds that say nothing to planning are for others.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, PodTemplate,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::{Fault, Refusal, shortened};
use super::identity::{DEFAULT_NAMESPACE, UNNAMED, created};
use super::referent;
use super::shape::apache::{self, ApacheApplication};
use super::shape::group::{self, Make, PodGroup};
use super::shape::operator::{self, SparkApplication};
use super::shape::request::{self, ProvisioningRequest};
use super::shape::scheduled::{self, ScheduledSparkApplication};
use super::shape::{Origin, Speech, aside};
use super::template::template;
use crate::cluster::event::Fact;
use crate::model::referent::Referent;
use crate::model::requirement::Labels;
use crate::model::spark;
use crate::model::time::Timestamp;

/// Longest path of a field that is repeated in a message, in characters; user's keys may be in it.
const LONGEST_PATH: usize = 240;

/// The kinds of objects that planning learns from, NodePools apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `v1` Pod.
    Pod,
    /// `v1` Node.
    Node,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// The Spark Operator's SparkApplication.
    SparkApplication,
    /// The Spark Operator's ScheduledSparkApplication.
    ScheduledSparkApplication,
    /// Apache's SparkApplication.
    ApacheApplication,
    /// A PodGroup of any make.
    PodGroup(Make),
    /// `autoscaling.x-k8s.io` ProvisioningRequest.
    ProvisioningRequest,
    /// `v1` PodTemplate.
    PodTemplate,
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// `v1` PersistentVolume.
    PersistentVolume,
    /// `storage.k8s.io` StorageClass.
    StorageClass,
    /// `v1` Namespace.
    Namespace,
    /// `policy` PodDisruptionBudget.
    PodDisruptionBudget,
}

/// What an object says.
#[derive(Clone, Debug)]
pub struct Statement {
    /// `namespace/name`, or the name alone where there are no namespaces.
    pub name: String,
    /// When the object was created; the origin where it does not say.
    pub created: Timestamp,
    /// The fact; None for an object that asks for nothing, such as a finished pod, and for those that
    /// speak of shapes.
    pub fact: Option<Fact>,
    /// What it says of applications' shapes.
    pub speech: Option<Speech>,
    /// The PriorityClass of a pod that no API server has given a number yet.
    pub priority_class: Option<String>,
}

impl Kind {
    /// The kind of an object with these words at its head; None where planning learns nothing from
    /// it. An empty `api_version` stands for the usual one: items of some lists have none.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        match (kind, group) {
            ("Pod", "") => Some(Kind::Pod),
            ("Node", "") => Some(Kind::Node),
            ("DaemonSet", "apps" | "extensions") => Some(Kind::DaemonSet),
            ("SparkApplication", "sparkoperator.k8s.io") => Some(Kind::SparkApplication),
            ("ScheduledSparkApplication", "sparkoperator.k8s.io") => {
                Some(Kind::ScheduledSparkApplication)
            }
            ("SparkApplication", "spark.apache.org") => Some(Kind::ApacheApplication),
            ("PodGroup", "scheduling.volcano.sh") => Some(Kind::PodGroup(Make::Volcano)),
            ("PodGroup", "scheduling.x-k8s.io") => Some(Kind::PodGroup(Make::Coscheduling)),
            ("PodGroup", "scheduling.k8s.io") => Some(Kind::PodGroup(Make::Kubernetes)),
            ("ProvisioningRequest", "autoscaling.x-k8s.io") => Some(Kind::ProvisioningRequest),
            ("PodTemplate", "") => Some(Kind::PodTemplate),
            ("ConfigMap", "") => Some(Kind::ConfigMap),
            ("PersistentVolumeClaim", "") => Some(Kind::PersistentVolumeClaim),
            ("PersistentVolume", "") => Some(Kind::PersistentVolume),
            ("Namespace", "") => Some(Kind::Namespace),
            ("StorageClass", "storage.k8s.io") => Some(Kind::StorageClass),
            ("PodDisruptionBudget", "policy") => Some(Kind::PodDisruptionBudget),
            ("StorageClass", _) if api_version.is_empty() => Some(Kind::StorageClass),
            ("PodDisruptionBudget", _) if api_version.is_empty() => Some(Kind::PodDisruptionBudget),
            ("DaemonSet", _) if api_version.is_empty() => Some(Kind::DaemonSet),
            ("SparkApplication", _) if api_version.is_empty() => Some(Kind::SparkApplication),
            _ => None,
        }
    }

    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Pod => "Pod",
            Kind::Node => "Node",
            Kind::DaemonSet => "DaemonSet",
            Kind::SparkApplication | Kind::ApacheApplication => "SparkApplication",
            Kind::ScheduledSparkApplication => "ScheduledSparkApplication",
            Kind::PodGroup(_) => "PodGroup",
            Kind::ProvisioningRequest => "ProvisioningRequest",
            Kind::PodTemplate => "PodTemplate",
            Kind::ConfigMap => "ConfigMap",
            Kind::PersistentVolumeClaim => "PersistentVolumeClaim",
            Kind::PersistentVolume => "PersistentVolume",
            Kind::StorageClass => "StorageClass",
            Kind::Namespace => "Namespace",
            Kind::PodDisruptionBudget => "PodDisruptionBudget",
        }
    }
}

/// Reads one object of a known kind.
///
/// # Errors
/// The first bad value found: wrong type, or a value that the API server would not take.
pub fn statement(kind: Kind, json: &str) -> Result<Statement, Refusal> {
    match kind {
        Kind::Pod => {
            let object: Pod = typed(kind, json)?;
            let pod = super::pod(&object)?;
            let speech = pod.as_ref().map(|pod| aside(&object, pod));
            let fact = pod.map(Fact::PodApplied);
            let class = object.spec.as_ref().filter(|spec| spec.priority.is_none());
            let mut said = said(&object.metadata, true, fact);
            said.speech = speech.map(|aside| Speech::Pod(Box::new(aside)));
            said.priority_class = class.and_then(|spec| spec.priority_class_name.clone());
            Ok(said)
        }
        Kind::Node => {
            let object: Node = typed(kind, json)?;
            let fact = super::node(&object).map(Box::new).map(Fact::NodeApplied)?;
            Ok(said(&object.metadata, false, Some(fact)))
        }
        Kind::DaemonSet => {
            let object: DaemonSet = typed(kind, json)?;
            let fact = super::daemon(&object)
                .map(Box::new)
                .map(Fact::DaemonApplied)?;
            Ok(said(&object.metadata, true, Some(fact)))
        }
        Kind::SparkApplication
        | Kind::ScheduledSparkApplication
        | Kind::ApacheApplication
        | Kind::PodGroup(_)
        | Kind::ProvisioningRequest
        | Kind::PodTemplate
        | Kind::ConfigMap => spoken(kind, json),
        Kind::PersistentVolumeClaim => {
            let object: PersistentVolumeClaim = typed(kind, json)?;
            let read = referent::claim(&object)?;
            Ok(referred(&object.metadata, true, read))
        }
        Kind::PersistentVolume => {
            let object: PersistentVolume = typed(kind, json)?;
            let read = referent::volume(&object)?;
            Ok(referred(&object.metadata, false, read))
        }
        Kind::StorageClass => {
            let object: StorageClass = typed(kind, json)?;
            let read = referent::class(&object)?;
            Ok(referred(&object.metadata, false, read))
        }
        Kind::Namespace => {
            let object: Namespace = typed(kind, json)?;
            let read = referent::namespace(&object)?;
            Ok(referred(&object.metadata, false, read))
        }
        Kind::PodDisruptionBudget => {
            let object: PodDisruptionBudget = typed(kind, json)?;
            let read = referent::budget(&object)?;
            Ok(referred(&object.metadata, true, read))
        }
    }
}

/// Reads one object that speaks of shapes.
fn spoken(kind: Kind, json: &str) -> Result<Statement, Refusal> {
    let (meta, speech) = match kind {
        Kind::ScheduledSparkApplication => {
            let object: ScheduledSparkApplication = typed(kind, json)?;
            let run = scheduled::scheduled(&object)?;
            (object.metadata, Speech::Schedules(run))
        }
        Kind::ApacheApplication => {
            let object: ApacheApplication = typed(kind, json)?;
            let speech = Speech::Declares {
                origin: Origin::Apache,
                declared: apache::shape(&object)?,
                begins: apache::begins(&object),
                consumes: None,
            };
            (object.metadata, speech)
        }
        Kind::PodGroup(make) => {
            let object: PodGroup = typed(kind, json)?;
            let (name, members) = group::members(make, &object)?;
            (object.metadata, Speech::Groups(name, members))
        }
        Kind::ProvisioningRequest => {
            let object: ProvisioningRequest = typed(kind, json)?;
            let request = request::request(&object)?;
            (object.metadata, Speech::Requests(request))
        }
        Kind::PodTemplate => {
            let object: PodTemplate = typed(kind, json)?;
            let template = request::pod_template(&object)?;
            (object.metadata, Speech::Template(template))
        }
        Kind::ConfigMap => {
            let object: ConfigMap = typed(kind, json)?;
            (
                object.metadata,
                Speech::Config(object.data.unwrap_or_default()),
            )
        }
        _ => {
            let object: SparkApplication = typed(Kind::SparkApplication, json)?;
            let speech = Speech::Declares {
                origin: Origin::Operator,
                declared: operator::shape(&object)?,
                begins: operator::begins(&object),
                consumes: operator::consumes(&object),
            };
            (object.metadata, speech)
        }
    };
    let mut said = said(&meta, true, None);
    said.speech = Some(speech);
    Ok(said)
}

/// The template of pods with this spec, for specs that come without an object around them: those of
/// recorded pods, and of owners that make pods. Paths in faults start at the spec.
///
/// # Errors
/// The first bad value found, as for objects.
pub fn template_of(
    namespace: &str,
    labels: Labels,
    spec: &Value,
) -> Result<spark::PodTemplate, Fault> {
    let spec: PodSpec = serde_path_to_error::deserialize(spec).map_err(|error| {
        let path = error.path().to_string();
        type_fault(&path, &error.into_inner().to_string())
    })?;
    template(namespace, labels, &spec)
}

/// Reads a PriorityClass: its name, its number, and whether pods of it push no others out. No fact
/// comes of it, since the API server writes the number into each pod.
///
/// # Errors
/// The first bad value found.
pub fn priority_class(json: &str) -> Result<(String, i32, bool), Refusal> {
    let object: PriorityClass = typed_as("PriorityClass", false, json)?;
    let (value, never_preempts) = referent::priority(&object)?;
    let name = object.metadata.name.unwrap_or_default();
    Ok((name, value, never_preempts))
}

fn referred(meta: &ObjectMeta, namespaced: bool, referent: Referent) -> Statement {
    let mut said = said(meta, namespaced, None);
    said.fact = Some(Fact::ReferentApplied {
        name: said.name.clone(),
        referent: Box::new(referent),
    });
    said
}

fn said(meta: &ObjectMeta, namespaced: bool, fact: Option<Fact>) -> Statement {
    let name = meta.name.as_deref().unwrap_or_default();
    let namespace = meta.namespace.as_deref().filter(|n| !n.is_empty());
    Statement {
        name: match namespaced {
            true => format!("{}/{name}", namespace.unwrap_or(DEFAULT_NAMESPACE)),
            false => name.to_owned(),
        },
        created: created(meta),
        fact,
        speech: None,
        priority_class: None,
    }
}

fn typed<T: DeserializeOwned>(kind: Kind, json: &str) -> Result<T, Refusal> {
    let clusterwide = [
        Kind::Node,
        Kind::PersistentVolume,
        Kind::StorageClass,
        Kind::Namespace,
    ];
    typed_as(kind.as_str(), !clusterwide.contains(&kind), json)
}

/// Parses twice where the first time fails: keeping track of the path is for failures only.
fn typed_as<T: DeserializeOwned>(
    kind: &'static str,
    namespaced: bool,
    json: &str,
) -> Result<T, Refusal> {
    serde_json::from_str(json).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Ok(_) => (String::new(), error),
            Err(error) => (error.path().to_string(), error.into_inner()),
        };
        Refusal {
            kind,
            name: name_in(namespaced, json),
            fault: type_fault(&path, &error.to_string()),
        }
    })
}

/// The name of an object that could not be read whole, as far as it has one.
fn name_in(namespaced: bool, json: &str) -> String {
    let object: Value = serde_json::from_str(json).unwrap_or_default();
    let text = |field: &str| object["metadata"][field].as_str();
    let name = text("name").unwrap_or(UNNAMED);
    match namespaced {
        false => name.to_owned(),
        true => format!("{}/{name}", text("namespace").unwrap_or(DEFAULT_NAMESPACE)),
    }
}

/// A type error in our words, with a remedy. `message` is serde's.
pub fn type_fault(path: &str, message: &str) -> Fault {
    let field: String = match path {
        "" | "." => "the object".to_owned(),
        path => path.chars().take(LONGEST_PATH).collect(),
    };
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(name) = message.strip_prefix("missing field `") {
        let missing = Fault::missing(name.trim_end_matches('`'), "is missing; write it");
        return if path.len() < 2 {
            missing
        } else {
            missing.under(field)
        };
    }
    let mismatch = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "));
    Fault::missing(
        field,
        match mismatch {
            Some((found, expected)) => {
                let remedy = remedy(expected);
                format!("holds {}; {remedy}", one_line(found))
            }
            None if path.ends_with("Timestamp") => {
                "is no time; write one such as 2026-01-31T10:00:00Z".to_owned()
            }
            None => format!("cannot be read: {}", one_line(message)),
        },
    )
}

fn one_line(text: &str) -> String {
    shortened(text).replace(char::is_control, " ")
}

fn remedy(expected: &str) -> String {
    match expected {
        "a string" => "write text, in quotes where it looks like a number or true".to_owned(),
        "a boolean" => "write true or false, without quotes".to_owned(),
        "i32" | "i64" | "u32" | "u64" => {
            format!("write a whole number that fits {expected}, without quotes")
        }
        "a sequence" => "write a list".to_owned(),
        "a map" => "write a mapping".to_owned(),
        "Quantity" => "write a quantity such as 500m or 20Gi".to_owned(),
        other => format!(
            "write a mapping with the fields of {}",
            other.trim_start_matches("struct ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_group_and_name() {
        for (version, kind, expected) in [
            ("v1", "Pod", Some(Kind::Pod)),
            ("", "Pod", Some(Kind::Pod)),
            ("apps/v1", "DaemonSet", Some(Kind::DaemonSet)),
            ("", "DaemonSet", Some(Kind::DaemonSet)),
            (
                "sparkoperator.k8s.io/v1beta2",
                "SparkApplication",
                Some(Kind::SparkApplication),
            ),
            (
                "spark.apache.org/v1",
                "SparkApplication",
                Some(Kind::ApacheApplication),
            ),
            ("metrics.k8s.io/v1beta1", "Pod", None),
            ("v1", "ConfigMap", Some(Kind::ConfigMap)),
            ("policy/v1", "PodGroup", None),
        ] {
            assert_eq!(Kind::of(version, kind), expected, "{version} {kind}");
        }
    }

    #[test]
    fn wrong_types_are_refused_with_the_field_and_a_remedy() {
        let head = r#""metadata":{"name":"x","namespace":"a"}"#;
        for (kind, json, expected) in [
            (
                Kind::Pod,
                format!(r#"{{{head},"spec":{{"containers":"c"}}}}"#),
                r#"Pod a/x: spec.containers: holds string "c"; write a list"#,
            ),
            (
                Kind::Pod,
                format!(r#"{{{head},"spec":{{"containers":[],"priority":99999999999}}}}"#),
                "spec.priority: holds integer `99999999999`; write a whole number that fits i32",
            ),
            (
                Kind::Pod,
                r#"{"metadata":{"name":"x","labels":{"v":1}}}"#.to_owned(),
                "Pod default/x: metadata.labels.v: holds integer `1`; write text, in quotes",
            ),
            (
                Kind::Pod,
                r#"{"metadata":{"name":"x","creationTimestamp":"soon"}}"#.to_owned(),
                "metadata.creationTimestamp: is no time; write one such as 2026",
            ),
            (
                Kind::Pod,
                "3".to_owned(),
                "the object: holds integer `3`; write a mapping with",
            ),
            (
                Kind::Node,
                r#"{"metadata":{"name":"n"},"spec":[]}"#.to_owned(),
                "Node n: spec: holds",
            ),
            (
                Kind::SparkApplication,
                format!(r#"{{{head},"spec":{{"sparkConf":{{"spark.x":true}}}}}}"#),
                "SparkApplication a/x: spec.sparkConf.spark.x: holds boolean `true`; write text",
            ),
            (
                Kind::SparkApplication,
                format!(r#"{{{head},"spec":{{"executor":{{"gpu":{{"name":"g"}}}}}}}}"#),
                "spec.executor.gpu.quantity: is missing; write it",
            ),
            (
                Kind::SparkApplication,
                format!("{{{head}}}"),
                "spec: is missing; write it",
            ),
            (
                Kind::Pod,
                format!(
                    r#"{{{head},"spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"cpu":true}}}}}}]}}}}"#
                ),
                "spec.containers[0].resources.requests.cpu: holds boolean `true`; write a quantity",
            ),
        ] {
            let refusal = statement(kind, &json).unwrap_err().to_string();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn a_finished_pod_states_its_name_and_no_fact() {
        let json = r#"{"metadata":{"name":"x","creationTimestamp":"1970-01-01T00:00:07Z"},
                       "spec":{"containers":[]},"status":{"phase":"Succeeded"}}"#;
        let statement = statement(Kind::Pod, json).unwrap();
        assert_eq!(statement.name, "default/x");
        assert_eq!(statement.created, Timestamp::from_millis(7000));
        assert!(statement.fact.is_none());
    }
}
