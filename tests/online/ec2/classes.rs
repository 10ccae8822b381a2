//! What a NodeClass names: found in the account, or told by condition, field, value and remedy.

use serde_json::json;
use sparkwright::live::ec2::ClassProblem;
use sparkwright::model::nodeclass;
use sparkwright::model::nodeclass::image::Architecture;

use super::account::emulated::{CALM, PLAIN};
use super::account::{class, with};

#[test]
fn a_class_finds_images_subnets_groups_and_the_profile_of_its_role() {
    with(CALM, PLAIN, async |account| {
        let resolved = account.resolved().await;
        let architectures: Vec<Architecture> = resolved.images.keys().copied().collect();
        assert_eq!(architectures, Architecture::ALL);
        let mut zones: Vec<&str> = resolved.subnets.iter().map(|s| s.zone.as_str()).collect();
        zones.sort_unstable();
        let known: Vec<&str> = account
            .catalog
            .zones
            .iter()
            .map(|z| z.name.as_str())
            .collect();
        assert_eq!(zones, known);
        assert!(
            resolved
                .subnets
                .iter()
                .all(|s| s.free == 8187 && !s.zone_id.is_empty())
        );
        assert_eq!(resolved.security_groups.len(), 2);
        assert_eq!(resolved.profile, "SparkwrightNode");
        account.resolved().await;
        assert_eq!(
            account.called("ListInstanceProfilesForRole", ""),
            1,
            "profiles are kept"
        );
    });
}

#[test]
fn every_way_to_name_images_leads_to_them() {
    with(CALM, PLAIN, async |account| {
        let of = async |terms: serde_json::Value| {
            let class = class(json!({
                "amiFamily": "AL2023", "instanceProfile": "nodes", "amiSelectorTerms": terms,
            }));
            let class = nodeclass::read(class).unwrap();
            let resolved = account.ec2.resolve(&class, &account.cluster).await.unwrap();
            assert_eq!(resolved.profile, "nodes");
            resolved.images
        };
        let aliased = account.resolved().await.images;
        let arm = aliased[&Architecture::Arm64].id.clone();
        let by_id = of(json!([{"id": arm}])).await;
        assert_eq!(
            by_id.keys().copied().collect::<Vec<_>>(),
            [Architecture::Arm64]
        );
        let name = by_id[&Architecture::Arm64].name.clone().unwrap();
        assert!(name.contains("al2023-arm64-standard-1.34"), "{name}");
        let by_name = of(json!([{"name": "amazon-eks-node-al2023-*-1.34-*", "owner": "amazon"}]));
        let by_name = by_name.await;
        let ids = by_name
            .iter()
            .map(|(architecture, image)| (*architecture, &image.id));
        assert!(
            ids.eq(aliased
                .iter()
                .map(|(architecture, image)| (*architecture, &image.id)))
        );
        let parameter = "/aws/service/bottlerocket/aws-k8s-1.34/arm64/latest/image_id";
        let by_parameter = of(json!([{"ssmParameter": parameter}])).await;
        assert!(
            by_parameter[&Architecture::Arm64]
                .name
                .as_ref()
                .unwrap()
                .contains("bottlerocket")
        );
    });
}

#[test]
fn what_a_class_names_and_is_not_there_is_told_with_its_remedy() {
    with(CALM, PLAIN, async |account| {
        let none = json!([{"tags": {"no-such": "tag"}}]);
        for (field, value, condition, told) in [
            (
                "subnetSelectorTerms",
                none.clone(),
                "SubnetsReady",
                "{no-such: tag}",
            ),
            (
                "subnetSelectorTerms",
                json!([{"id": "subnet-0"}]),
                "SubnetsReady",
                "subnet-0",
            ),
            (
                "securityGroupSelectorTerms",
                none,
                "SecurityGroupsReady",
                "subnets' VPC",
            ),
            (
                "securityGroupSelectorTerms",
                json!([{"name": "absent"}]),
                "SecurityGroupsReady",
                "absent",
            ),
            (
                "amiSelectorTerms",
                json!([{"alias": "al2023@v20200101"}]),
                "AMIsReady",
                "Kubernetes 1.34",
            ),
            (
                "amiSelectorTerms",
                json!([{"id": "ami-0"}]),
                "AMIsReady",
                "ami-0",
            ),
            (
                "amiSelectorTerms",
                json!([{"ssmParameter": "/a/b"}]),
                "AMIsReady",
                "/a/b",
            ),
            (
                "amiSelectorTerms",
                json!([{"name": "absent"}]),
                "AMIsReady",
                "absent",
            ),
        ] {
            let over = json!({"amiFamily": "AL2023", "role": "SparkwrightNode", field: value});
            let problem = account.problem(over).await;
            let ClassProblem::Unfit {
                condition: of,
                field: at,
                ..
            } = &problem
            else {
                panic!("{problem}");
            };
            assert_eq!(
                (*of, at.as_str()),
                (condition, format!("spec.{field}").as_str())
            );
            let text = problem.to_string();
            assert!(text.contains(told) && text.contains("al2023"), "{text}");
        }
    });
}

#[test]
fn a_role_that_is_not_there_is_told_from_iam_that_does_not_answer() {
    for (code, status, known) in [("NoSuchEntity", 404, true), ("AccessDenied", 403, false)] {
        let fault = format!(
            "{{action: ListInstanceProfilesForRole, do: error, code: {code}, status: {status}}}"
        );
        with(
            CALM,
            &format!("{PLAIN}faults: [{fault}]\n"),
            async |account| {
                let problem = account.problem(json!({"role": "Absent"})).await;
                assert_eq!(
                    matches!(problem, ClassProblem::Unfit { .. }),
                    known,
                    "{problem}"
                );
                assert!(
                    problem.to_string().contains("InstanceProfileReady") || known,
                    "{problem}"
                );
            },
        );
    }
}
