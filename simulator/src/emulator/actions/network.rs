//! Zones, subnets and security groups. They are as the account has them from the beginning; a subnet's
//! free addresses are the fleet's.

use serde::Deserialize;

use super::Answered;
use super::describe::{all_there, page};
use super::filter::{self, Filter};
use crate::emulator::account::{ACCOUNT, Subnet, VPC};
use crate::emulator::region::Region;
use crate::emulator::tagging;
use crate::emulator::wire::page::cut;
use crate::emulator::wire::{ApiError, Xml};

/// DescribeAvailabilityZones.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Zones {
    #[serde(rename = "ZoneName")]
    names: Vec<String>,
    #[serde(rename = "ZoneId")]
    ids: Vec<String>,
    #[serde(rename = "AllAvailabilityZones")]
    _all: bool,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
}

pub(super) fn zones(region: &Region, request: Zones) -> Result<Answered, ApiError> {
    let known = [
        "group-name",
        "opt-in-status",
        "region-name",
        "state",
        "zone-id",
        "zone-name",
        "zone-type",
    ];
    filter::check(&request.filters, &known, false)?;
    let catalog = region.catalog();
    for name in request.names.iter().chain(&request.ids) {
        if catalog.find_zone(name).is_none() {
            return Err(ApiError::value(format!(
                "Invalid availability zone: [{name}]"
            )));
        }
    }
    let asked = |given: &[String], has: &String| given.is_empty() || given.contains(has);
    let zones = catalog.zones.iter().filter(|zone| {
        let holds = filter::hold(&request.filters, region.tags_of(""), |name| {
            vec![match name {
                "zone-name" => zone.name.clone(),
                "zone-id" => zone.id.clone(),
                "state" => "available".to_owned(),
                "opt-in-status" => "opt-in-not-required".to_owned(),
                "zone-type" => "availability-zone".to_owned(),
                _ => catalog.region.clone(),
            }]
        });
        holds && asked(&request.names, &zone.name) && asked(&request.ids, &zone.id)
    });
    let zones = zones.map(|zone| {
        Xml::new()
            .with("zoneName", &zone.name)
            .with("zoneState", "available")
            .with("optInStatus", "opt-in-not-required")
            .with("regionName", &catalog.region)
            .with("zoneId", &zone.id)
            .with("groupName", &catalog.region)
            .with("networkBorderGroup", &catalog.region)
            .with("zoneType", "availability-zone")
    });
    Ok(Xml::new()
        .with("availabilityZoneInfo", Xml::items(zones))
        .into())
}

/// DescribeSubnets.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Subnets {
    #[serde(rename = "SubnetId")]
    ids: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn subnets(region: &Region, request: Subnets) -> Result<Answered, ApiError> {
    let known = [
        "availability-zone",
        "availability-zone-id",
        "available-ip-address-count",
        "cidr-block",
        "owner-id",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ];
    filter::check(&request.filters, &known, true)?;
    let is_there = |id: &str| region.subnets.iter().any(|subnet| subnet.id == id);
    all_there(&request.ids, is_there, "InvalidSubnetID.NotFound", "subnet")?;
    let token = request.next_token.as_deref();
    let asked = page("DescribeSubnets", &request.ids, request.max_results, token)?;
    let chosen = region.subnets.iter().filter(|subnet| {
        let named = request.ids.is_empty() || request.ids.contains(&subnet.id);
        let of = |name: &str| vec![property(region, subnet, name)];
        named && filter::hold(&request.filters, region.tags_of(&subnet.id), of)
    });
    let page = cut(chosen.collect(), asked, 5..=1000, None)?;
    let subnets = page
        .entries
        .into_iter()
        .map(|subnet| written(region, subnet));
    let answer = Xml::new().with("subnetSet", Xml::items(subnets));
    Ok(answer.with("nextToken", page.next).into())
}

fn property(region: &Region, subnet: &Subnet, name: &str) -> String {
    let zone = region.catalog().zone(subnet.zone);
    match name {
        "availability-zone" => zone.name.clone(),
        "availability-zone-id" => zone.id.clone(),
        "available-ip-address-count" => region.free_addresses(subnet.zone).to_string(),
        "cidr-block" => subnet.block(),
        "owner-id" => ACCOUNT.to_owned(),
        "state" => "available".to_owned(),
        "subnet-id" => subnet.id.clone(),
        "subnet-arn" => arn(region, "subnet", &subnet.id),
        _ => VPC.to_owned(),
    }
}

fn arn(region: &Region, kind: &str, id: &str) -> String {
    format!(
        "arn:aws:ec2:{}:{ACCOUNT}:{kind}/{id}",
        region.catalog().region
    )
}

fn written(region: &Region, subnet: &Subnet) -> Xml {
    let zone = region.catalog().zone(subnet.zone);
    Xml::new()
        .with("subnetId", &subnet.id)
        .with("subnetArn", arn(region, "subnet", &subnet.id))
        .with("state", "available")
        .with("ownerId", ACCOUNT)
        .with("vpcId", VPC)
        .with("cidrBlock", subnet.block())
        .with(
            "availableIpAddressCount",
            region.free_addresses(subnet.zone),
        )
        .with("availabilityZone", &zone.name)
        .with("availabilityZoneId", &zone.id)
        .with("defaultForAz", false)
        .with("mapPublicIpOnLaunch", false)
        .with("tagSet", tagging::written(region.tags_of(&subnet.id)))
}

/// DescribeSecurityGroups.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Groups {
    #[serde(rename = "GroupId")]
    ids: Vec<String>,
    #[serde(rename = "GroupName")]
    names: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn groups(region: &Region, request: Groups) -> Result<Answered, ApiError> {
    let known = [
        "description",
        "group-id",
        "group-name",
        "owner-id",
        "vpc-id",
    ];
    filter::check(&request.filters, &known, true)?;
    let is_there = |id: &str| region.groups.iter().any(|group| group.id == id);
    all_there(
        &request.ids,
        is_there,
        "InvalidGroup.NotFound",
        "security group",
    )?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeSecurityGroups",
        &request.ids,
        request.max_results,
        token,
    )?;
    let chosen = region.groups.iter().filter(|group| {
        let named = request.ids.is_empty() || request.ids.contains(&group.id);
        let called = request.names.is_empty() || request.names.contains(&group.name);
        let of = |name: &str| {
            vec![match name {
                "description" => group.description.to_owned(),
                "group-id" => group.id.clone(),
                "group-name" => group.name.clone(),
                "owner-id" => ACCOUNT.to_owned(),
                _ => VPC.to_owned(),
            }]
        };
        named && called && filter::hold(&request.filters, region.tags_of(&group.id), of)
    });
    let page = cut(chosen.collect(), asked, 5..=1000, None)?;
    let groups = page.entries.into_iter().map(|group| {
        Xml::new()
            .with("ownerId", ACCOUNT)
            .with("groupId", &group.id)
            .with("securityGroupArn", arn(region, "security-group", &group.id))
            .with("groupName", &group.name)
            .with("groupDescription", group.description)
            .with("vpcId", VPC)
            .with("tagSet", tagging::written(region.tags_of(&group.id)))
    });
    let answer = Xml::new().with("securityGroupInfo", Xml::items(groups));
    Ok(answer.with("nextToken", page.next).into())
}
