//! Launch templates and their versions: what they say is checked when they are made, kept typed for
//! launches, and as it was written for those who ask what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sparkwright::model::time::Timestamp;

use super::tagging::{TagSpecification, check_specifications};
use super::wire::{ApiError, Form};

/// Longest user data, decoded, in bytes.
const USER_DATA: usize = 16 << 10;
/// Resources that a launch template may tag.
const TAGGED: [&str; 4] = [
    "instance",
    "volume",
    "network-interface",
    "spot-instances-request",
];

/// The launch templates of an account.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// By id.
    pub by_id: BTreeMap<String, Template>,
}

/// A launch template.
#[derive(Clone, Debug)]
pub struct Template {
    /// `lt-…`.
    pub id: String,
    /// Its name; no two have the same.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its versions, from 1.
    pub versions: BTreeMap<u64, Version>,
}

/// A version of a launch template.
#[derive(Clone, Debug)]
pub struct Version {
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// What it says.
    pub data: Arc<TemplateData>,
    /// The same as it was written.
    pub written: Arc<Form>,
}

/// A launch template or one of its versions, as callers name it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TemplateName {
    /// By id …
    pub launch_template_id: Option<String>,
    /// … or by name.
    pub launch_template_name: Option<String>,
    /// A number, `$Latest` or `$Default`.
    pub version: Option<String>,
}

/// What a launch template says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TemplateData {
    /// The image, or `resolve:ssm:` and a parameter.
    pub image_id: Option<String>,
    /// The type, where no override names one.
    pub instance_type: Option<String>,
    /// A key pair.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// EBS optimisation.
    pub ebs_optimized: Option<bool>,
    /// Protection; fleets' instances have none.
    pub disable_api_termination: Option<bool>,
    /// What a shutdown from inside does.
    pub instance_initiated_shutdown_behavior: Option<Shutdown>,
    /// Detailed monitoring.
    pub monitoring: Option<Monitoring>,
    /// The node's role.
    pub iam_instance_profile: Option<Profile>,
    /// Its groups, where it has no interfaces of its own.
    #[serde(rename = "SecurityGroupId")]
    pub security_groups: Vec<String>,
    /// Its volumes.
    #[serde(rename = "BlockDeviceMapping")]
    pub block_devices: Vec<BlockDevice>,
    /// Its network interfaces.
    #[serde(rename = "NetworkInterface")]
    pub interfaces: Vec<Interface>,
    /// How it may ask for its metadata.
    pub metadata_options: Option<MetadataOptions>,
    /// Tags of what is launched.
    #[serde(rename = "TagSpecification")]
    pub tags: Vec<TagSpecification>,
    /// CPU credits.
    pub credit_specification: Option<Credits>,
    /// Cores and threads.
    pub cpu_options: Option<CpuOptions>,
    /// Whether open reservations are used; there are none here.
    pub capacity_reservation_specification: Option<Reservations>,
    /// Host names.
    pub private_dns_name_options: Option<DnsNames>,
    /// On whose hosts it runs.
    pub placement: Option<Placement>,
    /// Enclaves; they take no room here.
    pub enclave_options: Option<Enclaves>,
}

/// What a shutdown from inside does.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shutdown {
    /// The instance stops.
    Stop,
    /// The instance is terminated.
    Terminate,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
        pub struct $name { $($(#[$attribute])* pub $field: $kind,)* }
    )*};
}

fields! {
    /// Detailed monitoring.
    Monitoring { enabled: Option<bool> }
    /// An instance profile.
    Profile { arn: Option<String>, name: Option<String> }
    /// A volume.
    BlockDevice {
        device_name: Option<String>, virtual_name: Option<String>, no_device: Option<String>,
        ebs: Option<Ebs>,
    }
    /// A volume's size and kind.
    Ebs {
        encrypted: Option<bool>, delete_on_termination: Option<bool>, iops: Option<u32>,
        throughput: Option<u32>, kms_key_id: Option<String>, snapshot_id: Option<String>,
        volume_size: Option<u32>, volume_type: Option<String>, volume_initialization_rate: Option<u32>,
    }
    /// A network interface.
    Interface {
        associate_public_ip_address: Option<bool>, delete_on_termination: Option<bool>,
        description: Option<String>, device_index: Option<u32>, network_card_index: Option<u32>,
        interface_type: Option<String>, subnet_id: Option<String>,
        ipv4_prefix_count: Option<u32>, primary_ipv6: Option<bool>, ipv6_address_count: Option<u32>,
        #[serde(rename = "SecurityGroupId")]
        security_groups: Vec<String>,
    }
    /// How an instance may ask for its metadata.
    MetadataOptions {
        http_tokens: Option<String>, http_put_response_hop_limit: Option<u32>,
        http_endpoint: Option<String>, http_protocol_ipv6: Option<String>,
        instance_metadata_tags: Option<String>,
    }
    /// CPU credits.
    Credits { cpu_credits: Option<String> }
    /// Cores and threads.
    CpuOptions { core_count: Option<u32>, threads_per_core: Option<u32> }
    /// Reservations.
    Reservations { capacity_reservation_preference: Option<String> }
    /// Host names.
    DnsNames {
        hostname_type: Option<String>, enable_resource_name_dns_a_record: Option<bool>,
        #[serde(rename = "EnableResourceNameDnsAAAARecord")]
        enable_resource_name_dns_aaaa_record: Option<bool>,
    }
    /// On whose hosts an instance runs: shared ones alone.
    Placement { tenancy: Option<String> }
    /// Enclaves.
    Enclaves { enabled: Option<bool> }
}

