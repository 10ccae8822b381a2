//! What the region sells, from EC2's lists: the same as the embedded tables say of the same numbers.

use sparkwright::live::ec2::PriceSource;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, Catalog, InstanceType, TypeId};

use super::account::emulated::{CALM, PLAIN};
use super::account::{embedded, with};

#[test]
fn the_catalogue_from_the_wire_is_the_embedded_one() {
    with(CALM, PLAIN, async |account| {
        let (live, tables) = (account.ec2.catalog().await.unwrap(), embedded());
        assert_eq!(account.ec2.on_demand_source(), Some(PriceSource::PriceList));
        assert_eq!((&live.region, &live.zones), (&tables.region, &tables.zones));
        assert_eq!(offered(&live), offered(&tables));
        // The emulator describes accelerators only as far as the catalogue tells them: whole GPUs.
        let is_told = |t: &InstanceType| {
            let whole = t
                .labels
                .contains_key("karpenter.k8s.aws/instance-gpu-count");
            !t.accelerated || whole
        };
        // What has no price in any zone is in the tables, and on no list of EC2's.
        let ids = (0..).map(TypeId).zip(&tables.types);
        let sold = ids.filter(|(id, _)| tables.offerings_of(*id).next().is_some());
        let sold: Vec<&InstanceType> = sold.map(|(_, machine)| machine).collect();
        assert_eq!(live.types.len(), sold.len());
        let mut compared = 0;
        for (live, table) in live.types.iter().zip(sold) {
            assert_eq!(live.name, table.name);
            if is_told(table) {
                assert_eq!(live, table, "{}", live.name);
                compared += 1;
            }
        }
        assert!(compared > 800, "{compared}");
    });
}

#[test]
fn without_the_price_list_on_demand_prices_are_the_embedded_ones() {
    let script = format!(
        "{PLAIN}faults: [{{action: GetProducts, do: error, code: AccessDeniedException, status: 400}}]\n"
    );
    with(CALM, &script, async |account| {
        let live = account.ec2.catalog().await.unwrap();
        assert_eq!(account.ec2.on_demand_source(), Some(PriceSource::Embedded));
        assert_eq!(offered(&live), offered(&embedded()));
        assert_eq!(account.called("GetProducts", "AccessDeniedException"), 1);
    });
}

#[test]
fn prices_that_moved_are_told_and_no_others() {
    let world = format!(
        "{CALM}spotPrices: {{steps: [{{at: 10m, types: [m6i.2xlarge], zone: us-east-1a, factor: 0.5}}]}}\n"
    );
    with(&world, PLAIN, async |account| {
        let catalog = account.ec2.catalog().await.unwrap();
        let listed = account.called("GetProducts", "");
        assert_eq!(account.ec2.prices(&catalog).await.unwrap(), []);
        account.emulated.advance("11m");
        let changed = account.ec2.prices(&catalog).await.unwrap();
        let [change] = changed[..] else {
            panic!("one pool moved: {changed:?}");
        };
        let machine = catalog.find_type("m6i.2xlarge").unwrap();
        let zone = catalog.find_zone("us-east-1a").unwrap();
        let spot = CapacityType::Spot;
        let before = catalog.price(machine, zone, spot).unwrap();
        assert_eq!((change.instance_type, change.zone), (machine, zone));
        let half = UsdPerHour::from_micros(before.micros() / 2);
        let off = change.price.micros() - half.micros();
        assert!(off.abs() <= 1, "{} of {before}", change.price);
        assert_eq!(
            account.called("GetProducts", ""),
            listed,
            "not asked for again"
        );
    });
}

/// Offerings by the names of types and zones, whose places differ between two catalogues.
fn offered(catalog: &Catalog) -> Vec<(&str, &str, CapacityType, UsdPerHour, Option<u8>)> {
    let named = catalog.offerings.iter().map(|offering| {
        (
            catalog.instance_type(offering.instance_type).name.as_str(),
            catalog.zone(offering.zone).name.as_str(),
            offering.capacity_type,
            offering.price,
            offering.interruption,
        )
    });
    named.collect()
}
