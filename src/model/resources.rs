//! What pods ask for and nodes offer: CPU, memory, pods, ephemeral storage, and extended resources
//! by name. Integers in base units, so that two machines never disagree by a rounding.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

use super::extended::Extended;

/// CPU in thousandths of a core.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cpu(u64);

/// Memory or storage in bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(u64);

/// A vector of resources. `storage` is Kubernetes' `ephemeral-storage`; `extended` holds what
/// device plugins offer (`nvidia.com/gpu`), in whole units.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// CPU.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Bytes,
    /// Number of pods: 1 for a pod, the kubelet's limit for a node.
    pub pods: u32,
    /// Ephemeral storage.
    #[serde(default)]
    pub storage: Bytes,
    /// Extended resources by name.
    #[serde(default, skip_serializing_if = "Extended::is_empty")]
    pub extended: Extended,
}

impl Cpu {
    /// CPU from thousandths of a core.
    pub const fn from_millis(millis: u64) -> Self {
        Cpu(millis)
    }

    /// CPU from whole cores.
    pub const fn from_cores(cores: u32) -> Self {
        // Widening only; `u64::from` is not const.
        #[expect(clippy::as_conversions, reason = "u32 always fits u64")]
        Cpu(cores as u64 * 1000)
    }

    /// Thousandths of a core.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl Bytes {
    /// From bytes.
    pub const fn new(bytes: u64) -> Self {
        Bytes(bytes)
    }

    /// From mebibytes (2²⁰ bytes).
    pub const fn from_mib(mib: u64) -> Self {
        Bytes(mib.saturating_mul(1 << 20))
    }

    /// From gigabytes (10⁹ bytes), the unit in which disks are sold.
    pub const fn from_gb(gb: u64) -> Self {
        Bytes(gb.saturating_mul(1_000_000_000))
    }

    /// Bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole mebibytes, rounded down.
    pub const fn mib(self) -> u64 {
        self.0 >> 20
    }
}

impl Resources {
    /// A pod that asks for CPU and memory.
    pub fn pod(cpu: Cpu, memory: Bytes) -> Self {
        Resources {
            cpu,
            memory,
            pods: 1,
            ..Resources::default()
        }
    }

    /// True when every component is at most that of `room`; an extended resource that `room` lacks
    /// is zero there.
    #[inline]
    pub fn fits(&self, room: &Resources) -> bool {
        self.cpu <= room.cpu
            && self.memory <= room.memory
            && self.pods <= room.pods
            && self.storage <= room.storage
            && (self.extended.is_empty() || self.extended.fits(&room.extended))
    }

    /// How many copies of this fit into `room`; `limit` at most. A request of nothing fits `limit` times.
    pub fn copies_in(&self, room: &Resources, limit: u32) -> u32 {
        let copies = |need: u64, have: u64| have.checked_div(need).unwrap_or(u64::MAX);
        let named = self
            .extended
            .iter()
            .map(|(name, &n)| copies(n, room.extended.get(name).copied().unwrap_or(0)))
            .min()
            .unwrap_or(u64::MAX);
        let most = copies(self.cpu.0, room.cpu.0)
            .min(copies(self.memory.0, room.memory.0))
            .min(copies(u64::from(self.pods), u64::from(room.pods)))
            .min(copies(self.storage.0, room.storage.0))
            .min(named)
            .min(u64::from(limit));
        u32::try_from(most).unwrap_or(limit)
    }

    /// Raises each component to that of `other` where it is below.
    pub fn raise_to(&mut self, other: &Resources) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.pods = self.pods.max(other.pods);
        self.storage = self.storage.max(other.storage);
        for (name, &n) in other.extended.iter() {
            let most = self.extended.amount(name);
            *most = n.max(*most);
        }
    }

    /// `count` times this vector.
    #[inline]
    pub fn times(&self, count: u32) -> Resources {
        let n = u64::from(count);
        Resources {
            cpu: Cpu(self.cpu.0.saturating_mul(n)),
            memory: Bytes(self.memory.0.saturating_mul(n)),
            pods: self.pods.saturating_mul(count),
            storage: Bytes(self.storage.0.saturating_mul(n)),
            extended: if self.extended.is_empty() {
                Extended::default()
            } else {
                self.extended.map(|amount| amount.saturating_mul(n))
            },
        }
    }
}

impl Add for Cpu {
    type Output = Cpu;
    #[inline]
    fn add(self, other: Cpu) -> Cpu {
        Cpu(self.0.saturating_add(other.0))
    }
}

impl Sub for Cpu {
    type Output = Cpu;
    #[inline]
    fn sub(self, other: Cpu) -> Cpu {
        Cpu(self.0.saturating_sub(other.0))
    }
}

impl Add for Bytes {
    type Output = Bytes;
    #[inline]
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl Sub for Bytes {
    type Output = Bytes;
    #[inline]
    fn sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }
}

impl AddAssign<&Resources> for Resources {
    #[inline]
    fn add_assign(&mut self, other: &Resources) {
        self.cpu = self.cpu + other.cpu;
        self.memory = self.memory + other.memory;
        self.pods = self.pods.saturating_add(other.pods);
        self.storage = self.storage + other.storage;
        if !other.extended.is_empty() {
            self.extended += &other.extended;
        }
    }
}

/// Saturates at zero: what is overcommitted offers no room.
impl SubAssign<&Resources> for Resources {
    #[inline]
    fn sub_assign(&mut self, other: &Resources) {
        self.cpu = self.cpu - other.cpu;
        self.memory = self.memory - other.memory;
        self.pods = self.pods.saturating_sub(other.pods);
        self.storage = self.storage - other.storage;
        if !other.extended.is_empty() {
            self.extended -= &other.extended;
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & ((1 << 20) - 1) == 0 {
            write!(f, "{}Mi", self.mib())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cpu {}, memory {}, pods {}",
            self.cpu, self.memory, self.pods
        )?;
        if self.storage > Bytes::default() {
            write!(f, ", ephemeral-storage {}", self.storage)?;
        }
        self.extended
            .iter()
            .try_for_each(|(name, n)| write!(f, ", {name} {n}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_by_the_scarcest_resource() {
        let pod = Resources::pod(Cpu::from_millis(3400), Bytes::from_mib(23552));
        let room = Resources {
            pods: 110,
            ..Resources::pod(Cpu::from_cores(36), Bytes::from_mib(65269))
        };
        assert_eq!(pod.copies_in(&room, 100), 2);
        assert_eq!(pod.copies_in(&room, 1), 1);
    }

    #[test]
    fn an_extended_resource_that_the_node_lacks_never_fits() {
        let mut pod = Resources::pod(Cpu::from_cores(1), Bytes::from_mib(1));
        pod.extended.insert("nvidia.com/gpu".into(), 1);
        let room = Resources {
            pods: 10,
            ..Resources::pod(Cpu::from_cores(8), Bytes::from_mib(8))
        };
        assert!(!pod.fits(&room));
        assert_eq!(pod.copies_in(&room, 5), 0);
    }
}
