//! The webhook's certificate over several lives, and one change of its authority: whoever trusts what the
//! API server is told to trust is never refused, by the leader or by the other replica.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::rig;
use super::super::scene::begin;
use super::*;

/// An authority lives for six certificates and is replaced after four.
const LIFE: &str = "10s";
const WATCHED: Duration = Duration::from_secs(60);

#[test]
fn certificates_and_their_authority_are_replaced_without_a_refusal() {
    rig::run(&[], async |rig| {
        rig.set("SPARKWRIGHT_CERTIFICATE_LIFE", LIFE);
        let first = serve_webhook(rig);
        begin(rig, "1h").await;
        let second = serve_webhook(rig);
        rig.start();
        call_webhook(rig, first).await;
        until_placed(rig).await;
        eventually("the other replica shows it too", async || {
            shaken(rig, second).await.ok()
        })
        .await;
        let (mut shown, mut trusted) = (BTreeSet::new(), BTreeSet::new());
        let begun = Instant::now();
        while begun.elapsed() < WATCHED {
            for port in [first, second] {
                let seen = shaken(rig, port).await;
                shown.insert(seen.unwrap_or_else(|error| panic!("port {port}: {error}")));
            }
            trusted.insert(bundle(rig).await);
            assert!(is_gated(&tried(rig, plain("pi", "driver", 0)).await));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(shown.len() >= 5, "{} certificates were shown", shown.len());
        assert!(trusted.len() >= 2, "the authority was not replaced");
    });
}

async fn bundle(rig: &Rig) -> Vec<u8> {
    let configuration = configurations(rig)
        .get("sparkwright")
        .await
        .expect("it ships");
    let mut webhooks = configuration.webhooks.into_iter().flatten();
    let told = webhooks.next().and_then(|one| one.client_config.ca_bundle);
    told.map(|told| told.0).unwrap_or_default()
}

/// The certificate that is shown at a port, to one who trusts what the API server is told to trust.
async fn shaken(rig: &Rig, port: u16) -> Result<Vec<u8>, String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&bundle(rig).await) {
        let root = root.map_err(|error| error.to_string())?;
        roots.add(root).map_err(|error| error.to_string())?;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = ClientConfig::builder().with_root_certificates(roots);
    let client = TlsConnector::from(Arc::new(client.with_no_client_auth()));
    let name = ServerName::try_from("127.0.0.1").map_err(|error| error.to_string())?;
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let shaken = client.connect(name, stream).await;
    let shaken = shaken.map_err(|error| error.to_string())?;
    let shown = shaken.get_ref().1.peer_certificates();
    let shown = shown.and_then(|chain| chain.first());
    shown
        .map(|one| one.to_vec())
        .ok_or_else(|| "nothing is shown".to_owned())
}
