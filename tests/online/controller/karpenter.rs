//! Karpenter on a rig's API server, with one pool. With its KWOK provider it has the machines that our pools
//! may buy too, at the same prices and with the same room for pods; with its AWS provider it buys of the
//! rig's EC2. Its server of metrics listens on a free port of
//! every address, which Karpenter has no setting for.

use std::fs;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use sparkwright::model::label::ARCH;
use sparkwright::model::node::{CAPACITY_TYPE, ZONE};
use sparkwright::model::offering::{Catalog, InstanceType, Offering, TypeId};
use sparkwright_sim::catalog::Source;

use super::rig::{CLUSTER, Rig};
use crate::testbed::process::Process;
use crate::testbed::{build, eventually, install};

/// The label of a node that Karpenter launched: the name of its pool.
pub const NODEPOOL: &str = "karpenter.sh/nodepool";
/// Its one pool.
pub const POOL: &str = "default";
/// The most vCPUs of a machine, as in the rig's pools.
const MOST_VCPUS: u64 = 32;
/// What the KWOK provider takes from every machine, so that it is laid on top: thousandths of a core, MiB.
const TAKEN: (u64, u64) = (100, 10);

/// A running Karpenter; it ends with this.
pub struct Karpenter {
    process: Process,
}

impl Karpenter {
    /// Installs it with its KWOK provider, and starts it.
    pub async fn start(rig: &Rig) -> Self {
        let built = build::karpenter().unwrap_or_else(|error| panic!("{error}"));
        define(rig, &built.definitions).await;
        apply(
            rig,
            "karpenter.kwok.sh/v1alpha1",
            "KWOKNodeClass",
            json!({}),
        )
        .await;
        let class = ("karpenter.kwok.sh", "KWOKNodeClass");
        apply(rig, "karpenter.sh/v1", "NodePool", pool(class)).await;
        let types = rig.folder().join("karpenter-types.json");
        fs::write(&types, machines(&catalog()).to_string()).expect("the folder is there");
        let types = ("INSTANCE_TYPES_FILE_PATH", types.display().to_string());
        Self::run(rig, &built, vec![types])
    }

    /// Installs it with its AWS provider, and starts it on the rig's EC2. Two parts are left out: Amazon Linux,
    /// whose nodes are told what only EKS knows, and launches for trial by RunInstances.
    pub async fn start_on_ec2(rig: &Rig) -> Self {
        let built = build::karpenter_aws().unwrap_or_else(|error| panic!("{error}"));
        define(rig, &built.definitions).await;
        let selector = json!([{"tags": {"sparkwright.dev/discovery": CLUSTER}}]);
        let class = json!({
            "amiSelectorTerms": [{"alias": "bottlerocket@latest"}], "instanceProfile": "nodes",
            "subnetSelectorTerms": selector, "securityGroupSelectorTerms": selector,
        });
        apply(rig, "karpenter.k8s.aws/v1", "EC2NodeClass", class).await;
        let class = ("karpenter.k8s.aws", "EC2NodeClass");
        apply(rig, "karpenter.sh/v1", "NodePool", pool(class)).await;
        let mut environment = rig.aws();
        environment.extend([
            ("CLUSTER_NAME", CLUSTER.to_owned()),
            ("CLUSTER_ENDPOINT", "https://127.0.0.1".to_owned()),
            ("DISABLE_DRY_RUN", "true".to_owned()),
        ]);
        Self::run(rig, &built, environment)
    }

