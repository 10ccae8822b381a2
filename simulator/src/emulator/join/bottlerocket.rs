//! Bottlerocket's user data: settings in TOML. Decides what they ask of a kubelet; settings of anything
//! else are passed over.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wishes::{Taint, Wishes};

#[derive(Debug, Deserialize)]
struct Document {
    settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    kubernetes: Kubernetes,
    #[serde(default)]
    bootstrap_commands: BTreeMap<String, Command>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kubernetes {
    node_labels: BTreeMap<String, String>,
    node_taints: BTreeMap<String, Values>,
    max_pods: Option<u32>,
}

/// A taint's values are a list; older versions took one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    Many(Vec<String>),
    One(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Command {
    commands: Vec<Vec<String>>,
}

/// What user data asks for; None where it is not Bottlerocket's.
pub(super) fn read(text: &str) -> Option<Wishes> {
    let document: Document = toml::from_str(text).ok()?;
    let kubernetes = document.settings.kubernetes;
    let mut taints = Vec::new();
    for (key, values) in &kubernetes.node_taints {
        let values = match values {
            Values::Many(values) => values.as_slice(),
            Values::One(value) => std::slice::from_ref(value),
        };
        taints.extend(values.iter().filter_map(|value| Taint::read(key, value)));
    }
    let mut commands = document
        .settings
        .bootstrap_commands
        .values()
        .flat_map(|c| &c.commands);
    Some(Wishes {
        labels: kubernetes.node_labels,
        taints,
        max_pods: kubernetes.max_pods,
        storage_on_nvme: commands.any(|words| is_bind_of_kubelet(words)),
    })
}

fn is_bind_of_kubelet(words: &[String]) -> bool {
    let binds = words.iter().any(|word| word == "bind");
    binds && words.iter().any(|word| word == "/var/lib/kubelet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_ask_for_labels_taints_pods_and_disks() {
        let text = "[settings.kubernetes]\ncluster-name = 'a'\nmax-pods = 29\n\
            [settings.kubernetes.node-labels]\n'a/b' = 'c'\n\
            [settings.kubernetes.node-taints]\n'x' = ['y:NoSchedule', ':NoExecute']\nz = 'w:NoSchedule'\n\
            [settings.bootstrap-commands.000-mount]\nmode = 'always'\n\
            commands = [['apiclient', 'ephemeral-storage', 'bind', '--dirs', '/var/lib/kubelet']]\n";
        let wishes = read(text).unwrap();
        assert_eq!(wishes.labels["a/b"], "c");
        let taints: Vec<(&str, &str, &str)> = wishes
            .taints
            .iter()
            .map(|t| (t.key.as_str(), t.value.as_str(), t.effect.as_str()))
            .collect();
        assert_eq!(
            taints,
            [
                ("x", "y", "NoSchedule"),
                ("x", "", "NoExecute"),
                ("z", "w", "NoSchedule")
            ]
        );
        assert_eq!((wishes.max_pods, wishes.storage_on_nvme), (Some(29), true));
        assert_eq!(read("kind: NodeConfig"), None);
        assert_eq!(read("[other]\na = 1"), None);
    }
}
