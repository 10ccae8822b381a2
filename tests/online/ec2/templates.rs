//! Launch templates: made once, shared, found by another process, made again when they are lost.

use aws_sdk_ec2::types::{RequestLaunchTemplateData, ResourceType, Tag, TagSpecification};
use sparkwright::live::ec2::{FleetRequest, LaunchError};

use super::account::emulated::{CALM, PLAIN};
use super::account::{Account, on_demand, with};

#[test]
fn equal_nodes_share_a_template_that_carries_our_tags() {
    with(CALM, PLAIN, async |account| {
        let first = account
            .request(on_demand(&["m6i.2xlarge", "m7g.2xlarge"], 1, "t-1"))
            .await;
        let second = account
            .request(on_demand(&["m7g.4xlarge", "c6i.xlarge"], 9, "t-2"))
            .await;
        let names = |request: &FleetRequest| {
            let mut names: Vec<String> =
                request.configs.iter().map(|c| c.template.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&first), names(&second));
        assert_eq!(
            account.called("CreateLaunchTemplate", ""),
            2,
            "one for each architecture"
        );
        let there = account
            .ec2()
            .describe_launch_templates()
            .send()
            .await
            .unwrap();
        for template in there.launch_templates() {
            let tag = |key: &str| template.tags().iter().any(|tag| tag.key() == Some(key));
            assert!(tag("sparkwright.dev/managed") && tag("kubernetes.io/cluster/emulated"));
        }
    });
}

#[test]
fn a_template_that_is_lost_is_made_again_and_the_same_request_launches() {
    with(CALM, PLAIN, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 1, "t-1")).await;
        delete(account, &request.configs[0].template).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(answer.given.len(), 1);
        assert_eq!(account.called("CreateLaunchTemplate", ""), 2);
    });
}

#[test]
fn a_template_that_this_process_never_made_asks_for_a_new_request() {
    with(CALM, PLAIN, async |account| {
        let wanted = on_demand(&["m6i.2xlarge"], 1, "t-1");
        let mut request = account.request(wanted).await;
        request.configs[0].template = "sparkwright/emulated/0123".to_owned();
        let lost = account.ec2.create_fleet(&request, "t-1").await;
        assert_eq!(lost, Err(LaunchError::TemplateGone));
        let anew = account.request(wanted).await;
        let answer = account.ec2.create_fleet(&anew, "t-2").await.unwrap();
        assert_eq!(answer.given.len(), 1);
    });
}

#[test]
fn the_oldest_templates_that_nobody_uses_go_when_there_are_too_many() {
    with(CALM, PLAIN, async |account| {
        let first = account.request(on_demand(&["m6i.2xlarge"], 1, "t-1")).await;
        account.emulated.advance("1m");
        for number in 0..200 {
            make(account, &format!("sparkwright/emulated/old-{number:03}")).await;
        }
        account.emulated.advance("1m");
        let second = account.request(on_demand(&["m7g.2xlarge"], 1, "t-2")).await;
        let there = names(account).await;
        assert_eq!(
            there.len(),
            201,
            "the oldest of 202 is in use, and the next one goes"
        );
        for request in [&first, &second] {
            assert!(there.contains(&request.configs[0].template), "{there:?}");
        }
    });
}

/// A template of this cluster's that no launch needs.
async fn make(account: &Account, name: &str) {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let ours = TagSpecification::builder()
        .resource_type(ResourceType::LaunchTemplate)
        .tags(tag("kubernetes.io/cluster/emulated", "owned"))
        .tags(tag("sparkwright.dev/managed", "true"));
    let data = RequestLaunchTemplateData::builder().image_id("ami-0");
    let request = account.ec2().create_launch_template();
    let request = request
        .launch_template_name(name)
        .launch_template_data(data.build())
        .tag_specifications(ours.build());
    request.send().await.unwrap();
}

async fn names(account: &Account) -> Vec<String> {
    let mut pages = account
        .ec2()
        .describe_launch_templates()
        .into_paginator()
        .send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let templates = page.launch_templates().iter();
        names.extend(templates.filter_map(|t| t.launch_template_name().map(str::to_owned)));
    }
    names
}

async fn delete(account: &Account, name: &str) {
    let request = account
        .ec2()
        .delete_launch_template()
        .launch_template_name(name);
    request.send().await.unwrap();
}
