//! From what is written to what is meant: defaults, ranges, and what only makes sense together. Each bad
//! field is reported and stands at its default while the rest is checked.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::super::object::fault::Faults;
use super::class::{Class, Identity, ImageSelector, InstanceStore, MetadataOptions, Selector};
use super::image::{self, Alias};
use super::selector::{ImageTerm, SecurityGroupTerm, SubnetTerm};
use super::spec::{
    AmiFamily, InstanceStorePolicy, MetadataOptionsSpec, NodeClassSpec, Switch, Tokens,
};
use super::{disk, kubelet, user_data};

/// Folder of the mounts of policy Mount, as in EKS's own images.
const MOUNT_PATH: &str = "/mnt/k8s-disks";
/// Tags that a NodeClass may add: EC2 takes 50, Sparkwright sets up to 10.
const MOST_TAGS: usize = 40;
/// Beginnings of tags that are not a NodeClass's to set.
const RESERVED_TAGS: [&str; 4] = [
    "aws:",
    "sparkwright.dev/",
    "kubernetes.io/cluster/",
    "eks:eks-cluster-name",
];

/// Checks a spec; None where there is no class to speak of, and something was refused.
pub(super) fn class(name: String, spec: NodeClassSpec, faults: &mut Faults) -> Option<Class> {
    let images = images(spec.ami_selector_terms.unwrap_or_default(), faults);
    let family = family(spec.ami_family, &images, faults);
    let identity = identity(spec.role, spec.instance_profile, faults);
    let policy = spec.instance_store_policy;
    if let (Some(family), Some(text)) = (family, &spec.user_data) {
        faults.keep("spec.userData", text, user_data::check(family, text));
    }
    if let (
        Some(AmiFamily::Bottlerocket),
        Some(InstanceStorePolicy::Mount | InstanceStorePolicy::PvDisks),
    ) = (family, policy)
    {
        let problem = "is not to be had on Bottlerocket; write RAID0";
        faults.refuse("spec.instanceStorePolicy", shown(policy), problem);
    }
    let subnets = subnets(spec.subnet_selector_terms.unwrap_or_default(), faults);
    let groups = groups(
        spec.security_group_selector_terms.unwrap_or_default(),
        faults,
    );
    let disks = disk::check(spec.block_device_mappings.unwrap_or_default(), faults);
    let instance_store = store(policy, spec.instance_store_mount_path, faults);
    let metadata = metadata(spec.metadata_options.unwrap_or_default(), faults);
    let kubelet = kubelet::check(spec.kubelet.unwrap_or_default(), family, faults);
    let tags = tags(spec.tags.unwrap_or_default(), faults);
    Some(Class {
        name,
        family: family?,
        images,
        subnets,
        security_groups: groups,
        identity: identity?,
        user_data: spec.user_data,
        disks,
        instance_store,
        metadata,
        kubelet,
        tags,
        detailed_monitoring: spec.detailed_monitoring.unwrap_or(false),
        public_address: spec.associate_public_ip_address,
    })
}

/// An optional whole number within bounds.
pub(super) fn bounded(
    field: &str,
    value: Option<i64>,
    least: u32,
    most: u32,
    faults: &mut Faults,
) -> Option<u32> {
    let value = value?;
    let number = u32::try_from(value).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let problem = format!("is out of range; write a whole number from {least} to {most}");
        faults.refuse(field, value, problem);
    }
    number
}

/// True for an AWS id such as `subnet-0123abcd`.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let hex = text.strip_prefix(prefix).unwrap_or_default();
    !hex.is_empty() && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn family(
    given: Option<AmiFamily>,
    images: &[ImageSelector],
    faults: &mut Faults,
) -> Option<AmiFamily> {
    let alias = images.iter().find_map(|image| match image {
        ImageSelector::Alias(alias) => Some(alias),
        _ => None,
    });
    let mut errors = faults.errors.iter();
    let refused = errors.any(|error| error.field.starts_with("spec.amiSelectorTerms"));
    match image::family(given, alias) {
        Ok(family) => Some(family),
        // A broken alias is the one mistake; that it tells no family is no second one.
        Err(_) if refused && given.is_none() => None,
        Err(fault) => {
            faults.refuse(&fault.field, &fault.value, fault.problem);
            None
        }
    }
}

