//! The VPC CNI's DaemonSet to what each node holds of its subnet's addresses. Variables are those of
//! amazon-vpc-cni-k8s; one that is not set has the CNI's own default.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::EnvVar;

use super::fault::{Fault, Refusal};
use super::identity::Identity;
use crate::model::cni::Cni;

/// The DaemonSet and its container, as EKS and the CNI's own manifests and charts name them.
const AWS_NODE: &str = "aws-node";
const NAMESPACE: &str = "kube-system";

/// The settings of the VPC CNI, or None of any other DaemonSet.
///
/// # Errors
/// A variable that is no number, by its place in the object.
pub fn cni(object: &DaemonSet) -> Result<Option<Cni>, Refusal> {
    let meta = &object.metadata;
    if meta.name.as_deref() != Some(AWS_NODE) || meta.namespace.as_deref() != Some(NAMESPACE) {
        return Ok(None);
    }
    let identity = Identity::namespaced("DaemonSet", meta)?;
    let spec = object.spec.as_ref();
    let pod = spec.and_then(|spec| spec.template.spec.as_ref());
    let mut containers = pod.into_iter().flat_map(|pod| &pod.containers);
    let container = containers.find(|container| container.name == AWS_NODE);
    let variables = container.and_then(|container| container.env.as_deref());
    let read = settings(variables.unwrap_or_default());
    read.map(Some).map_err(|fault| identity.refuse(fault))
}

fn settings(variables: &[EnvVar]) -> Result<Cni, Fault> {
    let text = |name: &str| {
        let found = variables.iter().find(|variable| variable.name == name);
        found.and_then(|variable| variable.value.as_deref())
    };
    let number = |name: &str| -> Result<Option<u32>, Fault> {
        let Some(text) = text(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let field = format!("spec.template.spec.containers[{AWS_NODE}].env[{name}]");
            Fault::new(field, text, "is no number; write a whole one")
        })
    };
    let positive = |name| Ok(number(name)?.filter(|number| *number > 0));
    let usual = Cni::default();
    Ok(Cni {
        warm_enis: number("WARM_ENI_TARGET")?.unwrap_or(usual.warm_enis),
        warm_ips: positive("WARM_IP_TARGET")?,
        minimum_ips: positive("MINIMUM_IP_TARGET")?,
        prefixes: text("ENABLE_PREFIX_DELEGATION") == Some("true"),
        warm_prefixes: number("WARM_PREFIX_TARGET")?.unwrap_or(usual.warm_prefixes),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn aws_node(variables: Value) -> DaemonSet {
        serde_json::from_value(json!({
            "metadata": {"name": "aws-node", "namespace": "kube-system"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [
                {"name": "aws-node", "env": variables},
                {"name": "aws-eks-nodeagent", "env": [{"name": "WARM_ENI_TARGET", "value": "9"}]},
            ]}}},
        }))
        .unwrap()
    }

    #[test]
    fn what_is_set_counts_and_the_rest_is_the_cnis_own() {
        let variables = json!([
            {"name": "WARM_ENI_TARGET", "value": "2"},
            {"name": "WARM_IP_TARGET", "value": "0"},
            {"name": "MINIMUM_IP_TARGET", "value": "30"},
            {"name": "ENABLE_PREFIX_DELEGATION", "value": "true"},
            {"name": "MY_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ]);
        let read = cni(&aws_node(variables)).unwrap();
        let expected = Cni {
            warm_enis: 2,
            warm_ips: None,
            minimum_ips: Some(30),
            prefixes: true,
            warm_prefixes: 1,
        };
        assert_eq!(read, Some(expected));
        assert_eq!(cni(&aws_node(json!([]))).unwrap(), Some(Cni::default()));
    }

    #[test]
    fn other_daemonsets_say_nothing_and_a_bad_number_is_named() {
        let mut other = aws_node(json!([]));
        other.metadata.namespace = Some("spark".into());
        assert_eq!(cni(&other).unwrap(), None);
        let bad = aws_node(json!([{"name": "WARM_IP_TARGET", "value": "few"}]));
        let refusal = cni(&bad).unwrap_err().to_string();
        assert!(refusal.contains("env[WARM_IP_TARGET]"), "{refusal}");
        assert!(refusal.contains("few"), "{refusal}");
    }
}
