//! Placed mode by the API server's own admission policy: it adds what the webhook adds, while the leader's
//! parameter says so.

use super::super::rig;
use super::super::scene::{begin, running};
use super::*;
use crate::testbed::install;

#[test]
fn the_policy_adds_what_the_webhook_adds_while_somebody_leads() {
    rig::run(&[], async |rig| {
        install::add(&rig.admin, "admission-policy").await;
        assert!(!is_gated(&tried(rig, plain("early", "driver", 0)).await));
        rig.set("SPARKWRIGHT_PLACEMENT_POLICY", "true");
        begin(rig, "1h").await;
        until_placed(rig).await;
        let driver = create(rig, plain("pi", "driver", 0)).await;
        assert!(is_gated(&driver) && tolerates_drivers_nodes(&driver));
        let mut executor = plain("pi", "executor", 1);
        executor["spec"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
        let executor = create(rig, executor).await;
        assert!(is_gated(&executor) && !tolerates_drivers_nodes(&executor));
        let mut held = plain("pi", "driver", 8);
        held["spec"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
        held["spec"]["schedulingGates"] = json!([{"name": "another.io/x"}]);
        let held = tried(rig, held).await;
        assert!(is_gated(&held) && tolerates_drivers_nodes(&held));
        let gates = held.spec.and_then(|spec| spec.scheduling_gates);
        assert_eq!(gates.map(|gates| gates.len()), Some(2));
        for odd in [
            json!({"schedulerName": "volcano"}),
            json!({"schedulingGates": [{"name": GATE}], "schedulerName": "volcano"}),
        ] {
            let mut pod = plain("pi", "executor", 9);
            let gates = odd["schedulingGates"].as_array().map_or(0, Vec::len);
            for (key, value) in odd.as_object().expect("it has fields") {
                pod["spec"][key] = value.clone();
            }
            let spec = tried(rig, pod).await.spec.expect("it has a spec");
            assert_eq!(spec.scheduling_gates.unwrap_or_default().len(), gates);
        }
        let mut opted_out = plain("pi", "driver", 9);
        opted_out["metadata"]["annotations"] = json!({GATE: "observe"});
        assert!(!is_gated(&tried(rig, opted_out).await));
        running(rig, 2).await;
        rig.signal(0, "TERM");
        until_observed(rig).await;
    });
}
