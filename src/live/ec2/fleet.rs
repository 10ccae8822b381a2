//! CreateFleet of type instant: a stored request goes out as it is, and what EC2 gives and refuses comes
//! back sorted. Nothing is tried again here but a template that EC2 has lost: whoever stored the request
//! knows when to send it again.

use aws_sdk_ec2::operation::create_fleet::CreateFleetOutput;
use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::types::{
    CreateFleetError, CreateFleetInstance, DefaultTargetCapacityType,
    FleetLaunchTemplateConfigRequest, FleetLaunchTemplateOverridesRequest,
    FleetLaunchTemplateSpecificationRequest, FleetType, LaunchTemplateAndOverridesResponse,
    OnDemandOptionsRequest, ResourceType, SpotOptionsRequest, TargetCapacitySpecificationRequest,
};

use super::action::Action;
use super::refusal::{Refusal, RefusalKind, remedy};
use super::request::{FleetConfig, FleetRequest};
use super::{Ec2, Ec2Error, tags};
use crate::model::offering::CapacityType;

/// Templates are never changed, so they have one version.
const VERSION: &str = "1";
/// What a fleet's tags can be put on.
const TAGGED: [ResourceType; 4] = [
    ResourceType::Fleet,
    ResourceType::Instance,
    ResourceType::NetworkInterface,
    ResourceType::Volume,
];

/// What EC2 gave, and what it refused beside that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Instances; fewer than were asked for where some were refused.
    pub given: Vec<GivenInstance>,
    /// Refusals by override. The attempt is closed by an answer: what is missing is a new one, also where
    /// a refusal is a throttle.
    pub refused: Vec<Refusal>,
}

/// An instance that EC2 gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenInstance {
    /// `i-…`.
    pub id: String,
    /// The type that EC2 chose.
    pub instance_type: String,
    /// The zone by the account's name.
    pub zone: String,
    /// Its subnet.
    pub subnet: Option<String>,
    /// Its image.
    pub image: Option<String>,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// Too many calls: send the same request with the same token later.
    #[error("CreateFleet is throttled by AWS; it is sent again later")]
    Throttled,
    /// The token was used for other parameters: what was launched under it is found by its tag.
    #[error(
        "CreateFleet: the client token was used for another request; look for its instances by tag"
    )]
    TokenMismatch,
    /// EC2 will say the same again until a person changes something.
    #[error("CreateFleet: refused by EC2: {code}: {message}; {remedy}")]
    Config {
        /// EC2's code.
        code: String,
        /// EC2's words.
        message: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A launch template is gone and could not be made again: make a new request, which does.
    #[error("CreateFleet: launch template is gone; the request is made anew")]
    TemplateGone,
    /// No usable answer: the call may have launched. Send the same request with the same token again.
    #[error("CreateFleet: no usable answer: {cause}; it is sent again")]
    Transient {
        /// What happened.
        cause: String,
    },
}

impl Ec2 {
    /// Sends a request. The same request with the same token launches once, however often it is sent.
    ///
    /// # Errors
    /// Where nothing was launched, or where that is not known.
    pub async fn create_fleet(
        &self,
        request: &FleetRequest,
        token: &str,
    ) -> Result<Answer, LaunchError> {
        let mut answer = self.sent(request, token).await;
        if answer == Err(LaunchError::TemplateGone) {
            // A refused call has not used up its token.
            match self.remake(&request.templates()).await {
                Ok(true) => answer = self.sent(request, token).await,
                Ok(false) | Err(_) => self.forget(&request.templates()),
            }
        }
        let answer = answer?;
        if told(&answer.refused, RefusalKind::Throttled).is_some() {
            self.inner.calls.governor(Action::CreateFleet).throttled();
        }
        if told(&answer.refused, RefusalKind::TemplateGone).is_some() {
            self.forget(&request.templates());
        }
        self.remember(answer.given.iter().map(|given| &given.id));
        useful(answer)
    }

