//! The NodePools that count where none are given: drivers on-demand, executors wherever they are
//! cheapest.

/// A YAML stream of NodePools, the same that ship in `nodepools/`.
pub const DEFAULT_NODEPOOLS: &str = concat!(
    include_str!("../../nodepools/drivers-on-demand.yaml"),
    "---\n",
    include_str!("../../nodepools/executors.yaml"),
);

#[cfg(test)]
mod tests {
    use sparkwright::model::nodepool;
    use sparkwright::model::offering::CapacityType;
    use sparkwright::model::pool::Pool;
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
