//! Objects as they come, put together: lists taken apart, the last of two alike kept, refusals and
//! unused kinds counted. The order of what comes out is that of names, not of inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sparkwright::cluster::event::Fact;
use sparkwright::cluster::kubernetes::shape::{Aside, Data, Speech, moment};
use sparkwright::cluster::kubernetes::{Kind, priority_class, statement};
use sparkwright::model::nodepool;
use sparkwright::model::spark::Pod;

use super::{Manifests, document};

/// Lists may hold lists; deeper than this they are refused.
const DEEPEST: usize = 4;
/// Objects given twice that are named one by one.
const MOST_REPEATED: usize = 10;
/// Longest name of a kind that is repeated in a message, in characters.
const LONGEST_KIND: usize = 80;

/// Whose turn it is when facts are told: pools and daemons before nodes, demand last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Pool,
    Daemon,
    Claim,
    Volume,
    Class,
    Namespace,
    Budget,
    Node,
    /// Objects of any kind that speak of shapes.
    Speaker(Kind),
    Shape,
    Pod,
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    manifests: Manifests,
    facts: BTreeMap<(Rank, String), Option<Fact>>,
    /// What objects say of shapes; pods what they say beside themselves.
    speeches: BTreeMap<(Rank, String), Speech>,
    /// PriorityClasses by name: the number, and whether pods of it push no others out.
    priorities: BTreeMap<String, (i32, bool)>,
    /// PriorityClass by pod, where the pod has no number of its own.
    priority_classes: BTreeMap<String, String>,
    unused: BTreeMap<String, usize>,
    repeated: usize,
}

/// What every Kubernetes object begins with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(default)]
    api_version: Value,
    #[serde(default)]
    kind: Value,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

/// Where an object stands, and what its list says of it.
struct Place<'a> {
    input: &'a str,
    /// `document 3`, `document 1 item 7`.
    at: String,
    depth: usize,
    /// Version and kind of items that do not say it themselves.
    inherited: Option<(String, String)>,
}

impl Gathered {
    /// Takes in a whole text.
    pub(super) fn text(&mut self, input: &str, text: &str) {
        let mut documents = 0_usize;
        let mut headless = Headless::default();
        document::for_each(text, &mut |document| {
            documents += 1;
            let place = Place {
                input,
                at: format!("document {}", document.number),
                depth: 0,
                inherited: None,
            };
            match document.json {
                Ok(json) => self.document(&place, &json, &mut headless),
                Err(problem) => self.refuse_at(&place, &problem),
            }
        });
        if documents == 0 {
            self.refuse(input, "is empty; write at least one object");
        }
        if let Some((at, problem)) = headless.first {
            let others = match headless.count {
                1 => String::new(),
                n => format!(" (so are {} more documents)", n - 1),
            };
            let line = format!("refused {input} ({at}) {problem}{others}");
            self.manifests.refusals.push(line);
        }
    }

    /// Refuses an input.
    pub(super) fn refuse(&mut self, input: &str, problem: &str) {
        self.manifests
            .refusals
            .push(format!("refused {input}: {problem}"));
    }

    /// The facts in order, and a line for each kind that was not used.
    pub(super) fn into_manifests(mut self) -> Manifests {
        self.give_priorities();
        self.join_shapes();
        self.manifests
            .facts
            .extend(self.facts.into_values().flatten());
        if self.repeated > MOST_REPEATED {
            let more = self.repeated - MOST_REPEATED;
            let line = format!("{more} more objects are given again; the last of each counts");
            self.manifests.warnings.push(line);
        }
        for (kind, count) in &self.unused {
            let objects = if *count == 1 { "object" } else { "objects" };
            let line = format!("{count} {objects} of kind {kind} not used in planning");
            self.manifests.warnings.push(line);
        }
        self.manifests
    }

    /// Pods that name a PriorityClass of these manifests get its number, as the API server would give
    /// it.
    fn give_priorities(&mut self) {
        for (pod, class) in std::mem::take(&mut self.priority_classes) {
            let Some(&(value, never_preempts)) = self.priorities.get(&class) else {
                continue;
            };
            if let Some(Some(Fact::PodApplied(pod))) = self.facts.get_mut(&(Rank::Pod, pod)) {
                let template = Arc::make_mut(&mut pod.template);
                template.priority = value;
                if never_preempts {
                    let placement = template.placement.get_or_insert_default();
                    Arc::make_mut(placement).never_preempts = true;
                }
            }
        }
    }

