//! A launch, and the request that follows from it.

use serde_json::json;

use super::*;
use crate::cluster::event::{AwaitedNode, Intent};
use crate::live::ec2::template::Template;
use crate::model::machine::Machine;
use crate::model::node::Purpose;
use crate::model::nodeclass;
use crate::model::nodeclass::image::Architecture;
use crate::model::nodeclass::status::{FoundImage, FoundSecurityGroup};
use crate::model::nodepool;
use crate::model::offering::{Interfaces, TypeId, Zone, ZoneId};
use crate::model::requirement::Labels;
use crate::model::resources::Resources;
use crate::plan::effect::AllocationStrategy;
use crate::plan::reason::Reason;

/// All that an order borrows.
struct Case {
    catalog: Catalog,
    pool: Pool,
    class: Class,
    resolved: Resolved,
    cluster: ClusterFacts,
    launch: Launch,
    claims: Vec<String>,
}

/// Types in order of name; pods by their interfaces are 234, 234, 58.
const TYPES: [(&str, bool, u32); 3] = [
    ("c5d.9xlarge", false, 30),
    ("c7gd.8xlarge", true, 30),
    ("m6i.xlarge", false, 8),
];

fn case() -> Case {
    let types = TYPES.map(|(name, arm64, addresses)| {
        let machine = Machine {
            name: name.to_owned(),
            arm64,
            vcpus: 32,
            memory_mib: 65_536,
            interfaces: Some(Interfaces {
                count: 8,
                addresses,
            }),
            ..Machine::default()
        };
        machine.instance_type("us-east-1")
    });
    let pool = json!({"apiVersion": nodepool::API_VERSION, "kind": "NodePool",
        "metadata": {"name": "executors"}, "spec": {"template": {"spec": {}}}});
    let class = json!({"apiVersion": nodepool::API_VERSION, "kind": "NodeClass",
    "metadata": {"name": "al2023"}, "spec": {
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "subnetSelectorTerms": [{"tags": {"a": "b"}}],
        "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
        "role": "SparkwrightNode", "tags": {"team": "data"},
    }});
    Case {
        catalog: Catalog {
            region: "us-east-1".to_owned(),
            zones: vec![Zone {
                name: "us-east-1a".to_owned(),
                id: "use1-az4".to_owned(),
            }],
            types: types.into(),
            offerings: Vec::new(),
        },
        pool: nodepool::read(pool).unwrap().0,
        class: nodeclass::read(class).unwrap(),
        resolved: resolved(),
        cluster: ClusterFacts {
            access: ClusterAccess {
                name: "my-cluster".to_owned(),
                endpoint: "https://api".to_owned(),
                certificate_authority: "Q0E=".to_owned(),
                service_cidr: "10.100.0.0/16".to_owned(),
                dns: None,
            },
            kubernetes: "1.34".to_owned(),
        },
        launch: launch(&[0, 1, 2]),
        claims: vec![
            "executors-0a1b2c3d-0".to_owned(),
            "executors-0a1b2c3d-1".to_owned(),
        ],
    }
}

fn resolved() -> Resolved {
    let image = |architecture: Architecture, id: &str| {
        let found = FoundImage {
            id: id.to_owned(),
            name: None,
            architecture: architecture.as_str().to_owned(),
        };
        (architecture, found)
    };
    Resolved {
        images: [
            image(Architecture::Amd64, "ami-amd"),
            image(Architecture::Arm64, "ami-arm"),
        ]
        .into(),
        subnets: vec![Subnet {
            id: "subnet-1".to_owned(),
            zone: "us-east-1a".to_owned(),
            zone_id: "use1-az4".to_owned(),
            free: 100,
            vpc: "vpc-1".to_owned(),
        }],
        security_groups: vec![FoundSecurityGroup {
            id: "sg-1".to_owned(),
            name: None,
        }],
        profile: "SparkwrightNode".to_owned(),
    }
}

fn launch(types: &[u32]) -> Launch {
    let node = |number: u32| AwaitedNode {
        id: format!("executors-{number}").into(),
        room: Resources::default(),
        held: Vec::new(),
    };
    Launch {
        intent: Intent {
            pool: "executors".into(),
            purpose: Purpose::Work,
            zone: ZoneId(0),
            capacity_type: CapacityType::Spot,
            types: types.iter().map(|id| TypeId(*id)).collect(),
            labels: Labels::new(),
            taints: Vec::new(),
            nodes: vec![node(1), node(2)],
        },
        strategy: AllocationStrategy::PriceCapacityOptimized,
        planned: Default::default(),
        expected: Default::default(),
        compared: Default::default(),
        performance: crate::model::performance::Performance::ONE,
        pods: vec![Vec::new(); 2],
        minimum: None,
        reason: Reason::Cheapest { pods: 2, apps: 1 },
        narrow: None,
    }
}

impl Case {
    fn order(&self) -> Order<'_> {
        Order {
            launch: &self.launch,
            catalog: &self.catalog,
            pool: &self.pool,
            class: &self.class,
            resolved: &self.resolved,
            cluster: &self.cluster,
            claims: &self.claims,
            token: "executors-0a1b2c3d",
            epoch: 7,
            minimum: Some(2),
        }
    }

    fn composed(&self) -> Result<(FleetRequest, Vec<Template>), RequestError> {
        compose(&self.order(), "my-cluster", "subnet-1")
    }
}

