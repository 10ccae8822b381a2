//! How many addresses of its subnet a node holds: the VPC CNI attaches interfaces, addresses or
//! prefixes ahead of the pods that will need them. Rules and names of amazon-vpc-cni-k8s
//! (docs/eni-and-ip-target.md); knows nothing of how many addresses a subnet has.

use serde::{Deserialize, Serialize};

use super::offering::Interfaces;

/// Addresses of a prefix (/28).
const PREFIX: u32 = 16;

/// The VPC CNI's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cni {
    /// `WARM_ENI_TARGET`: whole interfaces kept free. Not looked at where `warm_ips` or
    /// `minimum_ips` is given, nor with prefixes.
    pub warm_enis: u32,
    /// `WARM_IP_TARGET`: addresses kept free.
    pub warm_ips: Option<u32>,
    /// `MINIMUM_IP_TARGET`: least addresses for pods.
    pub minimum_ips: Option<u32>,
    /// `ENABLE_PREFIX_DELEGATION`: addresses come sixteen at a time.
    pub prefixes: bool,
    /// `WARM_PREFIX_TARGET`: whole prefixes kept free, with prefix delegation.
    pub warm_prefixes: u32,
}

/// The CNI's own defaults.
impl Default for Cni {
    fn default() -> Self {
        Cni {
            warm_enis: 1,
            warm_ips: None,
            minimum_ips: None,
            prefixes: false,
            warm_prefixes: 1,
        }
    }
}

impl Cni {
    /// Addresses that a node holds when `pods` of its pods have one of their own. A type whose
    /// interfaces are not known is counted with one address and one for each pod.
    pub fn addresses(&self, interfaces: Option<Interfaces>, pods: u32) -> u32 {
        let Some(interfaces) = interfaces else {
            return 1 + pods;
        };
        // The first address of each interface is its own.
        let each = interfaces.addresses.saturating_sub(1).max(1);
        let most = interfaces.count.max(1);
        let pods = pods.min(self.most_pods(interfaces));
        if self.prefixes {
            let wanted = pods.div_ceil(PREFIX) + self.spare_prefixes(pods);
            let prefixes = wanted.clamp(1, most * each);
            return prefixes.div_ceil(each) + prefixes * PREFIX;
        }
        if self.warm_ips.is_some() || self.minimum_ips.is_some() {
            let wanted = pods + self.warm_ips.unwrap_or(0);
            let held = wanted
                .max(self.minimum_ips.unwrap_or(0))
                .clamp(1, most * each);
            return held.div_ceil(each) + held;
        }
        let attached = (pods.div_ceil(each) + self.warm_enis).clamp(1, most);
        attached * (1 + each)
    }

    fn most_pods(&self, interfaces: Interfaces) -> u32 {
        let slots = interfaces.count * interfaces.addresses.saturating_sub(1);
        slots * if self.prefixes { PREFIX } else { 1 }
    }

    /// With a target in addresses, the prefix that is begun counts towards it.
    fn spare_prefixes(&self, pods: u32) -> u32 {
        match (self.warm_ips, self.minimum_ips) {
            (None, None) => self.warm_prefixes,
            (warm, least) => {
                let wanted = (pods + warm.unwrap_or(0)).max(least.unwrap_or(0));
                wanted.div_ceil(PREFIX) - pods.div_ceil(PREFIX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M5_8XLARGE: Option<Interfaces> = Some(Interfaces {
        count: 8,
        addresses: 30,
    });

    #[test]
    fn a_warm_interface_makes_sixty_addresses_of_ten_pods() {
        let cni = Cni::default();
        assert_eq!(cni.addresses(M5_8XLARGE, 0), 30);
        assert_eq!(cni.addresses(M5_8XLARGE, 10), 60);
        assert_eq!(cni.addresses(M5_8XLARGE, 30), 90);
        assert_eq!(
            cni.addresses(M5_8XLARGE, 1000),
            240,
            "no more than it can hold"
        );
    }

    #[test]
    fn targets_in_addresses_and_prefixes_hold_less() {
        let by_address = Cni {
            warm_ips: Some(2),
            minimum_ips: Some(12),
            ..Cni::default()
        };
        assert_eq!(by_address.addresses(M5_8XLARGE, 1), 13);
        assert_eq!(by_address.addresses(M5_8XLARGE, 28), 32, "two interfaces");
        let by_prefix = Cni {
            prefixes: true,
            ..Cni::default()
        };
        assert_eq!(by_prefix.addresses(M5_8XLARGE, 0), 17);
        assert_eq!(by_prefix.addresses(M5_8XLARGE, 10), 33);
        let begun = Cni {
            warm_ips: Some(5),
            ..by_prefix
        };
        assert_eq!(begun.addresses(M5_8XLARGE, 10), 17, "the prefix has room");
    }

    #[test]
    fn a_type_without_known_interfaces_is_counted_by_its_pods() {
        assert_eq!(Cni::default().addresses(None, 7), 8);
    }
}