impl TemplateData {
    /// Reads and checks what a template is to say.
    ///
    /// # Errors
    /// EC2's own, naming the parameter.
    pub fn read(written: &Form) -> Result<Self, ApiError> {
        let data: TemplateData = written.read()?;
        data.user_data_text()?;
        check_specifications(&data.tags, &TAGGED)?;
        data.check_tenancy()?;
        if !data.interfaces.is_empty() && !data.security_groups.is_empty() {
            return Err(ApiError::combination(
                "Network interfaces and an instance-level security groups may not be specified on the same request",
            ));
        }
        Ok(data)
    }

    fn check_tenancy(&self) -> Result<(), ApiError> {
        let placement = self.placement.as_ref();
        let asked = placement.and_then(|placement| placement.tenancy.as_deref());
        match asked.filter(|tenancy| *tenancy != "default") {
            None => Ok(()),
            Some(tenancy) => Err(ApiError::value(format!(
                "Value ({tenancy}) for parameter Tenancy is invalid. Only default is served here."
            ))),
        }
    }

    /// User data, decoded.
    ///
    /// # Errors
    /// `InvalidUserData.Malformed`; `InvalidParameterValue` where it is too long.
    pub fn user_data_text(&self) -> Result<Vec<u8>, ApiError> {
        let Some(text) = &self.user_data else {
            return Ok(Vec::new());
        };
        let decoded = STANDARD.decode(text).map_err(|_| {
            ApiError::client(
                "InvalidUserData.Malformed",
                "Invalid BASE64 encoding of user data.",
            )
        })?;
        if decoded.len() > USER_DATA {
            let what = format!("User data is limited to {USER_DATA} bytes");
            return Err(ApiError::value(what));
        }
        Ok(decoded)
    }

    /// Groups of the primary interface.
    pub fn groups(&self) -> &[String] {
        let primary = self
            .interfaces
            .iter()
            .find(|i| i.device_index.unwrap_or(0) == 0);
        primary.map_or(&self.security_groups, |interface| {
            &interface.security_groups
        })
    }
}

impl Template {
    /// The number of the newest version.
    pub fn latest(&self) -> u64 {
        self.versions.keys().next_back().copied().unwrap_or(1)
    }

    /// A version by number, `$Latest` or `$Default` (the first).
    ///
    /// # Errors
    /// `InvalidLaunchTemplateId.VersionNotFound`.
    pub fn version(&self, name: &str) -> Result<(u64, &Version), ApiError> {
        let number = match name {
            "$Latest" => Some(self.latest()),
            "$Default" => Some(1),
            number => number.parse().ok(),
        };
        let found = number.and_then(|number| Some((number, self.versions.get(&number)?)));
        found.ok_or_else(|| {
            ApiError::client(
                "InvalidLaunchTemplateId.VersionNotFound",
                format!(
                    "Could not find launch template version {name} of {}",
                    self.id
                ),
            )
        })
    }
}

impl Templates {
    /// Finds a template.
    ///
    /// # Errors
    /// Where it is named twice or not at all, and where there is none.
    pub fn find(&self, id: Option<&str>, name: Option<&str>) -> Result<&Template, ApiError> {
        match (id, name) {
            (Some(id), None) => self.by_id.get(id).ok_or_else(|| no_id(id)),
            (None, Some(name)) => self.named(name).ok_or_else(|| no_name(name)),
            (Some(_), Some(_)) => Err(ApiError::combination(
                "Either launch template ID or launch template name should be specified, but not both",
            )),
            (None, None) => Err(ApiError::missing("LaunchTemplateId or LaunchTemplateName")),
        }
    }

    /// A template by its name.
    pub fn named(&self, name: &str) -> Option<&Template> {
        self.by_id.values().find(|template| template.name == name)
    }
}

/// No template has this id.
pub fn no_id(id: &str) -> ApiError {
    let what = format!("The specified launch template, with template ID {id}, does not exist.");
    ApiError::client("InvalidLaunchTemplateId.NotFound", what)
}

/// No template has this name.
pub fn no_name(name: &str) -> ApiError {
    let what = format!("The specified launch template, with template name {name}, does not exist.");
    ApiError::client("InvalidLaunchTemplateName.NotFoundException", what)
}
