//! The node object of an instance: what its kubelet would register, and what the cloud's controller would
//! put on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeSpec, NodeStatus, NodeSystemInfo, Taint as KubeTaint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sparkwright::model::label::{ARCH, OS, REGION};
use sparkwright::model::name::NodeId;
use sparkwright::model::node::{INSTANCE_TYPE, ZONE, ZONE_ID};
use sparkwright::model::offering::InstanceType;

use super::Kubelet;
use super::wishes::Wishes;
use crate::emulator::actions::dns_name;
use crate::emulator::instance::Instance;
use crate::emulator::region::Region;

/// Nodes with this annotation are KWOK's to play.
const FAKE: (&str, &str) = ("kwok.x-k8s.io/node", "fake");

/// The node of an instance; None where the instance has gone in the meantime.
pub(super) fn object(region: &Region, id: &NodeId, kubelet: Kubelet) -> Option<Node> {
    let instance = region
        .instances
        .get(id)
        .filter(|instance| instance.state.is_open())?;
    let user_data = instance.launch.data.user_data_text().unwrap_or_default();
    let wishes = Wishes::read(&user_data, region.tags_of(id.as_str()));
    let (_, zone) = region.names(instance.of);
    let taints = wishes.taints.iter().map(|taint| KubeTaint {
        key: taint.key.clone(),
        value: Some(taint.value.clone()).filter(|value| !value.is_empty()),
        effect: taint.effect.clone(),
        time_added: None,
    });
    Some(Node {
        metadata: ObjectMeta {
            name: Some(id.as_str().to_owned()),
            labels: Some(labels(region, instance, &wishes)),
            annotations: (kubelet == Kubelet::Kwok)
                .then(|| [(FAKE.0.to_owned(), FAKE.1.to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            provider_id: Some(format!("aws:///{zone}/{}", id.as_str())),
            taints: Some(taints.collect()),
            ..NodeSpec::default()
        }),
        status: Some(status(region, instance, &wishes)),
    })
}

fn labels(region: &Region, instance: &Instance, wishes: &Wishes) -> BTreeMap<String, String> {
    let catalog = region.catalog();
    let machine = catalog.instance_type(instance.of.0);
    let zone = catalog.zone(instance.of.1);
    let own = [
        (INSTANCE_TYPE, machine.name.as_str()),
        (ZONE, zone.name.as_str()),
        (ZONE_ID, zone.id.as_str()),
        (REGION, catalog.region.as_str()),
        (ARCH, architecture(machine)),
        (OS, "linux"),
        ("kubernetes.io/hostname", instance.id.as_str()),
    ];
    let mut labels = wishes.labels.clone();
    labels.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    labels
}

fn architecture(machine: &InstanceType) -> &str {
    machine.labels.get(ARCH).map_or("amd64", String::as_str)
}

fn status(region: &Region, instance: &Instance, wishes: &Wishes) -> NodeStatus {
    let machine = region.catalog().instance_type(instance.of.0);
    let address = |kind: &str, address: String| NodeAddress {
        type_: kind.to_owned(),
        address,
    };
    NodeStatus {
        addresses: Some(vec![
            address("InternalIP", instance.address.clone()),
            address("InternalDNS", dns_name(region, instance)),
            address("Hostname", instance.id.as_str().to_owned()),
        ]),
        capacity: Some(capacity(machine, wishes)),
        allocatable: Some(allocatable(machine, wishes)),
        node_info: Some(NodeSystemInfo {
            architecture: architecture(machine).to_owned(),
            operating_system: "linux".to_owned(),
            kubelet_version: "emulated".to_owned(),
            system_uuid: instance.id.as_str().to_owned(),
            ..NodeSystemInfo::default()
        }),
        ..NodeStatus::default()
    }
}

/// What a kubelet would find: the type's vCPUs and memory as they are sold.
fn capacity(machine: &InstanceType, wishes: &Wishes) -> BTreeMap<String, Quantity> {
    let mut room = allocatable(machine, wishes);
    room.insert(
        "cpu".to_owned(),
        Quantity(format!("{}m", machine.cpu.millis())),
    );
    room.insert(
        "memory".to_owned(),
        Quantity(machine.memory.get().to_string()),
    );
    room
}

/// What it would leave to pods: the catalogue's own estimate.
fn allocatable(machine: &InstanceType, wishes: &Wishes) -> BTreeMap<String, Quantity> {
    let room = &machine.allocatable;
    let pods = wishes.max_pods.unwrap_or(room.pods);
    let storage = machine.storage(wishes.storage_on_nvme);
    let plain = [
        ("cpu", format!("{}m", room.cpu.millis())),
        ("memory", room.memory.get().to_string()),
        ("pods", pods.to_string()),
        ("ephemeral-storage", storage.get().to_string()),
    ];
    let devices = room
        .extended
        .iter()
        .map(|(name, count)| (name.to_string(), count.to_string()));
    let plain = plain.map(|(name, amount)| (name.to_owned(), amount));
    let all = plain.into_iter().chain(devices);
    all.map(|(name, amount)| (name, Quantity(amount))).collect()
}
