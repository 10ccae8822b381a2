//! User data of Bottlerocket: its settings in TOML. The user's settings stand, and ours go before them
//! where both speak. The node's name is its instance id, as on other families.

use toml::{Table, Value};

use super::super::super::object::scalar::Length;
use super::super::class::{Class, InstanceStore};
use super::super::kubelet::KubeletSpec;
use super::{ClusterAccess, Joining};

/// The user data; the error is what is wrong with the user's part.
pub(super) fn render(
    class: &Class,
    cluster: &ClusterAccess,
    joining: &Joining,
) -> Result<String, String> {
    let mut all = parse(class.user_data.as_deref().unwrap_or_default())?;
    let mut settings = table([(
        "kubernetes",
        Value::Table(kubernetes(class, cluster, joining)),
    )]);
    if class.instance_store == Some(InstanceStore::Raid0) {
        let commands = table([("000-mount-instance-storage", Value::Table(local_storage()))]);
        settings.insert("bootstrap-commands".into(), Value::Table(commands));
    }
    merge(&mut all, table([("settings", Value::Table(settings))]));
    Ok(toml::to_string(&all).expect("tables are TOML"))
}

/// Reads a user's settings. The error is what is wrong and what to write instead.
pub(super) fn parse(text: &str) -> Result<Table, String> {
    // To TOML, a script's first line is a comment.
    if text.trim_start().starts_with("#!") {
        return Err(
            "is a script, and Bottlerocket runs none; write its settings in TOML".to_owned(),
        );
    }
    let read = text.parse::<Table>();
    let table = read.map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].lines().count().max(1));
        format!(
            "is no TOML (line {line}: {}); write Bottlerocket settings",
            error.message()
        )
    })?;
    match table.keys().find(|key| *key != "settings") {
        Some(key) => Err(format!(
            "has {key}, which is no Bottlerocket setting; write all below settings"
        )),
        None => Ok(table),
    }
}

fn kubernetes(class: &Class, cluster: &ClusterAccess, joining: &Joining) -> Table {
    let mut own = table([
        ("cluster-name", text(&cluster.name)),
        ("api-server", text(&cluster.endpoint)),
        ("cluster-certificate", text(&cluster.certificate_authority)),
        ("hostname-override-source", text("instance-id")),
    ]);
    let dns = class.kubelet.cluster_dns.clone();
    if let Some(addresses) = dns.or_else(|| cluster.dns.clone().map(|dns| vec![dns])) {
        let addresses = addresses.iter().map(|address| text(address));
        own.insert("cluster-dns-ip".into(), Value::Array(addresses.collect()));
    }
    let labels: Table = joining
        .own_labels()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    if !labels.is_empty() {
        own.insert("node-labels".into(), Value::Table(labels));
    }
    own.insert("node-taints".into(), Value::Table(taints(joining)));
    let max_pods = joining.max_pods.map(i64::from).or(class.kubelet.max_pods);
    if let Some(max_pods) = max_pods {
        own.insert("max-pods".into(), Value::Integer(max_pods));
    }
    kubelet(&class.kubelet, &mut own);
    own
}

/// `key = ["value:Effect", …]`.
fn taints(joining: &Joining) -> Table {
    let mut taints = Table::new();
    for taint in joining.all_taints() {
        let entry = taints.entry(taint.key).or_insert(Value::Array(Vec::new()));
        if let Value::Array(effects) = entry {
            effects.push(Value::String(format!("{}:{:?}", taint.value, taint.effect)));
        }
    }
    taints
}

/// Kubelet's settings in Bottlerocket's names.
fn kubelet(given: &KubeletSpec, own: &mut Table) {
    let maps = [
        ("system-reserved", &given.system_reserved),
        ("kube-reserved", &given.kube_reserved),
        ("eviction-hard", &given.eviction_hard),
        ("eviction-soft", &given.eviction_soft),
    ];
    for (name, map) in maps {
        if let Some(map) = map {
            let map = map.iter().map(|(key, value)| (key.clone(), text(value)));
            own.insert(name.into(), Value::Table(map.collect()));
        }
    }
    if let Some(map) = &given.eviction_soft_grace_period {
        let map = map
            .iter()
            .map(|(key, Length(value))| (key.clone(), text(value)));
        own.insert(
            "eviction-soft-grace-period".into(),
            Value::Table(map.collect()),
        );
    }
    if let Some(seconds) = given.eviction_max_pod_grace_period {
        own.insert(
            "eviction-max-pod-grace-period".into(),
            Value::Integer(seconds),
        );
    }
    let percents = [
        (
            "image-gc-high-threshold-percent",
            given.image_gc_high_threshold_percent,
        ),
        (
            "image-gc-low-threshold-percent",
            given.image_gc_low_threshold_percent,
        ),
    ];
    for (name, percent) in percents {
        if let Some(percent) = percent {
            own.insert(name.into(), Value::String(percent.to_string()));
        }
    }
    if let Some(enforced) = given.cpu_cfs_quota {
        own.insert("cpu-cfs-quota-enforced".into(), Value::Boolean(enforced));
    }
}

/// The commands that put all local disks below containerd, kubelet and pods' logs (Bottlerocket 1.22).
fn local_storage() -> Table {
    let command = |words: &[&str]| Value::Array(words.iter().map(|word| text(word)).collect());
    let bind = ["apiclient", "ephemeral-storage", "bind", "--dirs"];
    let folders = ["/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"];
    let commands = vec![
        command(&["apiclient", "ephemeral-storage", "init"]),
        command(&[&bind[..], &folders[..]].concat()),
    ];
    table([
        ("commands", Value::Array(commands)),
        ("mode", text("always")),
        ("essential", Value::Boolean(true)),
    ])
}

/// Puts the second over the first; tables are joined.
fn merge(into: &mut Table, over: Table) {
    for (key, value) in over {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(over)) => merge(into, over),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn table<const N: usize>(fields: [(&str, Value); N]) -> Table {
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}