    fn run(
        rig: &Rig,
        built: &build::Karpenter,
        mut environment: Vec<(&'static str, String)>,
    ) -> Self {
        let kubeconfig = rig.folder().join("admin.kubeconfig");
        environment.extend([
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("SYSTEM_NAMESPACE", "default".to_owned()),
            ("DISABLE_LEADER_ELECTION", "true".to_owned()),
            ("METRICS_PORT", "0".to_owned()),
            ("HEALTH_PROBE_PORT", "0".to_owned()),
            ("CPU_REQUESTS", "2000".to_owned()),
            ("MEMORY_LIMIT", "4000000000".to_owned()),
        ]);
        let process =
            Process::start_with(&built.binary, "karpenter", &[], rig.folder(), &environment);
        Karpenter {
            process: process.expect("it starts"),
        }
    }

    /// Bounds the vCPUs of its pool.
    pub async fn limit(rig: &Rig, vcpus: u32) {
        let patch = Patch::Merge(json!({"spec": {"limits": {"cpu": vcpus.to_string()}}}));
        let pools = api(rig, "karpenter.sh/v1", "NodePool");
        let patched = pools.patch(POOL, &PatchParams::default(), &patch).await;
        patched.expect("it is there");
    }

    /// Fails where it has ended.
    pub fn check(&mut self) {
        self.process
            .check()
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Its claims as they are.
    pub async fn claims(rig: &Rig) -> Vec<DynamicObject> {
        let claims = api(rig, "karpenter.sh/v1", "NodeClaim");
        let claims = claims.list(&ListParams::default()).await;
        claims.expect("they can be listed").items
    }

    /// Has it terminate a claim's instance.
    pub async fn delete_claim(rig: &Rig, name: &str) {
        let claims = api(rig, "karpenter.sh/v1", "NodeClaim");
        let deleted = claims.delete(name, &DeleteParams::default()).await;
        deleted.expect("it is there");
    }
}

/// What the emulator sells too.
pub fn catalog() -> Catalog {
    Source::default()
        .load()
        .expect("the embedded tables are right")
}

/// Creates its definitions, and waits until all are served.
async fn define(rig: &Rig, folder: &Path) {
    let api: Api<CustomResourceDefinition> = Api::all(rig.admin.clone());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("definitions were kept") {
        let path = entry.expect("the folder can be listed").path();
        let text = fs::read_to_string(&path).expect("it is text");
        let definition: CustomResourceDefinition =
            serde_saphyr::from_str(&text).expect("it is a definition");
        let name = definition.name_any();
        let applied = PatchParams::apply("test").force();
        let answer = api.patch(&name, &applied, &Patch::Apply(&definition)).await;
        answer.unwrap_or_else(|error| panic!("apply {name}: {error}"));
        names.push(name);
    }
    for name in names {
        install::established(&rig.admin, &name).await;
    }
}

fn api(rig: &Rig, version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').expect("a group and a version");
    let plural = match kind {
        "KWOKNodeClass" => "kwoknodeclasses".to_owned(),
        "EC2NodeClass" => "ec2nodeclasses".to_owned(),
        other => format!("{}s", other.to_lowercase()),
    };
    let kind = GroupVersionKind::gvk(group, version, kind);
    Api::all_with(
        rig.admin.clone(),
        &ApiResource::from_gvk_with_plural(&kind, &plural),
    )
}

async fn apply(rig: &Rig, version: &str, kind: &str, spec: Value) {
    let object = json!({
        "apiVersion": version, "kind": kind, "metadata": {"name": POOL}, "spec": spec,
    });
    let applied = PatchParams::apply("test").force();
    eventually(&format!("{kind} is accepted"), async || {
        let api = api(rig, version, kind);
        api.patch(POOL, &applied, &Patch::Apply(&object)).await.ok()
    })
    .await;
}

/// Spot and on-demand of everything that is sold, and nothing that is moved about.
fn pool((group, class): (&str, &str)) -> Value {
    json!({
        "template": {"spec": {
            "requirements": [
                {"key": ARCH, "operator": "In", "values": ["amd64"]},
                {"key": CAPACITY_TYPE, "operator": "In", "values": ["spot", "on-demand"]},
            ],
            "nodeClassRef": {"group": group, "kind": class, "name": POOL},
            "expireAfter": "Never",
        }},
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never"},
    })
}

/// Machines as the KWOK provider reads them.
fn machines(catalog: &Catalog) -> Value {
    let types = (0..).map(TypeId).zip(&catalog.types);
    let bought = types.filter(|(_, machine)| may_be_bought(machine));
    bought
        .map(|(id, machine)| {
            let offers = catalog
                .offerings_of(id)
                .map(|offer| offer_of(catalog, offer));
            let room = &machine.allocatable;
            json!({
                "name": machine.name, "architecture": "amd64", "operatingSystems": ["linux"],
                "resources": {
                    "cpu": format!("{}m", room.cpu.millis() + TAKEN.0),
                    "memory": format!("{}Mi", room.memory.mib() + TAKEN.1),
                    "pods": room.pods.to_string(),
                },
                "offerings": offers.collect::<Vec<Value>>(),
            })
        })
        .collect()
}

fn may_be_bought(machine: &InstanceType) -> bool {
    let amd64 = machine.labels.get(ARCH).is_some_and(|arch| arch == "amd64");
    amd64 && machine.is_ordinary() && machine.cpu.millis() <= MOST_VCPUS * 1000
}

fn offer_of(catalog: &Catalog, offer: &Offering) -> Value {
    let requirement =
        |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    let micros = u32::try_from(offer.price.micros()).expect("no machine costs thousands an hour");
    json!({
        "Price": f64::from(micros) / 1e6,
        "Available": true,
        "Requirements": [
            requirement(CAPACITY_TYPE, offer.capacity_type.as_str()),
            requirement(ZONE, &catalog.zone(offer.zone).name),
        ],
    })
}
