//! Labels' names and syntax: which keys the nodes of every NodePool carry without being told
//! (Kubernetes' and Karpenter's well-known ones), which keys mean the same, and what a key and a value
//! may look like. Values for one type come with the catalogue; this file only names them.

use super::node::{CAPACITY_TYPE, INSTANCE_TYPE, ZONE, ZONE_ID};

/// Kubernetes' well-known processor label, `amd64` or `arm64`.
pub const ARCH: &str = "kubernetes.io/arch";
/// Kubernetes' well-known operating system label.
pub const OS: &str = "kubernetes.io/os";
/// Kubernetes' well-known region label.
pub const REGION: &str = "topology.kubernetes.io/region";
/// Karpenter's label for the family, `c5d`.
pub const FAMILY: &str = "karpenter.k8s.aws/instance-family";
/// Stands for the region's name in a NodePool's zones, so that one NodePool serves every region.
pub const REGION_PLACEHOLDER: &str = "{region}";

/// A label that nodes carry without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WellKnown {
    /// Its name.
    pub key: &'static str,
    /// Its values are integers, so `Gt` and `Lt` can hold.
    pub numeric: bool,
    /// What it says, with unit and an example, for the documentation.
    pub meaning: &'static str,
}

const fn text(key: &'static str, meaning: &'static str) -> WellKnown {
    WellKnown {
        key,
        numeric: false,
        meaning,
    }
}

const fn number(key: &'static str, meaning: &'static str) -> WellKnown {
    WellKnown {
        key,
        numeric: true,
        meaning,
    }
}

/// All well-known labels. A label is absent from nodes where it says nothing (no NVMe, no GPU).
pub const WELL_KNOWN: &[WellKnown] = &[
    text(INSTANCE_TYPE, "instance type, `c5d.9xlarge`"),
    text(ARCH, "`amd64` or `arm64`"),
    text(OS, "`linux`"),
    text(REGION, "region, `us-east-1`"),
    text(ZONE, "the account's zone name, `us-east-1a`"),
    text(ZONE_ID, "zone id, `use1-az4`"),
    text(CAPACITY_TYPE, "`spot` or `on-demand`"),
    text(
        "karpenter.k8s.aws/instance-category",
        "letters before the generation, `c`",
    ),
    text(FAMILY, "family, `c5d`"),
    number(
        "karpenter.k8s.aws/instance-generation",
        "first number of the family, `5`",
    ),
    text("karpenter.k8s.aws/instance-size", "size, `9xlarge`"),
    number("karpenter.k8s.aws/instance-cpu", "vCPUs, `36`"),
    text(
        "karpenter.k8s.aws/instance-cpu-manufacturer",
        "`intel`, `amd` or `aws`",
    ),
    number(
        "karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz",
        "MHz, `3000`",
    ),
    number(
        "karpenter.k8s.aws/instance-memory",
        "nominal memory in MiB, `73728`",
    ),
    text(
        "karpenter.k8s.aws/instance-hypervisor",
        "`nitro` or `xen`; absent on bare metal",
    ),
    text(
        "karpenter.k8s.aws/instance-capability-flex",
        "`true` for flex types, else `false`",
    ),
    number(
        "karpenter.k8s.aws/instance-local-nvme",
        "local NVMe in GB (10⁹ bytes), `900`",
    ),
    number(
        "karpenter.k8s.aws/instance-network-bandwidth",
        "baseline network in Mbit/s, `12000`",
    ),
    number(
        "karpenter.k8s.aws/instance-ebs-bandwidth",
        "most EBS bandwidth in Mbit/s, `9500`",
    ),
    number("karpenter.k8s.aws/instance-gpu-count", "GPUs, `4`"),
    text(
        "karpenter.k8s.aws/instance-gpu-name",
        "GPU in lower case, `a10g`",
    ),
    text(
        "karpenter.k8s.aws/instance-gpu-manufacturer",
        "`nvidia` or `amd`",
    ),
    number(
        "karpenter.k8s.aws/instance-gpu-memory",
        "memory of one GPU in MiB, `22888`",
    ),
];

/// Finds a well-known label by its name.
pub fn well_known(key: &str) -> Option<&'static WellKnown> {
    WELL_KNOWN.iter().find(|label| label.key == key)
}

/// The present name of a label that Kubernetes renamed; other names are returned as they are.
pub fn canonical(key: &str) -> &str {
    match key {
        "beta.kubernetes.io/instance-type" => INSTANCE_TYPE,
        "beta.kubernetes.io/arch" => ARCH,
        "beta.kubernetes.io/os" => OS,
        "failure-domain.beta.kubernetes.io/zone" => ZONE,
        "failure-domain.beta.kubernetes.io/region" => REGION,
        _ => key,
    }
}

/// What is wrong with a label's (or taint's) name, by Kubernetes' rules; None where nothing is.
pub fn key_fault(key: &str) -> Option<&'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        Some("has a prefix that is no DNS name; write it like example.com/name")
    } else if !is_qualified(name) || name.is_empty() {
        Some(
            "is no label name; write 1 to 63 letters, digits, '-', '_' or '.', \
             beginning and ending with a letter or digit, after an optional prefix and '/'",
        )
    } else {
        None
    }
}

/// What is wrong with a label's (or taint's) value, by Kubernetes' rules; None where nothing is.
pub fn value_fault(value: &str) -> Option<&'static str> {
    (!is_qualified(value)).then_some(
        "is no label value; write at most 63 letters, digits, '-', '_' or '.', \
         beginning and ending with a letter or digit",
    )
}

/// True for a DNS-1123 subdomain: the form of object names and of label prefixes.
pub fn is_subdomain(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn is_qualified(name: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_and_values_are_refused_as_kubernetes_refuses_them() {
        for key in [
            "a",
            "team",
            "example.com/Team_1.x",
            "karpenter.sh/capacity-type",
        ] {
            assert_eq!(key_fault(key), None, "{key}");
        }
        for key in [
            "",
            "/a",
            "a/",
            "-a",
            "a-",
            "a b",
            "Example.com/a",
            "a/b/c",
            &"x".repeat(64),
        ] {
            assert!(key_fault(key).is_some(), "{key}");
        }
        for (value, good) in [
            ("", true),
            ("a.b_c-D", true),
            ("-a", false),
            ("a/b", false),
            ("ü", false),
        ] {
            assert_eq!(value_fault(value).is_none(), good, "{value}");
        }
    }

    #[test]
    fn renamed_labels_are_known_by_their_present_name() {
        assert_eq!(canonical("beta.kubernetes.io/arch"), ARCH);
        assert_eq!(canonical("failure-domain.beta.kubernetes.io/zone"), ZONE);
        assert_eq!(canonical("team"), "team");
    }
}
