//! The custom resource definitions of all kinds, as they are applied to a cluster and as they stand in
//! `deploy/crds/`.

use super::nodeclaim::NodeClaim;
use super::nodeclass::NodeClass;
use super::nodepool::NodePool;
use super::object::definition_yaml;

/// Each kind's plural, which names its file, and its definition as YAML.
pub fn all() -> [(&'static str, String); 3] {
    [
        ("nodepools", definition_yaml::<NodePool>()),
        ("nodeclasses", definition_yaml::<NodeClass>()),
        ("nodeclaims", definition_yaml::<NodeClaim>()),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::super::object::definition;
    use super::*;

    #[test]
    fn the_definitions_on_disk_are_those_in_the_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds");
        for (plural, yaml) in all() {
            let path = folder.join(format!("{plural}.yaml"));
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == yaml,
                "deploy/crds/{plural}.yaml is stale; refresh it with: just crds"
            );
        }
    }

    #[test]
    fn the_definitions_are_structural_and_bounded() {
        for definition in [
            definition::<NodePool>(),
            definition::<NodeClass>(),
            definition::<NodeClaim>(),
        ] {
            let version = &definition["spec"]["versions"][0];
            structural(&version["schema"]["openAPIV3Schema"], "");
            assert!(version["subresources"]["status"].is_object());
        }
    }

    /// Kubernetes' rules for structural schemas, as far as derived ones can break them.
    fn structural(schema: &Value, at: &str) {
        let typed = [
            "type",
            "x-kubernetes-int-or-string",
            "x-kubernetes-preserve-unknown-fields",
        ];
        assert!(
            typed.iter().any(|key| schema.get(key).is_some()),
            "{at} has no type"
        );
        for forbidden in [
            "$ref",
            "definitions",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "nullable",
        ] {
            assert!(schema.get(forbidden).is_none(), "{at} has {forbidden}");
        }
        let (properties, additional) =
            (schema.get("properties"), schema.get("additionalProperties"));
        assert!(
            properties.is_none() || additional.is_none(),
            "{at} has both kinds of properties"
        );
        for (name, child) in properties.and_then(Value::as_object).into_iter().flatten() {
            structural(child, &format!("{at}.{name}"));
        }
        for child in additional.into_iter().chain(schema.get("items")) {
            structural(child, &format!("{at}[]"));
        }
    }
}
