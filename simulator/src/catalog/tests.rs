//! The embedded catalogue against figures known otherwise, and folders of tables, good and bad.

use std::fs;
use std::path::Path;

use sparkwright::model::money::UsdPerHour;

use super::*;

const TYPES: &str = "type,family,arch,vcpu,memory_mib,cpu_vendor,clock_ghz,hypervisor,bare_metal,burstable,nvme_count,nvme_gb_each,net_base_gbps,ebs_max_mbps,eni_pods,ipv4_per_eni,max_pods,gpu_count,gpu_name,gpu_mem_mib,other_accel,remark
m5.large,m5,x86_64,2,8192,Intel,3.1,nitro,0,0,0,0,0.75,4750,3,10,29,0,,0,,a
m7g.large,m7g,arm64,2,8192,AWS,2.6,nitro,0,0,0,0,0.937,10000,,,,0,,0,,b
mac1.metal,mac1,x86_64_mac,12,32768,Apple,3.2,,1,0,0,0,10,8000,8,30,234,0,,0,,c
";
const ZONES: &str = "region,type,zone_ids
us-east-1,m5.large,6|1|4
us-east-1,m7g.large,4
us-east-1,mac1.metal,4
us-east-1,x9.large,1
";
const ON_DEMAND: &str = "region,type,usd_per_hour
us-east-1,m5.large,0.5
";
const SPOT: &str = "region,type,usd_per_hour,interruption,od_usd_per_hour,zone_factors
us-east-1,m5.large,0.2,2,0.9,0.5|1.5
us-east-1,m7g.large,0.1,,0.3,
";

#[test]
fn the_embedded_catalogue_has_five_regions_with_spot_and_on_demand() {
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
        assert!(catalog.types.len() > 700, "{region}");
        assert!(catalog.types.is_sorted_by(|a, b| a.name < b.name));
        assert!(catalog.zones.is_sorted());
        assert!(catalog.offerings.is_sorted());
        for kind in [CapacityType::Spot, CapacityType::OnDemand] {
            let count = catalog
                .offerings
                .iter()
                .filter(|o| o.capacity_type == kind)
                .count();
            assert!(count > 1000, "{region} {kind} {count}");
        }
    }
}