    /// Shapes in place of the objects that speak of them, and pods as they count beside each other.
    fn join_shapes(&mut self) {
        let mut speeches: BTreeMap<String, Vec<Speech>> = BTreeMap::new();
        let mut configs = BTreeMap::new();
        let mut pods = Vec::new();
        for ((rank, name), speech) in std::mem::take(&mut self.speeches) {
            let fact = self.facts.get(&(rank, name.clone())).cloned().flatten();
            match (speech, fact) {
                (Speech::Pod(aside), Some(Fact::PodApplied(pod))) => pods.push((pod, *aside)),
                (Speech::Pod(_), _) => {}
                (Speech::Config(data), _) => drop(configs.insert(name, data)),
                (speech, _) => speeches.entry(name).or_default().push(speech),
            }
        }
        self.count_unnamed(&configs, &pods);
        let moment = moment::at(self.manifests.latest, &speeches, pods, &configs);
        self.facts.retain(|(rank, _), _| *rank != Rank::Pod);
        for (app, shape) in moment.shapes {
            let key = (Rank::Shape, app.as_str().to_owned());
            let fact = Fact::ShapeDeclared {
                app,
                shape: Box::new(shape),
            };
            self.facts.insert(key, Some(fact));
        }
        for (id, pod) in moment.pods {
            let key = (Rank::Pod, id.as_str().to_owned());
            self.facts.insert(key, Some(Fact::PodApplied(pod)));
        }
        let refusals = moment.refusals.iter();
        let refusals = refusals.map(|refusal| format!("refused {refusal}"));
        self.manifests.refusals.extend(refusals);
        if let Some(config) = moment.unread.first() {
            let line = format!(
                "{} waiting drivers name a ConfigMap that is not given, such as {}/{}; give it, and their \
                 executors are planned too",
                moment.unread.len(),
                config.namespace,
                config.name
            );
            self.manifests.warnings.push(line);
        }
    }

    /// ConfigMaps that no driver names are of no use.
    fn count_unnamed(&mut self, configs: &BTreeMap<String, Data>, pods: &[(Pod, Aside)]) {
        let named = pods.iter().filter_map(|(_, aside)| aside.config.as_ref());
        let named = named.flat_map(|config| {
            let names = config.template.iter().chain([&config.name]);
            names.map(|name| format!("{}/{name}", config.namespace))
        });
        let named: BTreeSet<String> = named.collect();
        let unnamed = configs.keys().filter(|name| !named.contains(*name));
        let unnamed = unnamed.count();
        if unnamed > 0 {
            let kind = "ConfigMap of v1".to_owned();
            *self.unused.entry(kind).or_default() += unnamed;
        }
    }

    fn refuse_at(&mut self, place: &Place<'_>, problem: &str) {
        let line = format!("refused {} ({}) {problem}", place.input, place.at);
        self.manifests.refusals.push(line);
    }

