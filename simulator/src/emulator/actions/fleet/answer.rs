//! CreateFleet's answer: instances by override, refusals by override. Says nothing that the launch has
//! not decided; an override is told back as it was asked.

use sparkwright::model::offering::CapacityType;

use super::launch::Given;
use super::pools::{Origin, Refused};
use crate::emulator::wire::Xml;

pub(super) fn written(fleet: &str, given: &[Given], refused: &[Refused]) -> Xml {
    let errors = refused.iter().map(|refused| {
        Xml::new()
            .with("launchTemplateAndOverrides", origin(&refused.origin))
            .with("lifecycle", lifecycle(refused.capacity_type))
            .with("errorCode", refused.code)
            .with("errorMessage", &refused.message)
    });
    let instances = given.iter().map(|given| {
        let ids = given.nodes.iter().map(|node| Xml::from(node.as_str()));
        Xml::new()
            .with("launchTemplateAndOverrides", origin(&given.origin))
            .with("lifecycle", lifecycle(given.of.2))
            .with("instanceIds", Xml::items(ids))
            .with("instanceType", &given.instance_type)
    });
    Xml::new()
        .with("fleetId", fleet)
        .with("errorSet", Xml::items(errors))
        .with("fleetInstanceSet", Xml::items(instances))
}

fn lifecycle(capacity_type: CapacityType) -> &'static str {
    capacity_type.as_str()
}

fn origin(origin: &Origin) -> Xml {
    let (id, name, version) = &origin.named;
    let template = Xml::new()
        .with("launchTemplateId", id.as_ref())
        .with("launchTemplateName", name.as_ref())
        .with("version", version);
    let over = &origin.over;
    let overrides = Xml::new()
        .with("instanceType", over.instance_type.as_ref())
        .with("maxPrice", over.max_price.as_ref())
        .with("subnetId", over.subnet_id.as_ref())
        .with("availabilityZone", over.availability_zone.as_ref())
        .with("availabilityZoneId", over.availability_zone_id.as_ref())
        .with(
            "weightedCapacity",
            over.weighted_capacity.map(|weight| weight.to_string()),
        )
        .with(
            "priority",
            over.priority.map(|priority| priority.to_string()),
        )
        .with("imageId", over.image_id.as_ref());
    Xml::new()
        .with("launchTemplateSpecification", template)
        .with("overrides", overrides)
}
