//! User data of Amazon Linux 2023: MIME whose last part is nodeadm's NodeConfig. nodeadm merges the
//! NodeConfigs of all parts, and what comes later counts, so ours is the last. The node's name is its
//! instance id, so that node and claim find each other without asking EC2.

use serde_json::{Value, json};

use super::super::super::node::Taint;
use super::super::class::{Class, InstanceStore};
use super::{ClusterAccess, Joining, mime, pv_disks};

/// The user data; the error is what is wrong with the user's part.
pub(super) fn render(
    class: &Class,
    cluster: &ClusterAccess,
    joining: &Joining,
) -> Result<String, String> {
    let mut parts = Vec::new();
    if class.instance_store == Some(InstanceStore::PvDisks) {
        parts.push(mime::part(mime::SCRIPT, pv_disks::SCRIPT));
    }
    if let Some(text) = &class.user_data {
        parts.extend(mime::parts(text)?);
    }
    let config = node_config(class, cluster, joining);
    let yaml = serde_saphyr::to_string(&config).expect("JSON is YAML");
    parts.push(mime::part(mime::NODE_CONFIG, &yaml));
    Ok(mime::message(&parts))
}

fn node_config(class: &Class, cluster: &ClusterAccess, joining: &Joining) -> Value {
    let mut spec = json!({
        "cluster": {
            "name": cluster.name,
            "apiServerEndpoint": cluster.endpoint,
            "certificateAuthority": cluster.certificate_authority,
            "cidr": cluster.service_cidr,
        },
        "featureGates": {"InstanceIdNodeName": true},
        "kubelet": {"config": kubelet(class, cluster, joining)},
    });
    let labels: Vec<String> = joining
        .own_labels()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if !labels.is_empty() {
        spec["kubelet"]["flags"] = json!([format!("--node-labels={}", labels.join(","))]);
    }
    match &class.instance_store {
        Some(InstanceStore::Raid0) => {
            spec["instance"] = json!({"localStorage": {"strategy": "RAID0"}});
        }
        Some(InstanceStore::Mount { path }) => {
            spec["instance"] = json!({"localStorage": {"strategy": "Mount", "mountPath": path}});
        }
        Some(InstanceStore::PvDisks) | None => {}
    }
    json!({"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec})
}

/// Kubelet's configuration, in its own names.
fn kubelet(class: &Class, cluster: &ClusterAccess, joining: &Joining) -> Value {
    let mut config = serde_json::to_value(&class.kubelet).expect("settings are JSON");
    if let Some(max_pods) = joining.max_pods {
        config["maxPods"] = json!(max_pods);
    }
    if let (None, Some(dns)) = (&class.kubelet.cluster_dns, &cluster.dns) {
        config["clusterDNS"] = json!([dns]);
    }
    let taint = |taint: Taint| {
        let mut fields = json!({"key": taint.key, "effect": taint.effect});
        if !taint.value.is_empty() {
            fields["value"] = json!(taint.value);
        }
        fields
    };
    let taints: Vec<Value> = joining.all_taints().into_iter().map(taint).collect();
    config["registerWithTaints"] = json!(taints);
    config
}
