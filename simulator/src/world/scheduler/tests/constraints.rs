//! Affinity, spread, ports, disks, scores and preemption, one by one.

use sparkwright::model::node::ZONE;
use sparkwright::model::placement::{
    Claim, HOSTNAME, HostPort, Placement, PodSelector, PodTerm, Spread,
};
use sparkwright::model::referent::{Budget, BudgetBound, Volume, VolumeClaim};

use super::*;

#[test]
fn pods_that_refuse_each_other_take_a_node_each() {
    let apart = with(
        Placement {
            anti_affinity: vec![term(HOSTNAME, "a")],
            ..Placement::default()
        },
        "a",
    );
    let nodes = [node("x", 8), node("y", 8)];
    assert_eq!(
        bound(&nodes, &[apart.clone(), apart.clone(), apart]),
        ["p0@x", "p1@y"]
    );
}

#[test]
fn a_pod_that_runs_keeps_out_those_whom_it_refuses() {
    let loner = with(
        Placement {
            anti_affinity: vec![term(HOSTNAME, "b")],
            ..Placement::default()
        },
        "a",
    );
    let refused = labelled(template(1), "b");
    let nodes = [node("x", 8), node("y", 4)];
    assert_eq!(bound(&nodes, &[loner, refused]), ["p0@x", "p1@y"]);
}

#[test]
fn a_group_that_wants_to_be_together_starts_anywhere_and_stays_there() {
    let together = with(
        Placement {
            affinity: vec![term(ZONE, "a")],
            ..Placement::default()
        },
        "a",
    );
    let nodes = [
        in_zone("x", 3, "1"),
        in_zone("y", 2, "2"),
        in_zone("z", 2, "1"),
    ];
    let pods = vec![together; 7];
    // Three and two cores in zone 1, none of zone 2.
    assert_eq!(
        bound(&nodes, &pods),
        ["p0@x", "p1@z", "p2@x", "p3@x", "p4@z"]
    );
}

#[test]
fn affinity_to_nobody_waits_until_somebody_is_there() {
    let follower = with(
        Placement {
            affinity: vec![term(ZONE, "a")],
            ..Placement::default()
        },
        "b",
    );
    let mut pending = Named::default();
    pending.scheduler.apply_node(&in_zone("x", 4, "1"));
    pending.scheduler.apply_node(&in_zone("y", 2, "2"));
    pending.enqueue("follower", Arc::new(follower));
    assert!(pending.bind().is_empty());
    pending.enqueue("leader", Arc::new(labelled(template(1), "a")));
    assert_eq!(pending.bind(), ["leader@x", "follower@x"]);
}

#[test]
fn required_spread_keeps_the_skew_and_counts_only_places_that_the_pod_may_use() {
    let spread = with(
        Placement {
            spread: vec![spread(ZONE, true)],
            ..Placement::default()
        },
        "a",
    );
    let nodes = [in_zone("x", 8, "1"), in_zone("y", 1, "2")];
    assert_eq!(
        bound(&nodes, &vec![spread.clone(); 4]),
        ["p0@x", "p1@y", "p2@x"]
    );
    let mut pinned = spread;
    pinned.constraints.all = vec![Requirement::is(ZONE, "1")];
    assert_eq!(bound(&nodes, &vec![pinned; 3]), ["p0@x", "p1@x", "p2@x"]);
}

#[test]
fn fewer_places_than_asked_for_count_as_an_empty_one() {
    let spread = Spread {
        min_domains: 2,
        ..spread(ZONE, true)
    };
    let pod = with(
        Placement {
            spread: vec![spread],
            ..Placement::default()
        },
        "a",
    );
    assert_eq!(bound(&[in_zone("x", 8, "1")], &vec![pod; 3]), ["p0@x"]);
}

#[test]
fn soft_spread_outweighs_an_emptier_node() {
    let spread = with(
        Placement {
            spread: vec![spread(ZONE, false)],
            ..Placement::default()
        },
        "a",
    );
    let nodes = [in_zone("x", 9, "1"), in_zone("y", 2, "2")];
    assert_eq!(
        bound(&nodes, &vec![spread; 4]),
        ["p0@x", "p1@y", "p2@x", "p3@y"]
    );
}

#[test]
fn preferences_for_nodes_and_pods_are_weighed() {
    let likes = Placement {
        likes_nodes: vec![(1, vec![Requirement::is("name", "b")])],
        ..Placement::default()
    };
    let nodes = [node("a", 9), node("b", 2), node("c", 9)];
    assert_eq!(bound(&nodes, &[with(likes, "x")]), ["p0@b"]);
    let near = Placement {
        likes_pods: vec![(10, term(HOSTNAME, "a"))],
        ..Placement::default()
    };
    assert_eq!(
        bound(&nodes, &[labelled(template(8), "a"), with(near, "b")]),
        ["p0@a", "p1@a"]
    );
    let far = Placement {
        likes_pods: vec![(-10, term(HOSTNAME, "b"))],
        ..Placement::default()
    };
    assert_eq!(
        bound(&nodes, &[with(far, "a"), labelled(template(1), "b")]),
        ["p0@a", "p1@c"]
    );
}

