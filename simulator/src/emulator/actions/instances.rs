//! DescribeInstances and DescribeInstanceStatus. A fresh instance is not found at first, as EC2 says of
//! itself (docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html).

use serde::Deserialize;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::time::Timestamp;

use super::Answered;
use super::describe::page;
use super::filter::{self, Filter};
use super::instance_types::architecture;
use crate::emulator::account::{ACCOUNT, VPC};
use crate::emulator::clock::Moment;
use crate::emulator::instance::{Instance, State};
use crate::emulator::region::Region;
use crate::emulator::tagging;
use crate::emulator::wire::page::cut;
use crate::emulator::wire::time::written;
use crate::emulator::wire::{ApiError, Xml};

const KNOWN: [&str; 18] = [
    "architecture",
    "availability-zone",
    "availability-zone-id",
    "client-token",
    "iam-instance-profile.name",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "launch-time",
    "private-dns-name",
    "private-ip-address",
    "reservation-id",
    "spot-instance-request-id",
    "subnet-id",
    "vpc-id",
];

/// The one event that instances have here.
const RETIREMENT: &str = "instance-retirement";

/// DescribeInstances.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Instances {
    #[serde(rename = "InstanceId")]
    ids: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
    #[serde(rename = "IncludeManagedResources")]
    _managed: bool,
}

pub(super) fn describe(
    region: &Region,
    request: Instances,
    now: Moment,
) -> Result<Answered, ApiError> {
    filter::check(&request.filters, &KNOWN, true)?;
    all_found(region, &request.ids, now)?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeInstances",
        &request.ids,
        request.max_results,
        token,
    )?;
    let chosen = found(region, &request.ids, &request.filters, now);
    let page = cut(chosen, asked, 5..=1000, None)?;
    let mut reservations: Vec<(&str, Vec<Xml>)> = Vec::new();
    for instance in page.entries {
        let reservation = instance.launch.reservation.as_str();
        let known = reservations
            .iter_mut()
            .find(|(name, _)| *name == reservation);
        let described = written_instance(region, instance);
        match known {
            Some((_, instances)) => instances.push(described),
            None => reservations.push((reservation, vec![described])),
        }
    }
    let reservations = reservations.into_iter().map(|(name, instances)| {
        Xml::new()
            .with("reservationId", name)
            .with("ownerId", ACCOUNT)
            .with("groupSet", Xml::items([]))
            .with("instancesSet", Xml::items(instances))
    });
    let answer = Xml::new().with("reservationSet", Xml::items(reservations));
    Ok(answer.with("nextToken", page.next).into())
}

/// Checks that instances are there to be found.
///
/// # Errors
/// `InvalidInstanceID.Malformed`, `InvalidInstanceID.NotFound`, naming all that are not.
pub(super) fn all_found(region: &Region, ids: &[String], now: Moment) -> Result<(), ApiError> {
    let malformed = |id: &&String| {
        let digits = id.strip_prefix("i-");
        !digits.is_some_and(|digits| {
            matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit())
        })
    };
    if let Some(id) = ids.iter().find(malformed) {
        let what = format!("Invalid id: \"{id}\"");
        return Err(ApiError::client("InvalidInstanceID.Malformed", what));
    }
    let known = |id: &str| {
        region
            .instances
            .get(id)
            .is_some_and(|i| i.visible <= now.at)
    };
    let ids = ids.iter().map(String::as_str);
    let absent: Vec<&str> = ids.filter(|id| !known(id)).collect();
    let what = match absent[..] {
        [] => return Ok(()),
        [id] => format!("The instance ID '{id}' does not exist"),
        _ => format!("The instance IDs '{}' do not exist", absent.join(", ")),
    };
    Err(ApiError::client("InvalidInstanceID.NotFound", what))
}

fn found<'a>(
    region: &'a Region,
    ids: &[String],
    filters: &[Filter],
    now: Moment,
) -> Vec<&'a Instance> {
    let holds = |instance: &&Instance| {
        let of = |name: &str| property(region, instance, name);
        let tags = region.tags_of(instance.id.as_str());
        instance.visible <= now.at && filter::hold(filters, tags, of)
    };
    if ids.is_empty() {
        return region.instances.values().filter(holds).collect();
    }
    let named = ids
        .iter()
        .filter_map(|id| region.instances.get(id.as_str()));
    named.filter(holds).collect()
}

