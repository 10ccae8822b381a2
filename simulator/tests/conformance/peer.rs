//! Clients of the SDK for an endpoint, and the few requests that most tests begin with.

use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::create_fleet::CreateFleetOutput;
use aws_sdk_ec2::operation::create_fleet::builders::CreateFleetFluentBuilder;
use aws_sdk_ec2::types::{
    ArchitectureValues, DefaultTargetCapacityType, Filter, FleetLaunchTemplateConfigRequest,
    FleetLaunchTemplateOverridesRequest, FleetLaunchTemplateSpecificationRequest, FleetType,
    Instance, RequestLaunchTemplateData, TargetCapacitySpecificationRequest,
};

use super::emulated::Emulated;

/// Clients for one endpoint.
pub struct Peer {
    pub ec2: aws_sdk_ec2::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub pricing: aws_sdk_pricing::Client,
    pub sts: aws_sdk_sts::Client,
}

/// The queue of the emulator.
pub const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/interruptions";

macro_rules! client {
    ($sdk:ident, $url:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .endpoint_url($url)
                .credentials_provider(Credentials::new(
                    "AKIDEXAMPLE",
                    "secret",
                    None,
                    None,
                    "test",
                ))
                .retry_config(RetryConfig::disabled())
                .build(),
        )
    };
}

impl Peer {
    pub fn at(url: &str) -> Peer {
        Peer {
            ec2: client!(aws_sdk_ec2, url),
            sqs: client!(aws_sdk_sqs, url),
            ssm: client!(aws_sdk_ssm, url),
            pricing: client!(aws_sdk_pricing, url),
            sts: client!(aws_sdk_sts, url),
        }
    }

    /// An image for a processor.
    pub async fn image(&self, architecture: ArchitectureValues) -> String {
        let filter = filter("architecture", &[architecture.as_str()]);
        let images = self
            .ec2
            .describe_images()
            .owners("amazon")
            .filters(filter)
            .send();
        let images = images.await.unwrap();
        images.images()[0].image_id().unwrap().to_owned()
    }

    /// A launch template with an image for x86-64.
    pub async fn template(&self, name: &str) {
        let image = self.image(ArchitectureValues::X8664).await;
        let data = RequestLaunchTemplateData::builder().image_id(image).build();
        let made = self.ec2.create_launch_template();
        let made = made
            .launch_template_name(name)
            .launch_template_data(data)
            .send();
        made.await.unwrap();
    }

    /// A call for so many instances of a launch template with overrides.
    pub fn fleet(
        &self,
        template: &str,
        capacity_type: DefaultTargetCapacityType,
        count: i32,
        overrides: Vec<FleetLaunchTemplateOverridesRequest>,
    ) -> CreateFleetFluentBuilder {
        let template = FleetLaunchTemplateSpecificationRequest::builder()
            .launch_template_name(template)
            .version("$Latest")
            .build();
        let config = FleetLaunchTemplateConfigRequest::builder()
            .launch_template_specification(template)
            .set_overrides(Some(overrides))
            .build();
        let target = TargetCapacitySpecificationRequest::builder()
            .total_target_capacity(count)
            .default_target_capacity_type(capacity_type)
            .build();
        self.ec2
            .create_fleet()
            .r#type(FleetType::Instant)
            .launch_template_configs(config)
            .target_capacity_specification(target)
    }

    /// The subnet of a zone.
    pub async fn subnet(&self, zone: &str) -> (String, i32) {
        let filter = filter("availability-zone", &[zone]);
        let found = self
            .ec2
            .describe_subnets()
            .filters(filter)
            .send()
            .await
            .unwrap();
        let subnet = &found.subnets()[0];
        (
            subnet.subnet_id().unwrap().to_owned(),
            subnet.available_ip_address_count().unwrap(),
        )
    }

    /// Instances by id.
    pub async fn instances(&self, ids: &[String]) -> Vec<Instance> {
        let found = self
            .ec2
            .describe_instances()
            .set_instance_ids(Some(ids.to_vec()))
            .send();
        let found = found.await.unwrap();
        let reservations = found.reservations.unwrap_or_default().into_iter();
        reservations
            .flat_map(|r| r.instances.unwrap_or_default())
            .collect()
    }
}

/// Runs a test against an emulator of its own.
pub fn with(world: &str, script: &str, test: impl AsyncFnOnce(&Peer, &Emulated)) {
    let emulated = Emulated::start(world, script, &[]);
    let peer = Peer::at(&format!("http://{}", emulated.address));
    block_on(test(&peer, &emulated));
}

/// Waits for a test's end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

pub fn filter(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

/// An override for a type, anywhere.
pub fn of_type(name: &str) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .instance_type(name.into())
        .build()
}

/// An override for a type in a zone.
pub fn in_zone(name: &str, zone: &str) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest::builder()
        .instance_type(name.into())
        .availability_zone(zone)
        .build()
}

/// All instances of an answer.
pub fn ids(answer: &CreateFleetOutput) -> Vec<String> {
    let given = answer.instances().iter();
    given
        .flat_map(|given| given.instance_ids())
        .cloned()
        .collect()
}

/// Types of an answer, one for each instance.
pub fn types(answer: &CreateFleetOutput) -> Vec<String> {
    let mut types = Vec::new();
    for given in answer.instances() {
        let name = given.instance_type().unwrap().as_str().to_owned();
        types.extend(given.instance_ids().iter().map(|_| name.clone()));
    }
    types
}

/// Codes of an answer's errors.
pub fn codes(answer: &CreateFleetOutput) -> Vec<&str> {
    answer
        .errors()
        .iter()
        .map(|error| error.error_code().unwrap())
        .collect()
}

/// AWS's code of a refusal.
pub fn code<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> String {
    match result {
        Ok(_) => "none".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}
