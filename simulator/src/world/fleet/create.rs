//! CreateFleet of type instant: one answer, now, and no more. What it cannot give it refuses, pool by
//! pool, with EC2's own codes; giving a part is normal. Which type an instance is EC2 chooses by the
//! call's strategy: on-demand the cheapest it has, or the first in the call's order; spot any that it has, since which pools are deep is
//! its knowledge alone. That is the model under which plans state their expected price.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::cluster::event::Intent;
use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::AllocationStrategy;

use super::{Fleet, Instance};
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

/// How EC2 chooses among the offerings of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The cheapest that it has.
    Cheapest,
    /// Any that it has: which pools are deep is its knowledge alone.
    Deepest,
    /// The first of the caller's order that it has.
    Preferred,
    /// As many of each that it has.
    Spread,
}

/// A call, whoever makes it.
#[derive(Clone, Debug)]
pub struct Request {
    /// A name for each instance that is asked for.
    pub nodes: Vec<NodeId>,
    /// Offerings that EC2 may choose from, in the caller's order.
    pub offerings: Vec<OfferingKey>,
    /// How it chooses.
    pub choice: Choice,
    /// What a plan asked for; None where somebody else asks.
    pub intent: Option<Arc<Intent>>,
}

impl Fleet {
    /// Answers a call of a plan; None: RequestLimitExceeded, ask again later.
    pub fn create(
        &mut self,
        intent: &Intent,
        strategy: AllocationStrategy,
        minimum: Option<u32>,
        now: Timestamp,
    ) -> Option<Answer> {
        if let Some(calls) = &mut self.calls
            && calls.take(now, 1) == 0
        {
            return None;
        }
        let types = intent.types.iter();
        let request = Request {
            nodes: intent.nodes.iter().map(|node| node.id.clone()).collect(),
            offerings: types
                .map(|id| (*id, intent.zone, intent.capacity_type))
                .collect(),
            choice: match strategy {
                AllocationStrategy::LowestPrice => Choice::Cheapest,
                AllocationStrategy::Prioritized => Choice::Preferred,
                AllocationStrategy::PriceCapacityOptimized => Choice::Deepest,
            },
            intent: Some(Arc::new(Intent {
                nodes: Vec::new(),
                ..intent.clone()
            })),
        };
        let answer = self.acquire(request, now);
        let least = minimum.map_or(0, |least| usize::try_from(least).unwrap_or(usize::MAX));
        // What is throttled may still come, and is not too few.
        let too_few = answer.throttled.is_empty() && answer.given.len() < least;
        Some(if too_few {
            self.take_back(answer, now)
        } else {
            answer
        })
    }

    /// The answer to a call that wants more than EC2 has, or nothing.
    fn take_back(&mut self, mut answer: Answer, now: Timestamp) -> Answer {
        for (node, _) in std::mem::take(&mut answer.given) {
            if let Some(of) = self.offering(&node) {
                self.capacity.give_back(of, now);
            }
            self.gone(&node);
            answer.refused.push(node);
        }
        answer
    }

    /// Answers a call that was not throttled.
    pub fn acquire(&mut self, mut request: Request, now: Timestamp) -> Answer {
        let wanted = request.nodes.len();
        let looked_at = self
            .launches
            .as_mut()
            .map_or(wanted, |tokens| tokens.take(now, wanted));
        if request.choice == Choice::Cheapest {
            request.offerings.sort_by_key(|of| self.price(*of));
        }
        let throttled = request.nodes.split_off(looked_at);
        let nodes = std::mem::take(&mut request.nodes);
        let first = nodes.first().or(throttled.first());
        let mut random = stream(self.seed, "answer", first.map_or("", NodeId::as_str));
        let mut call = Call::new(request, now);
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        for (i, node) in nodes.into_iter().enumerate() {
            match self.give(&mut call, &node, i) {
                Some(of) => {
                    let pending = self.pending(&node, of, &call);
                    given.push((node, pending));
                }
                None => refused.push(node),
            }
        }
        Answer {
            given,
            refused,
            throttled,
            errors: call.errors.into_iter().collect(),
            after: self.delays.answer.draw(&mut random),
        }
    }

