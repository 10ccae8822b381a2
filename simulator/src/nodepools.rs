//! The NodePools that count where none are given: drivers on-demand, executors wherever they are
//! cheapest.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sparkwright::cluster::event::Fact;
use sparkwright::model::pool::Pool;

use crate::manifests;

/// A YAML stream of NodePools, the same that ship in `nodepools/`.
pub const DEFAULT_NODEPOOLS: &str = concat!(
    include_str!("../../nodepools/drivers-on-demand.yaml"),
    "---\n",
    include_str!("../../nodepools/executors.yaml"),
);

/// NodePools for pods that are not Spark's, which join the embedded ones where a trace has such pods.
const IMPORTED_NODEPOOLS: &str = concat!(
    include_str!("../../nodepools/imported-pods.yaml"),
    "---\n",
    include_str!("../../nodepools/imported-gpu.yaml"),
);

/// NodePools to plan with, and what was wrong with those that were given.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The pools.
    pub pools: Vec<Pool>,
    /// What is probably not meant, one line each.
    pub warnings: Vec<String>,
    /// What was refused, one line each.
    pub refusals: Vec<String>,
}

/// The pools of a file or folder, else the embedded ones. Where some were given and all are refused,
/// none: a plan with other pools than the user's would answer another question.
pub fn chosen(path: Option<&Path>, stdin: &mut dyn Read) -> Chosen {
    let given = match path {
        Some(path) => manifests::read(&[path.to_owned()], stdin),
        None => manifests::read_text("embedded NodePools", DEFAULT_NODEPOOLS),
    };
    let mut chosen = Chosen {
        warnings: given.warnings,
        refusals: given.refusals,
        ..Chosen::default()
    };
    let mut others = false;
    for fact in given.facts {
        match fact {
            Fact::PoolApplied(pool) => chosen.pools.push(Arc::unwrap_or_clone(pool)),
            _ => others = true,
        }
    }
    if others {
        let line = "only NodePools are taken from --nodepools; give other objects with -f";
        chosen.warnings.push(line.to_owned());
    }
    if let Some(path) = path.filter(|_| chosen.pools.is_empty() && chosen.refusals.is_empty()) {
        let line = format!("refused {}: holds no NodePool; write one", path.display());
        chosen.refusals.push(line);
    }
    chosen
}

/// A line for each family that a pool gives a performance and that is not among these.
pub fn unknown_families<'a>(
    pools: impl IntoIterator<Item = &'a Pool>,
    families: &BTreeSet<String>,
) -> Vec<String> {
    let faults = pools.into_iter().flat_map(|pool| {
        let unknown = pool
            .performance
            .unknown(families.iter().map(String::as_str));
        unknown
            .into_iter()
            .map(|fault| format!("NodePool {}: {fault}", pool.name))
    });
    faults.collect()
}

/// The embedded pools that serve pods that are not Spark's.
pub fn imported() -> Vec<Pool> {
    let read = manifests::read_text("embedded NodePools", IMPORTED_NODEPOOLS);
    let pools = read.facts.into_iter().filter_map(|fact| match fact {
        Fact::PoolApplied(pool) => Some(Arc::unwrap_or_clone(pool)),
        _ => None,
    });
    pools.collect()
}

#[cfg(test)]
mod tests {
    use sparkwright::model::nodepool;
    use sparkwright::model::offering::CapacityType;
    use sparkwright::model::spark::Role;

    use super::*;
    use crate::catalog::Source;

    fn pools(text: &str) -> Vec<Pool> {
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
        let read = |document| nodepool::read(document).unwrap().0;
        documents.into_iter().map(read).collect()
    }

    #[test]
    fn the_default_pools_serve_drivers_on_demand_and_executors_on_spot_first() {
        let catalog = Source::default().load().unwrap();
        let pools = pools(DEFAULT_NODEPOOLS);
        let bought = |pool: &Pool, kind| {
            let offered = catalog.offerings.iter().filter(|o| o.capacity_type == kind);
            offered.filter(|o| pool.offers(&catalog, o)).count()
        };
        let [drivers, executors] = &pools[..] else {
            panic!("two pools: {pools:?}");
        };
        assert!(drivers.roles.contains(&Role::Driver) && !drivers.roles.contains(&Role::Executor));
        assert_eq!(bought(drivers, CapacityType::Spot), 0);
        assert!(bought(drivers, CapacityType::OnDemand) > 500);
        assert!(executors.spot.roles.contains(&Role::Executor));
        assert!(bought(executors, CapacityType::Spot) > 1000);
        assert!(bought(executors, CapacityType::OnDemand) > 1000);
    }

    #[test]
    fn every_shipped_pool_can_buy_something_in_every_embedded_region() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../nodepools");
        for region in [
            "us-east-1",
            "us-west-2",
            "eu-west-1",
            "ap-northeast-1",
            "ap-northeast-2",
        ] {
            let source = Source {
                region: Some(region.into()),
                ..Source::default()
            };
            let catalog = source.load().unwrap();
            for entry in std::fs::read_dir(folder).unwrap() {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                let pool = pools(&text).remove(0).for_region(region);
                let count = catalog
                    .offerings
                    .iter()
                    .filter(|o| pool.offers(&catalog, o))
                    .count();
                assert!(count >= 20, "{} in {region}: {count} offerings", pool.name);
            }
        }
    }
}
