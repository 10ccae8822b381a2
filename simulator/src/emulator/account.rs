//! What an account has before anything is launched: one VPC with a private subnet in each zone, security
//! groups, images for each processor. Everything is named by hashes, so that two runs agree.

use std::collections::BTreeMap;

use sparkwright::model::offering::{Catalog, ZoneId};

use crate::world::stream::{stream, uniform};

/// The account's number: AWS's own example.
pub const ACCOUNT: &str = "123456789012";
/// Who asks, whoever it is.
pub const CALLER: &str = "arn:aws:iam::123456789012:user/emulated";
/// The VPC.
pub const VPC: &str = "vpc-0e5a1f00d5eedc0de";
/// Free addresses of a subnet that the conditions do not bound: a /19 less the five that AWS keeps.
pub const ADDRESSES: u32 = 8187;
/// Kubernetes' versions that images are there for.
pub const KUBERNETES: [&str; 7] = ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36"];

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// A subnet.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its zone.
    pub zone: ZoneId,
    /// First two bytes of its addresses, the third, and bits of its mask.
    pub cidr: (u8, u8, u8),
}

/// A security group.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What for.
    pub description: &'static str,
}

/// A machine image.
#[derive(Clone, Debug)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// As its makers name it.
    pub name: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// The account that owns it, as an alias.
    pub owner: &'static str,
    /// Names of SSM parameters whose value it is.
    pub parameters: Vec<String>,
}

/// An id such as EC2 makes: a prefix and 17 hexadecimal digits, by seed, kind and name.
pub fn id(prefix: &str, seed: u64, name: &str) -> String {
    let bits = uniform(&mut stream(seed, prefix, name)).to_bits() & ((1 << 52) - 1);
    let more = uniform(&mut stream(seed, "more", &format!("{prefix} {name}"))).to_bits() & 0xfff;
    format!("{prefix}-0{bits:013x}{more:03x}")
}

/// A subnet for each zone, large enough for these addresses.
pub fn subnets(catalog: &Catalog, addresses: &BTreeMap<ZoneId, u32>) -> Vec<Subnet> {
    let zones = (0..).map(ZoneId).zip(&catalog.zones);
    zones
        .map(|(zone, names)| Subnet {
            id: id("subnet", 0, &names.id),
            zone,
            cidr: (
                10,
                zone.0,
                bits(addresses.get(&zone).copied().unwrap_or(ADDRESSES)),
            ),
        })
        .collect()
}

/// Bits of the smallest mask with so many addresses and the five that AWS keeps; a VPC's largest is 16.
fn bits(addresses: u32) -> u8 {
    let holds = |bits: &u8| 1_u64 << (32 - u32::from(*bits)) >= u64::from(addresses) + 5;
    (16..=28).rev().find(holds).unwrap_or(16)
}

/// Tags that a cluster's subnets and groups carry.
pub fn tags(cluster: &str, name: &str) -> Tags {
    let pairs = [
        ("Name".to_owned(), name.to_owned()),
        (
            format!("kubernetes.io/cluster/{cluster}"),
            "shared".to_owned(),
        ),
        ("karpenter.sh/discovery".to_owned(), cluster.to_owned()),
        ("sparkwright.dev/discovery".to_owned(), cluster.to_owned()),
    ];
    pairs.into()
}

/// The groups of a cluster.
pub fn groups(cluster: &str) -> Vec<SecurityGroup> {
    let group = |name: String, description| SecurityGroup {
        id: id("sg", 0, &name),
        name,
        description,
    };
    vec![
        group(format!("{cluster}-node"), "nodes of the cluster"),
        group(
            format!("eks-cluster-sg-{cluster}"),
            "control plane and nodes",
        ),
    ]
}

/// Amazon Linux 2023 and Bottlerocket for each version and processor.
pub fn images() -> Vec<Image> {
    let mut images = Vec::new();
    for version in KUBERNETES {
        for architecture in ["x86_64", "arm64"] {
            let name =
                format!("amazon-eks-node-al2023-{architecture}-standard-{version}-v20261101");
            let path = format!(
                "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{architecture}/standard"
            );
            images.push(Image {
                id: id("ami", 0, &name),
                parameters: vec![
                    format!("{path}/recommended/image_id"),
                    format!("{path}/{name}/image_id"),
                ],
                name,
                architecture,
                owner: "amazon",
            });
            let name = format!("bottlerocket-aws-k8s-{version}-{architecture}-v1.50.0-abcdef01");
            let path = format!("/aws/service/bottlerocket/aws-k8s-{version}/{architecture}");
            images.push(Image {
                id: id("ami", 0, &name),
                parameters: vec![
                    format!("{path}/latest/image_id"),
                    format!("{path}/1.50.0/image_id"),
                ],
                name,
                architecture,
                owner: "amazon",
            });
        }
    }
    images
}

impl Subnet {
    /// `10.2.0.0/19`.
    pub fn block(&self) -> String {
        let (first, second, bits) = self.cidr;
        format!("{first}.{second}.0.0/{bits}")
    }

    /// The address of the n-th instance: past the four that AWS keeps, and round again at the end.
    pub fn address(&self, n: u32) -> String {
        let (first, second, bits) = self.cidr;
        let hosts = (1_u32 << (32 - u32::from(bits))) - 5;
        let [.., third, fourth] = (n % hosts + 4).to_be_bytes();
        format!("{first}.{second}.{third}.{fourth}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_as_large_as_their_addresses_need() {
        assert_eq!(
            [bits(11), bits(12), bits(8187), bits(8188)],
            [28, 27, 19, 18]
        );
        let subnet = Subnet {
            id: "subnet-1".to_owned(),
            zone: ZoneId(2),
            cidr: (10, 2, 28),
        };
        assert_eq!(subnet.block(), "10.2.0.0/28");
        assert_eq!(
            [subnet.address(0), subnet.address(11)],
            ["10.2.0.4", "10.2.0.4"]
        );
        assert_eq!(subnet.address(10), "10.2.0.14");
    }

    #[test]
    fn ids_look_like_ec2s_and_depend_on_seed_and_name() {
        let one = id("i", 1, "a");
        assert_eq!(one.len(), 19);
        assert!(one[2..].bytes().all(|b| b.is_ascii_hexdigit()), "{one}");
        assert!(one != id("i", 2, "a") && one != id("i", 1, "b") && one == id("i", 1, "a"));
    }
}
