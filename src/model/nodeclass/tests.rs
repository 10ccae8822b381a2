//! NodeClasses: what defaults mean, which images an alias names, and what is laid over what. Bad fields are
//! in `tests/admission/refused.yaml`, user data on the pages of `tests/user-data/`.

use serde_json::{Value, json};

use super::super::object::API_VERSION;
use super::super::resources::Bytes;
use super::disk::VolumeType;
use super::image::{Alias, Architecture};
use super::user_data::{ClusterAccess, Joining, render};
use super::*;

#[test]
fn a_short_nodeclass_means_the_documented_defaults() {
    let class = class("{role: a}");
    assert_eq!(class.family, AmiFamily::Al2023);
    assert_eq!(class.identity, Identity::Role("a".into()));
    let metadata = MetadataOptions {
        endpoint: true,
        ipv6: false,
        hop_limit: 1,
        tokens_required: true,
    };
    assert_eq!(class.metadata, metadata);
    assert_eq!((class.instance_store, class.public_address), (None, None));
    assert!(class.disks.is_empty() && class.tags.is_empty() && !class.detailed_monitoring);
}

#[test]
fn volumes_are_gp3_and_go_with_their_node() {
    let class =
        class("{role: a, blockDeviceMappings: [{deviceName: /dev/xvda, ebs: {volumeSize: 60Gi}}]}");
    let [disk] = &class.disks[..] else {
        panic!("one disk: {:?}", class.disks);
    };
    assert_eq!(disk.size, Some(Bytes::from_mib(60 << 10)));
    assert_eq!(
        (disk.volume_type, disk.delete_on_termination),
        (VolumeType::Gp3, true)
    );
    assert_eq!((disk.root, disk.encrypted, disk.iops), (false, None, None));
}

#[test]
fn what_only_the_check_can_tell_is_refused_too() {
    for (spec, field) in [
        ("{role: arn:aws:iam::1:role/a}", "spec.role"),
        ("{role: a, userData: echo}", "spec.userData"),
        (
            "{role: a, kubelet: {clusterDNS: [dns]}}",
            "spec.kubelet.clusterDNS[0]",
        ),
        (
            "{role: a, kubelet: {systemReserved: {gpu: '1'}}}",
            "spec.kubelet.systemReserved.gpu",
        ),
        (
            "{role: a, kubelet: {evictionHard: {memory.available: 100%}}}",
            "spec.kubelet.evictionHard.memory.available",
        ),
        (
            "{role: a, kubelet: {evictionHard: {memory: 5%}}}",
            "spec.kubelet.evictionHard.memory",
        ),
        ("{role: a, rolle: b}", "spec.rolle"),
        (
            "{role: a, instanceStorePolicy: Mount, instanceStoreMountPath: /a/../b}",
            "spec.instanceStoreMountPath",
        ),
        (
            "{role: a, blockDeviceMappings: [{deviceName: /dev/xvda, ebs: {volumeSize: 100}}]}",
            "spec.blockDeviceMappings[0].ebs.volumeSize",
        ),
        (
            "{role: a, blockDeviceMappings: [{deviceName: /dev/a, ebs: {volumeSize: 1Gi}}, {deviceName: /dev/a, ebs: {volumeSize: 1Gi}}]}",
            "spec.blockDeviceMappings[1].deviceName",
        ),
        (
            "{role: a, amiSelectorTerms: [{alias: bottlerocket@latest}], kubelet: {podsPerCore: 4}}",
            "spec.kubelet.podsPerCore",
        ),
        (
            "{role: a, amiSelectorTerms: [{alias: bottlerocket@latest}], userData: '#!/bin/sh'}",
            "spec.userData",
        ),
        (
            "{role: a, amiSelectorTerms: [{alias: bottlerocket@latest}], userData: 'a = 1'}",
            "spec.userData",
        ),
    ] {
        let errors = read(document(spec)).expect_err(spec);
        let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, [field], "{spec}: {errors:?}");
        assert!(
            errors[0].problem.contains(';') || errors[0].problem.contains("did you mean"),
            "{errors:?}"
        );
    }
}

#[test]
fn all_bad_fields_are_reported_at_once() {
    let spec = "{amiSelectorTerms: [{id: ami-0}], subnetSelectorTerms: [{id: x}], tags: {'aws:a': b}, \
                instanceStoreMountPath: /a, kubelet: {maxPods: 0}, detailedMonitoring: 1}";
    let errors = read(document(spec)).unwrap_err();
    let mut named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    named.sort_unstable();
    let expected = [
        "spec.amiFamily",
        "spec.detailedMonitoring",
        "spec.instanceStoreMountPath",
        "spec.kubelet.maxPods",
        "spec.role",
        "spec.subnetSelectorTerms[0].id",
        "spec.tags.aws:a",
    ];
    assert_eq!(named, expected, "{errors:?}");
}

