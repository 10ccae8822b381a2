//! Every NodeClass that ships in `nodeclasses/` gives the user data that stands in `tests/user-data/`, for
//! one cluster and one node. `SPARKWRIGHT_BLESS=1 cargo test user_data` rewrites the pages.

use std::fs;
use std::path::{Path, PathBuf};

use sparkwright::model::node::{Taint, TaintEffect};
use sparkwright::model::nodeclass::user_data::{ClusterAccess, Joining, UserDataError, render};
use sparkwright::model::nodeclass::{self, Class};

#[test]
fn every_nodeclass_that_ships_gives_the_user_data_on_its_page() {
    let mut seen = 0;
    for path in samples() {
        let class = class(&path);
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(class.name, stem);
        let page = root().join(format!("tests/user-data/{stem}.expected.txt"));
        let text = render(&class, &cluster(), &joining()).unwrap();
        if crate::golden::is_blessed() {
            fs::write(&page, &text).unwrap();
        }
        let kept = fs::read_to_string(&page).unwrap_or_default();
        assert_eq!(
            text,
            kept,
            "{} differs; if it is right: SPARKWRIGHT_BLESS=1 cargo test user_data, and review the diff",
            page.display()
        );
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn every_page_has_its_nodeclass() {
    for entry in fs::read_dir(root().join("tests/user-data")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".expected.txt").unwrap();
        assert!(
            root().join(format!("nodeclasses/{stem}.yaml")).is_file(),
            "{name}"
        );
    }
}

#[test]
fn every_nodeclass_that_ships_says_what_it_is_for() {
    for path in samples() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with('#'), "{}", path.display());
    }
}

#[test]
fn user_data_beyond_ec2s_bound_is_refused_with_its_size() {
    let mut class = class(&root().join("nodeclasses/al2023.yaml"));
    class.user_data = Some(format!("#!/bin/sh\n# {}\n", "x".repeat(15_900)));
    let error = render(&class, &cluster(), &joining()).unwrap_err();
    assert!(
        matches!(error, UserDataError::TooLong { size, .. } if size > 16_384),
        "{error}"
    );
    assert!(error.to_string().contains("shorten spec.userData"));
}

#[test]
fn kubelet_is_given_no_label_that_it_may_not_give_itself() {
    let text = render(
        &class(&root().join("nodeclasses/al2023.yaml")),
        &cluster(),
        &joining(),
    )
    .unwrap();
    assert!(
        text.contains("topology.kubernetes.io/zone=us-east-1a"),
        "{text}"
    );
    assert!(!text.contains("node-restriction.kubernetes.io"), "{text}");
}

fn samples() -> Vec<PathBuf> {
    let listed = fs::read_dir(root().join("nodeclasses")).expect("the folder ships");
    let mut paths: Vec<PathBuf> = listed
        .map(|entry| entry.expect("its entries can be read").path())
        .collect();
    paths.sort();
    paths
}

fn class(path: &Path) -> Class {
    let text = fs::read_to_string(path).expect("it was listed");
    let document = serde_saphyr::from_str(&text).expect("it is YAML");
    nodeclass::read(document).expect("what ships is good")
}

fn cluster() -> ClusterAccess {
    ClusterAccess {
        name: "my-cluster".into(),
        endpoint: "https://0123456789ABCDEF.gr7.us-east-1.eks.example".into(),
        certificate_authority: "LS0tLS1CRUdJTg==".into(),
        service_cidr: "10.100.0.0/16".into(),
        dns: None,
    }
}

fn joining() -> Joining {
    let labels = [
        ("sparkwright.dev/managed", "true"),
        ("sparkwright.dev/nodepool", "executors"),
        ("topology.kubernetes.io/zone", "us-east-1a"),
        ("node-restriction.kubernetes.io/team", "a"),
    ];
    Joining {
        labels: labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        taints: vec![Taint {
            key: "sparkwright.dev/purpose".into(),
            value: "driver".into(),
            effect: TaintEffect::NoSchedule,
        }],
        max_pods: None,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