    /// An object, a list of them, or what is neither.
    fn document(&mut self, place: &Place<'_>, json: &str, headless: &mut Headless) {
        if json.trim_start().starts_with('[') {
            return self.items(place, json, headless);
        }
        let head: Head<'_> = match serde_json::from_str(json) {
            Ok(head) => head,
            Err(_) => {
                return headless.add(place, "is no object; write apiVersion, kind and metadata");
            }
        };
        let inherited = place.inherited.as_ref();
        let version = text_or(&head.api_version, inherited.map(|(version, _)| version));
        let kind = text_or(&head.kind, inherited.map(|(_, kind)| kind));
        let Some(kind) = kind.filter(|kind| !kind.is_empty()) else {
            return headless.add(place, "has no kind; write apiVersion, kind and metadata");
        };
        let version = version.unwrap_or_default();
        match (kind.strip_suffix("List"), head.items) {
            (Some(item), Some(items)) => {
                let inherited = (!item.is_empty()).then(|| (version, item.to_owned()));
                let place = Place {
                    at: place.at.clone(),
                    inherited,
                    ..*place
                };
                self.items(&place, items.get(), headless);
            }
            _ => self.object(place, &version, &kind, json),
        }
    }

    fn items(&mut self, place: &Place<'_>, json: &str, headless: &mut Headless) {
        if place.depth >= DEEPEST {
            return self.refuse_at(place, "holds lists in lists; write one list");
        }
        let items: Vec<&RawValue> = match serde_json::from_str::<Option<_>>(json) {
            Ok(items) => items.unwrap_or_default(),
            Err(_) => return self.refuse_at(place, "items: is no list; write a list of objects"),
        };
        for (i, item) in items.into_iter().enumerate() {
            let place = Place {
                input: place.input,
                at: format!("{} item {}", place.at, i + 1),
                depth: place.depth + 1,
                inherited: place.inherited.clone(),
            };
            self.document(&place, item.get(), headless);
        }
    }

    fn object(&mut self, place: &Place<'_>, version: &str, kind: &str, json: &str) {
        if kind == "NodePool" && version.starts_with("sparkwright.dev/") {
            return self.pool(place, json);
        }
        if kind == "PriorityClass" && version.starts_with("scheduling.k8s.io/") {
            return match priority_class(json) {
                Ok((name, value, never)) => drop(self.priorities.insert(name, (value, never))),
                Err(refusal) => self.refuse_at(place, &refusal.to_string()),
            };
        }
        let Some(known) = Kind::of(version, kind) else {
            let group = if version.is_empty() { "" } else { " of " };
            let name = format!("{kind}{group}{version}").replace(char::is_control, " ");
            let name = name.chars().take(LONGEST_KIND).collect();
            *self.unused.entry(name).or_default() += 1;
            return;
        };
        match statement(known, json) {
            Ok(said) => {
                self.manifests.latest = self.manifests.latest.max(said.created);
                if let Some(class) = said.priority_class {
                    self.priority_classes.insert(said.name.clone(), class);
                }
                let key = (rank(known), said.name.clone());
                match said.speech {
                    Some(speech) => drop(self.speeches.insert(key, speech)),
                    None => drop(self.speeches.remove(&key)),
                }
                self.keep(place, rank(known), known.as_str(), said.name, said.fact);
            }
            Err(refusal) => self.refuse_at(place, &refusal.to_string()),
        }
    }

    fn pool(&mut self, place: &Place<'_>, json: &str) {
        self.manifests.has_pools = true;
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        let name = value["metadata"]["name"].as_str().unwrap_or("(unnamed)");
        let name: String = name.chars().take(LONGEST_KIND).collect();
        match nodepool::read(value) {
            Ok((pool, warnings)) => {
                let name = pool.name.to_string();
                let warning =
                    |text| format!("{} ({}): NodePool {name}: {text}", place.input, place.at);
                self.manifests
                    .warnings
                    .extend(warnings.into_iter().map(warning));
                self.keep(
                    place,
                    Rank::Pool,
                    "NodePool",
                    name,
                    Some(Fact::PoolApplied(pool.into())),
                );
            }
            Err(errors) => {
                for error in errors {
                    self.refuse_at(place, &format!("NodePool {name}: {error}"));
                }
            }
        }
    }

    fn keep(
        &mut self,
        place: &Place<'_>,
        rank: Rank,
        kind: &str,
        name: String,
        fact: Option<Fact>,
    ) {
        let label = format!("{kind} {name}");
        if self.facts.insert((rank, name), fact).is_some() {
            self.repeated += 1;
            if self.repeated <= MOST_REPEATED {
                let line = format!(
                    "{} ({}): {label} is given again; this one counts",
                    place.input, place.at
                );
                self.manifests.warnings.push(line);
            }
        }
    }
}

/// Documents of one text that are no Kubernetes objects: named once, since a file of another kind has
/// thousands of them.
#[derive(Default)]
struct Headless {
    first: Option<(String, &'static str)>,
    count: usize,
}

impl Headless {
    fn add(&mut self, place: &Place<'_>, problem: &'static str) {
        self.count += 1;
        self.first
            .get_or_insert_with(|| (place.at.clone(), problem));
    }
}

/// The word itself, or the list's word where the object has none.
fn text_or(value: &Value, inherited: Option<&String>) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => inherited.cloned(),
        _ => None,
    }
}

fn rank(kind: Kind) -> Rank {
    match kind {
        Kind::DaemonSet => Rank::Daemon,
        Kind::Node => Rank::Node,
        Kind::SparkApplication
        | Kind::ScheduledSparkApplication
        | Kind::ApacheApplication
        | Kind::PodGroup(_)
        | Kind::ProvisioningRequest
        | Kind::PodTemplate
        | Kind::ConfigMap => Rank::Speaker(kind),
        Kind::Pod => Rank::Pod,
        Kind::PersistentVolumeClaim => Rank::Claim,
        Kind::PersistentVolume => Rank::Volume,
        Kind::StorageClass => Rank::Class,
        Kind::Namespace => Rank::Namespace,
        Kind::PodDisruptionBudget => Rank::Budget,
    }
}