#[test]
fn host_ports_are_taken_once_per_node() {
    let port = HostPort {
        ip: String::new(),
        protocol: "TCP".into(),
        port: 4040,
    };
    let pod = with(
        Placement {
            ports: vec![port],
            ..Placement::default()
        },
        "a",
    );
    assert_eq!(
        bound(&[node("x", 8), node("y", 8)], &vec![pod; 3]),
        ["p0@x", "p1@y"]
    );
}

#[test]
fn a_pod_goes_where_its_disk_is_and_waits_for_a_claim_that_is_not_there() {
    let claim = Claim {
        name: "c".into(),
        own: false,
        class: None,
    };
    let pod = Arc::new(with(
        Placement {
            claims: vec![claim],
            ..Placement::default()
        },
        "a",
    ));
    let mut pending = Named::default();
    pending.scheduler.apply_node(&in_zone("x", 8, "1"));
    pending.scheduler.apply_node(&in_zone("y", 2, "2"));
    pending.enqueue("p", pod);
    assert!(pending.bind().is_empty());
    let volume = Volume {
        nodes: vec![vec![Requirement::is(ZONE, "2")]],
        driver: "ebs.csi.aws.com".into(),
    };
    pending
        .scheduler
        .apply_referent("v", Referent::Volume(volume));
    let claim = VolumeClaim {
        volume: Some("v".into()),
        class: None,
    };
    pending
        .scheduler
        .apply_referent("default/c", Referent::Claim(claim));
    assert_eq!(pending.bind(), ["p@y"]);
}

#[test]
fn most_allocated_fills_nodes_one_after_the_other() {
    let mut pending = Named {
        scheduler: Scheduler::new(Scoring::MostAllocated, Arc::default()),
        ..Named::default()
    };
    pending.scheduler.apply_node(&node("x", 8));
    pending.scheduler.apply_node(&node("y", 4));
    for pod in ["a", "b", "c"] {
        pending.enqueue(pod, Arc::new(template(2)));
    }
    assert_eq!(pending.bind(), ["a@y", "b@y", "c@x"]);
}

#[test]
fn a_pod_of_higher_priority_pushes_out_as_few_and_as_low_as_will_do() {
    let mut pending = Named::default();
    for name in ["x", "y"] {
        pending.scheduler.apply_node(&node(name, 4));
    }
    for (pod, cores, priority) in [("big", 4, 2), ("low", 1, 1), ("lower", 3, 0)] {
        pending.enqueue(
            pod,
            Arc::new(PodTemplate {
                priority,
                ..template(cores)
            }),
        );
    }
    assert_eq!(pending.bind().len(), 3);
    let urgent = |cores| {
        Arc::new(PodTemplate {
            priority: 9,
            ..template(cores)
        })
    };
    pending.enqueue("urgent", urgent(2));
    assert_eq!(pending.bind(), ["lower ends for urgent", "urgent@y"]);
    let polite = PodTemplate {
        priority: 9,
        ..with(
            Placement {
                never_preempts: true,
                ..Placement::default()
            },
            "a",
        )
    };
    let polite = PodTemplate {
        requests: template(4).requests,
        ..polite
    };
    pending.enqueue("polite", Arc::new(polite));
    assert!(pending.bind().is_empty());
}

#[test]
fn budgets_come_before_priorities() {
    let mut pending = Named::default();
    for name in ["x", "y"] {
        pending.scheduler.apply_node(&node(name, 2));
    }
    let guarded = Budget {
        pods: selector("guarded"),
        bound: BudgetBound::Available(1),
    };
    pending
        .scheduler
        .apply_referent("default/b", Referent::Budget(guarded));
    pending.enqueue("guarded", Arc::new(labelled(template(2), "guarded")));
    let other = PodTemplate {
        priority: 1,
        ..template(2)
    };
    pending.enqueue("other", Arc::new(other));
    assert_eq!(pending.bind().len(), 2);
    pending.enqueue(
        "urgent",
        Arc::new(PodTemplate {
            priority: 9,
            ..template(1)
        }),
    );
    assert_eq!(pending.bind()[0], "other ends for urgent");
}

fn selector(label: &str) -> PodSelector {
    PodSelector {
        labels: vec![Requirement::is("app", label)],
        namespaces: ["default".to_owned()].into(),
        namespaces_with: None,
    }
}

fn term(topology: &str, label: &str) -> PodTerm {
    PodTerm {
        topology: topology.into(),
        pods: selector(label),
    }
}

fn spread(topology: &str, required: bool) -> Spread {
    Spread {
        max_skew: 1,
        topology: topology.into(),
        required,
        pods: selector("a"),
        min_domains: 1,
        honours_selectors: true,
        honours_taints: false,
    }
}

fn labelled(template: PodTemplate, label: &str) -> PodTemplate {
    PodTemplate {
        labels: [("app".to_owned(), label.to_owned())].into(),
        ..template
    }
}

fn with(placement: Placement, label: &str) -> PodTemplate {
    PodTemplate {
        placement: Some(Arc::new(placement)),
        ..labelled(template(1), label)
    }
}

fn in_zone(name: &str, cores: u32, zone: &str) -> NodeFacts {
    let mut facts = node(name, cores);
    facts.labels.insert(ZONE.into(), zone.into());
    facts
}
