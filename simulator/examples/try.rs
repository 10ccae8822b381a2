use sparkwright::model::{money::*, pool::*, requirement::*, spark::Role, time::*};
use sparkwright_sim::{
    catalog::*,
    trace,
    world::{self, arrivals::Arrivals, run::*, submission::Submission},
};
use std::collections::*;
use std::path::Path;
use std::sync::Arc;
fn pool(name: &str, roles: &[Role], w: u32) -> Pool {
    Pool {
        name: name.into(),
        weight: w,
        paused: false,
        roles: roles.iter().copied().collect(),
        pod_selector: None,
        labels: Labels::new(),
        taints: vec![],
        startup_taints: vec![],
        requirements: vec![PoolRequirement {
            requirement: Requirement {
                key: "karpenter.k8s.aws/instance-cpu".into(),
                condition: Condition::Lt(65),
            },
            min_values: None,
        }],
        zone: ZonePolicy::PerApplication,
        spot: SpotPolicy {
            roles: BTreeSet::from([Role::Executor]),
            fallback_after: Some(Span::from_secs(300)),
            max_interruption: 4,
            penalty: [UsdPerHour::ZERO; 5],
        },
        max_premium_percent: 15,
        min_local_storage: None,
        empty_ttl: EmptyTtl {
            driver: Some(Span::from_secs(60)),
            executor: Some(Span::from_secs(60)),
            other: Some(Span::from_secs(60)),
        },
        limits: Limits::default(),
        max_pods: None,
    }
}
fn main() {
    let t0 = std::time::Instant::now();
    let cat = Source {
        dir: None,
        region: None,
        zone_prices: ZonePrices::List,
        zone_map: vec![],
    }
    .load()
    .unwrap();
    println!(
        "catalog {} types {} offerings {:?}",
        cat.types.len(),
        cat.offerings.len(),
        t0.elapsed()
    );
    let rec = std::env::args().nth(1).unwrap() == "rec";
    for p in std::env::args().skip(2) {
        for r in trace::open(Path::new(&p)) {
            match r {
                Err(s) => println!("SKIP {s:?}"),
                Ok(r) => {
                    let t = std::time::Instant::now();
                    let s = match Submission::new(&r) {
                        Ok(s) => s,
                        Err(e) => {
                            println!("ERR {e}");
                            continue;
                        }
                    };
                    println!(
                        "== {p} {} recorded {} injob {} fid {:?} count {:?} read {:?}",
                        s.name,
                        s.recorded,
                        s.recorded_in_job,
                        s.fidelity.error_permille,
                        s.count,
                        t.elapsed()
                    );
                    let times = Arrivals::AsLogged.times(&[s.logged], 1);
                    let t = std::time::Instant::now();
                    let o = run(
                        Simulation {
                            catalog: Arc::new(cat.clone()),
                            pools: vec![
                                pool("drivers", &[Role::Driver], 0),
                                pool("executors", &[Role::Executor], 0),
                            ],
                            daemons: vec![],
                            submissions: vec![(s, times[0])],
                            executors: if rec {
                                ExecutorSource::AsRecorded
                            } else {
                                ExecutorSource::Simulated
                            },
                            seed: 1,
                        },
                        |_| (),
                    );
                    let b = o.ledger.balance(o.ended);
                    let total: Cost = b.nodes.iter().map(|n| n.1).sum();
                    println!(
                        "   {:?}\n   exec {:?} usd {} apps {:?} idle {} boot {} sys {} nodes {} peak {} waiting {:?} events {} wall {:?}",
                        o.progress,
                        o.executor_time,
                        total.rounded(),
                        b.apps
                            .iter()
                            .map(|a| a.1.rounded().to_string())
                            .collect::<Vec<_>>(),
                        b.idle.rounded(),
                        b.boot.rounded(),
                        b.system.rounded(),
                        b.nodes.len(),
                        o.ledger.peak(),
                        o.waiting
                            .iter()
                            .map(|w| format!("{} {}", w.pod, w.reason))
                            .collect::<Vec<_>>(),
                        o.pod_events,
                        t.elapsed()
                    );
                    for (id, n) in &o.ledger.nodes {
                        println!(
                            "     {id} {} {:?} {} {}..{:?}..{:?} {}",
                            cat.instance_type(n.instance_type).name,
                            n.capacity_type,
                            n.price,
                            n.launched.millis(),
                            n.ready.map(|t| t.millis()),
                            n.ended.map(|t| t.millis()),
                            o.launches[id].reason
                        );
                    }
                }
            }
        }
    }
}
