//! Instances of what the fleet gave, with their tags. From here on they live by themselves (`life.rs`);
//! whether there was capacity is decided before.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::CapacityType;

use super::choose::Chosen;
use super::pools::{Origin, Pool};
use super::request::CreateFleet;
use crate::emulator::account::Tags;
use crate::emulator::clock::Moment;
use crate::emulator::events::News;
use crate::emulator::instance::{Instance, Launch, State};
use crate::emulator::life::Due;
use crate::emulator::region::Region;
use crate::emulator::tagging;
use crate::emulator::wire::ApiError;

/// Instances that came from one override.
pub(super) struct Given {
    pub origin: Arc<Origin>,
    pub of: OfferingKey,
    pub instance_type: String,
    pub nodes: Vec<NodeId>,
}

/// Makes the instances; returns them by pool.
pub(super) fn launch(
    region: &mut Region,
    request: &CreateFleet,
    fleet: &str,
    pools: &[Pool],
    chosen: Chosen,
    now: Moment,
) -> Result<Vec<Given>, ApiError> {
    let mut by_pool: BTreeMap<OfferingKey, Vec<NodeId>> = BTreeMap::new();
    for (node, pending) in chosen.given {
        let Some(of) = region.fleet.offering(&node) else {
            continue;
        };
        region.plan(now.at + chosen.after + pending, Due::Running(node.clone()));
        by_pool.entry(of).or_default().push(node);
    }
    let mut all = Vec::new();
    for (of, nodes) in by_pool {
        let Some(pool) = pools.iter().find(|pool| pool.of == of) else {
            continue;
        };
        let launch = Arc::new(Launch {
            fleet: fleet.to_owned(),
            reservation: region.id("r"),
            token: request.client_token.clone(),
            data: pool.data.clone(),
        });
        let tags = tags(request, pool, fleet)?;
        for (index, node) in (0..).zip(&nodes) {
            let instance = instance(region, pool, node, &launch, index, now);
            region.instances.insert(node.clone(), instance);
            region.tags.insert(node.as_str().to_owned(), tags.clone());
            region.tell(&News::State("pending"), node, now);
        }
        all.push(Given {
            origin: pool.origin.clone(),
            of,
            instance_type: region.names(of).0.to_owned(),
            nodes,
        });
    }
    Ok(all)
}

fn instance(
    region: &mut Region,
    pool: &Pool,
    node: &NodeId,
    launch: &Arc<Launch>,
    index: u32,
    now: Moment,
) -> Instance {
    let number = u32::try_from(region.number() % (1 << 24)).unwrap_or(0);
    let spot = pool.of.2 == CapacityType::Spot;
    let request = spot.then(|| region.id("sir")[4..12].to_owned());
    let subnet = region.subnet_of(pool.of.1);
    let (subnet, address) = subnet.map_or_else(Default::default, |subnet| {
        (subnet.id.clone(), subnet.address(number))
    });
    Instance {
        id: node.clone(),
        of: pool.of,
        state: State::Pending,
        launched: now.at,
        visible: now.at + region.lag(node),
        ended: None,
        reason: None,
        launch: launch.clone(),
        index,
        image: pool.image.clone(),
        subnet,
        address,
        spot_request: request.map(|digits| format!("sir-{digits}")),
        maintenance: None,
    }
}

/// The launch template's tags, the call's, and EC2's own.
fn tags(request: &CreateFleet, pool: &Pool, fleet: &str) -> Result<Tags, ApiError> {
    let mut tags = tagging::of_kind(&pool.data.tags, "instance");
    tagging::put(&mut tags, tagging::of_kind(&request.tags, "instance"))?;
    let (template, version) = &pool.template;
    tags.insert("aws:ec2:fleet-id".to_owned(), fleet.to_owned());
    tags.insert("aws:ec2launchtemplate:id".to_owned(), template.clone());
    tags.insert(
        "aws:ec2launchtemplate:version".to_owned(),
        version.to_string(),
    );
    Ok(tags)
}
