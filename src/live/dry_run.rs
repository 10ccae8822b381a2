//! `sparkwright plan --from-cluster`: what would be launched now for a cluster as it is, and why. Lists by
//! pages, folds, plans once and prints; writes nothing, and a kubeconfig that may only read is enough.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{fs, io};

use clap::Args;
use hyper::Request;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::Cluster;
use crate::cluster::event::{Event, Fact};
use crate::cluster::kubernetes::shape::{Aside, ConfigRef, Data, Make, Speech, moment};
use crate::cluster::kubernetes::{Kind, statement};
use crate::model::nodepool;
use crate::model::offering::Catalog;
use crate::model::spark::{Pod, PodPhase};
use crate::model::time::Timestamp;
use crate::plan::advise::advise_all;
use crate::plan::plan;
use crate::plan::tell::{Answer, document, printable, table};
use crate::stream::{Decoder, Entry};

use super::ask::{AskError, ClusterArgs, Form, client};
use super::clock;
use super::ec2::{Ec2, Options};

/// Objects of one page.
const PAGE: usize = 500;
/// Pages of one kind at most: a million objects.
const MOST_PAGES: usize = 2_000;
/// Drivers whose ConfigMaps are read: one call each.
const MOST_CONFIGS: usize = 1_000;
/// Refused objects that are named one by one.
const MOST_NAMED: usize = 50;

/// What is listed, in the order in which it is folded, and where. The last is true where a cluster may do
/// without the kind.
const LISTED: [(Option<Kind>, &str, bool); 17] = [
    (None, "/apis/sparkwright.dev/v1alpha1/nodepools", false),
    (Some(Kind::DaemonSet), "/apis/apps/v1/daemonsets", false),
    (
        Some(Kind::PersistentVolumeClaim),
        "/api/v1/persistentvolumeclaims",
        false,
    ),
    (
        Some(Kind::PersistentVolume),
        "/api/v1/persistentvolumes",
        false,
    ),
    (
        Some(Kind::StorageClass),
        "/apis/storage.k8s.io/v1/storageclasses",
        false,
    ),
    (Some(Kind::Namespace), "/api/v1/namespaces", false),
    (
        Some(Kind::PodDisruptionBudget),
        "/apis/policy/v1/poddisruptionbudgets",
        false,
    ),
    (Some(Kind::Node), "/api/v1/nodes", false),
    (
        Some(Kind::SparkApplication),
        "/apis/sparkoperator.k8s.io/v1beta2/sparkapplications",
        true,
    ),
    (
        Some(Kind::ScheduledSparkApplication),
        "/apis/sparkoperator.k8s.io/v1beta2/scheduledsparkapplications",
        true,
    ),
    (
        Some(Kind::ApacheApplication),
        "/apis/spark.apache.org/v1/sparkapplications",
        true,
    ),
    (
        Some(Kind::PodGroup(Make::Volcano)),
        "/apis/scheduling.volcano.sh/v1beta1/podgroups",
        true,
    ),
    (
        Some(Kind::PodGroup(Make::Coscheduling)),
        "/apis/scheduling.x-k8s.io/v1alpha1/podgroups",
        true,
    ),
    (
        Some(Kind::PodGroup(Make::Kubernetes)),
        "/apis/scheduling.k8s.io/v1alpha2/podgroups",
        true,
    ),
    (Some(Kind::PodTemplate), "/api/v1/podtemplates", true),
    (
        Some(Kind::ProvisioningRequest),
        "/apis/autoscaling.x-k8s.io/v1/provisioningrequests",
        true,
    ),
    (Some(Kind::Pod), "/api/v1/pods", false),
];

