//! Subnets and security groups by id, name or tags. Ids are asked for by filter, so that one that is not
//! there is named, and not the whole list refused.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, SecurityGroup};

use super::{Asked, ClassProblem, Subnet, shown};
use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, filter, locked};
use crate::model::nodeclass::status::FoundSecurityGroup;
use crate::model::nodeclass::{Class, Selector};

/// Entries of a page: EC2's most.
const PAGE: i32 = 1000;

impl Ec2 {
    pub(super) async fn subnets(&self, class: &Class) -> Result<Vec<Subnet>, ClassProblem> {
        let asked = Asked {
            class,
            condition: "SubnetsReady",
            field: "spec.subnetSelectorTerms",
        };
        let mut found = BTreeSet::new();
        for selector in &class.subnets {
            let some = self.subnets_of(asked, selector).await?;
            if some.is_empty() {
                let problem =
                    "names no available subnet of this region; tag one, or write another id";
                return Err(asked.unfit(shown(selector), problem));
            }
            found.extend(some);
        }
        let vpcs: BTreeSet<&str> = found.iter().map(|subnet| subnet.vpc.as_str()).collect();
        if vpcs.len() > 1 {
            let vpcs = vpcs.into_iter().collect::<Vec<_>>().join(", ");
            let problem = "are VPCs of the subnets, and a cluster is in one; narrow the terms";
            return Err(asked.unfit(vpcs, problem));
        }
        // EC2's count holds what has come up; what launches since then took is in it, or soon will be.
        let mut promised = locked(&self.inner.promised);
        promised.retain(|id, _| found.iter().all(|subnet| subnet.id != *id));
        Ok(found.into_iter().collect())
    }

    async fn subnets_of(
        &self,
        asked: Asked<'_>,
        selector: &Selector,
    ) -> Result<BTreeSet<Subnet>, ClassProblem> {
        let mut filters = filters(selector, "subnet-id");
        filters.push(filter::any("state", &["available"]));
        let action = Action::DescribeSubnets;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_subnets();
            let request = request
                .set_filters(Some(filters.clone()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.subnets.unwrap_or_default(), page.next_token))
        });
        let found = pages.await.map_err(|error| asked.unknown(error))?;
        Ok(found.iter().filter_map(subnet).collect())
    }

    pub(super) async fn security_groups(
        &self,
        class: &Class,
        subnets: &[Subnet],
    ) -> Result<Vec<FoundSecurityGroup>, ClassProblem> {
        let asked = Asked {
            class,
            condition: "SecurityGroupsReady",
            field: "spec.securityGroupSelectorTerms",
        };
        let vpc = subnets.first().map_or("", |subnet| subnet.vpc.as_str());
        let mut found: Vec<FoundSecurityGroup> = Vec::new();
        for selector in &class.security_groups {
            let some = self.groups_of(asked, selector, vpc).await?;
            if some.is_empty() {
                let problem = format!(
                    "names no security group of the subnets' VPC {vpc}; tag one, or write another"
                );
                return Err(asked.unfit(shown(selector), problem));
            }
            found.extend(some);
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// Groups in the VPC of the subnets: EC2 takes no others.
    async fn groups_of(
        &self,
        asked: Asked<'_>,
        selector: &Selector,
        vpc: &str,
    ) -> Result<Vec<FoundSecurityGroup>, ClassProblem> {
        let mut filters = filters(selector, "group-id");
        filters.push(filter::any("vpc-id", &[vpc]));
        let action = Action::DescribeSecurityGroups;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_security_groups();
            let request = request
                .set_filters(Some(filters.clone()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.security_groups.unwrap_or_default(), page.next_token))
        });
        let found = pages.await.map_err(|error| asked.unknown(error))?;
        let group = |group: &SecurityGroup| {
            Some(FoundSecurityGroup {
                id: group.group_id()?.to_owned(),
                name: group.group_name().map(str::to_owned),
            })
        };
        Ok(found.iter().filter_map(group).collect())
    }
}

fn filters(selector: &Selector, id: &str) -> Vec<Filter> {
    match selector {
        Selector::Id(value) => vec![filter::any(id, &[value])],
        Selector::Name(name) => vec![filter::any("group-name", &[name])],
        Selector::Tags(tags) => filter::tags(tags),
    }
}

/// None where EC2 leaves out what every subnet has.
fn subnet(subnet: &aws_sdk_ec2::types::Subnet) -> Option<Subnet> {
    let free = subnet.available_ip_address_count().unwrap_or(0);
    Some(Subnet {
        id: subnet.subnet_id()?.to_owned(),
        zone: subnet.availability_zone()?.to_owned(),
        zone_id: subnet.availability_zone_id()?.to_owned(),
        free: u32::try_from(free).unwrap_or(0),
        vpc: subnet.vpc_id()?.to_owned(),
    })
}
