//! Addresses of the zones' subnets: each node takes some when it starts and more as pods come to it, by
//! the CNI's rules, and gives them back when it is gone. A zone that is not written down has enough.

use std::collections::BTreeMap;

use sparkwright::model::cni::Cni;
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::{Interfaces, ZoneId};

/// What a node holds.
#[derive(Clone, Copy, Debug)]
struct Holding {
    zone: ZoneId,
    interfaces: Option<Interfaces>,
    pods: u32,
    addresses: u32,
}

/// Subnets, and the nodes in them.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    free: BTreeMap<ZoneId, u32>,
    cni: Cni,
    nodes: BTreeMap<NodeId, Holding>,
}

impl Addresses {
    /// Subnets with so many free addresses.
    pub fn new(free: BTreeMap<ZoneId, u32>, cni: Cni) -> Self {
        Addresses {
            free,
            cni,
            nodes: BTreeMap::new(),
        }
    }

    /// Free addresses of a zone, where it is bounded.
    pub fn free(&self, zone: ZoneId) -> Option<u32> {
        self.free.get(&zone).copied()
    }

    /// Every bounded zone.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneId, u32)> {
        self.free.iter().map(|(zone, free)| (*zone, *free))
    }

    /// A node starts: it takes what it holds without pods. False, and nothing taken, where the zone has
    /// too few.
    pub fn start(&mut self, node: &NodeId, zone: ZoneId, interfaces: Option<Interfaces>) -> bool {
        let Some(free) = self.free.get_mut(&zone) else {
            return true;
        };
        let addresses = self.cni.addresses(interfaces, 0);
        let Some(rest) = free.checked_sub(addresses) else {
            return false;
        };
        *free = rest;
        let holding = Holding {
            zone,
            interfaces,
            pods: 0,
            addresses,
        };
        self.nodes.insert(node.clone(), holding);
        true
    }

    /// A pod comes to a node. False where there is no address for it; then it has to ask again. What the
    /// CNI would like to keep warm beside it is taken only as far as there is any.
    pub fn pod_comes(&mut self, node: &NodeId) -> bool {
        let Some(holding) = self.nodes.get_mut(node) else {
            return true;
        };
        let Some(free) = self.free.get_mut(&holding.zone) else {
            return true;
        };
        let own = holding.interfaces.map_or(1, |interfaces| {
            let each = interfaces.addresses.saturating_sub(1).max(1);
            (holding.pods + 1).div_ceil(each)
        });
        let needed = own + holding.pods + 1;
        let wanted = self.cni.addresses(holding.interfaces, holding.pods + 1);
        let more = wanted.max(needed).saturating_sub(holding.addresses);
        let taken = more.min(*free);
        if holding.addresses + taken < needed {
            return false;
        }
        *free -= taken;
        holding.addresses += taken;
        holding.pods += 1;
        true
    }

    /// A pod that had an address is gone. The node keeps the address: the CNI gives interfaces back so
    /// slowly that a node's life is over before.
    pub fn pod_goes(&mut self, node: &NodeId) {
        if let Some(holding) = self.nodes.get_mut(node) {
            holding.pods = holding.pods.saturating_sub(1);
        }
    }

    /// A node is gone.
    pub fn gone(&mut self, node: &NodeId) {
        if let Some(holding) = self.nodes.remove(node)
            && let Some(free) = self.free.get_mut(&holding.zone)
        {
            *free += holding.addresses;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Option<Interfaces> = Some(Interfaces {
        count: 3,
        addresses: 10,
    });

    #[test]
    fn nodes_take_warm_interfaces_and_pods_take_what_is_left() {
        let zone = ZoneId(0);
        let mut subnets = Addresses::new(BTreeMap::from([(zone, 29)]), Cni::default());
        let (a, b) = (NodeId::from("a"), NodeId::from("b"));
        assert!(subnets.start(&a, zone, SMALL));
        assert_eq!(subnets.free(zone), Some(19), "one interface");
        assert!(subnets.pod_comes(&a));
        assert_eq!(subnets.free(zone), Some(9), "and a warm one");
        assert!(!subnets.start(&b, zone, SMALL), "ten would be needed");
        (0..17).for_each(|_| assert!(subnets.pod_comes(&a)));
        assert_eq!(subnets.free(zone), Some(0), "the rest of a third one");
        (0..8).for_each(|_| assert!(subnets.pod_comes(&a)));
        assert!(
            !subnets.pod_comes(&a),
            "27 addresses for pods would need 30"
        );
        subnets.gone(&a);
        assert_eq!(subnets.free(zone), Some(29));
        assert!(
            subnets.start(&b, ZoneId(1), SMALL),
            "another zone is not bounded"
        );
    }
}
