//! An emulated account, connected to: a cluster's facts, a class that the account's subnets and groups fit,
//! and launches by names of types.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use serde_json::{Value, json};
use sparkwright::cluster::event::{AwaitedNode, Intent};
use sparkwright::live::ec2::{
    ClassProblem, ClusterFacts, ConnectError, Ec2, FleetRequest, Options, Order, RequestError,
    Resolved,
};
use sparkwright::model::node::Purpose;
use sparkwright::model::nodeclass::user_data::ClusterAccess;
use sparkwright::model::nodeclass::{self, Class};
use sparkwright::model::nodepool;
use sparkwright::model::offering::{CapacityType, Catalog};
use sparkwright::model::performance::Performance;
use sparkwright::model::pool::Pool;
use sparkwright::model::resources::Resources;
use sparkwright::plan::effect::{AllocationStrategy, Launch};
use sparkwright::plan::reason::Reason;
use sparkwright_sim::catalog::Source;

#[path = "../../../simulator/tests/emulated/mod.rs"]
pub mod emulated;

use emulated::Emulated;

/// The cluster, by the name that the emulator tags subnets and groups with.
pub const CLUSTER: &str = "emulated";
/// The zone of launches.
pub const ZONE: &str = "us-east-1a";

/// An emulator, a connection to it, and what launches need.
pub struct Account {
    pub emulated: Emulated,
    pub ec2: Ec2,
    pub catalog: Catalog,
    pub pool: Pool,
    pub class: Class,
    pub cluster: ClusterFacts,
}

/// Runs a test against an emulator of its own.
pub fn with(world: &str, script: &str, test: impl AsyncFnOnce(&Account)) {
    with_flags(world, script, &[], test);
}

/// Runs a test against an emulator of its own, with flags.
pub fn with_flags(world: &str, script: &str, flags: &[&str], test: impl AsyncFnOnce(&Account)) {
    let emulated = Emulated::start(world, script, flags);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ec2 = Ec2::with(&config(&emulated.address), options())
            .await
            .unwrap();
        let account = Account {
            emulated,
            ec2,
            catalog: embedded(),
            pool: nodepool::read(pool()).unwrap().0,
            class: nodeclass::read(class(json!({"role": "SparkwrightNode"}))).unwrap(),
            cluster: cluster(),
        };
        test(&account).await;
    });
}

/// The emulator's own catalogue: launches name types by their places in it.
pub fn embedded() -> Catalog {
    let source = Source {
        region: Some("us-east-1".to_owned()),
        ..Source::default()
    };
    source.load().unwrap()
}

fn options() -> Options {
    Options {
        region: None,
        cluster_name: CLUSTER.to_owned(),
        queue: Some("interruptions".to_owned()),
    }
}

fn config(address: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn pool() -> Value {
    json!({"apiVersion": nodepool::API_VERSION, "kind": "NodePool",
        "metadata": {"name": "executors"}, "spec": {"template": {"spec": {}}}})
}

/// A class of the emulator's own images, subnets and groups, with other fields put over it.
pub fn class(over: Value) -> Value {
    let discovery = json!([{"tags": {"sparkwright.dev/discovery": CLUSTER}}]);
    let mut spec = json!({
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "subnetSelectorTerms": discovery,
        "securityGroupSelectorTerms": discovery,
    });
    for (field, value) in over.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({"apiVersion": nodepool::API_VERSION, "kind": "NodeClass",
        "metadata": {"name": "al2023"}, "spec": spec})
}

fn cluster() -> ClusterFacts {
    ClusterFacts {
        access: ClusterAccess {
            name: CLUSTER.to_owned(),
            endpoint: "https://api.example".to_owned(),
            certificate_authority: "Q0E=".to_owned(),
            service_cidr: "10.100.0.0/16".to_owned(),
            dns: None,
        },
        kubernetes: "1.34".to_owned(),
    }
}

/// What to launch.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub types: &'a [&'a str],
    pub capacity_type: CapacityType,
    pub count: usize,
    pub minimum: Option<u32>,
    pub token: &'a str,
}

/// So many on-demand instances of a type.
pub fn on_demand<'a>(types: &'a [&'a str], count: usize, token: &'a str) -> Wanted<'a> {
    Wanted {
        types,
        capacity_type: CapacityType::OnDemand,
        count,
        minimum: None,
        token,
    }
}

