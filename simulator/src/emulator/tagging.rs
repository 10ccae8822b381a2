//! Tags as requests bring them, within EC2's limits. Which resources an action may tag it says itself;
//! tags that begin with `aws:` are EC2's own.

use serde::Deserialize;

use super::account::Tags;
use super::wire::{ApiError, Xml};

/// Most tags of a resource that are the user's own.
const MOST: usize = 50;
/// Longest key, in characters.
const KEY: usize = 128;
/// Longest value, in characters.
const VALUE: usize = 256;

/// A tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// What it says; may be empty.
    #[serde(default)]
    pub value: String,
}

/// Tags for resources of a kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagSpecification {
    /// `instance`.
    pub resource_type: String,
    /// Its tags.
    #[serde(default, rename = "Tag")]
    pub tags: Vec<Tag>,
}

/// Checks that each is for one of these kinds, each kind once, and their tags.
///
/// # Errors
/// `InvalidParameterValue`, `TagLimitExceeded`.
pub fn check_specifications(given: &[TagSpecification], kinds: &[&str]) -> Result<(), ApiError> {
    for (i, specification) in given.iter().enumerate() {
        let kind = specification.resource_type.as_str();
        if !kinds.contains(&kind) {
            return Err(ApiError::value(format!(
                "'{kind}' is not a valid taggable resource type for this operation; it takes {}",
                kinds.join(", ")
            )));
        }
        if given[..i].iter().any(|other| other.resource_type == kind) {
            return Err(ApiError::value(format!(
                "Tag specification resource type {kind} stands there twice"
            )));
        }
        check(&specification.tags)?;
    }
    Ok(())
}

/// Checks a resource's new tags.
///
/// # Errors
/// `InvalidParameterValue`, `TagLimitExceeded`.
pub fn check(tags: &[Tag]) -> Result<(), ApiError> {
    if tags.len() > MOST {
        let what = format!("More than {MOST} tags specified");
        return Err(ApiError::client("TagLimitExceeded", what));
    }
    for (i, tag) in tags.iter().enumerate() {
        let length = tag.key.chars().count();
        if length == 0 || length > KEY {
            let key = &tag.key;
            return Err(ApiError::value(format!(
                "Tag key '{key}' must have 1 to {KEY} characters"
            )));
        }
        if tag.value.chars().count() > VALUE {
            let key = &tag.key;
            return Err(ApiError::value(format!(
                "Tag value of '{key}' exceeds {VALUE} characters"
            )));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            let what = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(ApiError::value(what));
        }
        if tags[..i].iter().any(|other| other.key == tag.key) {
            let what = format!("Duplicate tag key '{}' specified", tag.key);
            return Err(ApiError::value(what));
        }
    }
    Ok(())
}

/// The tags for a kind of resource.
pub fn of_kind(given: &[TagSpecification], kind: &str) -> Tags {
    let of_kind = given.iter().filter(|s| s.resource_type == kind);
    of_kind.flat_map(|s| pairs(&s.tags)).collect()
}

/// Tags as pairs.
pub fn pairs(tags: &[Tag]) -> impl Iterator<Item = (String, String)> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()))
}

/// Puts tags to those a resource has.
///
/// # Errors
/// `TagLimitExceeded`.
pub fn put(has: &mut Tags, more: Tags) -> Result<(), ApiError> {
    let own = |key: &&String| !key.starts_with("aws:");
    let new = more.keys().filter(|key| !has.contains_key(*key));
    if new.filter(own).count() + has.keys().filter(own).count() > MOST {
        let what = format!("The maximum number of {MOST} tags for the resource has been reached");
        return Err(ApiError::client("TagLimitExceeded", what));
    }
    has.extend(more);
    Ok(())
}

/// Tags in an answer.
pub fn written(tags: &Tags) -> Xml {
    if tags.is_empty() {
        return Xml::Absent;
    }
    let tags = tags.iter();
    Xml::items(tags.map(|(key, value)| Xml::new().with("key", key).with("value", value)))
}