#[test]
fn a_known_type_has_its_known_price_size_and_labels() {
    let catalog = Source::default().load().unwrap();
    assert_eq!(catalog.region, DEFAULT_REGION);
    let id = catalog.find_type("c5d.9xlarge").unwrap();
    let machine = catalog.instance_type(id);
    let room = &machine.allocatable;
    assert_eq!(
        (room.cpu.millis(), room.memory.mib(), room.pods),
        (35840, 65269, 234)
    );
    for (key, value) in [
        ("node.kubernetes.io/instance-type", "c5d.9xlarge"),
        ("kubernetes.io/arch", "amd64"),
        ("topology.kubernetes.io/region", "us-east-1"),
        ("karpenter.k8s.aws/instance-category", "c"),
        ("karpenter.k8s.aws/instance-family", "c5d"),
        ("karpenter.k8s.aws/instance-generation", "5"),
        ("karpenter.k8s.aws/instance-size", "9xlarge"),
        ("karpenter.k8s.aws/instance-cpu", "36"),
        ("karpenter.k8s.aws/instance-cpu-manufacturer", "intel"),
        ("karpenter.k8s.aws/instance-memory", "73728"),
        ("karpenter.k8s.aws/instance-hypervisor", "nitro"),
        ("karpenter.k8s.aws/instance-local-nvme", "900"),
        ("karpenter.k8s.aws/instance-network-bandwidth", "12000"),
    ] {
        assert_eq!(
            machine.labels.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    let bought = prices(&catalog, "c5d.9xlarge", CapacityType::OnDemand);
    assert!(
        bought.iter().all(|(_, price)| price == "1.728"),
        "{bought:?}"
    );
    assert_eq!(
        bought.first().map(|(zone, _)| zone.as_str()),
        Some("us-east-1a")
    );
}

#[test]
fn every_label_of_a_type_is_a_well_known_one() {
    let catalog = Source::default().load().unwrap();
    for machine in &catalog.types {
        for (key, value) in &machine.labels {
            let known = sparkwright::model::label::well_known(key);
            let known = known.unwrap_or_else(|| panic!("{key} is not documented"));
            assert!(
                !known.numeric || value.parse::<u64>().is_ok(),
                "{key}={value}"
            );
        }
    }
}

#[test]
fn gpus_are_extended_resources_and_mark_the_type_as_accelerated() {
    let catalog = Source::default().load().unwrap();
    let machine = catalog.instance_type(catalog.find_type("g5.12xlarge").unwrap());
    assert!(machine.accelerated);
    assert_eq!(machine.allocatable.extended.get("nvidia.com/gpu"), Some(&4));
    assert_eq!(
        machine.labels["karpenter.k8s.aws/instance-gpu-memory"],
        "22888"
    );
    assert!(
        catalog
            .instance_type(catalog.find_type("inf2.xlarge").unwrap())
            .accelerated
    );
}

#[test]
fn a_folder_is_read_like_the_embedded_tables() {
    let folder = folder(&[]);
    let catalog = load(folder.path()).unwrap();
    let names: Vec<&str> = catalog.types.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        ["m5.large", "m7g.large"],
        "Mac and what is not described are left out"
    );
    let zones: Vec<String> = catalog
        .zones
        .iter()
        .map(|z| format!("{}={}", z.name, z.id))
        .collect();
    assert_eq!(
        zones,
        [
            "us-east-1a=use1-az1",
            "us-east-1b=use1-az4",
            "us-east-1c=use1-az6"
        ]
    );
    assert_eq!(
        prices(&catalog, "m5.large", CapacityType::OnDemand),
        pairs(&[
            ("us-east-1a", "0.5"),
            ("us-east-1b", "0.5"),
            ("us-east-1c", "0.5")
        ])
    );
    assert_eq!(
        prices(&catalog, "m7g.large", CapacityType::OnDemand),
        pairs(&[("us-east-1b", "0.3")]),
        "on-demand falls back to the figure in the spot table"
    );
    assert_eq!(
        catalog.types[1].allocatable.pods, 110,
        "no interfaces known"
    );
}

#[test]
fn an_estimate_prices_what_no_other_table_prices() {
    let estimated = "region,type,usd_per_hour\nus-east-1,m5.large,9\nus-east-1,m7g.large,0.7\n";
    let header = "region,type,usd_per_hour,interruption,od_usd_per_hour,zone_factors\n";
    let folder = folder(&[("on_demand_estimated.csv", estimated), ("spot.csv", header)]);
    let catalog = load(folder.path()).unwrap();
    let price = |name| prices(&catalog, name, CapacityType::OnDemand)[0].1.clone();
    assert_eq!(
        (price("m5.large"), price("m7g.large")),
        ("0.5".into(), "0.7".into())
    );
    assert!(prices(&catalog, "m5.large", CapacityType::Spot).is_empty());
}

#[test]
fn a_type_without_a_price_is_not_offered() {
    let header = "region,type,usd_per_hour,interruption,od_usd_per_hour,zone_factors\n";
    let folder = folder(&[("spot.csv", header)]);
    let catalog = load(folder.path()).unwrap();
    assert!(catalog.find_type("m7g.large").is_some());
    assert!(prices(&catalog, "m7g.large", CapacityType::OnDemand).is_empty());
}

#[test]
fn zone_factors_count_only_where_a_seed_deals_them_out() {
    let folder = folder(&[]);
    let spot = |zone_prices| {
        let source = Source {
            dir: Some(folder.path().into()),
            zone_prices,
            ..Source::default()
        };
        let catalog = source.load().unwrap();
        let prices = prices(&catalog, "m5.large", CapacityType::Spot);
        prices
            .into_iter()
            .map(|(_, price)| price)
            .collect::<Vec<_>>()
    };
    assert_eq!(spot(ZonePrices::List), ["0.2", "0.2", "0.2"]);
    let deals: BTreeSet<Vec<String>> = (0..40).map(|seed| spot(ZonePrices::Seeded(seed))).collect();
    assert_eq!(
        deals.len(),
        6,
        "each order of 0.1, 0.2 and 0.3 turns up: {deals:?}"
    );
    assert!(
        deals
            .iter()
            .all(|deal| deal.iter().collect::<BTreeSet<_>>().len() == 3)
    );
    assert_eq!(spot(ZonePrices::Seeded(7)), spot(ZonePrices::Seeded(7)));
}

#[test]
fn a_zone_map_names_ids_and_the_rest_take_the_letters_left() {
    let folder = folder(&[]);
    let named = |map: &[(&str, &str)]| {
        let source = Source {
            dir: Some(folder.path().into()),
            zone_map: pairs(map),
            ..Source::default()
        };
        source.load().map(|catalog| {
            let zones = catalog.zones.iter().map(|z| format!("{}={}", z.name, z.id));
            zones.collect::<Vec<_>>()
        })
    };
    assert_eq!(
        named(&[("us-east-1a", "use1-az4")]).unwrap(),
        [
            "us-east-1a=use1-az4",
            "us-east-1b=use1-az1",
            "us-east-1c=use1-az6"
        ]
    );
    for (map, part) in [
        (
            &[("us-east-1a", "use1-az9")][..],
            "use1-az1, use1-az4, use1-az6",
        ),
        (&[("eu-west-1a", "use1-az4")], "no zone of region us-east-1"),
        (&[("us-east-1", "use1-az4")], "no zone of region us-east-1"),
        (
            &[("us-east-1a", "use1-az4"), ("us-east-1a", "use1-az1")],
            "mapped twice",
        ),
        (
            &[("us-east-1a", "use1-az4"), ("us-east-1b", "use1-az4")],
            "mapped twice",
        ),
    ] {
        let error = named(map).unwrap_err().to_string();
        assert!(error.contains(part), "{map:?}: {error}");
    }
}

#[test]
fn the_region_may_be_left_out_only_where_there_is_one() {
    let two = format!("{ZONES}eu-west-1,m5.large,1\n");
    let folder = folder(&[("zone_offerings.csv", &two)]);
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("eu-west-1, us-east-1"), "{error}");
    let source = Source {
        dir: Some(folder.path().into()),
        region: Some("eu-west-1".into()),
        ..Source::default()
    };
    assert_eq!(source.load().unwrap().zones[0].id, "euw1-az1");
    let unknown = Source {
        region: Some("mars-north-1".into()),
        ..Source::default()
    };
    let error = unknown.load().unwrap_err().to_string();
    assert!(
        error.contains("mars-north-1") && error.contains("us-west-2"),
        "{error}"
    );
}

