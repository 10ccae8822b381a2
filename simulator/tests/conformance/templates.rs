//! Launch templates, and what instances take from them.

use aws_sdk_ec2::types::{
    ArchitectureValues, DefaultTargetCapacityType as Kind, HttpTokensState,
    LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest,
    RequestLaunchTemplateData, ResourceType, Tag, TagSpecification,
};

use super::emulated::{CALM, PLAIN};
use super::peer::{Peer, code, filter, ids, of_type, with};

#[test]
fn a_template_is_made_found_given_versions_and_deleted() {
    with(CALM, PLAIN, async |peer, _| {
        let data = data(peer).await;
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::LaunchTemplate)
            .tags(Tag::builder().key("cluster").value("a").build())
            .build();
        let create = || {
            let create = peer
                .ec2
                .create_launch_template()
                .launch_template_name("nodes");
            create.launch_template_data(data.clone())
        };
        let made = create().tag_specifications(tags).client_token("one");
        let made = made.send().await.unwrap();
        let id = made
            .launch_template()
            .unwrap()
            .launch_template_id()
            .unwrap()
            .to_owned();
        let code_of = code(create().send().await);
        assert_eq!(code_of, "InvalidLaunchTemplateName.AlreadyExistsException");
        let tagged = peer
            .ec2
            .describe_launch_templates()
            .filters(filter("tag:cluster", &["a"]));
        let tagged = tagged.send().await.unwrap();
        assert_eq!(
            tagged.launch_templates()[0].launch_template_id(),
            Some(id.as_str())
        );
        let version = peer
            .ec2
            .create_launch_template_version()
            .launch_template_id(&id);
        version
            .launch_template_data(data.clone())
            .send()
            .await
            .unwrap();
        let versions = peer
            .ec2
            .describe_launch_template_versions()
            .launch_template_id(&id);
        let versions = versions.send().await.unwrap();
        let versions = versions.launch_template_versions();
        assert_eq!(versions.len(), 2);
        let said = versions[1].launch_template_data().unwrap();
        assert_eq!(said.image_id(), data.image_id());
        let disk = &said.block_device_mappings()[0];
        assert_eq!(disk.ebs().unwrap().volume_size(), Some(80));
        assert_eq!(said.tag_specifications()[0].tags()[0].value(), Some("data"));
        let delete = || {
            peer.ec2
                .delete_launch_template()
                .launch_template_id(&id)
                .send()
        };
        delete().await.unwrap();
        assert_eq!(code(delete().await), "InvalidLaunchTemplateId.NotFound");
        let gone = peer
            .ec2
            .describe_launch_templates()
            .launch_template_names("nodes")
            .send();
        assert_eq!(
            code(gone.await),
            "InvalidLaunchTemplateName.NotFoundException"
        );
    });
}

async fn data(peer: &Peer) -> RequestLaunchTemplateData {
    let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(80)
        .encrypted(true);
    let disk = LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name("/dev/xvda")
        .ebs(disk.build())
        .build();
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build();
    let tags = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Instance)
        .tags(Tag::builder().key("team").value("data").build())
        .build();
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name("node");
    let groups = peer.ec2.describe_security_groups().send().await.unwrap();
    RequestLaunchTemplateData::builder()
        .image_id(peer.image(ArchitectureValues::X8664).await)
        .user_data("a2luZDogTm9kZUNvbmZpZw==")
        .block_device_mappings(disk)
        .metadata_options(metadata)
        .tag_specifications(tags)
        .iam_instance_profile(profile.build())
        .security_group_ids(groups.security_groups()[0].group_id().unwrap())
        .build()
}

#[test]
fn instances_are_what_their_template_says() {
    with(CALM, PLAIN, async |peer, _| {
        let create = peer
            .ec2
            .create_launch_template()
            .launch_template_name("nodes");
        create
            .launch_template_data(data(peer).await)
            .send()
            .await
            .unwrap();
        let fleet = peer.fleet("nodes", Kind::OnDemand, 1, vec![of_type("m6i.2xlarge")]);
        let id = ids(&fleet.send().await.unwrap());
        let instance = peer.instances(&id).await.remove(0);
        let metadata = instance.metadata_options().unwrap();
        assert_eq!(metadata.http_tokens(), Some(&HttpTokensState::Required));
        assert_eq!(instance.security_groups().len(), 1);
        let profile = instance.iam_instance_profile().unwrap().arn().unwrap();
        assert!(profile.ends_with("instance-profile/node"), "{profile}");
        assert!(instance.tags().iter().any(|tag| tag.key() == Some("team")));
    });
}

#[test]
fn user_data_that_cannot_be_is_refused() {
    with(CALM, PLAIN, async |peer, _| {
        let create = |user_data: &str| {
            let data = RequestLaunchTemplateData::builder()
                .user_data(user_data)
                .build();
            let create = peer
                .ec2
                .create_launch_template()
                .launch_template_name("nodes");
            create.launch_template_data(data).send()
        };
        assert_eq!(
            code(create("no base64!").await),
            "InvalidUserData.Malformed"
        );
        let long = "AAAA".repeat(5462);
        assert_eq!(code(create(&long).await), "InvalidParameterValue");
        assert_eq!(code(create("AAAA").await), "none");
    });
}
