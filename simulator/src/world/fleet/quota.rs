//! What the account may run: vCPUs by class of families, on-demand and spot apart. Every account has
//! other quotas, so a class that is not written down is not bounded.

use std::collections::BTreeMap;

use sparkwright::cluster::shortage::QuotaKey;

/// vCPU quotas and what runs of each.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    most: BTreeMap<QuotaKey, u64>,
    used: BTreeMap<QuotaKey, u64>,
}

impl Quotas {
    /// Nothing runs, and at most so many vCPUs may.
    pub fn new(most: BTreeMap<QuotaKey, u64>) -> Self {
        Quotas {
            most,
            used: BTreeMap::new(),
        }
    }

    /// True where so many more may run.
    pub fn has(&self, key: QuotaKey, vcpus: u64) -> bool {
        let used = self.used.get(&key).copied().unwrap_or(0);
        let most = self.most.get(&key).copied().unwrap_or(u64::MAX);
        used.saturating_add(vcpus) <= most
    }

    /// So many more run.
    pub fn take(&mut self, key: QuotaKey, vcpus: u64) {
        *self.used.entry(key).or_default() += vcpus;
    }

    /// So many fewer run.
    pub fn give_back(&mut self, key: QuotaKey, vcpus: u64) {
        if let Some(used) = self.used.get_mut(&key) {
            *used = used.saturating_sub(vcpus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright::model::offering::CapacityType;
    use sparkwright::model::quota::QuotaClass;

    #[test]
    fn a_quota_bounds_its_class_and_capacity_type_alone() {
        let spot = (QuotaClass::Standard, CapacityType::Spot);
        let mut quotas = Quotas::new(BTreeMap::from([(spot, 64)]));
        quotas.take(spot, 60);
        assert!(quotas.has(spot, 4) && !quotas.has(spot, 5));
        assert!(quotas.has((QuotaClass::G, CapacityType::Spot), 1000));
        assert!(quotas.has((QuotaClass::Standard, CapacityType::OnDemand), 1000));
        quotas.give_back(spot, 60);
        assert!(quotas.has(spot, 64));
    }
}