#[test]
fn the_folders_own_constants_name_zone_prefixes_first() {
    let zones = "region,type,zone_ids\nmoon-1,m5.large,1\n";
    let missing = folder(&[("zone_offerings.csv", zones)]);
    let error = load(missing.path()).unwrap_err().to_string();
    assert!(
        error.contains("moon-1") && error.contains("zone_id_prefix"),
        "{error}"
    );
    let constants = r#"{"zone_id_prefix": {"by_region": {"moon-1": "mo1"}}}"#;
    let own = folder(&[("zone_offerings.csv", zones), ("constants.json", constants)]);
    assert_eq!(load(own.path()).unwrap().zones[0].id, "mo1-az1");
}

#[test]
fn a_bad_table_is_refused_with_file_line_column_and_value() {
    let bad_price = ON_DEMAND.replace("0.5", "-0.5");
    let zero_price = ON_DEMAND.replace("0.5", "0");
    let bad_cpu = TYPES.replace("x86_64,2,8192", "x86_64,two,8192");
    let bad_pods = TYPES.replace(",3,10,29,", ",3,10,30,");
    let bad_zone = ZONES.replace("6|1|4", "6|x");
    let bad_bucket = SPOT.replace("0.2,2", "0.2,7");
    let bad_factor = SPOT.replace("0.5|1.5", "0.5|1e9");
    let twice = format!("{ON_DEMAND}us-east-1,m5.large,0.6\n");
    let no_column = ON_DEMAND.replace("usd_per_hour", "price");
    let ragged = format!("{ON_DEMAND}us-east-1,m5.xlarge\n");
    for (file, text, parts) in [
        (
            "on_demand_prices.csv",
            &bad_price,
            &["line 2", "usd_per_hour", "-0.5"][..],
        ),
        (
            "on_demand_prices.csv",
            &zero_price,
            &["line 2", "usd_per_hour", "\"0\""],
        ),
        ("instance_types.csv", &bad_cpu, &["line 2", "vcpu", "two"]),
        (
            "instance_types.csv",
            &bad_pods,
            &["line 2", "max_pods", "30", "29"],
        ),
        (
            "zone_offerings.csv",
            &bad_zone,
            &["line 2", "zone_ids", "6|x"],
        ),
        ("spot.csv", &bad_bucket, &["line 2", "interruption", "7"]),
        ("spot.csv", &bad_factor, &["line 2", "zone_factors", "1e9"]),
        (
            "on_demand_prices.csv",
            &twice,
            &["line 3", "type", "m5.large", "one row"],
        ),
        (
            "on_demand_prices.csv",
            &no_column,
            &["usd_per_hour", "region, type, price"],
        ),
        ("on_demand_prices.csv", &ragged, &["line: 3"]),
    ] {
        let folder = folder(&[(file, text)]);
        let source = Source {
            dir: Some(folder.path().into()),
            zone_prices: ZonePrices::Seeded(1),
            ..Source::default()
        };
        let error = source.load().unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
        for part in parts {
            assert!(error.contains(part), "{file}: {part}: {error}");
        }
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_missing_table_is_named() {
    let folder = folder(&[]);
    fs::remove_file(folder.path().join("spot.csv")).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("spot.csv is missing"), "{error}");
    let nowhere = load(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(nowhere.contains("/nowhere/instance_types.csv"), "{nowhere}");
}

fn load(dir: &Path) -> Result<Catalog, CatalogError> {
    let source = Source {
        dir: Some(dir.into()),
        ..Source::default()
    };
    source.load()
}

fn folder(other: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let usual = [
        ("instance_types.csv", TYPES),
        ("zone_offerings.csv", ZONES),
        ("on_demand_prices.csv", ON_DEMAND),
        ("spot.csv", SPOT),
    ];
    for (name, text) in usual.iter().chain(other) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn prices(catalog: &Catalog, name: &str, kind: CapacityType) -> Vec<(String, String)> {
    let id = catalog.find_type(name).unwrap();
    let of_type = catalog.offerings.iter().filter(|o| o.instance_type == id);
    of_type
        .filter(|o| o.capacity_type == kind)
        .map(|o| {
            (
                catalog.zone(o.zone).name.clone(),
                UsdPerHour::to_string(&o.price),
            )
        })
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .collect()
}
