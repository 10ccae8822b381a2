//! The tags by which what we make is known as ours, to us and to the IAM policy that ships: nothing without
//! them is listed, and nothing without them may be ended.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use super::filter;
use crate::model::node::MANAGED;

/// The NodeClass that it is made of.
pub(super) const NODECLASS: &str = "sparkwright.dev/nodeclass";
/// The intent's token: instances are matched to their claims by it.
pub(super) const INTENT: &str = "sparkwright.dev/intent";
/// The leader's epoch.
pub(super) const EPOCH: &str = "sparkwright.dev/epoch";

/// Tags of everything that is made for a cluster. EKS's own lets its tools find a cluster's nodes.
pub(super) fn ours(cluster: &str) -> BTreeMap<String, String> {
    [
        (owner(cluster), "owned".to_owned()),
        ("eks:eks-cluster-name".to_owned(), cluster.to_owned()),
        (MANAGED.to_owned(), "true".to_owned()),
    ]
    .into()
}

/// What is ours, of this cluster.
pub(super) fn ours_only(cluster: &str) -> Vec<Filter> {
    vec![
        filter::any(format!("tag:{}", owner(cluster)), &["owned"]),
        filter::any(format!("tag:{MANAGED}"), &["true"]),
    ]
}

/// The same tags for resources of a kind.
pub(super) fn on(kind: ResourceType, tags: &BTreeMap<String, String>) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(written(tags)))
        .build()
}

/// Tags in EC2's form.
pub(super) fn written(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// Tags in ours.
pub(super) fn read(tags: &[Tag]) -> BTreeMap<String, String> {
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
    tags.iter().filter_map(pair).collect()
}

fn owner(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}