    /// Chooses an offering that can be given; those that cannot are not tried again in this call.
    fn give(&mut self, call: &mut Call, node: &NodeId, i: usize) -> Option<OfferingKey> {
        while !call.offerings.is_empty() {
            let at = match call.choice {
                Choice::Cheapest | Choice::Preferred => 0,
                Choice::Spread => i % call.offerings.len(),
                Choice::Deepest => {
                    self.drop_dry(call);
                    let mut random = stream(self.seed, "type", node.as_str());
                    pick(&mut random, call.offerings.len())
                }
            };
            let Some(&of) = call.offerings.get(at) else {
                break;
            };
            match self.refusal(call, node, of) {
                None => return Some(of),
                Some(code) => call.refuse(at, code),
            }
        }
        None
    }

    /// EC2 knows which spot pools are dry, and goes past them; it names them where nothing else is left.
    fn drop_dry(&mut self, call: &mut Call) {
        let offerings = std::mem::take(&mut call.offerings);
        let now = call.now;
        let (has, dry): (Vec<OfferingKey>, Vec<OfferingKey>) =
            offerings.into_iter().partition(|of| self.has(*of, now));
        call.offerings = has;
        call.dry.extend(dry);
        if call.offerings.is_empty() {
            for of in std::mem::take(&mut call.dry) {
                let code = Code::InsufficientInstanceCapacity;
                call.errors.insert(FleetError { code, of });
            }
        }
    }

    /// Why this offering cannot be given to the node; where it can, it is taken.
    fn refusal(&mut self, call: &Call, node: &NodeId, of: OfferingKey) -> Option<Code> {
        if !self.has(of, call.now) {
            return Some(Code::InsufficientInstanceCapacity);
        }
        let (quota, vcpus) = self.quota(of);
        if !self.quotas.has(quota, vcpus) {
            return Some(match of.2 {
                CapacityType::OnDemand => Code::VcpuLimitExceeded,
                CapacityType::Spot => Code::MaxSpotInstanceCountExceeded,
            });
        }
        let interfaces = self.catalog.instance_type(of.0).interfaces;
        if !self.addresses.start(node, of.1, interfaces) {
            return Some(Code::InsufficientFreeAddressesInSubnet);
        }
        self.capacity.take(of, call.now);
        self.quotas.take(quota, vcpus);
        None
    }

    fn has(&mut self, of: OfferingKey, now: Timestamp) -> bool {
        let catalog = &self.catalog;
        let name = || {
            let (machine, zone) = (catalog.instance_type(of.0), catalog.zone(of.1));
            format!("{} {} {}", machine.name, zone.id, of.2)
        };
        self.capacity.has(of, now, name)
    }

    /// The instance is given; returns how long it is pending.
    fn pending(&mut self, node: &NodeId, of: OfferingKey, call: &Call) -> Span {
        let instance = Instance {
            of,
            intent: call.intent.clone(),
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
    intent: Option<Arc<Intent>>,
    choice: Choice,
    now: Timestamp,
    /// Offerings that may still be given.
    offerings: Vec<OfferingKey>,
    /// Spot offerings without capacity that nobody has been told of.
    dry: Vec<OfferingKey>,
    errors: BTreeSet<FleetError>,
}

impl Call {
    fn new(request: Request, now: Timestamp) -> Self {
        Call {
            intent: request.intent,
            choice: request.choice,
            now,
            offerings: request.offerings,
            dry: Vec::new(),
            errors: BTreeSet::new(),
        }
    }

    fn refuse(&mut self, at: usize, code: Code) {
        let of = self.offerings.remove(at);
        self.errors.insert(FleetError { code, of });
    }
}
