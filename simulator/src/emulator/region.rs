//! One account in one region: the simulator's fleet, and around it what EC2's API shows of it: instances,
//! launch templates, subnets, groups, images, tags, the queue. A plain value: what it does follows from the
//! calls and the times that it is told. What happens by itself is in `life.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::{Catalog, ZoneId};
use sparkwright::model::time::{Span, Timestamp};

use super::account::{self, Image, SecurityGroup, Subnet, Tags};
use super::buckets::Buckets;
use super::clock::Moment;
use super::events::{News, body};
use super::history::PriceHistory;
use super::instance::Instance;
use super::life::Due;
use super::queue::Queue;
use super::templates::Templates;
use super::tokens::Tokens;
use crate::catalog::LocalDisks;
use crate::world::conditions::Conditions;
use crate::world::delays::Distribution;
use crate::world::fleet::Fleet;
use crate::world::stream::stream;

/// What a region is made of.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What EC2 sells.
    pub catalog: Arc<Catalog>,
    /// Local disks by type.
    pub disks: Arc<LocalDisks>,
    /// What the region is like.
    pub conditions: Conditions,
    /// Every draw follows from it.
    pub seed: u64,
    /// Wall-clock time of the beginning, since the Unix epoch.
    pub epoch: Timestamp,
    /// The cluster that subnets and groups are tagged for.
    pub cluster: String,
    /// The queue's name.
    pub queue: String,
    /// From the launch of an instance until describing finds it.
    pub describe_lag: Distribution,
    /// Whether calls are throttled.
    pub throttling: bool,
    /// Instances of a hundred that never join a cluster.
    pub never_join: u32,
}

/// What a cluster's cloud controller and kubelets would see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeNews {
    /// The node of an instance comes.
    Joins(NodeId),
    /// It goes.
    Leaves(NodeId),
}

/// An account in a region.
#[derive(Clone, Debug)]
pub struct Region {
    /// What it is made of.
    pub setting: Setting,
    /// Capacity, quotas, addresses and prices.
    pub fleet: Fleet,
    /// Instances by id; terminated ones for an hour.
    pub instances: BTreeMap<NodeId, Instance>,
    /// Launch templates.
    pub templates: Templates,
    /// One for each zone.
    pub subnets: Vec<Subnet>,
    /// The cluster's.
    pub groups: Vec<SecurityGroup>,
    /// Images for nodes.
    pub images: Vec<Image>,
    /// Tags by resource.
    pub tags: BTreeMap<String, Tags>,
    /// What calls with a token were answered.
    pub tokens: Tokens,
    /// What EventBridge sends.
    pub queue: Queue,
    /// Throttling.
    pub buckets: Buckets,
    /// How spot prices moved.
    pub prices: PriceHistory,
    /// For the cluster, oldest first.
    pub news: VecDeque<NodeNews>,
    pub(super) agenda: BTreeMap<(Timestamp, u64), Due>,
    numbers: u64,
}

impl Region {
    /// An account without instances.
    pub fn new(mut setting: Setting) -> Self {
        let catalog = setting.catalog.clone();
        let free = &mut setting.conditions.subnets;
        for (zone, _) in (0..).map(ZoneId).zip(&catalog.zones) {
            free.entry(zone).or_insert(account::ADDRESSES);
        }
        let subnets = account::subnets(&catalog, free);
        let groups = account::groups(&setting.cluster);
        let named = subnets.iter().map(|subnet| {
            let zone = &catalog.zone(subnet.zone).name;
            (
                subnet.id.clone(),
                format!("{}-private-{zone}", setting.cluster),
            )
        });
        let named = named.chain(groups.iter().map(|g| (g.id.clone(), g.name.clone())));
        let tags = named.map(|(id, name)| (id, account::tags(&setting.cluster, &name)));
        let create_fleet = setting.conditions.calls.filter(|_| setting.throttling);
        let mut region = Region {
            fleet: Fleet::new(catalog.clone(), &setting.conditions, setting.seed),
            instances: BTreeMap::new(),
            templates: Templates::default(),
            tags: tags.collect(),
            subnets,
            groups,
            images: account::images(),
            tokens: Tokens::default(),
            queue: Queue::default(),
            buckets: Buckets::new(create_fleet),
            prices: PriceHistory::default(),
            news: VecDeque::new(),
            agenda: BTreeMap::new(),
            numbers: 0,
            setting,
        };
        for (at, upheaval) in region.fleet.upheavals() {
            region.plan(at, Due::Upheaval(upheaval));
        }
        region
    }

    /// What EC2 sells.
    pub fn catalog(&self) -> &Catalog {
        &self.setting.catalog
    }

    /// The next number: everything that is made has its own.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A new id.
    pub fn id(&mut self, prefix: &str) -> String {
        let number = self.number();
        account::id(prefix, self.setting.seed, &number.to_string())
    }

    /// Something will happen.
    pub(super) fn plan(&mut self, at: Timestamp, due: Due) {
        let number = self.number();
        self.agenda.insert((at, number), due);
    }

    /// How long an instance is not found after its launch.
    pub fn lag(&self, node: &NodeId) -> Span {
        let mut random = stream(self.setting.seed, "describe lag", node.as_str());
        self.setting.describe_lag.draw(&mut random)
    }

    /// Since the Unix epoch.
    pub fn date(&self, at: Timestamp) -> Timestamp {
        at + (self.setting.epoch - Timestamp::ZERO)
    }

    /// EventBridge sends an event.
    pub fn tell(&mut self, news: &News, node: &NodeId, now: Moment) {
        let number = self.number();
        let region = &self.setting.catalog.region;
        let text = body(news, node.as_str(), region, self.date(now.at), number);
        self.queue.send(text, Span::ZERO, now.wall);
    }

    /// The subnet of a zone.
    pub fn subnet_of(&self, zone: ZoneId) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.zone == zone)
    }

    /// Free addresses of a zone's subnet.
    pub fn free_addresses(&self, zone: ZoneId) -> u32 {
        let mut zones = self.fleet.addresses();
        zones
            .find(|(other, _)| *other == zone)
            .map_or(0, |(_, free)| free)
    }

    /// A resource's tags.
    pub fn tags_of(&self, id: &str) -> &Tags {
        static NONE: Tags = Tags::new();
        self.tags.get(id).unwrap_or(&NONE)
    }

    /// An offering in words: type and zone.
    pub fn names(&self, of: OfferingKey) -> (&str, &str) {
        let catalog = self.catalog();
        (&catalog.instance_type(of.0).name, &catalog.zone(of.1).name)
    }
}
