//! What most tests begin with, and ask at their end: pods as Spark makes them, an application, a
//! controller with its pools, files for the emulator.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::testbed::eventually;

/// A pod as Spark makes it; drivers are number 0. `requests`: CPU and memory.
pub fn spark_pod(app: &str, role: &str, number: u32, requests: (&str, &str)) -> Value {
    let (cpu, memory) = requests;
    json!({
        "metadata": {
            "name": format!("{app}-{role}-{number}"),
            "labels": {
                "spark-role": role, "spark-app-selector": app, "spark-exec-id": number.to_string(),
            },
        },
        "spec": {"containers": [{"name": "spark", "image": "spark", "resources": {
            "requests": {"cpu": cpu, "memory": memory},
        }}]},
    })
}

/// A class, two pools and a controller.
pub async fn begin(rig: &mut Rig, ttl: &str) {
    rig.apply_class().await;
    rig.apply_pools(ttl).await;
    rig.start();
}

pub async fn application(rig: &Rig, name: &str, executors: u32) {
    rig.create_pod(name, "driver", 0, 4).await;
    for number in 1..=executors {
        rig.create_pod(name, "executor", number, 13).await;
    }
}

pub async fn running(rig: &Rig, count: usize) {
    eventually(&format!("{count} pods run"), async || {
        (rig.running().await.len() == count).then_some(())
    })
    .await;
}

/// Nothing is leaked: every instance that lives is some claim's.
pub async fn each_instance_is_claimed(rig: &Rig) {
    eventually(
        "each instance has a claim, and each claim an instance",
        async || {
            let claims = rig.claims().await;
            let ids = claims
                .iter()
                .map(|claim| claim.status.as_ref()?.instance_id.clone());
            let claimed: Option<BTreeSet<String>> = ids.collect();
            let alive = rig.alive();
            let alive = alive
                .iter()
                .filter_map(|one| one["id"].as_str().map(str::to_owned));
            (claimed? == alive.collect()).then_some(())
        },
    )
    .await;
}

/// vCPUs by the size of a type, as EC2 names sizes.
pub fn vcpus(kind: &str) -> Option<u64> {
    let (_, size) = kind.split_once('.')?;
    match size {
        "medium" => Some(1),
        "large" => Some(2),
        "xlarge" => Some(4),
        size => Some(4 * size.strip_suffix("xlarge")?.parse::<u64>().ok()?),
    }
}

/// A file that the emulator reads, kept until the machine's next start.
pub fn file(name: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("sparkwright-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder is there");
    path.display().to_string()
}