#[test]
fn an_alias_names_one_parameter_for_each_architecture() {
    for (alias, amd64, arm64) in [
        (
            "al2023@latest",
            "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id",
            "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/standard/recommended/image_id",
        ),
        (
            "al2023@v20261107",
            "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/amazon-eks-node-al2023-x86_64-standard-1.34-v20261107/image_id",
            "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/standard/amazon-eks-node-al2023-arm64-standard-1.34-v20261107/image_id",
        ),
        (
            "bottlerocket@v1.52.0",
            "/aws/service/bottlerocket/aws-k8s-1.34/x86_64/1.52.0/image_id",
            "/aws/service/bottlerocket/aws-k8s-1.34/arm64/1.52.0/image_id",
        ),
    ] {
        let alias = Alias::parse(alias).unwrap();
        let names = Architecture::ALL.map(|arch| alias.ssm_parameter("1.34", arch));
        assert_eq!(names, [amd64, arm64]);
    }
    for bad in [
        "",
        "al2023",
        "al2@latest",
        "al2023@newest",
        "al2023@v",
        "bottlerocket@1.x",
    ] {
        assert!(Alias::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_pools_number_of_pods_goes_before_the_classes() {
    let class = class("{role: a, kubelet: {maxPods: 58}}");
    let joining = Joining {
        max_pods: Some(20),
        ..Joining::default()
    };
    let text = render(&class, &cluster(), &joining).unwrap();
    assert!(
        text.contains("maxPods: 20") && !text.contains("58"),
        "{text}"
    );
}

#[test]
fn a_users_script_runs_between_the_disks_and_nodeadm() {
    let class =
        class("{role: a, instanceStorePolicy: PvDisks, userData: \"#!/bin/sh\\necho mine\"}");
    let text = render(&class, &cluster(), &Joining::default()).unwrap();
    let at = |part: &str| {
        text.find(part)
            .unwrap_or_else(|| panic!("no {part}: {text}"))
    };
    assert!(at("mkfs.xfs") < at("echo mine") && at("echo mine") < at("kind: NodeConfig"));
}

#[test]
fn bottlerocket_settings_of_the_user_stand_where_ours_say_nothing() {
    let class = class(
        "{role: a, amiSelectorTerms: [{alias: bottlerocket@latest}], userData: \"[settings.kubernetes]\\n\
         api-server = 'x'\\nlog-level = 3\\n[settings.host-containers.admin]\\nenabled = true\"}",
    );
    let text = render(&class, &cluster(), &Joining::default()).unwrap();
    let read: toml::Table = text.parse().unwrap();
    let kubernetes = &read["settings"]["kubernetes"];
    assert_eq!(
        kubernetes["api-server"].as_str(),
        Some("https://api.example")
    );
    assert_eq!(kubernetes["log-level"].as_integer(), Some(3));
    assert_eq!(
        read["settings"]["host-containers"]["admin"]["enabled"].as_bool(),
        Some(true)
    );
    let taints = &kubernetes["node-taints"]["sparkwright.dev/unregistered"];
    assert_eq!(taints[0].as_str(), Some(":NoExecute"));
}

fn class(spec: &str) -> Class {
    match read(document(spec)) {
        Ok(class) => class,
        Err(errors) => panic!("{spec}: {errors:?}"),
    }
}

/// A NodeClass that is good but for what is given.
fn document(spec: &str) -> Value {
    let mut given: Value =
        serde_saphyr::from_str(spec).expect("the test's own YAML is well formed");
    let terms = json!([{"tags": {"sparkwright.dev/discovery": "my-cluster"}}]);
    for (field, default) in [
        ("amiSelectorTerms", json!([{"alias": "al2023@latest"}])),
        ("subnetSelectorTerms", terms.clone()),
        ("securityGroupSelectorTerms", terms),
    ] {
        if given.get(field).is_none() {
            given[field] = default;
        }
    }
    json!({"apiVersion": API_VERSION, "kind": "NodeClass", "metadata": {"name": "test"}, "spec": given})
}

fn cluster() -> ClusterAccess {
    ClusterAccess {
        name: "my-cluster".into(),
        endpoint: "https://api.example".into(),
        certificate_authority: "QQ==".into(),
        service_cidr: "10.100.0.0/16".into(),
        dns: None,
    }
}