fn images(terms: Vec<ImageTerm>, faults: &mut Faults) -> Vec<ImageSelector> {
    const FIELD: &str = "spec.amiSelectorTerms";
    if terms.is_empty() {
        let problem = "names no image; write a term such as {alias: al2023@latest}";
        faults.refuse(FIELD, "", problem);
    }
    let several = terms.len() > 1;
    let mut images = Vec::new();
    for (i, term) in terms.into_iter().enumerate() {
        let field = format!("{FIELD}[{i}]");
        if let (Some(alias), true) = (&term.alias, several) {
            let problem = "names all images; write it as the only term";
            faults.refuse(&format!("{field}.alias"), alias, problem);
        }
        images.extend(image(&field, term, faults));
    }
    images
}

fn image(field: &str, term: ImageTerm, faults: &mut Faults) -> Option<ImageSelector> {
    let described = term.tags.is_some() || term.name.is_some();
    let given = [
        term.alias.is_some(),
        term.id.is_some(),
        term.ssm_parameter.is_some(),
        described,
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let problem = "names images by none or several ways; write one of alias, id, ssmParameter, or tags with name";
        faults.refuse(field, "", problem);
        return None;
    }
    if let (Some(owner), false) = (&term.owner, described) {
        let problem = "counts only beside tags or name; take it out";
        faults.refuse(&format!("{field}.owner"), owner, problem);
    }
    if let Some(text) = term.alias {
        let alias = Alias::parse(&text);
        return faults
            .keep(&format!("{field}.alias"), &text, alias)
            .map(ImageSelector::Alias);
    }
    if let Some(id) = term.id {
        return id_of(field, id, "ami-", faults).map(ImageSelector::Id);
    }
    if let Some(path) = term.ssm_parameter {
        if !path.starts_with('/') {
            let problem = "is no parameter; write its whole name, beginning with /";
            faults.refuse(&format!("{field}.ssmParameter"), &path, problem);
        }
        return Some(ImageSelector::SsmParameter(path));
    }
    let tags = term.tags.unwrap_or_default();
    if tags.is_empty() && term.name.is_none() {
        let problem = "is empty and would take any image; name a tag or a name";
        faults.refuse(&format!("{field}.tags"), "{}", problem);
    }
    Some(ImageSelector::Described {
        tags: tags.into(),
        name: term.name,
        owner: term.owner,
    })
}

fn subnets(terms: Vec<SubnetTerm>, faults: &mut Faults) -> Vec<Selector> {
    let plain = terms.into_iter().map(|term| (term.id, None, term.tags));
    selectors(
        "spec.subnetSelectorTerms",
        "subnet-",
        plain.collect(),
        faults,
    )
}

fn groups(terms: Vec<SecurityGroupTerm>, faults: &mut Faults) -> Vec<Selector> {
    let plain = terms
        .into_iter()
        .map(|term| (term.id, term.name, term.tags));
    selectors(
        "spec.securityGroupSelectorTerms",
        "sg-",
        plain.collect(),
        faults,
    )
}

/// A term's id, name and tags.
type Term = (
    Option<String>,
    Option<String>,
    Option<BTreeMap<String, String>>,
);

fn selectors(list: &str, prefix: &str, terms: Vec<Term>, faults: &mut Faults) -> Vec<Selector> {
    if terms.is_empty() {
        let problem =
            "is empty; write a term such as {tags: {sparkwright.dev/discovery: my-cluster}}";
        faults.refuse(list, "", problem);
    }
    let mut selectors = Vec::new();
    for (i, term) in terms.into_iter().enumerate() {
        let field = format!("{list}[{i}]");
        match term {
            (Some(id), None, None) => {
                selectors.extend(id_of(&field, id, prefix, faults).map(Selector::Id));
            }
            (None, Some(name), None) => selectors.push(Selector::Name(name)),
            (None, None, Some(tags)) if tags.is_empty() => {
                let problem = "is empty and would take all of the account; name a tag";
                faults.refuse(&format!("{field}.tags"), "{}", problem);
            }
            (None, None, Some(tags)) => selectors.push(Selector::Tags(tags.into())),
            _ => {
                let problem = "names by none or several ways; write either an id or tags";
                faults.refuse(&field, "", problem);
            }
        }
    }
    selectors
}