impl Account {
    /// What the class names.
    pub async fn resolved(&self) -> Resolved {
        self.ec2.resolve(&self.class, &self.cluster).await.unwrap()
    }

    /// Why a class with other fields cannot be used.
    pub async fn problem(&self, over: Value) -> ClassProblem {
        let class = nodeclass::read(class(over)).unwrap();
        self.ec2.resolve(&class, &self.cluster).await.unwrap_err()
    }

    /// The request for a launch.
    pub async fn request(&self, wanted: Wanted<'_>) -> FleetRequest {
        self.try_request(wanted).await.unwrap()
    }

    /// The request for a launch, or why there is none.
    pub async fn try_request(&self, wanted: Wanted<'_>) -> Result<FleetRequest, RequestError> {
        let resolved = self.resolved().await;
        let claims: Vec<String> = (0..wanted.count)
            .map(|number| format!("executors-{}-{number}", wanted.token))
            .collect();
        let launch = self.launch(wanted, &claims);
        let order = Order {
            launch: &launch,
            catalog: &self.catalog,
            pool: &self.pool,
            class: &self.class,
            resolved: &resolved,
            cluster: &self.cluster,
            claims: &claims,
            token: wanted.token,
            epoch: 1,
            minimum: wanted.minimum,
        };
        self.ec2.request(order).await
    }

    /// Launches, and gives the ids of what was given.
    pub async fn launched(&self, wanted: Wanted<'_>) -> Vec<String> {
        let request = self.request(wanted).await;
        let answer = self.ec2.create_fleet(&request, wanted.token).await.unwrap();
        answer.given.into_iter().map(|given| given.id).collect()
    }

    fn launch(&self, wanted: Wanted<'_>, claims: &[String]) -> Launch {
        let types = wanted.types.iter();
        let types = types.map(|name| self.catalog.find_type(name).expect("the type is sold"));
        let nodes = claims.iter().map(|claim| AwaitedNode {
            id: claim.as_str().into(),
            room: Resources::default(),
            held: Vec::new(),
        });
        let strategy = match wanted.capacity_type {
            CapacityType::OnDemand => AllocationStrategy::LowestPrice,
            CapacityType::Spot => AllocationStrategy::PriceCapacityOptimized,
        };
        Launch {
            intent: Intent {
                pool: self.pool.name.clone(),
                purpose: Purpose::Work,
                zone: self.catalog.find_zone(ZONE).expect("the zone is there"),
                capacity_type: wanted.capacity_type,
                types: types.collect(),
                labels: Default::default(),
                taints: Vec::new(),
                nodes: nodes.collect(),
            },
            strategy,
            planned: Default::default(),
            expected: Default::default(),
            compared: Default::default(),
            performance: Performance::ONE,
            pods: vec![Vec::new(); claims.len()],
            minimum: None,
            reason: Reason::Cheapest { pods: 1, apps: 1 },
            narrow: None,
        }
    }

    /// A client beside the shell's, for what the shell never does.
    pub fn ec2(&self) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&config(&self.emulated.address))
    }

    /// As above.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&config(&self.emulated.address))
    }

    /// How often an action was called, and how often with a code.
    pub fn called(&self, action: &str, code: &str) -> usize {
        let calls = self.emulated.calls().into_iter();
        calls.filter(|(a, c)| a == action && c == code).count()
    }
}

#[test]
fn what_a_connection_lacks_is_named_with_its_remedy() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let refused = |config: SdkConfig, options: Options| {
        let connected = runtime
            .as_ref()
            .unwrap()
            .block_on(Ec2::with(&config, options));
        connected.unwrap_err()
    };
    let bare = || SdkConfig::builder().behavior_version(BehaviorVersion::latest());
    let error = refused(bare().build(), options());
    assert!(error.to_string().contains("set AWS_REGION"), "{error}");
    let error = refused(bare().region(Region::new("us-east-1")).build(), options());
    assert!(matches!(error, ConnectError::NoCredentials { .. }));
    assert!(error.to_string().contains("Pod Identity"), "{error}");
    let error = refused(config("127.0.0.1:1"), Options::default());
    assert!(matches!(error, ConnectError::NoCluster), "{error}");
}