fn property(region: &Region, instance: &Instance, name: &str) -> Vec<String> {
    let (machine, zone) = region.names(instance.of);
    let value = match name {
        "architecture" => architecture(region.catalog().instance_type(instance.of.0)).to_owned(),
        "availability-zone" => zone.to_owned(),
        "availability-zone-id" => region.catalog().zone(instance.of.1).id.clone(),
        "event.code" => {
            let event = instance.maintenance.map(|_| RETIREMENT.to_owned());
            return event.into_iter().collect();
        }
        "instance-status.status" | "system-status.status" => checked(instance).to_owned(),
        "client-token" => return instance.launch.token.clone().into_iter().collect(),
        "iam-instance-profile.name" => {
            let profile = instance.launch.data.iam_instance_profile.as_ref();
            return profile
                .and_then(|profile| profile.name.clone())
                .into_iter()
                .collect();
        }
        "image-id" => instance.image.clone(),
        "instance-id" => instance.id.as_str().to_owned(),
        "instance-lifecycle" => {
            return lifecycle(instance).map(str::to_owned).into_iter().collect();
        }
        "instance-state-code" => instance.state.code().to_string(),
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-type" => machine.to_owned(),
        "launch-time" => written(region.date(instance.launched)),
        "private-dns-name" => dns_name(region, instance),
        "private-ip-address" => instance.address.clone(),
        "reservation-id" => instance.launch.reservation.clone(),
        "spot-instance-request-id" => return instance.spot_request.clone().into_iter().collect(),
        "subnet-id" => instance.subnet.clone(),
        _ => VPC.to_owned(),
    };
    vec![value]
}

fn lifecycle(instance: &Instance) -> Option<&'static str> {
    (instance.of.2 == CapacityType::Spot).then_some("spot")
}

/// The instance's name in the VPC.
pub(in crate::emulator) fn dns_name(region: &Region, instance: &Instance) -> String {
    let host = instance.address.replace('.', "-");
    let region = &region.catalog().region;
    match region.as_str() {
        "us-east-1" => format!("ip-{host}.ec2.internal"),
        region => format!("ip-{host}.{region}.compute.internal"),
    }
}

fn written_instance(region: &Region, instance: &Instance) -> Xml {
    let (machine, zone) = region.names(instance.of);
    let catalog = region.catalog();
    // A terminated instance has lost its network.
    let network = instance.state != State::Terminated;
    let placement = Xml::new()
        .with("availabilityZone", zone)
        .with("availabilityZoneId", &catalog.zone(instance.of.1).id)
        .with("tenancy", "default");
    let reason = instance.reason.as_ref();
    let described =
        reason.map(|(code, message)| Xml::new().with("code", *code).with("message", message));
    Xml::new()
        .with("instanceId", instance.id.as_str())
        .with("imageId", &instance.image)
        .with("instanceState", state(instance.state))
        .with(
            "privateDnsName",
            network.then(|| dns_name(region, instance)),
        )
        .with("reason", reason.map(|(_, message)| message))
        .with("keyName", instance.launch.data.key_name.as_ref())
        .with("amiLaunchIndex", instance.index)
        .with("instanceType", machine)
        .with("launchTime", written(region.date(instance.launched)))
        .with("placement", placement)
        .with("monitoring", Xml::new().with("state", "disabled"))
        .with("subnetId", network.then_some(&instance.subnet))
        .with("vpcId", network.then_some(VPC))
        .with("privateIpAddress", network.then_some(&instance.address))
        .with("stateReason", described)
        .with(
            "architecture",
            architecture(catalog.instance_type(instance.of.0)),
        )
        .with("rootDeviceType", "ebs")
        .with("rootDeviceName", "/dev/xvda")
        .with("virtualizationType", "hvm")
        .with("clientToken", instance.launch.token.as_ref())
        .with("instanceLifecycle", lifecycle(instance))
        .with("spotInstanceRequestId", instance.spot_request.as_ref())
        .with(
            "tagSet",
            tagging::written(region.tags_of(instance.id.as_str())),
        )
        .with("groupSet", groups(region, instance))
        .with("iamInstanceProfile", profile(instance))
        .with("metadataOptions", metadata(instance))
        .with(
            "ebsOptimized",
            instance.launch.data.ebs_optimized.unwrap_or(false),
        )
        .with("hypervisor", "xen")
        .with("enaSupport", true)
        .with("platformDetails", "Linux/UNIX")
}