/// Arguments of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Plans for the pods of a cluster as it is; for manifests there is `sparkwright-sim plan`
    #[arg(long, required = true)]
    pub from_cluster: bool,
    /// Where types and prices come from: a recorded stream (docs/recorded-stream.md); AWS where it is not given
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// AWS region; the environment's where it is not given
    #[arg(long, env = "SPARKWRIGHT_REGION")]
    pub region: Option<String>,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// A table for people, or JSON
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        default_value_t,
        value_name = "FORM"
    )]
    pub output: Form,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The cluster cannot be reached.
    #[error(transparent)]
    Cluster(#[from] AskError),
    /// A list cannot be had.
    #[error("list {path}: {problem}")]
    List {
        /// What was listed.
        path: &'static str,
        /// The API server's own words.
        problem: String,
    },
    /// There is no catalogue in the file.
    #[error("--catalog {path}: {problem}")]
    Catalog {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// AWS does not say what it sells.
    #[error("{0}; or name a recorded stream with --catalog")]
    Aws(String),
    /// The document could not be written.
    #[error("the document could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Facts of a cluster, and what was refused of it.
#[derive(Debug, Default)]
pub struct Listed {
    /// In the order in which they are to be folded.
    pub facts: Vec<Fact>,
    /// Objects with a bad value, and what they and others probably do not mean, a line each.
    pub messages: Vec<String>,
    /// What objects say of shapes, by name.
    speeches: BTreeMap<String, Vec<Speech>>,
    /// Pods, and what they say beside.
    pods: Vec<(Pod, Aside)>,
}

/// What the arguments say is sold: a recorded catalogue, or AWS's own.
///
/// # Errors
/// Where the file cannot be read or lists none, or AWS does not answer.
pub async fn catalog(args: &PlanArgs) -> Result<Arc<Catalog>, DryRunError> {
    if let Some(path) = &args.catalog {
        return recorded_catalog(path);
    }
    // The name tags what is launched, and nothing is.
    let options = Options {
        region: args.region.clone(),
        cluster_name: "plan".to_owned(),
        queue: None,
    };
    let ec2 = Ec2::connect(options).await;
    let ec2 = ec2.map_err(|error| DryRunError::Aws(error.to_string()))?;
    let listed = ec2.catalog().await;
    listed
        .map(Arc::new)
        .map_err(|error| DryRunError::Aws(error.to_string()))
}

/// Plans for the cluster that the arguments name with this catalogue. The document goes to `out`, a line
/// for each object that was refused to `messages`. Nothing is known of what nodes cost that are there, so
/// budgets in USD count new ones only, and no node is said to leave.
///
/// # Errors
/// Where something cannot be listed, or the document not be written. A refused object is no error.
pub async fn run(
    args: &PlanArgs,
    catalog: Arc<Catalog>,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<(), DryRunError> {
    let client = client(&args.cluster).await?;
    let listed = list(&client).await?;
    let more = listed.messages.len().saturating_sub(MOST_NAMED);
    for line in listed.messages.iter().take(MOST_NAMED) {
        writeln!(messages, "{}", printable(line))?;
    }
    if more > 0 {
        writeln!(messages, "{more} lines more")?;
    }
    let answer = answer(catalog, listed.facts, clock::now());
    match args.output {
        Form::Json => document::write(&answer, out)?,
        Form::Text => table::write(&answer, out)?,
    }
    Ok(())
}

fn answer(catalog: Arc<Catalog>, facts: Vec<Fact>, at: Timestamp) -> Answer {
    let begun = Instant::now();
    let mut cluster = Cluster::default();
    let listed = Fact::CatalogListed(catalog.clone());
    for fact in std::iter::once(listed).chain(facts) {
        cluster.apply(&Event { at, fact });
    }
    let plan = plan(&cluster.view(at));
    Answer {
        advice: advise_all(&cluster.view(at)),
        catalog,
        plan,
        took: begun.elapsed(),
    }
}

/// Everything that planning learns from, by pages.
///
/// # Errors
/// Where something cannot be listed: it is missing, or may not be read.
pub async fn list(client: &Client) -> Result<Listed, DryRunError> {
    let mut listed = Listed::default();
    for (kind, path, may_be_missing) in LISTED {
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = page(client, path, &next, may_be_missing).await? else {
                break;
            };
            for item in page.items {
                listed.take(kind, item.get());
            }
            next = page.metadata.next.unwrap_or_default();
            if next.is_empty() {
                break;
            }
        }
    }
    let configs = configs(client, &listed.pods).await;
    listed.join(&configs, clock::now());
    Ok(listed)
}

/// The ConfigMaps of drivers that wait. One that is not there yet, or may not be read, leaves its
/// application to its pods.
async fn configs(client: &Client, pods: &[(Pod, Aside)]) -> BTreeMap<String, Data> {
    let waiting = pods
        .iter()
        .filter(|(pod, _)| !matches!(pod.phase, PodPhase::Bound(_)));
    let named = waiting.filter_map(|(_, aside)| aside.config.as_ref());
    let mut configs = BTreeMap::new();
    for config in named.take(MOST_CONFIGS) {
        let ConfigRef {
            namespace,
            name,
            template,
        } = config;
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        for name in std::iter::once(name).chain(template) {
            if let Ok(map) = api.get(name).await {
                configs.insert(format!("{namespace}/{name}"), map.data.unwrap_or_default());
            }
        }
    }
    configs
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageHead,
    items: Vec<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
struct PageHead {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// One page; None where the cluster does not have the kind and may do without.
async fn page(
    client: &Client,
    path: &'static str,
    next: &str,
    may_be_missing: bool,
) -> Result<Option<Page>, DryRunError> {
    let failed = |problem: String| DryRunError::List { path, problem };
    let encoded: String = form(next);
    let uri = format!("{path}?limit={PAGE}&continue={encoded}");
    let request = Request::get(uri).body(Vec::new());
    let request = request.map_err(|error| failed(error.to_string()))?;
    match client.request_text(request).await {
        Ok(text) => {
            let page = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
            Ok(Some(page))
        }
        Err(kube::Error::Api(status)) if status.code == 404 && may_be_missing => Ok(None),
        Err(kube::Error::Api(status)) => Err(failed(match status.code {
            404 => "is not there; apply the custom resource definitions of deploy/crds".to_owned(),
            403 => format!("{}; give the user list on it", status.message),
            _ => status.message.clone(),
        })),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A token as a part of a query.
fn form(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

impl Listed {
    /// One object; a NodePool where there is no kind.
    fn take(&mut self, kind: Option<Kind>, json: &str) {
        match kind {
            Some(kind) => match statement(kind, json) {
                Ok(said) => match (said.speech, said.fact) {
                    (Some(Speech::Pod(aside)), Some(Fact::PodApplied(pod))) => {
                        self.pods.push((pod, *aside));
                    }
                    (Some(speech), _) => self.speeches.entry(said.name).or_default().push(speech),
                    (None, fact) => self.facts.extend(fact),
                },
                Err(refusal) => self.messages.push(format!("refused {refusal}")),
            },
            None => self.pool(json),
        }
    }

    /// Shapes and pods, once all are listed.
    fn join(&mut self, configs: &BTreeMap<String, Data>, now: Timestamp) {
        let pods = std::mem::take(&mut self.pods);
        let moment = moment::at(now, &self.speeches, pods, configs);
        let shapes = moment.shapes.into_iter();
        let shapes = shapes.map(|(app, shape)| Fact::ShapeDeclared {
            app,
            shape: Box::new(shape),
        });
        self.facts.extend(shapes);
        let pods = moment.pods.into_values().map(Fact::PodApplied);
        self.facts.extend(pods);
        let refused = moment.refusals.iter();
        self.messages
            .extend(refused.map(|refusal| format!("refused {refusal}")));
        let unread = moment.unread.iter();
        self.messages.extend(unread.map(|config| {
            let ConfigRef {
                namespace, name, ..
            } = config;
            format!("warning: ConfigMap {namespace}/{name} is not there or cannot be read; executors are planned once they come")
        }));
    }

    fn pool(&mut self, json: &str) {
        let document: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
        let name = document["metadata"]["name"].as_str().unwrap_or("(unnamed)");
        let name = name.to_owned();
        match nodepool::read(document) {
            Ok((pool, warnings)) => {
                let lines = warnings.into_iter();
                self.messages
                    .extend(lines.map(|line| format!("warning: NodePool {name}: {line}")));
                self.facts.push(Fact::PoolApplied(pool.into()));
            }
            Err(errors) => {
                let lines = errors.into_iter();
                self.messages
                    .extend(lines.map(|error| format!("refused NodePool {name}: {error}")));
            }
        }
    }
}

/// The catalogue that a recorded stream begins with or lists first.
///
/// # Errors
/// Where the file cannot be read, is no stream, or lists none.
pub fn recorded_catalog(path: &Path) -> Result<Arc<Catalog>, DryRunError> {
    let failed = |problem: String| DryRunError::Catalog {
        path: path.display().to_string(),
        problem,
    };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut decoder = Decoder::default();
    for line in text.lines() {
        let entry = decoder
            .read(line)
            .map_err(|error| failed(error.to_string()))?;
        let catalog = match entry {
            Some(Entry::Known(snapshot)) => snapshot.catalog,
            Some(Entry::Event(Event {
                fact: Fact::CatalogListed(catalog),
                ..
            })) => catalog,
            _ => continue,
        };
        if !catalog.types.is_empty() {
            return Ok(catalog);
        }
    }
    Err(failed("lists no catalogue".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_list_become_facts_and_bad_ones_are_named() {
        let mut listed = Listed::default();
        listed.take(
            None,
            r#"{"metadata":{"name":"a"},"spec":{"weight":"heavy"}}"#,
        );
        listed.take(
            Some(Kind::Node),
            r#"{"metadata":{"name":"n"},"status":{"allocatable":{"cpu":"8","memory":"30Gi","pods":"58"}}}"#,
        );
        listed.take(
            Some(Kind::Node),
            r#"{"metadata":{"name":"m"},"status":{"allocatable":{"cpu":"-8"}}}"#,
        );
        assert_eq!(listed.facts.len(), 1, "{:?}", listed.facts);
        assert!(
            listed
                .messages
                .iter()
                .any(|line| line.starts_with("refused NodePool a: "))
        );
        assert!(
            listed.messages.iter().any(|line| line.contains("Node m")),
            "{:?}",
            listed.messages
        );
    }

    #[test]
    fn tokens_of_pages_are_encoded() {
        assert_eq!(form("aZ0-._~"), "aZ0-._~");
        assert_eq!(form("a=b&c/+"), "a%3Db%26c%2F%2B");
    }
}
