//! A certificate's life and its authority's, and what TLS says of each stage.

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};

use super::*;

const DAY: Span = Span::from_secs(86_400);

fn wanted() -> Wanted {
    Wanted {
        names: vec!["sparkwright.sparkwright.svc".into(), "127.0.0.1".into()],
        life: lives(DAY, 30),
    }
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000) + lives(DAY, number)
}

/// Whether one who trusts this bundle takes a certificate for a name, as the API server would.
fn is_taken(leaf: &Leaf, bundle: &str, name: &str, now: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_millis(now.millis().unsigned_abs()));
    let verified = verifier
        .build()
        .unwrap()
        .verify_server_cert(&certificate, &[], &name, &[], now);
    verified.is_ok()
}

#[test]
fn a_certificate_is_good_for_its_names_and_its_time() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = next(None, false, &wanted(), day(0)).unwrap().unwrap();
    let bundle = made.bundle(day(0));
    for name in ["sparkwright.sparkwright.svc", "127.0.0.1"] {
        assert!(is_taken(&made.leaf, &bundle, name, day(0)), "{name}");
        assert!(is_taken(&made.leaf, &bundle, name, day(29)), "{name}");
        assert!(!is_taken(&made.leaf, &bundle, name, day(31)), "{name}");
    }
    assert!(!is_taken(&made.leaf, &bundle, "elsewhere.svc", day(0)));
    made.leaf.server().unwrap();
    let other = next(None, false, &wanted(), day(1)).unwrap().unwrap();
    assert!(!is_taken(
        &made.leaf,
        &other.bundle(day(1)),
        "127.0.0.1",
        day(1)
    ));
}

#[test]
fn it_is_made_anew_at_two_thirds_of_its_life_and_for_other_names() {
    let made = next(None, false, &wanted(), day(0)).unwrap().unwrap();
    assert_eq!(next(Some(&made), true, &wanted(), day(19)).unwrap(), None);
    let renewed = next(Some(&made), true, &wanted(), day(21))
        .unwrap()
        .unwrap();
    assert_eq!(renewed.authority, made.authority);
    assert_eq!(renewed.leaf.until, day(51));
    assert!(is_taken(
        &renewed.leaf,
        &made.bundle(day(21)),
        "127.0.0.1",
        day(50)
    ));
    let mut other = wanted();
    other.names.pop();
    let renamed = next(Some(&made), true, &other, day(1)).unwrap().unwrap();
    assert!(!is_taken(
        &renamed.leaf,
        &made.bundle(day(1)),
        "127.0.0.1",
        day(1)
    ));
}

/// A year and a half, day by day, with an API server that is told a day late, or not at all for a week.
#[test]
fn what_the_webhook_shows_is_always_trusted() {
    let mut there = next(None, false, &wanted(), day(0)).unwrap().unwrap();
    let mut trusted = there.bundle(day(0));
    let mut authorities = 1;
    for number in 0..550 {
        let now = day(number);
        let told = trusted == there.bundle(now);
        if let Some(new) = next(Some(&there), told, &wanted(), now).unwrap() {
            authorities += i32::from(new.authority != there.authority);
            there = new;
        }
        assert!(
            is_taken(&there.leaf, &trusted, "127.0.0.1", now),
            "day {number}"
        );
        if !(230..=247).contains(&number) {
            trusted = there.bundle(now);
        }
    }
    assert_eq!(authorities, 5, "each signs for two thirds of 180 days");
}

#[test]
fn what_has_ended_is_made_anew_whoever_was_told() {
    let made = next(None, false, &wanted(), day(0)).unwrap().unwrap();
    let late = next(Some(&made), false, &wanted(), day(40))
        .unwrap()
        .unwrap();
    assert!(is_taken(
        &late.leaf,
        &late.bundle(day(40)),
        "127.0.0.1",
        day(40)
    ));
    let later = next(Some(&made), false, &wanted(), day(400))
        .unwrap()
        .unwrap();
    assert!(is_taken(
        &later.leaf,
        &later.bundle(day(400)),
        "127.0.0.1",
        day(400)
    ));
}
