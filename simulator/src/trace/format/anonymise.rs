//! Names that mean nothing in the place of those that do, so that a trace can be shared: a keyed hash,
//! the same for the same name and salt, so that references hold and two traces can be joined. What could
//! hold anything (notes, unknown columns, most properties) is left out.

use serde_json::Value;
use siphasher::sip128::SipHasher24;
use sparkwright::model::label::well_known;
use sparkwright::model::requirement::Labels;
use sparkwright::model::spark::SPARK_ROLE;

use crate::trace::machine;

use super::tables::{App, Market, Node, Pod, Template, Work};

/// Properties that decide what an application asks for and how it waits; `.`, at the end, for all below.
const PROPERTIES: [&str; 25] = [
    machine::DATABRICKS_TYPE,
    "spark.decommission.",
    "spark.driver.cores",
    "spark.driver.memory",
    "spark.driver.memoryOverhead",
    "spark.driver.memoryOverheadFactor",
    "spark.driver.resource.",
    "spark.dynamicAllocation.",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.executor.memoryOverheadFactor",
    "spark.executor.pyspark.memory",
    "spark.executor.resource.",
    "spark.kubernetes.allocation.",
    "spark.kubernetes.memoryOverheadFactor",
    "spark.kubernetes.resource.type",
    "spark.locality.wait",
    "spark.locality.wait.",
    "spark.memory.offHeap.",
    "spark.scheduler.",
    "spark.shuffle.service.enabled",
    "spark.storage.decommission.",
    "spark.task.",
];
/// Below these, what containers ask for and how much; what they run is not told.
const CONTAINERS: [&str; 2] = ["spark.kubernetes.driver.", "spark.kubernetes.executor."];

/// The names of a trace, hidden by a salt.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    key: [u8; 16],
}

impl Names {
    /// Names hidden by these words: whoever knows them can tell which names were meant.
    pub fn salted(salt: &[u8]) -> Self {
        Names {
            key: digest(&[0; 16], salt),
        }
    }

    /// The name in place of `text`: a letter and 16 digits, which is a name for Kubernetes too.
    pub fn hide(&self, text: &str) -> String {
        let [a, b, c, d, e, f, g, h, ..] = digest(&self.key, text.as_bytes());
        let half = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        format!("x{half:016x}")
    }

    fn replace(&self, text: &mut String) {
        *text = self.hide(text);
    }

    fn replace_known(&self, text: &mut Option<String>) {
        text.iter_mut().for_each(|text| self.replace(text));
    }

    /// Values are hidden, keys are not: they say what is meant, not who.
    fn replace_values(&self, labels: &mut Labels) {
        let hidden = labels.iter_mut().filter(|(key, _)| !is_public(key));
        hidden.for_each(|(_, value)| self.replace(value));
    }
}

fn digest(key: &[u8; 16], bytes: &[u8]) -> [u8; 16] {
    SipHasher24::new_with_key(key).hash(bytes).as_bytes()
}

/// Labels whose values are Kubernetes', EC2's or Spark's words.
fn is_public(key: &str) -> bool {
    key == SPARK_ROLE || well_known(key).is_some()
}

pub(super) fn app(row: &mut App, names: &Names) {
    names.replace(&mut row.app);
    names.replace_known(&mut row.id);
    names.replace_known(&mut row.name);
    names.replace_known(&mut row.namespace);
    names.replace_values(&mut row.labels);
    let properties = std::mem::take(&mut row.properties);
    row.properties = (properties.into_iter())
        .filter_map(|(key, value)| property(key, value, names))
        .collect();
    row.notes.clear();
    row.rest.clear();
}

/// The property as it may be shared; None for one that is not needed.
fn property(key: String, value: String, names: &Names) -> Option<(String, String)> {
    let below = |prefix: &str| key.strip_prefix(prefix);
    let value = match key.as_str() {
        "spark.master" => match value.split_once("://") {
            Some((manager, _)) => format!("{manager}://hidden"),
            None => value,
        },
        "spark.kubernetes.namespace" => names.hide(&value),
        _ if CONTAINERS.iter().any(|role| is_request(below(role))) => value,
        _ if is_selector(&key) => value,
        _ if PROPERTIES.iter().any(|known| is_or_below(&key, known)) => value,
        _ => return None,
    };
    Some((key, value))
}

fn is_request(rest: Option<&str>) -> bool {
    matches!(rest, Some("request.cores" | "limit.cores"))
}

fn is_or_below(key: &str, known: &str) -> bool {
    key == known || (known.ends_with('.') && key.starts_with(known))
}

/// A selector by a label that every cluster has.
fn is_selector(key: &str) -> bool {
    key.split_once("node.selector.")
        .is_some_and(|(_, label)| well_known(label).is_some())
}

pub(super) fn template(row: &mut Template, names: &Names) {
    names.replace_values(&mut row.labels);
    if let Some(scheduling) = &mut row.scheduling {
        hide_inside(scheduling, names);
    }
    row.rest.clear();
}

