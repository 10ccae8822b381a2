//! On machines of which instance family an application's executors ran, where its record tells it: by
//! what its executors had to select, by what Databricks notes of its clusters, by its nodes.

use std::collections::BTreeMap;

use sparkwright::model::conf::{self, Conf};
use sparkwright::model::label::{FAMILY, canonical};
use sparkwright::model::node::INSTANCE_TYPE;
use sparkwright::model::spark::Role;

use super::format::tables::{Node, Pod};

/// The workers' type, among the properties of every cluster that Databricks starts.
pub(super) const DATABRICKS_TYPE: &str = "spark.databricks.clusterUsageTags.clusterNodeType";

/// The family, where the properties name one.
pub fn of_properties(conf: &Conf) -> Option<String> {
    let mut selected = conf::selectors(conf, Role::Executor)
        .into_iter()
        .filter_map(|(key, value)| match canonical(&key) {
            FAMILY => Some(value),
            INSTANCE_TYPE => family(&value),
            _ => None,
        });
    let noted = || conf.get(DATABRICKS_TYPE).and_then(|name| family(name));
    selected.next().or_else(noted)
}

/// The family of all nodes on which executors were seen, where it is one.
pub(super) fn of_nodes(pods: &[Pod], nodes: &BTreeMap<String, Node>) -> Option<String> {
    let executors = pods.iter().filter(|pod| pod.executor.is_some());
    let mut families = executors.filter_map(|pod| {
        let node = nodes.get(pod.node.as_ref()?)?;
        family(node.instance_type.as_deref()?)
    });
    let first = families.next()?;
    families.all(|other| other == first).then_some(first)
}

/// `m5` of `m5.xlarge`; None for what is no type of EC2's.
fn family(name: &str) -> Option<String> {
    let (family, size) = name.split_once('.')?;
    let is_family = family.contains(|c: char| c.is_ascii_digit());
    (is_family && !size.is_empty()).then(|| family.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_executors_and_databricks_tell_the_family() {
        for (key, value, family) in [
            (
                "spark.kubernetes.executor.node.selector.node.kubernetes.io/instance-type",
                "m7g.4xlarge",
                Some("m7g"),
            ),
            (
                "spark.kubernetes.node.selector.beta.kubernetes.io/instance-type",
                "c5d.large",
                Some("c5d"),
            ),
            (
                "spark.kubernetes.node.selector.karpenter.k8s.aws/instance-family",
                "r6i",
                Some("r6i"),
            ),
            (
                "spark.kubernetes.driver.node.selector.karpenter.k8s.aws/instance-family",
                "r6i",
                None,
            ),
            (DATABRICKS_TYPE, "m4.2xlarge", Some("m4")),
            (DATABRICKS_TYPE, "Standard_DS3_v2", None),
        ] {
            let conf = Conf::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(of_properties(&conf).as_deref(), family, "{key}={value}");
        }
    }

    #[test]
    fn nodes_tell_the_family_where_all_executors_were_on_one() {
        let node = |name: &str, of: &str| {
            let node = Node {
                node: name.to_owned(),
                instance_type: Some(of.to_owned()),
                ..Node::default()
            };
            (name.to_owned(), node)
        };
        let pod = |on: &str, executor: Option<&str>| Pod {
            executor: executor.map(str::to_owned),
            node: Some(on.to_owned()),
            ..Pod::default()
        };
        let nodes = BTreeMap::from([
            node("a", "m7g.large"),
            node("b", "m7g.xlarge"),
            node("c", "m5.large"),
        ]);
        let pods = [pod("a", Some("1")), pod("b", Some("2")), pod("c", None)];
        assert_eq!(of_nodes(&pods, &nodes).as_deref(), Some("m7g"));
        let mixed = [pod("a", Some("1")), pod("c", Some("2"))];
        assert_eq!(of_nodes(&mixed, &nodes), None);
    }
}
