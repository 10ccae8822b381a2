//! EC2's vCPU quotas: an account may run so many vCPUs of a class of families in a region, on-demand
//! and spot apart. Which family counts towards which class; how much an account has is not known here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Families that share a quota (Service Quotas, "Running On-Demand … instances" and "All … Spot
/// Instance Requests").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuotaClass {
    /// A, C, D, H, I, M, R, T and Z.
    Standard,
    /// G and VT.
    G,
    /// P.
    P,
    /// X.
    X,
    /// F.
    F,
    /// Inferentia.
    Inf,
    /// Trainium.
    Trn,
    /// DL.
    Dl,
    /// HPC.
    Hpc,
    /// High memory (u-…, u7i).
    HighMemory,
}

impl QuotaClass {
    /// Every class.
    pub const ALL: [QuotaClass; 10] = [
        QuotaClass::Standard,
        QuotaClass::G,
        QuotaClass::P,
        QuotaClass::X,
        QuotaClass::F,
        QuotaClass::Inf,
        QuotaClass::Trn,
        QuotaClass::Dl,
        QuotaClass::Hpc,
        QuotaClass::HighMemory,
    ];

    /// The class of a family such as `c5d`: decided by the letters before its first digit.
    pub fn of(family: &str) -> QuotaClass {
        let end = family.find(|c: char| !c.is_ascii_alphabetic());
        match &family[..end.unwrap_or(family.len())] {
            "g" | "gr" | "vt" => QuotaClass::G,
            "p" => QuotaClass::P,
            "x" => QuotaClass::X,
            "f" => QuotaClass::F,
            "inf" => QuotaClass::Inf,
            "trn" => QuotaClass::Trn,
            "dl" => QuotaClass::Dl,
            "hpc" => QuotaClass::Hpc,
            "u" => QuotaClass::HighMemory,
            _ => QuotaClass::Standard,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            QuotaClass::Standard => "standard",
            QuotaClass::G => "g",
            QuotaClass::P => "p",
            QuotaClass::X => "x",
            QuotaClass::F => "f",
            QuotaClass::Inf => "inf",
            QuotaClass::Trn => "trn",
            QuotaClass::Dl => "dl",
            QuotaClass::Hpc => "hpc",
            QuotaClass::HighMemory => "high-memory",
        }
    }
}

impl fmt::Display for QuotaClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_count_towards_the_quota_that_aws_names_for_them() {
        for (family, class) in [
            ("c5d", QuotaClass::Standard),
            ("im4gn", QuotaClass::Standard),
            ("d3en", QuotaClass::Standard),
            ("g4dn", QuotaClass::G),
            ("vt1", QuotaClass::G),
            ("p5en", QuotaClass::P),
            ("x2iedn", QuotaClass::X),
            ("f2", QuotaClass::F),
            ("inf2", QuotaClass::Inf),
            ("trn1n", QuotaClass::Trn),
            ("dl1", QuotaClass::Dl),
            ("hpc7g", QuotaClass::Hpc),
            ("u-6tb1", QuotaClass::HighMemory),
            ("u7i-12tb", QuotaClass::HighMemory),
        ] {
            assert_eq!(QuotaClass::of(family), class, "{family}");
        }
    }
}
