//! Installs what `deploy/` ships, as `kubectl apply -k deploy` does: each file of its kustomization, in
//! order, by server-side apply.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::eventually;

/// Serialises installations: tests run side by side.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// Applies everything, and waits until its custom resources are served.
pub async fn deploy(client: &Client) {
    let alone = INSTALLING.lock().await;
    for document in documents() {
        apply(client, document).await;
    }
    drop(alone);
    for kind in ["nodepools", "nodeclasses", "nodeclaims"] {
        established(client, &format!("{kind}.sparkwright.dev")).await;
    }
}

/// Waits until custom resources are served, by the name of their definition.
pub async fn established(client: &Client, name: &str) {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    eventually(&format!("{name} is established"), async || {
        let conditions = crds.get(name).await.ok()?.status?.conditions?;
        let is = |name: &str| {
            conditions
                .iter()
                .any(|c| c.type_ == name && c.status == "True")
        };
        assert!(!is("NonStructuralSchema"), "{conditions:?}");
        is("Established").then_some(())
    })
    .await;
}

/// A token of the controller's service account: with it a test is bound by the RBAC that ships.
pub async fn controllers_token(admin: &Client) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), "sparkwright");
    let asked =
        serde_json::from_value(json!({"spec": {"audiences": []}})).expect("it is a request");
    let post = PostParams::default();
    let answer = accounts
        .create_token_request("sparkwright", &post, &asked)
        .await;
    let status = answer.expect("the account is there").status;
    let token = status.and_then(|status| status.token);
    token.expect("a token is given")
}

/// The documents of the files that the kustomization names.
pub fn documents() -> Vec<Value> {
    let kustomization: Value =
        serde_saphyr::from_str(&read("kustomization.yaml")).expect("it is YAML");
    let fields = kustomization.as_object().expect("it has fields");
    let known = ["apiVersion", "kind", "resources"];
    assert!(
        fields.keys().all(|key| known.contains(&key.as_str())),
        "the kustomization does more than this test bed can: {fields:?}"
    );
    let files = kustomization["resources"]
        .as_array()
        .expect("it names files");
    let texts = files
        .iter()
        .map(|file| read(file.as_str().expect("a file's name")));
    let parse = |text: String| serde_saphyr::from_multiple::<Value>(&text).expect("it is YAML");
    texts.flat_map(parse).collect()
}

fn read(file: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn apply(client: &Client, document: Value) {
    let object: DynamicObject = serde_json::from_value(document).expect("it is an object");
    let types = object.types.clone().expect("it has a kind");
    let kind = GroupVersionKind::try_from(&types).expect("its kind is whole");
    let (resource, capabilities) = discovery::pinned_kind(client, &kind)
        .await
        .expect("its kind is served");
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Namespaced, Some(namespace)) => {
            Api::namespaced_with(client.clone(), &namespace, &resource)
        }
        (Scope::Cluster, None) => Api::all_with(client.clone(), &resource),
        (scope, namespace) => panic!("{types:?} is {scope:?}, and is given {namespace:?}"),
    };
    let applied = PatchParams::apply("testbed").force();
    let patched = api
        .patch(&object.name_any(), &applied, &Patch::Apply(&object))
        .await;
    patched.unwrap_or_else(|error| panic!("apply {} {}: {error}", types.kind, object.name_any()));
}
