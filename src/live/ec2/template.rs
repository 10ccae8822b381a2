//! Launch templates, named by a hash of what they say: equal nodes share one, a template is never
//! changed, and a name that is there says what it should. Made when absent; the oldest that nobody uses go.

mod data;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{LaunchTemplate, RequestLaunchTemplateData, ResourceType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::action::Action;
use super::{Ec2, Ec2Error, filter, locked, tags};
use crate::model::nodeclass::MetadataOptions;
use crate::model::nodeclass::disk::BlockDevice;

/// Bytes of the hash that names a template: 80 bits.
const NAMED_BY: usize = 10;
/// Templates that a cluster keeps. EC2 allows 5,000 in a region; each change of image or class adds a few.
const KEPT: usize = 200;
/// A template that was used in this time is not removed: its call may still be retried.
const IN_USE: Duration = Duration::from_secs(3600);
/// Templates of a page: EC2's most.
const PAGE: i32 = 200;
/// EC2's word for a name that is taken.
const TAKEN: &str = "InvalidLaunchTemplateName.AlreadyExistsException";

/// What nodes of one make have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Template {
    /// The image.
    pub image: String,
    /// Before base64.
    pub user_data: String,
    /// The instance profile's name.
    pub profile: String,
    /// Security groups by id.
    pub security_groups: Vec<String>,
    /// EBS volumes; empty for the image's own.
    pub disks: Vec<BlockDevice>,
    /// The metadata service.
    pub metadata: MetadataOptions,
    /// Metrics each minute.
    pub monitoring: bool,
    /// A public address or none; None leaves it to the subnet.
    pub public_address: Option<bool>,
    /// Tags of the spot requests that fleets make, which a fleet's own tags do not reach.
    pub tags: BTreeMap<String, String>,
}

/// A template that is known to be there.
#[derive(Debug)]
pub(super) struct Known {
    /// What it says.
    template: Template,
    used: Instant,
}

impl Template {
    /// Its name in a cluster.
    pub fn name(&self, cluster: &str) -> String {
        let content = serde_json::to_vec(self).expect("a template is plain data");
        let hash = Sha256::digest(content);
        let hash: String = hash
            .iter()
            .take(NAMED_BY)
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("sparkwright/{cluster}/{hash}")
    }

    fn data(&self) -> RequestLaunchTemplateData {
        data::written(self, STANDARD.encode(&self.user_data))
    }
}

impl Ec2 {
    /// Sees to it that a template is there.
    pub(super) async fn ensure(&self, template: &Template) -> Result<(), Ec2Error> {
        let name = template.name(&self.inner.cluster);
        if let Some(known) = locked(&self.inner.templates).get_mut(&name) {
            known.used = Instant::now();
            return Ok(());
        }
        let is_new = !self.is_there(&name).await?;
        if is_new {
            self.make(&name, template).await?;
        }
        let known = Known {
            template: template.clone(),
            used: Instant::now(),
        };
        locked(&self.inner.templates).insert(name, known);
        if is_new {
            self.prune().await;
        }
        Ok(())
    }

    /// Makes templates again that EC2 says are gone. False where one is not known to this process.
    pub(super) async fn remake(&self, names: &[&str]) -> Result<bool, Ec2Error> {
        for &name in names {
            let known = locked(&self.inner.templates)
                .get(name)
                .map(|known| known.template.clone());
            let Some(template) = known else {
                return Ok(false);
            };
            self.make(name, &template).await?;
        }
        Ok(true)
    }

    /// Forgets templates, so that the next request looks for them.
    pub(super) fn forget(&self, names: &[&str]) {
        let mut templates = locked(&self.inner.templates);
        names.iter().for_each(|name| drop(templates.remove(*name)));
    }

    async fn is_there(&self, name: &str) -> Result<bool, Ec2Error> {
        let named = filter::any("launch-template-name", &[name]);
        let request = self.inner.clients.ec2.describe_launch_templates();
        let request = request.filters(named);
        let found = self
            .ask(Action::DescribeLaunchTemplates, || request.clone().send())
            .await?;
        Ok(!found.launch_templates().is_empty())
    }

    /// Makes a template. That it is there already is as good: its name is its content.
    async fn make(&self, name: &str, template: &Template) -> Result<(), Ec2Error> {
        let ours = tags::ours(&self.inner.cluster);
        let request = self.inner.clients.ec2.create_launch_template();
        let request = request
            .launch_template_name(name)
            .launch_template_data(template.data())
            .tag_specifications(tags::on(ResourceType::LaunchTemplate, &ours));
        let made = self.ask(Action::CreateLaunchTemplate, || async {
            match request.clone().send().await {
                Err(error) if error.code() == Some(TAKEN) => Ok(()),
                answer => answer.map(|_| ()),
            }
        });
        made.await
    }

    /// Removes the oldest templates that nobody uses, past those that are kept. What cannot be removed
    /// stays until the next one is made.
    async fn prune(&self) {
        let Ok(mut templates) = self.templates().await else {
            return;
        };
        templates.sort_by_key(|template| template.create_time().map(|at| at.as_nanos()));
        let excess = templates.len().saturating_sub(KEPT);
        for template in templates.iter().take(excess) {
            let Some(name) = template.launch_template_name() else {
                continue;
            };
            let known = locked(&self.inner.templates)
                .get(name)
                .map(|known| known.used);
            if known.is_some_and(|used| used.elapsed() < IN_USE) {
                continue;
            }
            let request = self.inner.clients.ec2.delete_launch_template();
            let request = request.launch_template_name(name);
            let gone = self
                .once(Action::DeleteLaunchTemplate, request.send())
                .await;
            if gone.is_ok() {
                self.forget(&[name]);
            }
        }
    }

    /// The templates of this cluster.
    async fn templates(&self) -> Result<Vec<LaunchTemplate>, Ec2Error> {
        let action = Action::DescribeLaunchTemplates;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_launch_templates();
            let request = request
                .set_filters(Some(tags::ours_only(&self.inner.cluster)))
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.launch_templates.unwrap_or_default(), page.next_token))
        });
        pages.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        Template {
            image: "ami-1".to_owned(),
            user_data: "#!/bin/sh".to_owned(),
            profile: "nodes".to_owned(),
            security_groups: vec!["sg-1".to_owned()],
            disks: Vec::new(),
            metadata: MetadataOptions {
                endpoint: true,
                ipv6: false,
                hop_limit: 1,
                tokens_required: true,
            },
            monitoring: false,
            public_address: None,
            tags: tags::ours("my-cluster"),
        }
    }

    #[test]
    fn equal_content_has_one_name_and_other_content_another() {
        let name = template().name("my-cluster");
        assert_eq!(name, template().name("my-cluster"));
        assert!(
            name.starts_with("sparkwright/my-cluster/") && name.len() == 43,
            "{name}"
        );
        let other = Template {
            image: "ami-2".to_owned(),
            ..template()
        };
        assert_ne!(name, other.name("my-cluster"));
    }

    #[test]
    fn groups_move_to_the_interface_where_the_address_is_chosen() {
        let plain = template().data();
        assert_eq!(plain.security_group_ids(), ["sg-1"]);
        assert!(plain.network_interfaces().is_empty());
        let private = Template {
            public_address: Some(false),
            ..template()
        };
        let data = private.data();
        assert!(data.security_group_ids().is_empty());
        let interface = &data.network_interfaces()[0];
        assert_eq!(interface.groups(), ["sg-1"]);
        assert_eq!(interface.associate_public_ip_address(), Some(false));
    }
}
