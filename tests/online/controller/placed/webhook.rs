//! The webhook under a real API server: what it adds and to whom, and pods that run although it is down,
//! slow, or shows a certificate that has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use sparkwright::live::admission::certificate::{self, Wanted};
use sparkwright::live::clock;
use sparkwright::model::time::Span;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::rig::{self, Rig};
use super::super::scene::{begin, running};
use super::*;

#[test]
fn pods_created_plainly_get_gate_and_toleration_and_run_where_they_are_placed() {
    rig::run(&[], async |rig| {
        let port = serve_webhook(rig);
        begin(rig, "1h").await;
        call_webhook(rig, port).await;
        until_placed(rig).await;
        let driver = create(rig, plain("pi", "driver", 0)).await;
        assert!(is_gated(&driver) && tolerates_drivers_nodes(&driver));
        for number in 1..=3 {
            let executor = create(rig, plain("pi", "executor", number)).await;
            assert!(is_gated(&executor) && !tolerates_drivers_nodes(&executor));
        }
        let mut other = plain("pi", "sidecar", 9);
        assert!(!is_gated(&tried(rig, other.clone()).await));
        other = plain("pi", "driver", 9);
        other["metadata"]["annotations"] = json!({GATE: "observe"});
        assert!(!is_gated(&tried(rig, other).await), "it has opted out");
        opted_out_namespaces_are_left_alone(rig).await;
        running(rig, 4).await;
        for pod in rig.running().await {
            let chosen = pod.spec.expect("it has a spec").node_selector;
            let chosen = chosen.unwrap_or_default();
            let keys = ["sparkwright.dev/managed", "topology.kubernetes.io/zone"];
            assert!(
                keys.iter().all(|key| chosen.contains_key(*key)),
                "{chosen:?}"
            );
        }
        let told = rig.metrics();
        assert!(
            told.contains("sparkwright_admissions_total{answer=\"gated\"}"),
            "{told}"
        );
        assert!(
            told.contains("sparkwright_admissions_total{answer=\"opted-out\"} 1"),
            "{told}"
        );
    });
}

async fn opted_out_namespaces_are_left_alone(rig: &Rig) {
    let namespaces: Api<Namespace> = Api::all(rig.admin.clone());
    let observed = json!({"metadata": {"name": "observed", "labels": {GATE: "observe"}}});
    let observed = serde_json::from_value(observed).expect("it is a namespace");
    let made = namespaces.create(&PostParams::default(), &observed).await;
    made.expect("it is accepted");
    let pods: Api<Pod> = Api::namespaced(rig.admin.clone(), "observed");
    let driver: Pod = serde_json::from_value(plain("pi", "driver", 0)).expect("it is a pod");
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let pod = eventually("a pod is accepted", async || {
        pods.create(&dry_run, &driver).await.ok()
    })
    .await;
    assert!(!is_gated(&pod));
}

#[test]
fn pods_run_although_the_webhook_is_down_slow_or_has_an_ended_certificate() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        let [down] = ports::free().expect("a port is free");
        call_webhook(rig, down).await;
        runs_within(rig, "down", 2).await;
        let (slow, taken) = never_answers().await;
        call_webhook(rig, slow).await;
        until_asked(rig, &taken).await;
        runs_within(rig, "slow", 4).await;
        let (ended, refused) = shows_an_ended_certificate(rig).await;
        call_webhook(rig, ended).await;
        until_asked(rig, &refused).await;
        runs_within(rig, "ended", 6).await;
    });
}

/// The API server has learned where the webhook is, and asks there.
async fn until_asked(rig: &Rig, asked: &AtomicUsize) {
    eventually("the API server asks the webhook", async || {
        tried(rig, plain("asks", "driver", 0)).await;
        (asked.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
}

/// An application comes in without gates, soon, and runs; with those before it there are so many pods.
async fn runs_within(rig: &Rig, app: &str, pods: usize) {
    let begun = Instant::now();
    for (role, number) in [("driver", 0), ("executor", 1)] {
        let pod = create(rig, plain(app, role, number)).await;
        assert!(!is_gated(&pod), "{app} {role}");
    }
    // The API server waits for one second each.
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    running(rig, pods).await;
}

/// Takes connections and says nothing.
async fn never_answers() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback is there");
    let port = listener.local_addr().expect("it listens").port();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            held.push(stream);
        }
    });
    (port, taken)
}

/// Speaks TLS by a certificate that ended a minute ago, whose authority the API server trusts.
async fn shows_an_ended_certificate(rig: &Rig) -> (u16, Arc<AtomicUsize>) {
    let wanted = Wanted {
        names: vec!["127.0.0.1".into()],
        life: Span::from_secs(60),
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = certificate::next(None, false, &wanted, clock::now() - Span::from_secs(120));
    let made = made.expect("it can be made").expect("there was none");
    let bundle = json!(k8s_openapi::ByteString(
        made.bundle(clock::now()).into_bytes()
    ));
    let webhooks = json!([{"name": "pods.sparkwright.dev", "clientConfig": {"caBundle": bundle}}]);
    let patch = Patch::Strategic(json!({ "webhooks": webhooks }));
    let patched = configurations(rig)
        .patch("sparkwright", &PatchParams::default(), &patch)
        .await;
    patched.expect("it ships");
    let server = TlsAcceptor::from(made.leaf.server().expect("it is whole"));
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback is there");
    let port = listener.local_addr().expect("it listens").port();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // With TLS 1.3 the client's refusal is read after the handshake.
            let asked = match server.accept(stream).await {
                Ok(mut stream) => stream.read(&mut [0; 64]).await.unwrap_or(0),
                Err(_) => 0,
            };
            count.fetch_add(usize::from(asked == 0), Ordering::Relaxed);
        }
    });
    (port, refused)
}
