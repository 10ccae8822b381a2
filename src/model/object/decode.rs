//! A custom resource's JSON to its written form, past every value of the wrong form: such a value is
//! reported, taken out, and the rest is read again. Unknown fields are found on the way; what should
//! have been there is looked up in the CRD's own schema.

use kube::CustomResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::fault::{self, Faults};
use super::kind;

/// Values of the wrong form after which reading stops.
const MOST_FAULTS: usize = 100;

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Reads `spec`.
pub(super) fn spec<R: CustomResourceExt, S: DeserializeOwned + Default>(
    mut value: Value,
    faults: &mut Faults,
) -> S {
    for _ in 0..MOST_FAULTS {
        let mut unknown: Vec<Vec<Step>> = Vec::new();
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(steps(&path));
        let fields = serde_ignored::Deserializer::new(&value, &mut note);
        match serde_path_to_error::deserialize::<_, S>(fields) {
            Ok(spec) => {
                for path in unknown {
                    refuse_unknown::<R>(&path, &value, faults);
                }
                return spec;
            }
            Err(error) => {
                let path = named(error.path());
                let shown = find(&value, &path).map(fault::json).unwrap_or_default();
                faults.refuse(&text(&path), shown, problem(&error.inner().to_string()));
                if !remove(&mut value, &path) {
                    return S::default();
                }
            }
        }
    }
    S::default()
}

/// `invalid type: integer `4`, expected a string` in this crate's words.
fn problem(message: &str) -> String {
    let (_, expected) = message.split_once("expected ").unwrap_or(("", message));
    let expected = match expected.split(" at line").next().unwrap_or(expected) {
        "i64" => "a whole number",
        text if text.starts_with("struct") || text == "a map" => "a mapping of fields",
        "a sequence" => "a list",
        text => text,
    };
    if message.starts_with("unknown variant") {
        format!("is not known; write {}", expected.replace('`', ""))
    } else if expected == "a string" {
        "is not text; put it in quotes".to_owned()
    } else {
        format!("has the wrong form; write {expected}")
    }
}

fn refuse_unknown<R: CustomResourceExt>(path: &[Step], spec: &Value, faults: &mut Faults) {
    let Some((Step::Key(name), parents)) = path.split_last() else {
        return;
    };
    let shown = find(spec, path).map(fault::json).unwrap_or_default();
    let known = fields::<R>(parents);
    faults.refuse(&text(path), shown, unknown(&kind::<R>(), name, &known));
}

/// What to say of an unknown field, beside its known siblings.
pub(super) fn unknown(kind: &str, name: &str, known: &[String]) -> String {
    let near = |other: &&String| distance(&name.to_lowercase(), &other.to_lowercase());
    match known
        .iter()
        .min_by_key(near)
        .filter(|other| near(other) <= 2)
    {
        Some(meant) => format!("is no field of a {kind}; did you mean {meant}?"),
        None if known.is_empty() => format!("is no field of a {kind}; take it out"),
        None => format!(
            "is no field of a {kind}; take it out (known here: {})",
            known.join(", ")
        ),
    }
}

/// The fields that the CRD's schema knows at this place under `spec`.
fn fields<R: CustomResourceExt>(path: &[Step]) -> Vec<String> {
    let crd = serde_json::to_value(R::crd()).expect("the CRD is JSON");
    let mut schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for step in path {
        schema = match step {
            Step::Key(key) => &schema["properties"][key],
            Step::Index(_) => &schema["items"],
        };
    }
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flat_map(|fields| fields.keys().cloned())
        .collect()
}

/// Takes the value at the path out; an element takes its whole list with it, so that the others keep
/// their numbers. False where there is nothing to take.
fn remove(value: &mut Value, path: &[Step]) -> bool {
    let Some(end) = path.iter().rposition(|step| matches!(step, Step::Key(_))) else {
        return false;
    };
    let Step::Key(key) = &path[end] else {
        return false;
    };
    let parent = path[..end]
        .iter()
        .try_fold(value, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        });
    let fields = parent.and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.remove(key).is_some())
}

fn find<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn text(path: &[Step]) -> String {
    path.iter()
        .fold("spec".to_owned(), |text, step| match step {
            Step::Key(key) => format!("{text}.{key}"),
            Step::Index(index) => format!("{text}[{index}]"),
        })
}

fn named(path: &serde_path_to_error::Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

fn steps(path: &serde_ignored::Path<'_>) -> Vec<Step> {
    use serde_ignored::Path;
    let (parent, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(Step::Index(*index))),
        Path::Map { parent, key } => (parent, Some(Step::Key(key.clone()))),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut steps = steps(parent);
    steps.extend(step);
    steps
}

/// Edit distance: insertions, deletions and replacements from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
