//! IAM as far as a node's identity goes: every role is there, and is held by one instance profile of its own
//! name, as the console makes them.

use serde::Deserialize;

use super::Answered;
use crate::emulator::account::{ACCOUNT, id};
use crate::emulator::wire::{ApiError, Form, Xml};

/// When roles and profiles were made.
const CREATED: &str = "2026-11-01T00:00:00Z";

/// ListInstanceProfilesForRole. One profile is one page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListProfiles {
    role_name: String,
    #[serde(default, rename = "Marker")]
    _marker: Option<String>,
    #[serde(default, rename = "MaxItems")]
    _most: Option<u32>,
}

pub(super) fn answer(action: &str, form: &Form) -> Result<Answered, ApiError> {
    match action {
        "ListInstanceProfilesForRole" => profiles(&form.read()?),
        other => Err(ApiError::client(
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    }
}

fn profiles(request: &ListProfiles) -> Result<Answered, ApiError> {
    let name = &request.role_name;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if !(1..=64).contains(&name.len()) || !name.chars().all(allowed) {
        let what = "The specified value for roleName is invalid. It must contain only alphanumeric \
                    characters and/or the following: +=,.@_-";
        return Err(ApiError::client("ValidationError", what));
    }
    let arn = |kind: &str| format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}");
    // Ids of roles and profiles begin with AROA and AIPA.
    let named = |prefix: &str| format!("{prefix}{}", id("iam", 0, name)[4..].to_uppercase());
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
    let role = Xml::new()
        .with("Path", "/")
        .with("Arn", arn("role"))
        .with("RoleName", name)
        .with("RoleId", named("AROA"))
        .with("AssumeRolePolicyDocument", policy)
        .with("CreateDate", CREATED);
    let profile = Xml::new()
        .with("Path", "/")
        .with("Arn", arn("instance-profile"))
        .with("InstanceProfileName", name)
        .with("InstanceProfileId", named("AIPA"))
        .with("CreateDate", CREATED)
        .with("Roles", Xml::new().with("member", role));
    Ok(Xml::new()
        .with("IsTruncated", false)
        .with("InstanceProfiles", Xml::new().with("member", profile))
        .into())
}