pub(super) fn state(state: State) -> Xml {
    Xml::new()
        .with("code", state.code())
        .with("name", state.name())
}

fn groups(region: &Region, instance: &Instance) -> Xml {
    let named = |id: &&String| region.groups.iter().find(|group| group.id == **id);
    let groups = instance.launch.data.groups().iter();
    let groups = groups.filter_map(|id| named(&id));
    Xml::items(groups.map(|group| {
        Xml::new()
            .with("groupId", &group.id)
            .with("groupName", &group.name)
    }))
}

fn profile(instance: &Instance) -> Xml {
    let Some(profile) = &instance.launch.data.iam_instance_profile else {
        return Xml::Absent;
    };
    let named = profile.name.as_ref();
    let named = named.map(|name| format!("arn:aws:iam::{ACCOUNT}:instance-profile/{name}"));
    Xml::new()
        .with("arn", profile.arn.clone().or(named))
        .with("id", "AIPA0000000000EMULATED")
}

fn metadata(instance: &Instance) -> Xml {
    let options = instance
        .launch
        .data
        .metadata_options
        .clone()
        .unwrap_or_default();
    let or = |given: Option<String>, standard: &str| given.unwrap_or_else(|| standard.to_owned());
    Xml::new()
        .with("state", "applied")
        .with("httpTokens", or(options.http_tokens, "optional"))
        .with(
            "httpPutResponseHopLimit",
            options.http_put_response_hop_limit.unwrap_or(1),
        )
        .with("httpEndpoint", or(options.http_endpoint, "enabled"))
        .with(
            "httpProtocolIpv6",
            or(options.http_protocol_ipv6, "disabled"),
        )
        .with(
            "instanceMetadataTags",
            or(options.instance_metadata_tags, "disabled"),
        )
}

/// DescribeInstanceStatus.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Status {
    #[serde(rename = "InstanceId")]
    ids: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
    include_all_instances: bool,
}

pub(super) fn status(region: &Region, request: Status, now: Moment) -> Result<Answered, ApiError> {
    let known = [
        "availability-zone",
        "availability-zone-id",
        "event.code",
        "instance-state-code",
        "instance-state-name",
        "instance-status.status",
        "system-status.status",
    ];
    filter::check(&request.filters, &known, false)?;
    all_found(region, &request.ids, now)?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeInstanceStatus",
        &request.ids,
        request.max_results,
        token,
    )?;
    let mut chosen = found(region, &request.ids, &request.filters, now);
    chosen.retain(|i| request.include_all_instances || i.state == State::Running);
    let page = cut(chosen, asked, 5..=1000, None)?;
    let all = page.entries.into_iter().map(|instance| {
        let zone = region.catalog().zone(instance.of.1);
        let ok = checked(instance);
        let events = instance
            .maintenance
            .map(|from| maintenance(region.date(from)));
        Xml::new()
            .with("instanceId", instance.id.as_str())
            .with("availabilityZone", &zone.name)
            .with("availabilityZoneId", &zone.id)
            .with("eventsSet", Xml::items(events))
            .with("instanceState", state(instance.state))
            .with("instanceStatus", Xml::new().with("status", ok))
            .with("systemStatus", Xml::new().with("status", ok))
    });
    let answer = Xml::new().with("instanceStatusSet", Xml::items(all));
    Ok(answer.with("nextToken", page.next).into())
}

/// What EC2's checks find: nothing is ever wrong with a running instance here.
fn checked(instance: &Instance) -> &'static str {
    match instance.state {
        State::Running => "ok",
        _ => "not-applicable",
    }
}

fn maintenance(from: Timestamp) -> Xml {
    Xml::new()
        .with("code", RETIREMENT)
        .with(
            "description",
            "The instance is running on degraded hardware",
        )
        .with("notBefore", written(from))
}