#[test]
fn a_launch_becomes_this_request() {
    let case = case();
    let (request, templates) = case.composed().unwrap();
    let [amd, arm] = &templates[..] else {
        panic!("one template for each architecture: {templates:?}");
    };
    let over = |name| json!({"instanceType": name, "subnet": "subnet-1", "priority": null});
    let expected = json!({
        "capacityType": "spot",
        "strategy": "price-capacity-optimized",
        "count": 2,
        "minimum": 2,
        "zone": "us-east-1a",
        "configs": [
            {"template": amd.name("my-cluster"), "image": "ami-amd",
             "overrides": [over("c5d.9xlarge"), over("m6i.xlarge")]},
            {"template": arm.name("my-cluster"), "image": "ami-arm",
             "overrides": [over("c7gd.8xlarge")]},
        ],
        "tags": {
            "Name": "executors-0a1b2c3d",
            "eks:eks-cluster-name": "my-cluster",
            "kubernetes.io/cluster/my-cluster": "owned",
            "sparkwright.dev/epoch": "7",
            "sparkwright.dev/intent": "executors-0a1b2c3d",
            "sparkwright.dev/managed": "true",
            "sparkwright.dev/nodeclass": "al2023",
            "sparkwright.dev/nodepool": "executors",
            "team": "data",
        },
    });
    assert_eq!(serde_json::to_value(&request).unwrap(), expected);
    let stored = request.written();
    assert_eq!(FleetRequest::read(&stored).unwrap(), request);
    assert_eq!(FleetRequest::read(&stored).unwrap().written(), stored);
}

#[test]
fn templates_are_the_same_for_other_zones_types_and_tokens() {
    let case = case();
    let names = |order: &Order<'_>| -> Vec<String> {
        let (request, _) = compose(order, "my-cluster", "subnet-2").unwrap();
        request.templates().into_iter().map(str::to_owned).collect()
    };
    let other = launch(&[2, 1]);
    let again = Order {
        launch: &other,
        token: "another",
        epoch: 8,
        ..case.order()
    };
    assert_eq!(names(&case.order()), names(&again));
}

#[test]
fn priorities_are_the_planned_order_where_the_strategy_goes_by_it() {
    let mut case = case();
    case.launch.strategy = AllocationStrategy::Prioritized;
    let (request, _) = case.composed().unwrap();
    let overrides = request.configs.iter().flat_map(|config| &config.overrides);
    let priorities: Vec<(&str, Option<u32>)> = overrides
        .map(|over| (over.instance_type.as_str(), over.priority))
        .collect();
    let expected = [
        ("c5d.9xlarge", Some(0)),
        ("m6i.xlarge", Some(2)),
        ("c7gd.8xlarge", Some(1)),
    ];
    assert_eq!(priorities, expected);
}

#[test]
fn kubelet_is_told_of_most_pods_only_where_the_images_rule_would_give_more() {
    let mut case = case();
    case.pool.max_pods = Some(110);
    let (request, templates) = case.composed().unwrap();
    let amd: Vec<&FleetConfig> = request
        .configs
        .iter()
        .filter(|config| config.image == "ami-amd")
        .collect();
    assert_eq!(amd.len(), 2, "58 pods by interfaces, and 234 capped to 110");
    let told = |template: &Template| template.user_data.contains("maxPods: 110");
    let told: Vec<bool> = templates.iter().map(told).collect();
    assert_eq!(told, [true, true, false], "c5d, c7gd, m6i");
    case.class.kubelet.max_pods = Some(200);
    let (_, templates) = case.composed().unwrap();
    assert!(
        templates[2].user_data.contains("maxPods: 58"),
        "the class would allow 200"
    );
}

#[test]
fn types_without_an_image_are_left_out_until_none_is_left() {
    let mut case = case();
    case.resolved.images.remove(&Architecture::Amd64);
    let (request, _) = case.composed().unwrap();
    assert_eq!(
        request.configs[0].overrides[0].instance_type,
        "c7gd.8xlarge"
    );
    case.launch = launch(&[0]);
    let error = case.composed().unwrap_err().to_string();
    assert!(error.contains("no image for c5d.9xlarge"), "{error}");
}

#[test]
fn what_cannot_be_asked_for_is_named() {
    let mut case = case();
    case.launch = launch(&[99]);
    assert!(matches!(
        case.composed(),
        Err(RequestError::AnotherCatalog { .. })
    ));
    case.claims.clear();
    assert!(matches!(case.composed(), Err(RequestError::Nothing { .. })));
}

#[test]
fn a_class_cannot_set_our_tags() {
    let mut case = case();
    let given = [("sparkwright.dev/intent", "x"), ("Name", "mine")];
    case.class.tags = given.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    case.claims.truncate(1);
    let (request, _) = case.composed().unwrap();
    assert_eq!(request.tags["sparkwright.dev/intent"], "executors-0a1b2c3d");
    assert_eq!(request.tags["Name"], "mine", "but a name it may");
}

#[test]
fn launches_go_to_the_subnet_that_has_most_addresses_when_the_others_have_taken_theirs() {
    let subnet = |id: &str, zone: &str, free| Subnet {
        id: id.to_owned(),
        zone: zone.to_owned(),
        zone_id: String::new(),
        free,
        vpc: "vpc-1".to_owned(),
    };
    let subnets = [
        subnet("subnet-1", "a", 100),
        subnet("subnet-2", "a", 80),
        subnet("subnet-3", "a", 80),
        subnet("subnet-4", "b", 900),
    ];
    let chosen = |promised: &[(&str, u32)]| {
        let promised = promised
            .iter()
            .map(|(id, n)| ((*id).to_owned(), *n))
            .collect();
        widest(&subnets, "a", &promised).map(|subnet| subnet.id.as_str())
    };
    assert_eq!(chosen(&[]), Some("subnet-1"));
    assert_eq!(chosen(&[("subnet-1", 30)]), Some("subnet-2"));
    assert_eq!(
        chosen(&[("subnet-1", 30), ("subnet-2", 1)]),
        Some("subnet-3")
    );
    assert_eq!(widest(&subnets, "c", &BTreeMap::new()), None);
}