fn id_of(field: &str, id: String, prefix: &str, faults: &mut Faults) -> Option<String> {
    let good = is_id(&id, prefix);
    if !good {
        let problem = format!("is no id; write one such as {prefix}0123456789abcdef0");
        faults.refuse(&format!("{field}.id"), &id, problem);
    }
    good.then_some(id)
}

fn identity(
    role: Option<String>,
    profile: Option<String>,
    faults: &mut Faults,
) -> Option<Identity> {
    match (role, profile) {
        (Some(role), None) if role.contains(['/', ':']) => {
            let problem = "is no role's name; write the last part of its ARN";
            faults.refuse("spec.role", role, problem);
            None
        }
        (Some(role), None) => Some(Identity::Role(role)),
        (None, Some(profile)) => Some(Identity::Profile(profile)),
        (None, None) => {
            let problem = "is missing; name the nodes' IAM role, or instanceProfile";
            faults.refuse("spec.role", "", problem);
            None
        }
        (Some(role), Some(_)) => {
            let problem = "stands beside instanceProfile; write one of them";
            faults.refuse("spec.role", role, problem);
            None
        }
    }
}

fn store(
    policy: Option<InstanceStorePolicy>,
    path: Option<String>,
    faults: &mut Faults,
) -> Option<InstanceStore> {
    const FIELD: &str = "spec.instanceStoreMountPath";
    if let (Some(path), false) = (&path, policy == Some(InstanceStorePolicy::Mount)) {
        let problem = "counts only with instanceStorePolicy Mount; take it out, or write that";
        faults.refuse(FIELD, path, problem);
    }
    match policy? {
        InstanceStorePolicy::Raid0 => Some(InstanceStore::Raid0),
        InstanceStorePolicy::PvDisks => Some(InstanceStore::PvDisks),
        InstanceStorePolicy::Mount => {
            let path = path.unwrap_or_else(|| MOUNT_PATH.to_owned());
            if !is_folder(&path) {
                let problem = format!("is no folder; write a whole path such as {MOUNT_PATH}");
                faults.refuse(FIELD, &path, problem);
            }
            Some(InstanceStore::Mount { path })
        }
    }
}

/// True for a whole path that needs no quoting and climbs nowhere.
fn is_folder(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
    path.strip_prefix('/')
        .is_some_and(|inside| inside.split('/').all(part))
}

fn metadata(given: MetadataOptionsSpec, faults: &mut Faults) -> MetadataOptions {
    const FIELD: &str = "spec.metadataOptions.httpPutResponseHopLimit";
    MetadataOptions {
        endpoint: given.http_endpoint != Some(Switch::Disabled),
        ipv6: given.http_protocol_ipv6 == Some(Switch::Enabled),
        hop_limit: bounded(FIELD, given.http_put_response_hop_limit, 1, 64, faults).unwrap_or(1),
        tokens_required: given.http_tokens != Some(Tokens::Optional),
    }
}

fn tags(given: BTreeMap<String, String>, faults: &mut Faults) -> BTreeMap<String, String> {
    if given.len() > MOST_TAGS {
        let problem = format!("tags are too many; write at most {MOST_TAGS}");
        faults.refuse("spec.tags", given.len(), problem);
    }
    for (key, value) in &given {
        let field = format!("spec.tags.{key}");
        if RESERVED_TAGS.iter().any(|prefix| key.starts_with(prefix)) {
            faults.refuse(&field, value, "is not a NodeClass's to set; take it out");
        } else if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            let problem = "is too long or empty; EC2 takes names of 1 to 128 and values of up to 256 characters";
            faults.refuse(&field, value, problem);
        }
    }
    given
}

/// A choice as it is written.
fn shown(policy: Option<InstanceStorePolicy>) -> impl Display {
    match policy {
        Some(InstanceStorePolicy::Raid0) => "RAID0",
        Some(InstanceStorePolicy::Mount) => "Mount",
        Some(InstanceStorePolicy::PvDisks) => "PvDisks",
        None => "",
    }
}
