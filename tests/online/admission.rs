//! What the API server itself says of our custom resources when they are written: good ones are taken, bad
//! ones refused with what to write instead, and what must not change does not.

use std::fs;
use std::path::Path;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Value, json};
use sparkwright::model::nodeclaim::NodeClaim;
use sparkwright::model::nodeclass::NodeClass;
use sparkwright::model::nodepool::NodePool;

use crate::cases::{Case, good, object};
use crate::testbed::{self, Bed, install};

#[test]
fn every_sample_that_ships_is_accepted() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        let mut seen = 0;
        for folder in ["nodepools", "nodeclasses"] {
            for entry in fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                let document: Value = serde_saphyr::from_str(&text).unwrap();
                let written = write(&admin, document).await;
                written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                seen += 1;
            }
        }
        assert!(seen >= 10);
    });
}

#[test]
fn each_bad_spec_is_refused_with_what_to_write() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        let good = good();
        for kind in ["NodePool", "NodeClass", "NodeClaim"] {
            let written = write(&admin, object(kind, good[kind].clone())).await;
            written.unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
        let mut wrong = Vec::new();
        for (case, spec) in Case::all() {
            match write(&admin, object(&case.kind, spec)).await {
                Ok(()) => wrong.push(format!("accepted: {case:?}")),
                Err(said) if said.contains(&case.refused) => {}
                Err(said) => wrong.push(format!("{case:?}\n  said: {said}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_claims_spec_never_changes_and_its_status_does() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        let good = good();
        let claims: Api<NodeClaim> = Api::all(admin.clone());
        let mut given = object("NodeClaim", good["NodeClaim"].clone());
        given["metadata"]["name"] = json!("immutable");
        let claim: NodeClaim = serde_json::from_value(given).unwrap();
        claims.create(&PostParams::default(), &claim).await.unwrap();
        let merge = |patch: Value| Patch::Merge(patch);
        let plain = PatchParams::default();
        let other = merge(json!({"spec": {"zone": "us-east-1b"}}));
        let said = claims
            .patch("immutable", &plain, &other)
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("never changes; delete the claim"), "{said}");
        let same =
            merge(json!({"spec": {"zone": "us-east-1a"}, "metadata": {"labels": {"a": "b"}}}));
        claims.patch("immutable", &plain, &same).await.unwrap();
        let bad = merge(json!({"status": {"instanceID": "i-XYZ"}}));
        let said = claims
            .patch_status("immutable", &plain, &bad)
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("should match"), "{said}");
        let ready = json!({"type": "Ready", "status": "True", "reason": "Joined", "message": "",
            "lastTransitionTime": "2026-11-21T12:00:00Z", "observedGeneration": 1});
        let status = json!({"status": {"instanceID": "i-0a1b", "usdPerHour": "1.728",
            "observedGeneration": 1, "conditions": [ready]}});
        let held = claims
            .patch_status("immutable", &plain, &merge(status))
            .await
            .unwrap();
        let status = held.status.unwrap();
        assert_eq!(status.instance_id.as_deref(), Some("i-0a1b"));
        assert_eq!(status.conditions.unwrap()[0].observed_generation, Some(1));
        assert_eq!(held.metadata.generation, Some(1));
        claims
            .delete("immutable", &DeleteParams::default())
            .await
            .unwrap();
    });
}

/// Writes an object as a dry run, which is admitted and not kept. The error is what the server says.
async fn write(client: &Client, document: Value) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(document).expect("it is an object");
    let resource = match object.types.as_ref().map(|types| types.kind.as_str()) {
        Some("NodePool") => ApiResource::erase::<NodePool>(&()),
        Some("NodeClass") => ApiResource::erase::<NodeClass>(&()),
        _ => ApiResource::erase::<NodeClaim>(&()),
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let created = api.create(&dry_run, &object).await;
    created.map(|_| ()).map_err(|error| error.to_string())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
