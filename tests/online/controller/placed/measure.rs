//! Figures of placed mode, for docs/benchmarks.md, taken where they are asked for: how fast the webhook
//! answers over TLS, and how fast gates are lifted. Nothing fails for being slow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::rig;
use super::super::scene::begin;
use super::*;

/// Set to anything: figures are taken.
const MEASURE: &str = "SPARKWRIGHT_MEASURE";
/// Connections of the asker, as an API server keeps some.
const CONNECTIONS: u32 = 16;
/// Creations a second, and for how many seconds.
const RATE: u32 = 1000;
const SECONDS: u32 = 10;
/// Gates that are lifted.
const GATES: u32 = 2000;
/// Executors of one application whose gates the leader lifts together.
const EXECUTORS: u32 = 500;

#[test]
fn a_thousand_creations_a_second_through_the_webhook() {
    if is_not_asked_for() {
        return;
    }
    rig::run(&[], async |rig| {
        let port = serve_webhook(rig);
        begin(rig, "1h").await;
        call_webhook(rig, port).await;
        until_placed(rig).await;
        let mut desks = Vec::new();
        for _ in 0..CONNECTIONS {
            desks.push(connected(rig, port).await);
        }
        let before = rig.cpu_millis();
        let idle = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let idle = (rig.cpu_millis() - before) / u64::from(elapsed_seconds(idle));
        let (before, begun) = (rig.cpu_millis(), Instant::now());
        let each = desks.into_iter().map(|desk| asks(desk, begun));
        let mut took: Vec<Duration> = futures::future::join_all(each).await.concat();
        let (wall, cpu) = (begun.elapsed(), rig.cpu_millis() - before);
        took.sort_unstable();
        let at = |share: usize| took[(took.len() - 1) * share / 1000];
        eprintln!(
            "webhook over TLS on loopback: {} answers in {:.1} s, from the time each was due: p50 {:?}, p99 {:?}, \
             p99.9 {:?}; {cpu} ms of CPU, of which about {idle} ms a second without any",
            took.len(),
            wall.as_secs_f64(),
            at(500),
            at(990),
            at(999)
        );
    });
}

#[test]
fn gates_lifted_in_a_second() {
    if is_not_asked_for() {
        return;
    }
    rig::run(&[], async |rig| {
        {
            let rig: &Rig = rig;
            let create = |number: u32| async move {
                rig.create_pod("held", "executor", number, 13).await;
            };
            let created = futures::stream::iter((1..=GATES).map(create));
            created.buffer_unordered(32).collect::<Vec<()>>().await;
        }
        let account = rig.kubeconfig("sparkwright-gates").await;
        let controllers = rig
            .folder()
            .join("controller.kubeconfig")
            .display()
            .to_string();
        rig.set("KUBECONFIG", &account);
        let begun = Instant::now();
        let (done, said) = rig.command(&["ungate", "--all"]);
        let took = begun.elapsed().as_secs_f64();
        assert!(done, "{said}");
        eprintln!(
            "ungate --all: {} in {took:.1} s, {:.0} a second",
            said.trim(),
            f64::from(GATES) / took
        );
        rig.set("KUBECONFIG", &controllers);
        let all = kube::api::DeleteParams::default().grace_period(0);
        let deleted = rig
            .pods()
            .delete_collection(&all, &ListParams::default())
            .await;
        deleted.expect("they can be deleted");
        eventually("they are gone", async || {
            gated(rig).await.is_empty().then_some(())
        })
        .await;
        rig.create_pod("gang", "driver", 0, 4).await;
        for number in 1..=EXECUTORS {
            rig.create_pod("gang", "executor", number, 13).await;
        }
        begin(rig, "1h").await;
        let (mut first, mut left) = (None, usize::MAX);
        let begun = Instant::now();
        while left > 0 && begun.elapsed() < Duration::from_secs(120) {
            left = held(rig).await;
            let all = usize::try_from(EXECUTORS).expect("it fits") + 1;
            if first.is_none() && left < all {
                first = Some(Instant::now());
            }
        }
        let took = first.map_or(0.0, |first| first.elapsed().as_secs_f64());
        eprintln!(
            "the leader lifted the gates of {EXECUTORS} executors; from the first seen to the last {took:.2} s"
        );
    });
}

/// How many pods our gate holds. Counted in the answer as it comes: to read hundreds of pods again and again
/// would take the machine from those who are measured.
async fn held(rig: &Rig) -> usize {
    let unbound = "/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3D";
    let request = hyper::Request::get(unbound).body(Vec::new());
    let pods = rig.admin.request_text(request.expect("it is a request"));
    let gate = r#"{"name":"sparkwright.dev/placement"}"#;
    pods.await
        .map_or(usize::MAX, |pods| pods.matches(gate).count())
}

fn is_not_asked_for() -> bool {
    let skipped = std::env::var_os(MEASURE).is_none();
    if skipped {
        eprintln!("skipped: {MEASURE} is not set, and this only takes figures");
    }
    skipped
}

fn elapsed_seconds(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_secs().max(1)).unwrap_or(1)
}

/// A connection to the webhook, as the API server makes it.
async fn connected(rig: &Rig, port: u16) -> SendRequest<Full<Bytes>> {
    let configuration = configurations(rig)
        .get("sparkwright")
        .await
        .expect("it ships");
    let mut webhooks = configuration.webhooks.into_iter().flatten();
    let bundle = webhooks.next().and_then(|one| one.client_config.ca_bundle);
    let bundle = bundle.expect("the leader has told whom to trust").0;
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&bundle) {
        roots
            .add(root.expect("it is PEM"))
            .expect("it is a certificate");
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = ClientConfig::builder().with_root_certificates(roots);
    let client = TlsConnector::from(Arc::new(client.with_no_client_auth()));
    let name = ServerName::try_from("127.0.0.1").expect("it is an address");
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("it listens");
    stream.set_nodelay(true).expect("it is TCP");
    let stream = client.connect(name, stream).await.expect("it is trusted");
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .expect("it speaks HTTP");
    tokio::spawn(connection);
    sender
}

/// Asks at its share of the rate, each question when it is due; how long each answer took from then on.
async fn asks(mut desk: SendRequest<Full<Bytes>>, begun: Instant) -> Vec<Duration> {
    let between = Duration::from_secs(1) * CONNECTIONS / RATE;
    let mut took = Vec::new();
    for number in 0..RATE * SECONDS / CONNECTIONS {
        let due = begun + between * number;
        tokio::time::sleep_until(due.into()).await;
        let asked = hyper::Request::post("/mutate").header("host", "127.0.0.1");
        let asked = asked
            .body(Full::new(review(number)))
            .expect("it is a request");
        let answer = desk.send_request(asked).await.expect("it answers");
        let answer = answer.into_body().collect().await.expect("it has a body");
        took.push(due.elapsed());
        let answer = answer.to_bytes();
        let gated = answer.windows(9).any(|part| part == b"JSONPatch");
        assert!(gated, "{}", String::from_utf8_lossy(&answer));
    }
    took
}

fn review(number: u32) -> Bytes {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": format!("0-{number}"), "operation": "CREATE", "namespace": "default",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "object": plain("pi", "executor", number),
        },
    });
    Bytes::from(review.to_string())
}
