//! Plans with rules between pods: a third of the applications refuse to share a node with their own
//! kind, a third spread over nodes, and a third tolerate the taint of a pool of their own.

use std::sync::Arc;

use sparkwright::cluster::event::Fact;
use sparkwright::model::node::{Taint, TaintEffect, Toleration};
use sparkwright::model::placement::{HOSTNAME, Placement, PodSelector, PodTerm, Spread};
use sparkwright::model::requirement::Requirement;
use sparkwright::model::spark::{PodTemplate, Role};
use sparkwright::model::time::Timestamp;

use crate::clock::{summary, timed};
use crate::scenario::{self, App};
use crate::world;

/// Pods and applications.
const CASES: [(u64, u64); 2] = [(1_000, 30), (5_000, 150)];
const SEEDS: u64 = 20;
const CPUS: i64 = 65;

/// Measures and prints.
pub fn measure() {
    println!("rules: anti-affinity, spread and taints; median, p99 ms");
    for (pods, apps) in CASES {
        let mut times = Vec::new();
        for seed in 1..=SEEDS {
            let catalog = scenario::catalog(seed);
            let mut rolled = scenario::applications(seed, pods, apps);
            for (i, app) in rolled.iter_mut().enumerate() {
                app.executor = ruled(&app.executor, i);
            }
            let facts: Vec<Fact> = rolled.iter().flat_map(App::pods).collect();
            let cluster = scenario::cluster(&catalog, CPUS, facts.into_iter().chain([own_pool()]));
            let (plan, took) = timed(|| world::plan_at(&cluster, Timestamp::ZERO));
            assert!(plan.waiting.is_empty(), "every pod can be bought a node");
            times.push(took);
        }
        println!("{pods} pods in {apps} applications {}", summary(times));
    }
}

fn taint() -> Taint {
    Taint {
        key: "team".into(),
        value: "own".into(),
        effect: TaintEffect::NoSchedule,
    }
}

fn own_pool() -> Fact {
    let mut pool = world::pool("own", &[Role::Executor], CPUS);
    pool.taints.push(taint());
    pool.weight = 10;
    Fact::PoolApplied(pool.into())
}

fn ruled(executor: &PodTemplate, i: usize) -> Arc<PodTemplate> {
    let mut executor = executor.clone();
    let name = format!("app{i}");
    executor.labels.insert("app".into(), name.clone());
    let pods = PodSelector {
        labels: vec![Requirement::is("app", name)],
        namespaces: ["default".to_owned()].into(),
        namespaces_with: None,
    };
    let mut placement = Placement::default();
    match i % 3 {
        0 => {
            placement.anti_affinity = vec![PodTerm {
                topology: HOSTNAME.into(),
                pods,
            }]
        }
        1 => {
            placement.spread = vec![Spread {
                max_skew: 3,
                topology: HOSTNAME.into(),
                required: true,
                pods,
                min_domains: 1,
                honours_selectors: true,
                honours_taints: false,
            }]
        }
        _ => {
            executor.tolerations.push(Toleration {
                key: Some(taint().key),
                value: None,
                effect: None,
            });
            return executor.into();
        }
    }
    executor.placement = Some(placement.into());
    executor.into()
}
