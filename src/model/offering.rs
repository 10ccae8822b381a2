//! What EC2 sells: instance types, and offerings, which are types in a zone as spot or on-demand with
//! a price. A catalogue is one region's worth of them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::UsdPerHour;
use super::requirement::Labels;
use super::resources::{Bytes, Cpu, Resources};

/// Interruption rates are known in five buckets: <5 %, 5-10, 10-15, 15-20 and >20 % a month.
pub const INTERRUPTION_BUCKETS: usize = 5;

/// How EC2 sells an instance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// Kept until we let it go.
    OnDemand,
    /// Cheaper, and taken back by EC2 with two minutes' notice.
    Spot,
}

/// An availability zone under both its names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Zone {
    /// The account's name for it: `us-east-1a`.
    pub name: String,
    /// The place itself, the same in every account: `use1-az4`.
    pub id: String,
}

/// Position of a type in its catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// Position of a zone in its catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ZoneId(pub u8);

/// An instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceType {
    /// `c5d.9xlarge`.
    pub name: String,
    /// `c5d`.
    pub family: String,
    /// vCPUs.
    pub cpu: Cpu,
    /// Nominal memory.
    pub memory: Bytes,
    /// Local NVMe SSD in all, nominal (10⁹ bytes to the GB).
    pub nvme: Bytes,
    /// Network interfaces that pods' addresses come from; None where not known.
    pub interfaces: Option<Interfaces>,
    /// Room for pods: capacity less what kubelet, system and eviction hold, with the ENI rule for
    /// pods; `storage` is left at zero, since it depends on the pool (see [`InstanceType::storage`]).
    pub allocatable: Resources,
    /// EBS volumes that pods can have attached, the root volume taken off.
    pub disks: u32,
    /// CPU credits (t family).
    pub burstable: bool,
    /// A whole machine without hypervisor.
    pub bare_metal: bool,
    /// On the nitro hypervisor.
    pub nitro: bool,
    /// Has a GPU or another accelerator.
    pub accelerated: bool,
    /// Well-known labels that depend on the type alone.
    pub labels: Labels,
}

/// Network interfaces of a type: those of its default card, which the VPC CNI uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interfaces {
    /// How many.
    pub count: u32,
    /// IPv4 addresses of each, its own included.
    pub addresses: u32,
}

/// A type in a zone, as spot or on-demand, at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offering {
    /// The type.
    pub instance_type: TypeId,
    /// The zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// List price.
    pub price: UsdPerHour,
    /// Interruption bucket of spot, 0 to 4; None where unknown.
    pub interruption: Option<u8>,
}

/// What one region sells. Types are in order of name, zones of name, offerings of their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// `us-east-1`.
    pub region: String,
    /// Zones in order of name.
    pub zones: Vec<Zone>,
    /// Types in order of name.
    pub types: Vec<InstanceType>,
    /// Offerings in order.
    pub offerings: Vec<Offering>,
}

impl CapacityType {
    /// The value of the capacity-type label.
    pub const fn as_str(self) -> &'static str {
        match self {
            CapacityType::OnDemand => "on-demand",
            CapacityType::Spot => "spot",
        }
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl InstanceType {
    /// Ephemeral storage of a node: the NVMe disks as one array where `on_nvme`, else the root
    /// volume of 20 GiB; less 1 GiB for kubelet and 10 % for eviction (Karpenter's rule).
    pub fn storage(&self, on_nvme: bool) -> Bytes {
        let disk = if on_nvme && self.nvme > Bytes::default() {
            self.nvme
        } else {
            Bytes::from_mib(20 << 10)
        };
        Bytes::new((disk.get() - disk.get() / 10).saturating_sub(1 << 30))
    }
}

impl Catalog {
    /// The type at this position.
    ///
    /// # Panics
    /// If the position is of another catalogue.
    pub fn instance_type(&self, id: TypeId) -> &InstanceType {
        &self.types[usize::try_from(id.0).expect("a type's position fits usize")]
    }

    /// The type at this position, if this catalogue has so many.
    pub fn known_type(&self, id: TypeId) -> Option<&InstanceType> {
        self.types.get(usize::try_from(id.0).ok()?)
    }

    /// The zone at this position.
    ///
    /// # Panics
    /// If the position is of another catalogue.
    pub fn zone(&self, id: ZoneId) -> &Zone {
        &self.zones[usize::from(id.0)]
    }

    /// The offerings of a type.
    pub fn offerings_of(&self, id: TypeId) -> impl Iterator<Item = &Offering> {
        let first = self
            .offerings
            .partition_point(|offering| offering.instance_type < id);
        self.offerings[first..]
            .iter()
            .take_while(move |offering| offering.instance_type == id)
    }

    /// An offering's price; None where it is not sold.
    pub fn price(
        &self,
        instance_type: TypeId,
        zone: ZoneId,
        capacity_type: CapacityType,
    ) -> Option<UsdPerHour> {
        let position = self.position(instance_type, zone, capacity_type)?;
        Some(self.offerings[position].price)
    }

    /// Sets an offering's price. False, and nothing done, where it is not sold.
    pub fn reprice(
        &mut self,
        instance_type: TypeId,
        zone: ZoneId,
        capacity_type: CapacityType,
        price: UsdPerHour,
    ) -> bool {
        let position = self.position(instance_type, zone, capacity_type);
        position.is_some_and(|position| {
            self.offerings[position].price = price;
            true
        })
    }

    fn position(
        &self,
        instance_type: TypeId,
        zone: ZoneId,
        capacity_type: CapacityType,
    ) -> Option<usize> {
        let key = (instance_type, zone, capacity_type);
        let of = |offering: &Offering| {
            (
                offering.instance_type,
                offering.zone,
                offering.capacity_type,
            )
        };
        self.offerings.binary_search_by_key(&key, of).ok()
    }

    /// Finds a type by name.
    pub fn find_type(&self, name: &str) -> Option<TypeId> {
        let position = self
            .types
            .binary_search_by(|t| t.name.as_str().cmp(name))
            .ok()?;
        u32::try_from(position).ok().map(TypeId)
    }

    /// Finds a zone by its name or its id.
    pub fn find_zone(&self, name: &str) -> Option<ZoneId> {
        let position = self
            .zones
            .iter()
            .position(|z| z.name == name || z.id == name)?;
        u8::try_from(position).ok().map(ZoneId)
    }
}
