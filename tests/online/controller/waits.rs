//! Why an application waits, as its driver's pod says it: by a condition that people and programs can wait for.

use k8s_openapi::api::core::v1::PodCondition;
use serde_json::json;

use super::rig::{self, Rig};
use super::scene::{begin, running};
use crate::testbed::eventually;

#[test]
fn a_driver_says_what_its_application_waits_for_until_it_has_its_node() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        rig.patch_pool("executors", json!({"limits": {"cpu": "1"}}))
            .await;
        // The driver comes last: alone it would not wait.
        for number in 1..=2 {
            rig.create_pod("a", "executor", number, 13).await;
        }
        rig.create_pod("a", "driver", 0, 4).await;
        let waits = eventually("the driver says what is waited for", async || {
            let placed = placed(rig, "a-driver-0").await?;
            let reason = placed.reason.clone().unwrap_or_default();
            ["AboveLimit", "LimitReached"]
                .contains(&reason.as_str())
                .then_some(placed)
        })
        .await;
        assert_eq!(waits.status, "False");
        let message = waits.message.unwrap_or_default();
        assert!(message.contains("limits.cpu"), "{message}");
        rig.patch_pool("executors", json!({"limits": {"cpu": "100"}}))
            .await;
        running(rig, 3).await;
        eventually("it says that it has its node", async || {
            let placed = placed(rig, "a-driver-0").await?;
            (placed.status == "True").then_some(())
        })
        .await;
    });
}

async fn placed(rig: &Rig, pod: &str) -> Option<PodCondition> {
    let pod = rig.pods().get(pod).await.ok()?;
    let mut conditions = pod.status?.conditions?.into_iter();
    conditions.find(|one| one.type_ == "sparkwright.dev/Placed")
}
