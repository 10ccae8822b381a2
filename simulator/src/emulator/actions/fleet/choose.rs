//! Asks the simulator's fleet. Where all instances must be alike or in one place, each group of pools is
//! tried on a copy; the first that gives everything is taken, else the one that gives most. Which group EC2
//! would try first it does not say: here the cheapest, or the caller's first.

use std::sync::Arc;

use sparkwright::model::name::NodeId;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::time::{Span, Timestamp};

use super::pools::{Origin, Pool, Refused};
use super::request::Side;
use crate::emulator::region::Region;
use crate::world::fleet::{Answer, Choice, Code, FleetError, Request};

/// What the fleet gives to one side of a call.
pub(super) struct Chosen {
    /// Instances, and how long after the answer they run.
    pub given: Vec<(NodeId, Span)>,
    /// From the call to the answer.
    pub after: Span,
    errors: Vec<FleetError>,
    throttled: bool,
    too_few: bool,
}

/// Asks for what a side wants.
pub(super) fn acquire(region: &mut Region, side: &Side, pools: &[Pool], now: Timestamp) -> Chosen {
    let nodes: Vec<NodeId> = (0..side.count).map(|_| region.id("i").into()).collect();
    let mut best: Option<(Answer, crate::world::fleet::Fleet)> = None;
    for group in groups(region, side, pools) {
        let mut fleet = region.fleet.clone();
        let request = Request {
            nodes: nodes.clone(),
            offerings: group.iter().map(|pool| pool.of).collect(),
            choice: side.choice,
            intent: None,
        };
        let answer = fleet.acquire(request, now);
        let complete = answer.given.len() == nodes.len();
        let better = best
            .as_ref()
            .is_none_or(|(other, _)| answer.given.len() > other.given.len());
        if better {
            best = Some((answer, fleet));
        }
        if complete {
            break;
        }
    }
    let Some((answer, fleet)) = best else {
        return Chosen {
            given: Vec::new(),
            after: Span::ZERO,
            errors: Vec::new(),
            throttled: false,
            too_few: false,
        };
    };
    let least = usize::try_from(side.least).unwrap_or(usize::MAX);
    let too_few = answer.given.len() < least;
    let mut given = answer.given;
    if too_few {
        given.clear();
    } else {
        region.fleet = fleet;
    }
    Chosen {
        given,
        after: answer.after,
        errors: answer.errors,
        throttled: !answer.throttled.is_empty(),
        too_few,
    }
}

/// Pools that may stand together: all of them, or those of one type, one zone or both.
fn groups<'a>(region: &Region, side: &Side, pools: &'a [Pool]) -> Vec<Vec<&'a Pool>> {
    let key = |pool: &Pool| {
        let (instance_type, zone, _) = pool.of;
        (
            side.one_type.then_some(instance_type),
            side.one_zone.then_some(zone),
        )
    };
    let mut ordered: Vec<&Pool> = pools.iter().collect();
    if side.choice != Choice::Preferred {
        ordered.sort_by_key(|pool| region.fleet.price(pool.of));
    }
    let mut groups: Vec<Vec<&Pool>> = Vec::new();
    for pool in ordered {
        match groups.iter_mut().find(|group| key(group[0]) == key(pool)) {
            Some(group) => group.push(pool),
            None => groups.push(vec![pool]),
        }
    }
    groups
}

impl Chosen {
    /// What the answer says of pools that gave too little.
    pub fn refused(&self, region: &Region, side: &Side, pools: &[Pool]) -> Vec<Refused> {
        let refusal = |pool: &Pool, code, message| Refused {
            origin: pool.origin.clone(),
            capacity_type: side.capacity_type,
            code,
            message,
        };
        let mut refused: Vec<Refused> = Vec::new();
        for error in &self.errors {
            let pool = pools.iter().find(|pool| pool.of == error.of);
            let (code, message) = worded(region, error);
            // An override that names no zone has a pool in each, and is refused once.
            let is_told = |origin: &Arc<Origin>| {
                let mut told = refused.iter();
                told.any(|other| other.code == code && Arc::ptr_eq(&other.origin, origin))
            };
            if let Some(pool) = pool.filter(|pool| !is_told(&pool.origin)) {
                refused.push(refusal(pool, code, message));
            }
        }
        if self.throttled
            && let Some(pool) = pools.first()
        {
            refused.push(refusal(
                pool,
                "RequestLimitExceeded",
                "Request limit exceeded.".to_owned(),
            ));
        }
        if self.too_few
            && refused.is_empty()
            && let Some(pool) = pools.first()
        {
            let what = "Unable to fulfill capacity due to your request configuration.".to_owned();
            refused.push(refusal(pool, "UnfulfillableCapacity", what));
        }
        refused
    }
}

fn worded(region: &Region, error: &FleetError) -> (&'static str, String) {
    let (name, zone) = region.names(error.of);
    match error.code {
        Code::InsufficientInstanceCapacity => (
            "InsufficientInstanceCapacity",
            match error.of.2 {
                CapacityType::OnDemand => format!(
                    "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({zone})."
                ),
                CapacityType::Spot => {
                    "There is no Spot capacity available that matches your request.".to_owned()
                }
            },
        ),
        Code::VcpuLimitExceeded => (
            "VcpuLimitExceeded",
            format!(
                "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that {name} belongs to."
            ),
        ),
        Code::MaxSpotInstanceCountExceeded => (
            "MaxSpotInstanceCountExceeded",
            "Max spot instance count exceeded".to_owned(),
        ),
        Code::InsufficientFreeAddressesInSubnet => {
            let subnet = region.subnet_of(error.of.1).map_or("", |subnet| &subnet.id);
            (
                "InsufficientFreeAddressesInSubnet",
                format!(
                    "There are not enough free addresses in subnet '{subnet}' to satisfy the requested number of instances."
                ),
            )
        }
    }
}