/// Inside a pod's spec: values of selectors and tolerations, unless their key is public; words that
/// Kubernetes knows stand under other fields and stay.
fn hide_inside(value: &mut Value, names: &Names) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide_inside(item, names)),
        Value::Object(fields) => {
            let key = fields.get("key").and_then(Value::as_str);
            let public = key.is_some_and(is_public);
            for (field, value) in fields.iter_mut() {
                match field.as_str() {
                    "nodeSelector" | "matchLabels" => hide_labels(value, names),
                    "values" | "value" | "namespaces" if !public => hide_texts(value, names),
                    "schedulerName" | "priorityClassName" if !is_system(value) => {
                        hide_texts(value, names);
                    }
                    _ => hide_inside(value, names),
                }
            }
        }
        _ => {}
    }
}

/// Names that every cluster has.
fn is_system(value: &Value) -> bool {
    (value.as_str()).is_some_and(|name| name.starts_with("system-") || name == "default-scheduler")
}

fn hide_labels(value: &mut Value, names: &Names) {
    let labels = value.as_object_mut().into_iter().flatten();
    for (_, value) in labels.filter(|(key, _)| !is_public(key)) {
        hide_texts(value, names);
    }
}

fn hide_texts(value: &mut Value, names: &Names) {
    match value {
        Value::String(text) => names.replace(text),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_texts(item, names)),
        _ => {}
    }
}

pub(super) fn pod(row: &mut Pod, names: &Names) {
    names.replace(&mut row.pod);
    names.replace_known(&mut row.app);
    names.replace_known(&mut row.namespace);
    names.replace_known(&mut row.node);
    names.replace_values(&mut row.labels);
    row.rest.clear();
}

pub(super) fn work(row: &mut Work, names: &Names) {
    names.replace(&mut row.app);
    row.rest.clear();
}

pub(super) fn node(row: &mut Node, names: &Names) {
    names.replace(&mut row.node);
    names.replace_values(&mut row.labels);
    row.reason = None;
    row.rest.clear();
}

pub(super) fn market(row: &mut Market, names: &Names) {
    names.replace_known(&mut row.node);
    row.rest.clear();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_name_and_salt_give_one_word_and_another_salt_another() {
        let names = Names::salted(b"one");
        assert_eq!(names.hide("etl"), Names::salted(b"one").hide("etl"));
        assert_ne!(names.hide("etl"), Names::salted(b"two").hide("etl"));
        assert_ne!(names.hide("etl"), names.hide("etl-2"));
        assert!(names.hide("ETL of Ada").starts_with('x'));
    }

    #[test]
    fn of_properties_only_those_that_matter_are_left_and_none_names_a_host() {
        let names = Names::salted(b"salt");
        let mut row = App {
            app: "application_1".to_owned(),
            name: Some("payroll of Ada".to_owned()),
            notes: vec!["ada/part breaks off".to_owned()],
            ..App::default()
        };
        for (key, value) in [
            ("spark.master", "k8s://https://secret.example:443"),
            ("spark.executor.memory", "4g"),
            ("spark.executor.extraJavaOptions", "-Duser=ada"),
            ("spark.dynamicAllocation.enabled", "true"),
            ("spark.kubernetes.namespace", "payroll"),
            ("spark.kubernetes.executor.request.cores", "3400m"),
            ("spark.kubernetes.executor.label.owner", "ada"),
            ("spark.kubernetes.node.selector.kubernetes.io/arch", "arm64"),
            ("spark.kubernetes.node.selector.team", "payroll"),
            ("spark.hadoop.fs.s3a.secret.key", "hush"),
        ] {
            row.properties.insert(key.to_owned(), value.to_owned());
        }
        app(&mut row, &names);
        let text = serde_json::to_string(&row).unwrap();
        for secret in ["ada", "Ada", "secret", "payroll", "hush", "application_1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(row.properties["spark.master"], "k8s://hidden");
        assert_eq!(row.properties["spark.executor.memory"], "4g");
        assert_eq!(row.properties.len(), 6, "{:?}", row.properties);
    }

    #[test]
    fn selectors_keep_the_words_that_every_cluster_knows() {
        let names = Names::salted(b"salt");
        let mut row = Template {
            labels: [("spark-role", "driver"), ("owner", "ada")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            scheduling: Some(json!({
                "nodeSelector": {"kubernetes.io/arch": "arm64", "team": "payroll"},
                "tolerations": [{"key": "team", "operator": "Equal", "value": "payroll"}],
                "affinity": {"nodeAffinity": {"x": [{"key": "topology.kubernetes.io/zone",
                    "operator": "In", "values": ["us-east-1a"]}]}},
            })),
            ..Template::default()
        };
        template(&mut row, &names);
        let text = serde_json::to_string(&row).unwrap();
        assert!(!text.contains("payroll") && !text.contains("ada"), "{text}");
        for word in ["arm64", "us-east-1a", "Equal", "driver"] {
            assert!(text.contains(word), "{word} not in {text}");
        }
    }
}