    async fn sent(&self, request: &FleetRequest, token: &str) -> Result<Answer, LaunchError> {
        let call = written(request, self.inner.clients.ec2.create_fleet());
        let sent = call.client_token(token).send();
        match self.once(Action::CreateFleet, sent).await {
            Ok(output) => Ok(read(request, &output)),
            Err(error) => sorted(request, error),
        }
    }
}

/// A call that EC2 refused whole.
fn sorted(request: &FleetRequest, error: Ec2Error) -> Result<Answer, LaunchError> {
    let (code, message) = match error {
        Ec2Error::Throttled { .. } => return Err(LaunchError::Throttled),
        Ec2Error::Refused { code, message, .. } => (code, message),
        other => {
            let cause = other.to_string();
            return Err(LaunchError::Transient { cause });
        }
    };
    match RefusalKind::of(&code) {
        _ if code == "IdempotentParameterMismatch" => Err(LaunchError::TokenMismatch),
        RefusalKind::TemplateGone => Err(LaunchError::TemplateGone),
        RefusalKind::Throttled => Err(LaunchError::Throttled),
        RefusalKind::Other => Err(config(code, message)),
        kind => Ok(refused_whole(request, &code, &message, kind)),
    }
}

fn config(code: String, message: String) -> LaunchError {
    LaunchError::Config {
        remedy: remedy(&code),
        code,
        message,
    }
}

/// What EC2 says of the call holds for each of its overrides.
fn refused_whole(request: &FleetRequest, code: &str, message: &str, kind: RefusalKind) -> Answer {
    let overrides = request.configs.iter().flat_map(|config| &config.overrides);
    let refused = overrides.map(|over| Refusal {
        code: code.to_owned(),
        message: message.to_owned(),
        instance_type: Some(over.instance_type.clone()),
        zone: request.zone.clone(),
        subnet: Some(over.subnet.clone()),
        capacity_type: request.capacity_type,
        kind,
    });
    Answer {
        given: Vec::new(),
        refused: refused.collect(),
    }
}

/// An answer without instances whose every refusal is of the request itself is an error like any other.
fn useful(answer: Answer) -> Result<Answer, LaunchError> {
    let all = |kind| answer.refused.iter().all(|refusal| refusal.kind == kind);
    if !answer.given.is_empty() || answer.refused.is_empty() {
        return Ok(answer);
    }
    if all(RefusalKind::TemplateGone) {
        return Err(LaunchError::TemplateGone);
    }
    match told(&answer.refused, RefusalKind::Other) {
        Some(first) if all(RefusalKind::Other) => {
            Err(config(first.code.clone(), first.message.clone()))
        }
        _ => Ok(answer),
    }
}

fn told(refused: &[Refusal], kind: RefusalKind) -> Option<&Refusal> {
    refused.iter().find(|refusal| refusal.kind == kind)
}

/// The request in EC2's words.
fn written(request: &FleetRequest, call: CreateFleetFluentBuilder) -> CreateFleetFluentBuilder {
    let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let minimum = request.minimum.map(whole);
    let one_zone = minimum.map(|_| true);
    let kind = match request.capacity_type {
        CapacityType::OnDemand => DefaultTargetCapacityType::OnDemand,
        CapacityType::Spot => DefaultTargetCapacityType::Spot,
    };
    let target = TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(whole(request.count))
        .default_target_capacity_type(kind);
    let strategy = request.strategy.as_str();
    let call = call
        .r#type(FleetType::Instant)
        .set_launch_template_configs(Some(request.configs.iter().map(config_of).collect()))
        .target_capacity_specification(target.build())
        .set_tag_specifications(Some(
            TAGGED.map(|kind| tags::on(kind, &request.tags)).into(),
        ));
    match request.capacity_type {
        CapacityType::OnDemand => call.on_demand_options(
            OnDemandOptionsRequest::builder()
                .allocation_strategy(strategy.into())
                .set_min_target_capacity(minimum)
                .set_single_availability_zone(one_zone)
                .build(),
        ),
        CapacityType::Spot => call.spot_options(
            SpotOptionsRequest::builder()
                .allocation_strategy(strategy.into())
                .set_min_target_capacity(minimum)
                .set_single_availability_zone(one_zone)
                .build(),
        ),
    }
}

