//! A template in EC2's words. Decides nothing but where security groups stand: EC2 takes them of the
//! instance or of its interface.

use aws_sdk_ec2::types::{
    LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceMetadataProtocolIpv6,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest,
    LaunchTemplateTagSpecificationRequest, LaunchTemplatesMonitoringRequest,
    RequestLaunchTemplateData, ResourceType,
};

use super::{Template, tags};
use crate::model::nodeclass::MetadataOptions;
use crate::model::nodeclass::disk::BlockDevice;

/// The template's data; `user_data` in base64.
pub(super) fn written(template: &Template, user_data: String) -> RequestLaunchTemplateData {
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder();
    let monitoring = LaunchTemplatesMonitoringRequest::builder().enabled(template.monitoring);
    let disks = template.disks.iter().map(disk).collect();
    let spot_requests = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::SpotInstancesRequest)
        .set_tags(Some(tags::written(&template.tags)))
        .build();
    let data = RequestLaunchTemplateData::builder()
        .image_id(&template.image)
        .user_data(user_data)
        .iam_instance_profile(profile.name(&template.profile).build())
        .monitoring(monitoring.build())
        .metadata_options(metadata(template.metadata))
        .set_block_device_mappings(Some(disks))
        .tag_specifications(spot_requests);
    // EC2 takes groups of the instance or of its interfaces, never both.
    match template.public_address {
        None => data.set_security_group_ids(Some(template.security_groups.clone())),
        Some(public) => {
            let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
                .device_index(0)
                .delete_on_termination(true)
                .associate_public_ip_address(public)
                .set_groups(Some(template.security_groups.clone()));
            data.network_interfaces(interface.build())
        }
    }
    .build()
}

fn metadata(options: MetadataOptions) -> LaunchTemplateInstanceMetadataOptionsRequest {
    use LaunchTemplateHttpTokensState as Tokens;
    use LaunchTemplateInstanceMetadataEndpointState as Endpoint;
    use LaunchTemplateInstanceMetadataProtocolIpv6 as Ipv6;
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(match options.endpoint {
            true => Endpoint::Enabled,
            false => Endpoint::Disabled,
        })
        .http_protocol_ipv6(match options.ipv6 {
            true => Ipv6::Enabled,
            false => Ipv6::Disabled,
        })
        .http_put_response_hop_limit(i32::try_from(options.hop_limit).unwrap_or(i32::MAX))
        .http_tokens(match options.tokens_required {
            true => Tokens::Required,
            false => Tokens::Optional,
        })
        .build()
}

fn disk(disk: &BlockDevice) -> LaunchTemplateBlockDeviceMappingRequest {
    let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let gib = disk.size.map(|size| size.get() >> 30);
    let ebs = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_type(disk.volume_type.as_str().into())
        .set_volume_size(gib.map(|gib| i32::try_from(gib).unwrap_or(i32::MAX)))
        .set_iops(disk.iops.map(whole))
        .set_throughput(disk.throughput.map(whole))
        .set_encrypted(disk.encrypted)
        .set_kms_key_id(disk.kms_key.clone())
        .set_snapshot_id(disk.snapshot.clone())
        .delete_on_termination(disk.delete_on_termination);
    LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name(&disk.device_name)
        .ebs(ebs.build())
        .build()
}
