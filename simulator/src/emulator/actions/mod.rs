//! The actions that are served, by name. Each reads its own request, strictly, and acts on the region; a
//! dry run acts on a copy of it, so that it is refused for whatever the act would be refused for.

mod describe;
mod filter;
mod fleet;
mod iam;
mod images;
mod instance_types;
mod instances;
mod network;
mod pricing;
mod queue;
mod reservations;
mod spot_prices;
mod ssm;
mod templates;
mod terminate;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sparkwright::model::time::Span;

pub(super) use instances::dns_name;

use super::account::{ACCOUNT, CALLER};
use super::clock::Moment;
use super::region::Region;
use super::wire::{ApiError, Form, Parameters, Reply, Service, WireCall, Xml};

/// An answer, and how long EC2 takes for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What is said.
    pub reply: Reply,
    /// From the call to the answer.
    pub after: Span,
}

impl<T: Into<Reply>> From<T> for Answered {
    fn from(reply: T) -> Self {
        Answered {
            reply: reply.into(),
            after: Span::ZERO,
        }
    }
}

impl From<Xml> for Reply {
    fn from(xml: Xml) -> Self {
        Reply::Xml(xml)
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Reply::Json(value)
    }
}

/// Answers a call.
///
/// # Errors
/// As the service words it.
pub fn answer(region: &mut Region, call: &WireCall, now: Moment) -> Result<Answered, ApiError> {
    match &call.parameters {
        Parameters::Json(_) => json(region, call, now),
        Parameters::Form(form) if call.service == Service::Sts => caller(call, form),
        Parameters::Form(form) if call.service == Service::Iam => iam::answer(&call.action, form),
        Parameters::Form(form) => {
            if region.setting.throttling {
                region
                    .buckets
                    .call(&call.action, is_unbounded(form), now.at)?;
            }
            if !call.dry_run {
                return ec2(region, call, form, now);
            }
            let mut copy = region.clone();
            ec2(&mut copy, call, form, now)?;
            Err(ApiError::dry_run())
        }
    }
}

/// True for a list without ids, filter and pages.
fn is_unbounded(form: &Form) -> bool {
    let named = ["Filter", "InstanceId", "GroupId", "GroupName", "MaxResults"];
    named.iter().all(|name| form.part(name).is_none())
}

fn ec2(
    region: &mut Region,
    call: &WireCall,
    form: &Form,
    now: Moment,
) -> Result<Answered, ApiError> {
    match call.action.as_str() {
        "CreateFleet" => once("CreateFleet", region, form, now, fleet::create),
        "CreateLaunchTemplate" => {
            once("CreateLaunchTemplate", region, form, now, templates::create)
        }
        "CreateLaunchTemplateVersion" => {
            let action = "CreateLaunchTemplateVersion";
            once(action, region, form, now, templates::create_version)
        }
        "CreateTags" => terminate::create_tags(region, form.read()?, now),
        "DeleteLaunchTemplate" => templates::delete(region, form.read()?),
        "DescribeAvailabilityZones" => network::zones(region, form.read()?),
        "DescribeCapacityReservations" => reservations::describe(form.read()?),
        "DescribeImages" => images::describe(region, form.read()?),
        "DescribeInstances" => instances::describe(region, form.read()?, now),
        "DescribeInstanceStatus" => instances::status(region, form.read()?, now),
        "DescribeInstanceTypeOfferings" => instance_types::offerings(region, form.read()?),
        "DescribeInstanceTypes" => instance_types::describe(region, form.read()?),
        "DescribeLaunchTemplates" => templates::describe(region, form.read()?),
        "DescribeLaunchTemplateVersions" => templates::describe_versions(region, form.read()?),
        "DescribeSecurityGroups" => network::groups(region, form.read()?),
        "DescribeSpotPriceHistory" => spot_prices::describe(region, form.read()?, now),
        "DescribeSubnets" => network::subnets(region, form.read()?),
        "TerminateInstances" => terminate::terminate(region, form.read()?, now),
        other => Err(ApiError::client(
            "InvalidAction",
            format!("The action {other} is not valid for this web service."),
        )),
    }
}

/// An action whose client token makes it happen once.
fn once(
    action: &'static str,
    region: &mut Region,
    form: &Form,
    now: Moment,
    act: fn(&mut Region, &Form, Moment) -> Result<Answered, ApiError>,
) -> Result<Answered, ApiError> {
    if let Some(before) = region.tokens.recall(action, form, now.at)? {
        return Ok(before.into());
    }
    let answered = act(region, form, now)?;
    if let Reply::Xml(xml) = &answered.reply {
        region.tokens.remember(action, form, xml, now.at);
    }
    Ok(answered)
}

fn json(region: &mut Region, call: &WireCall, now: Moment) -> Result<Answered, ApiError> {
    let parameters = &call.parameters;
    match (call.service, call.action.as_str()) {
        (Service::Sqs, action) => queue::answer(region, action, parameters, now),
        (Service::Ssm, "GetParameter") => ssm::parameter(region, read(parameters)?),
        (Service::Ssm, "GetParameters") => ssm::parameters(region, read(parameters)?),
        (Service::Pricing, "GetProducts") => pricing::products(region, read(parameters)?),
        (_, other) => Err(ApiError::client(
            "UnknownOperationException",
            format!("The operation {other} is not served"),
        )),
    }
}

fn read<T: DeserializeOwned>(parameters: &Parameters) -> Result<T, ApiError> {
    parameters.read()
}

fn caller(call: &WireCall, form: &Form) -> Result<Answered, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    if call.action != "GetCallerIdentity" {
        let what = format!("Could not find operation {}", call.action);
        return Err(ApiError::client("InvalidAction", what));
    }
    let Nothing {} = form.read()?;
    let identity = Xml::new()
        .with("Arn", CALLER)
        .with("UserId", "AIDACKCEVSQ6C2EXAMPLE")
        .with("Account", ACCOUNT);
    Ok(identity.into())
}
