//! NodeClaims: what is written is what is read, in the names of the definition.

use serde_json::json;

use super::*;

#[test]
fn a_claim_reads_as_it_is_written() {
    let given = json!({
        "nodePool": "executors",
        "nodeClassRef": {"group": "sparkwright.dev", "kind": "NodeClass", "name": "al2023"},
        "purpose": "work",
        "intent": {"token": "t", "attempt": 2, "request": null},
        "zone": "us-east-1a", "zoneID": "use1-az4", "capacityType": "on-demand",
        "instanceTypes": ["c5d.9xlarge"], "requests": {"cpu": "34"},
        "labels": null, "taints": null, "startupTaints": null,
    });
    let claim: NodeClaimSpec = serde_json::from_value(given.clone()).unwrap();
    assert_eq!(serde_json::to_value(claim).unwrap(), given);
}