fn config_of(config: &FleetConfig) -> FleetLaunchTemplateConfigRequest {
    let template = FleetLaunchTemplateSpecificationRequest::builder()
        .launch_template_name(&config.template)
        .version(VERSION);
    let overrides = config.overrides.iter().map(|over| {
        FleetLaunchTemplateOverridesRequest::builder()
            .instance_type(over.instance_type.as_str().into())
            .subnet_id(&over.subnet)
            .set_priority(over.priority.map(f64::from))
            .build()
    });
    FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(template.build())
        .set_overrides(Some(overrides.collect()))
        .build()
}

fn read(request: &FleetRequest, output: &CreateFleetOutput) -> Answer {
    let given = output.instances().iter();
    Answer {
        given: given.flat_map(|given| instances(request, given)).collect(),
        refused: output
            .errors()
            .iter()
            .map(|e| refusal(request, e))
            .collect(),
    }
}

/// EC2 groups instances by override.
fn instances(request: &FleetRequest, given: &CreateFleetInstance) -> Vec<GivenInstance> {
    let origin = given.launch_template_and_overrides();
    let over = origin.and_then(LaunchTemplateAndOverridesResponse::overrides);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let instance_type = given
        .instance_type()
        .or_else(|| over.and_then(|over| over.instance_type()));
    let zone = given
        .availability_zone()
        .or_else(|| over.and_then(|over| over.availability_zone()));
    let subnet = given
        .subnet_id()
        .or_else(|| over.and_then(|over| over.subnet_id()));
    let instance = |id: &String| GivenInstance {
        id: id.clone(),
        instance_type: instance_type.map_or(String::new(), |t| t.as_str().to_owned()),
        zone: zone.unwrap_or(&request.zone).to_owned(),
        subnet: owned(subnet),
        image: image(request, origin),
        capacity_type: match given.lifecycle().map(|lifecycle| lifecycle.as_str()) {
            Some("spot") => CapacityType::Spot,
            Some("on-demand") => CapacityType::OnDemand,
            _ => request.capacity_type,
        },
    };
    given.instance_ids().iter().map(instance).collect()
}

/// The image of the template that EC2 names.
fn image(
    request: &FleetRequest,
    origin: Option<&LaunchTemplateAndOverridesResponse>,
) -> Option<String> {
    if let [only] = &request.configs[..] {
        return Some(only.image.clone());
    }
    let template = origin?.launch_template_specification()?;
    let name = template.launch_template_name();
    let over = origin?.overrides()?.instance_type()?.as_str();
    let mut configs = request.configs.iter();
    let config = configs.find(|config| match name {
        Some(name) => config.template == name,
        // EC2 may name the template by its id alone; each type is launched from one template.
        None => config.overrides.iter().any(|o| o.instance_type == over),
    });
    config.map(|config| config.image.clone())
}

fn refusal(request: &FleetRequest, error: &CreateFleetError) -> Refusal {
    let over = error
        .launch_template_and_overrides()
        .and_then(LaunchTemplateAndOverridesResponse::overrides);
    let code = error.error_code().unwrap_or("no code").to_owned();
    let zone = over.and_then(|over| over.availability_zone());
    let spot = error.lifecycle().map(|lifecycle| lifecycle.as_str());
    Refusal {
        kind: RefusalKind::of(&code),
        code,
        message: error.error_message().unwrap_or_default().to_owned(),
        instance_type: over
            .and_then(|over| over.instance_type())
            .map(|t| t.as_str().to_owned()),
        zone: zone.unwrap_or(&request.zone).to_owned(),
        subnet: over.and_then(|over| over.subnet_id()).map(str::to_owned),
        capacity_type: match spot {
            Some("spot") => CapacityType::Spot,
            Some("on-demand") => CapacityType::OnDemand,
            _ => request.capacity_type,
        },
    }
}

#[cfg(test)]
mod tests;
