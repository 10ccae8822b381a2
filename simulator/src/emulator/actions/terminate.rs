//! TerminateInstances and CreateTags: a batch is done whole, or refused whole for one bad id, as EC2
//! does. What becomes of the instances then is in `life.rs`.

use serde::Deserialize;
use sparkwright::model::name::NodeId;

use super::Answered;
use super::instances::{all_found, state};
use crate::emulator::account::Tags;
use crate::emulator::clock::Moment;
use crate::emulator::region::Region;
use crate::emulator::tagging::{self, Tag};
use crate::emulator::wire::{ApiError, Xml};

/// Most instances of a batch.
const MOST: usize = 1000;

/// TerminateInstances.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminate {
    #[serde(rename = "InstanceId")]
    ids: Vec<String>,
    #[serde(default, rename = "Force")]
    _force: bool,
    #[serde(default, rename = "SkipOsShutdown")]
    _skip_os_shutdown: bool,
}

pub(super) fn terminate(
    region: &mut Region,
    mut request: Terminate,
    now: Moment,
) -> Result<Answered, ApiError> {
    if request.ids.is_empty() {
        return Err(ApiError::missing("InstanceId"));
    }
    if request.ids.len() > MOST {
        let what = format!("The request has more than {MOST} instances");
        return Err(ApiError::client("InvalidParameterValue", what));
    }
    all_found(region, &request.ids, now)?;
    request.ids.sort_unstable();
    request.ids.dedup();
    if region.setting.throttling {
        region.buckets.terminate(request.ids.len(), now.at)?;
    }
    let mut changes = Vec::new();
    for id in request.ids {
        let node = NodeId::from(id);
        let why = "Client.UserInitiatedShutdown: User initiated shutdown".to_owned();
        let before = region.shut_down(&node, ("Client.UserInitiatedShutdown", why), now);
        let after = region.instances.get(&node).map(|instance| instance.state);
        changes.push(
            Xml::new()
                .with("instanceId", node.as_str())
                .with("currentState", after.map(state))
                .with("previousState", before.map(state)),
        );
    }
    Ok(Xml::new().with("instancesSet", Xml::items(changes)).into())
}

/// CreateTags.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTags {
    #[serde(rename = "ResourceId")]
    resources: Vec<String>,
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

pub(super) fn create_tags(
    region: &mut Region,
    request: CreateTags,
    now: Moment,
) -> Result<Answered, ApiError> {
    if request.resources.len() > MOST {
        return Err(ApiError::value(format!(
            "The request has more than {MOST} resources"
        )));
    }
    tagging::check(&request.tags)?;
    for id in &request.resources {
        is_there(region, id, now)?;
    }
    let more: Tags = tagging::pairs(&request.tags).collect();
    let mut changed = Vec::new();
    for id in request.resources {
        let mut tags = region.tags_of(&id).clone();
        tagging::put(&mut tags, more.clone())?;
        changed.push((id, tags));
    }
    region.tags.extend(changed);
    Ok(Xml::new().with("return", true).into())
}

fn is_there(region: &Region, id: &str, now: Moment) -> Result<(), ApiError> {
    let (there, code) = match id.split('-').next() {
        Some("i") => return all_found(region, &[id.to_owned()], now),
        Some("subnet") => (
            region.subnets.iter().any(|subnet| subnet.id == id),
            "InvalidSubnetID.NotFound",
        ),
        Some("sg") => (
            region.groups.iter().any(|group| group.id == id),
            "InvalidGroup.NotFound",
        ),
        Some("ami") => (
            region.images.iter().any(|image| image.id == id),
            "InvalidAMIID.NotFound",
        ),
        Some("lt") => (
            region.templates.by_id.contains_key(id),
            "InvalidLaunchTemplateId.NotFound",
        ),
        _ => (false, "InvalidID"),
    };
    if there {
        return Ok(());
    }
    Err(ApiError::client(
        code,
        format!("The ID '{id}' is not valid"),
    ))
}
