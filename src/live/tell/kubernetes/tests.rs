//! Which events are told, how often, and in which order.

use crate::cluster::event::{Event, Fact};
use crate::model::name::PodId;
use crate::model::resources::Resources;
use crate::model::spark::{Pod, PodPhase, PodTemplate};
use crate::plan::effect::Waiting;
use crate::plan::reason::Limit;

use super::*;

fn cluster(pods: usize) -> Cluster {
    let mut cluster = Cluster::default();
    for i in 0..pods {
        let role = match i == pods - 1 {
            true => Role::Driver,
            false => Role::Executor,
        };
        let app = Some("spark/a".into());
        let template = PodTemplate::plain(role, app, "spark", Resources::default());
        let pod = Pod {
            id: pod(i),
            template: template.into(),
            created: Timestamp::ZERO,
            phase: PodPhase::Gated,
        };
        let fact = Fact::PodApplied(pod);
        cluster.apply(&Event {
            at: Timestamp::ZERO,
            fact,
        });
    }
    cluster
}

fn pod(i: usize) -> PodId {
    PodId::from(format!("spark/a-{i:05}"))
}

fn plan(pods: usize) -> Plan {
    let reason = Reason::LimitReached {
        pool: "executors".into(),
        limit: Limit::Cpu,
    };
    Plan {
        waiting: (0..pods)
            .map(|i| Waiting {
                pod: pod(i),
                reason: reason.clone(),
            })
            .collect(),
        ..Plan::default()
    }
}

#[test]
fn the_pool_and_the_driver_come_first_and_the_rest_follows_at_its_rate() {
    let metrics = Metrics::new();
    let (cluster, plan) = (cluster(1_000), plan(1_000));
    let mut notes = Notes::default();
    let at = |secs| Timestamp::ZERO + Span::from_secs(secs);
    let first = notes.round(at(0), &cluster, &plan, &metrics);
    assert_eq!(first.len(), 200);
    assert_eq!(
        (first[0].regarding, first[0].name.as_str()),
        (Regarding::NodePool, "executors")
    );
    assert_eq!(
        first[0].note,
        "pods wait: NodePool executors has no room left under spec.limits.cpu; raise it"
    );
    assert_eq!(
        (first[1].name.as_str(), first[1].reason.as_str()),
        ("spark/a-00999", "LimitReached")
    );
    let second = notes.round(at(5), &cluster, &plan, &metrics);
    assert_eq!(second.len(), 50, "ten a second");
    assert!(second.iter().all(|note| !first.contains(note)), "each once");
    let text = metrics.text();
    assert!(
        text.contains("{result=\"repeated\"} 200") && text.contains("{result=\"dropped\"}"),
        "{text}"
    );
    let later = notes.round(at(301), &cluster, &plan, &metrics);
    assert!(later.contains(&first[0]), "told again after the pause");
}

#[test]
fn pods_that_are_only_expected_have_no_events() {
    let mut notes = Notes::default();
    let told = notes.round(Timestamp::ZERO, &cluster(1), &plan(3), &Metrics::new());
    let pods: Vec<&str> = told.iter().map(|note| note.name.as_str()).collect();
    assert_eq!(pods, ["executors", "spark/a-00000"]);
}

#[test]
fn notes_are_cut_at_what_the_api_server_takes() {
    assert_eq!(in_capitals("no-pool"), "NoPool");
    let cut = shortened("é".repeat(2_000));
    assert!(
        cut.len() <= LONGEST_NOTE && cut.ends_with('…'),
        "{}",
        cut.len()
    );
    assert_eq!(shortened("short".into()), "short");
}
