//! Amazon Linux 2023's user data: `NodeConfig` documents of nodeadm, alone or as parts of a MIME message;
//! later ones add to earlier ones. Shell parts are not run.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wishes::{Taint, Wishes};

/// The type of a part that holds a NodeConfig.
const NODE_CONFIG: &str = "application/node.eks.aws";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    kind: String,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    kubelet: Kubelet,
    instance: Instance,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kubelet {
    config: KubeletConfig,
    flags: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KubeletConfig {
    max_pods: Option<u32>,
    register_with_taints: Vec<TaintSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TaintSpec {
    key: String,
    value: String,
    effect: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Instance {
    local_storage: BTreeMap<String, serde::de::IgnoredAny>,
}

/// What user data asks for.
pub(super) fn read(text: &str) -> Wishes {
    let mut wishes = Wishes::default();
    for document in documents(text) {
        let read: Result<Document, _> = serde_saphyr::from_str(&document);
        match read {
            Ok(document) if document.kind == "NodeConfig" => add(&mut wishes, document.spec, text),
            Ok(_) | Err(_) => {}
        }
    }
    wishes
}

fn add(wishes: &mut Wishes, spec: Spec, text: &str) {
    for flag in &spec.kubelet.flags {
        if let Some(labels) = flag.strip_prefix("--node-labels=") {
            wishes.label_flag(labels);
        } else if let Some(taints) = flag.strip_prefix("--register-with-taints=") {
            wishes.taint_flag(taints);
        } else if let Some(pods) = flag.strip_prefix("--max-pods=") {
            wishes.max_pods = pods.parse().ok().or(wishes.max_pods);
        }
    }
    let config = spec.kubelet.config;
    wishes.max_pods = config.max_pods.or(wishes.max_pods);
    let taints = config.register_with_taints.into_iter();
    let taints = taints.filter_map(|t| Taint::read(&t.key, &format!("{}:{}", t.value, t.effect)));
    wishes.taints.extend(taints);
    // RAID 0 and RAID 10 put kubelet's folder on the disks; Mount leaves it on the root volume.
    let strategy = spec.instance.local_storage.contains_key("strategy");
    wishes.storage_on_nvme |= strategy && (text.contains("RAID0") || text.contains("RAID10"));
}

/// The NodeConfig documents of a message, or the text itself.
fn documents(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let Some(boundary) = boundary(&text) else {
        return vec![text];
    };
    let marker = format!("--{boundary}");
    let parts = text.split(marker.as_str()).skip(1);
    let parts = parts.filter_map(|part| part.trim_start_matches('\n').split_once("\n\n"));
    let configs = parts.filter(|(head, _)| head.contains(NODE_CONFIG));
    configs.map(|(_, body)| body.to_owned()).collect()
}

/// The boundary of a multipart message.
fn boundary(text: &str) -> Option<&str> {
    let head = text.lines().take_while(|line| !line.starts_with("--"));
    let line = head.into_iter().find(|line| line.contains("boundary="))?;
    let (_, value) = line.split_once("boundary=")?;
    let value = value.split(';').next()?.trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIME: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n\n\
        --//\nContent-Type: text/x-shellscript; charset=\"us-ascii\"\n\n#!/bin/sh\necho kind: NodeConfig\n\
        --//\nContent-Type: application/node.eks.aws\n\n\
        apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster: {name: a}\n  kubelet:\n    \
        config:\n      maxPods: 58\n      registerWithTaints:\n      - {key: sparkwright.dev/starting, effect: NoExecute}\n    \
        flags:\n    - --node-labels=a=b,sparkwright.dev/managed=true\n  instance:\n    localStorage: {strategy: RAID0}\n\
        --//--\n";

    #[test]
    fn a_node_config_in_a_message_asks_for_labels_taints_pods_and_disks() {
        for text in [MIME.to_owned(), MIME.replace('\n', "\r\n")] {
            let wishes = read(&text);
            assert_eq!(wishes.labels["sparkwright.dev/managed"], "true");
            assert_eq!(wishes.taints[0].key, "sparkwright.dev/starting");
            assert_eq!(wishes.taints[0].effect, "NoExecute");
            assert_eq!((wishes.max_pods, wishes.storage_on_nvme), (Some(58), true));
        }
    }

    #[test]
    fn a_bare_node_config_is_read_and_anything_else_asks_for_nothing() {
        let bare = "kind: NodeConfig\nspec: {kubelet: {flags: [--max-pods=7]}}";
        assert_eq!(read(bare).max_pods, Some(7));
        for other in [
            "",
            "#!/bin/bash\n/etc/eks/bootstrap.sh x",
            "kind: [",
            "kind: Other",
        ] {
            assert_eq!(read(other), Wishes::default(), "{other}");
        }
    }
}
