//! CreateFleet of type instant: one answer, now, and no more. What it cannot give it refuses, pool by
//! pool, with EC2's own codes; giving a part is normal. Which type an instance is EC2 chooses by the
//! call's strategy: on-demand the cheapest it has, or the first in the call's order; spot any that it has, since which pools are deep is
//! its knowledge alone. That is the model under which plans state their expected price.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::cluster::event::Intent;
use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::{CapacityType, TypeId};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::AllocationStrategy;

use super::{Fleet, Instance, price};
use crate::world::stream::{pick, stream};

/// EC2's word for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// EC2 has none of the pool.
    InsufficientInstanceCapacity,
    /// The on-demand vCPU quota of the family's class.
    VcpuLimitExceeded,
    /// The spot vCPU quota of the family's class.
    MaxSpotInstanceCountExceeded,
    /// The subnet has too few addresses.
    InsufficientFreeAddressesInSubnet,
}

/// A refusal, as CreateFleet reports it for an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FleetError {
    /// Why.
    pub code: Code,
    /// Of what.
    pub of: OfferingKey,
}

/// What a call is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Nodes that have an instance, and how long after the answer it runs.
    pub given: Vec<(NodeId, Span)>,
    /// Nodes that have none.
    pub refused: Vec<NodeId>,
    /// Nodes that were not looked at: the account launches too many instances.
    pub throttled: Vec<NodeId>,
    /// Every refusal once.
    pub errors: Vec<FleetError>,
    /// From the call to its answer.
    pub after: Span,
}

impl Fleet {
    /// Answers a call; None: RequestLimitExceeded, ask again later.
    pub fn create(
        &mut self,
        intent: &Intent,
        strategy: AllocationStrategy,
        now: Timestamp,
    ) -> Option<Answer> {
        if let Some(calls) = &mut self.calls
            && calls.take(now, 1) == 0
        {
            return None;
        }
        let wanted = intent.nodes.len();
        let looked_at = self
            .launches
            .as_mut()
            .map_or(wanted, |tokens| tokens.take(now, wanted));
        let mut call = Call::new(intent, strategy, now);
        call.types.sort_by_key(|id| {
            (strategy == AllocationStrategy::LowestPrice).then(|| price(&self.catalog, intent, *id))
        });
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        for node in &intent.nodes[..looked_at] {
            match self.give(&mut call, &node.id) {
                Some(instance_type) => given.push((
                    node.id.clone(),
                    self.pending(&node.id, instance_type, &call),
                )),
                None => refused.push(node.id.clone()),
            }
        }
        let first = intent.nodes.first().map_or("", |node| node.id.as_str());
        let mut random = stream(self.seed, "answer", first);
        Some(Answer {
            given,
            refused,
            throttled: intent.nodes[looked_at..]
                .iter()
                .map(|node| node.id.clone())
                .collect(),
            errors: call.errors.into_iter().collect(),
            after: self.delays.answer.draw(&mut random),
        })
    }

    /// Chooses a type that can be given; types that cannot are not tried again in this call.
    fn give(&mut self, call: &mut Call, node: &NodeId) -> Option<TypeId> {
        while !call.types.is_empty() {
            let at = match call.strategy {
                AllocationStrategy::LowestPrice | AllocationStrategy::Prioritized => 0,
                AllocationStrategy::PriceCapacityOptimized => {
                    self.drop_dry(call);
                    let mut random = stream(self.seed, "type", node.as_str());
                    pick(&mut random, call.types.len())
                }
            };
            let Some(&instance_type) = call.types.get(at) else {
                break;
            };
            match self.refusal(call, node, instance_type) {
                None => return Some(instance_type),
                Some(code) => call.refuse(at, code),
            }
        }
        None
    }

    /// EC2 knows which spot pools are dry, and goes past them; it names them where nothing else is left.
    fn drop_dry(&mut self, call: &mut Call) {
        let types = std::mem::take(&mut call.types);
        let (has, dry): (Vec<TypeId>, Vec<TypeId>) =
            types.into_iter().partition(|id| self.has(call, *id));
        call.types = has;
        call.dry.extend(dry);
        if call.types.is_empty() {
            for id in std::mem::take(&mut call.dry) {
                let of = call.key(id);
                let code = Code::InsufficientInstanceCapacity;
                call.errors.insert(FleetError { code, of });
            }
        }
    }

    /// Why this type cannot be given to the node; where it can, it is taken.
    fn refusal(&mut self, call: &Call, node: &NodeId, instance_type: TypeId) -> Option<Code> {
        let key = call.key(instance_type);
        if !self.has(call, instance_type) {
            return Some(Code::InsufficientInstanceCapacity);
        }
        let (quota, vcpus) = self.quota(key);
        if !self.quotas.has(quota, vcpus) {
            return Some(match key.2 {
                CapacityType::OnDemand => Code::VcpuLimitExceeded,
                CapacityType::Spot => Code::MaxSpotInstanceCountExceeded,
            });
        }
        let interfaces = self.catalog.instance_type(instance_type).interfaces;
        if !self.addresses.start(node, key.1, interfaces) {
            return Some(Code::InsufficientFreeAddressesInSubnet);
        }
        self.capacity.take(key, call.now);
        self.quotas.take(quota, vcpus);
        None
    }

    fn has(&mut self, call: &Call, instance_type: TypeId) -> bool {
        let key = call.key(instance_type);
        let catalog = &self.catalog;
        let name = || {
            let (machine, zone) = (catalog.instance_type(key.0), catalog.zone(key.1));
            format!("{} {} {}", machine.name, zone.id, key.2)
        };
        self.capacity.has(key, call.now, name)
    }

    /// The instance is given; returns how long it is pending.
    fn pending(&mut self, node: &NodeId, instance_type: TypeId, call: &Call) -> Span {
        let instance = Instance {
            intent: call.intent.clone(),
            instance_type,
            facts: None,
            running: false,
            ends: false,
        };
        self.instances.insert(node.clone(), instance);
        let mut random = stream(self.seed, "launch", node.as_str());
        self.delays.launch.draw(&mut random)
    }
}

/// A call while it is answered.
struct Call {
    intent: Arc<Intent>,
    strategy: AllocationStrategy,
    now: Timestamp,
    /// Types that may still be given.
    types: Vec<TypeId>,
    /// Spot types without capacity that nobody has been told of.
    dry: Vec<TypeId>,
    errors: BTreeSet<FleetError>,
}

impl Call {
    fn new(intent: &Intent, strategy: AllocationStrategy, now: Timestamp) -> Self {
        let common = Intent {
            nodes: Vec::new(),
            ..intent.clone()
        };
        Call {
            types: common.types.clone(),
            intent: Arc::new(common),
            strategy,
            now,
            dry: Vec::new(),
            errors: BTreeSet::new(),
        }
    }

    fn key(&self, instance_type: TypeId) -> OfferingKey {
        (instance_type, self.intent.zone, self.intent.capacity_type)
    }

    fn refuse(&mut self, at: usize, code: Code) {
        let instance_type = self.types.remove(at);
        let of = self.key(instance_type);
        self.errors.insert(FleetError { code, of });
    }
}
