//! AWS's own images by alias: the family and version that it means, and which SSM parameters hold their
//! ids, for each architecture.

use super::super::object::FieldError;
use super::spec::AmiFamily;

/// Architectures that a node can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

/// AWS's own images of one family and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The family.
    pub family: AmiFamily,
    /// The version: `v20261107`, `1.52.0`; None for the latest.
    pub version: Option<String>,
}

impl Architecture {
    /// Both.
    pub const ALL: [Architecture; 2] = [Architecture::Amd64, Architecture::Arm64];

    /// Kubernetes' name, as in the label `kubernetes.io/arch`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Architecture::Amd64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// EC2's name.
    pub const fn ec2(self) -> &'static str {
        match self {
            Architecture::Amd64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }
}

impl Alias {
    /// Reads `al2023@latest`, `al2023@v20261107`, `bottlerocket@1.52.0`.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "is no alias; write one such as al2023@latest, al2023@v20261107 or bottlerocket@1.52.0";
        let (family, version) = text.split_once('@').ok_or(FORM)?;
        let family = match family {
            "al2023" => AmiFamily::Al2023,
            "bottlerocket" => AmiFamily::Bottlerocket,
            _ => return Err(FORM.to_owned()),
        };
        let digits = version.strip_prefix('v').unwrap_or(version);
        let numbered = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match version {
            "latest" => Ok(Alias {
                family,
                version: None,
            }),
            _ if !numbered => Err(FORM.to_owned()),
            _ => Ok(Alias {
                family,
                version: Some(version.to_owned()),
            }),
        }
    }

    /// The public SSM parameter that holds the image's id, for a Kubernetes version such as 1.34.
    /// Source: the EKS and Bottlerocket user guides, "retrieve recommended AMI ids".
    pub fn ssm_parameter(&self, kubernetes: &str, architecture: Architecture) -> String {
        let arch = architecture.ec2();
        match (self.family, self.version.as_deref()) {
            (AmiFamily::Al2023, None) => format!(
                "/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{arch}/standard/recommended/image_id"
            ),
            (AmiFamily::Al2023, Some(version)) => format!(
                "/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{arch}/standard/\
                 amazon-eks-node-al2023-{arch}-standard-{kubernetes}-{version}/image_id"
            ),
            (AmiFamily::Bottlerocket, version) => {
                let version = version.map_or("latest", |version| version.trim_start_matches('v'));
                format!("/aws/service/bottlerocket/aws-k8s-{kubernetes}/{arch}/{version}/image_id")
            }
        }
    }
}

/// The family that selectors and `amiFamily` tell together.
pub(super) fn family(
    given: Option<AmiFamily>,
    alias: Option<&Alias>,
) -> Result<AmiFamily, FieldError> {
    const FIELD: &str = "spec.amiFamily";
    let fault = |value: &str, problem: &str| FieldError {
        field: FIELD.to_owned(),
        value: value.to_owned(),
        problem: problem.to_owned(),
    };
    match (given, alias.map(|alias| alias.family)) {
        (Some(given), Some(told)) if given != told => Err(fault(
            &format!("{given:?}"),
            "is not the alias's family; take one of them out",
        )),
        (Some(family), _) | (None, Some(family)) => Ok(family),
        (None, None) => Err(fault(
            "",
            "is missing, and no alias tells it; write AL2023 or Bottlerocket",
        )),
    }
}
