//! Gates that nobody would lift: too old, without a leader, without any replica, at an uninstallation.

use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;

use super::super::rig;
use super::super::scene::begin;
use super::*;

#[test]
fn a_gate_that_is_too_old_is_lifted_and_its_pod_told() {
    rig::run(&[], async |rig| {
        rig.set("SPARKWRIGHT_MAX_GATE", "6s");
        begin(rig, "1h").await;
        close_pools(rig).await;
        rig.create_pod("old", "driver", 0, 13).await;
        assert_eq!(gated(rig).await.len(), 1);
        eventually("the gate is lifted", async || {
            gated(rig).await.is_empty().then_some(())
        })
        .await;
        let pod = rig.pods().get("old-driver-0").await.expect("it is there");
        let spec = pod.spec.expect("it has a spec");
        assert_eq!(spec.node_selector, None, "nothing was added");
        let events: Api<Event> = Api::namespaced(rig.admin.clone(), "default");
        eventually("its user is told", async || {
            let told = events.list(&ListParams::default()).await.ok()?;
            let told = told.items.into_iter();
            let mut reasons = told.filter_map(|event| event.reason);
            reasons.any(|reason| reason == "GateLifted").then_some(())
        })
        .await;
        let told = rig.metrics();
        let counted = "sparkwright_gates_lifted_total{result=\"ok\",why=\"age\"} 1";
        assert!(told.contains(counted), "{told}");
    });
}

#[test]
fn a_replica_without_ec2_frees_pods_when_nobody_leads_and_adds_no_gate() {
    rig::run(&[], async |rig| {
        let leaders = serve_webhook(rig);
        begin(rig, "1h").await;
        close_pools(rig).await;
        call_webhook(rig, leaders).await;
        until_placed(rig).await;
        let others = serve_webhook(rig);
        rig.unset("AWS_ACCESS_KEY_ID");
        rig.set("AWS_EC2_METADATA_DISABLED", "true");
        rig.start();
        for number in 1..=5 {
            create(rig, plain("waits", "executor", number)).await;
        }
        eventually("the other replica looks for AWS", async || {
            rig.log().contains("AWS cannot be reached").then_some(())
        })
        .await;
        // Longer than a Lease without a renewal may be, so that it would have freed them by mistake.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(gated(rig).await.len(), 5);
        call_webhook(rig, others).await;
        rig.signal(0, "KILL");
        eventually("the other replica has freed them", async || {
            gated(rig).await.is_empty().then_some(())
        })
        .await;
        let pod = create(rig, plain("later", "driver", 0)).await;
        assert!(!is_gated(&pod), "nobody would lift it");
        let told = rig.metrics();
        let counted = "sparkwright_gates_lifted_total{result=\"ok\",why=\"no-leader\"} 5";
        assert!(told.contains(counted), "{told}");
    });
}

#[test]
fn pods_of_a_cluster_whose_replicas_were_killed_are_freed_by_the_job() {
    rig::run(&[], async |rig| {
        let first = serve_webhook(rig);
        begin(rig, "1h").await;
        serve_webhook(rig);
        rig.start();
        close_pools(rig).await;
        call_webhook(rig, first).await;
        until_placed(rig).await;
        for number in 1..=5 {
            create(rig, plain("waits", "executor", number)).await;
        }
        let account = rig.kubeconfig("sparkwright-gates").await;
        rig.set("KUBECONFIG", &account);
        let (done, said) = rig.command(&["ungate", "--stale"]);
        assert!(done && said.contains("gates lifted: 0"), "{said}");
        assert_eq!(gated(rig).await.len(), 5, "somebody leads");
        rig.signal(0, "KILL");
        rig.signal(1, "KILL");
        let pod = create(rig, plain("later", "driver", 0)).await;
        assert!(!is_gated(&pod), "the webhook is gone");
        let (done, said) = rig.command(&["ungate", "--stale"]);
        assert!(done && said.contains("gates lifted: 5"), "{said}");
        assert_eq!(gated(rig).await.len(), 0);
    });
}

#[test]
fn an_uninstallation_frees_a_hundred_pods_and_no_more_get_a_gate() {
    rig::run(&[], async |rig| {
        let port = serve_webhook(rig);
        begin(rig, "1h").await;
        close_pools(rig).await;
        call_webhook(rig, port).await;
        until_placed(rig).await;
        for number in 1..=100 {
            create(rig, plain("waits", "executor", number)).await;
        }
        assert_eq!(gated(rig).await.len(), 100);
        eventually("it is measured why they wait", async || {
            let told = rig.metrics();
            let line = told
                .lines()
                .find(|line| line.starts_with("sparkwright_pods_gated") && line.ends_with(" 100"));
            line.filter(|line| !line.contains("booting")).map(|_| ())
        })
        .await;
        crate::testbed::install::add(&rig.admin, "uninstall").await;
        let account = rig.kubeconfig("sparkwright-uninstall").await;
        rig.set("KUBECONFIG", &account);
        let (done, said) = rig.command(&["ungate", "--all", "--uninstall"]);
        assert!(done && said.contains("gates lifted: 100"), "{said}");
        assert_eq!(gated(rig).await.len(), 0);
        assert!(
            configurations(rig)
                .get_opt("sparkwright")
                .await
                .expect("it is asked")
                .is_none()
        );
        until_observed(rig).await;
        let (done, said) = rig.command(&["ungate", "--all", "--uninstall"]);
        assert!(done && said.contains("gates lifted: 0"), "{said}");
        let (done, said) = rig.command(&["ungate"]);
        assert!(!done && said.contains("--all"), "{said}");
    });
}
