//! The IAM policy that ships: what the controller does is allowed, what would reach beyond its own is not.
//! Decided by IAM's rules for the parts of its language that the policy uses.

mod policy;

use policy::{Policy, Request};

const INSTANCE: &str = "arn:aws:ec2:us-east-1:111122223333:instance/i-1";
const TEMPLATE: &str = "arn:aws:ec2:us-east-1:111122223333:launch-template/lt-1";
const VOLUME: &str = "arn:aws:ec2:us-east-1:111122223333:volume/vol-1";
const FLEET: &str = "arn:aws:ec2:us-east-1:111122223333:fleet/fleet-1";
const SUBNET: &str = "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1";
const GROUP: &str = "arn:aws:ec2:us-east-1:111122223333:security-group/sg-1";
const IMAGE: &str = "arn:aws:ec2:us-east-1::image/ami-1";
const ROLE: &str = "arn:aws:iam::111122223333:role/SparkwrightNode";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:sparkwright-my-cluster";

/// Tags that mark what is ours.
const OURS: &[(&str, &str)] = &[
    ("kubernetes.io/cluster/my-cluster", "owned"),
    ("sparkwright.dev/managed", "true"),
];
const ANOTHER_CLUSTERS: &[(&str, &str)] = &[
    ("kubernetes.io/cluster/another", "owned"),
    ("sparkwright.dev/managed", "true"),
];
const ANOTHER_TOOLS: &[(&str, &str)] = &[("kubernetes.io/cluster/my-cluster", "owned")];
const NONE: &[(&str, &str)] = &[];

#[test]
fn reads_are_allowed_in_the_region_alone() {
    let policy = Policy::shipped();
    for action in [
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
    ] {
        let at = |region| Request::new(action, "*").with("aws:RequestedRegion", region);
        assert!(policy.allows(&at("us-east-1")), "{action}");
        assert!(!policy.allows(&at("eu-west-1")), "{action}");
    }
}

#[test]
fn launches_are_allowed_with_our_tags_and_from_our_templates_alone() {
    let policy = Policy::shipped();
    for action in ["ec2:CreateFleet", "ec2:RunInstances"] {
        for resource in [SUBNET, GROUP, IMAGE] {
            assert!(
                policy.allows(&Request::new(action, resource)),
                "{action} {resource}"
            );
        }
        for resource in [INSTANCE, VOLUME, FLEET] {
            let with = |tags| Request::new(action, resource).tagging(tags);
            assert!(policy.allows(&with(OURS)), "{action} {resource}");
            for tags in [NONE, ANOTHER_CLUSTERS, ANOTHER_TOOLS] {
                assert!(!policy.allows(&with(tags)), "{action} {resource} {tags:?}");
            }
        }
        let from = |tags| Request::new(action, TEMPLATE).tagged(tags);
        assert!(policy.allows(&from(OURS)));
        for tags in [NONE, ANOTHER_CLUSTERS, ANOTHER_TOOLS] {
            assert!(!policy.allows(&from(tags)), "{action} {tags:?}");
        }
    }
    let elsewhere = INSTANCE.replace("us-east-1", "eu-west-1");
    assert!(!policy.allows(&Request::new("ec2:RunInstances", &elsewhere).tagging(OURS)));
}

#[test]
fn what_is_ours_is_ended_and_nothing_else() {
    let policy = Policy::shipped();
    for (action, resource) in [
        ("ec2:TerminateInstances", INSTANCE),
        ("ec2:DeleteLaunchTemplate", TEMPLATE),
    ] {
        let of = |tags| Request::new(action, resource).tagged(tags);
        assert!(policy.allows(&of(OURS)), "{action}");
        for tags in [NONE, ANOTHER_CLUSTERS, ANOTHER_TOOLS] {
            assert!(!policy.allows(&of(tags)), "{action} {tags:?}");
        }
    }
}

#[test]
fn tags_are_given_while_something_is_made_and_never_later() {
    let policy = Policy::shipped();
    let request = |tags| Request::new("ec2:CreateTags", INSTANCE).tagging(tags);
    for maker in ["CreateFleet", "RunInstances"] {
        assert!(policy.allows(&request(OURS).with("ec2:CreateAction", maker)));
        assert!(!policy.allows(&request(NONE).with("ec2:CreateAction", maker)));
    }
    assert!(!policy.allows(&request(OURS)));
    assert!(!policy.allows(&request(OURS).with("ec2:CreateAction", "CreateVolume")));
    assert!(!policy.allows(&Request::new("ec2:CreateTags", SUBNET).tagging(OURS)));
    assert!(!policy.allows(&Request::new("ec2:DeleteTags", INSTANCE).tagged(OURS)));
}

#[test]
fn other_services_are_reached_as_far_as_it_needs_them() {
    let policy = Policy::shipped();
    let pass = |role: &str, service| {
        Request::new("iam:PassRole", role).with("iam:PassedToService", service)
    };
    let plain = |action, resource: &str| Request::new(action, resource);
    let parameter = "arn:aws:ssm:us-east-1::parameter/aws/service/eks/x";
    let cluster = "arn:aws:eks:us-east-1:111122223333:cluster/my-cluster";
    for (request, allowed) in [
        (pass(ROLE, "ec2.amazonaws.com"), true),
        (pass(ROLE, "lambda.amazonaws.com"), false),
        (
            pass(&ROLE.replace("Node", "Admin"), "ec2.amazonaws.com"),
            false,
        ),
        (plain("iam:ListInstanceProfilesForRole", ROLE), true),
        (plain("iam:CreateInstanceProfile", "*"), false),
        (plain("sqs:ReceiveMessage", QUEUE), true),
        (plain("sqs:DeleteMessage", QUEUE), true),
        (plain("sqs:GetQueueUrl", QUEUE), true),
        (plain("sqs:SendMessage", QUEUE), false),
        (plain("sqs:ReceiveMessage", &format!("{QUEUE}-two")), false),
        (plain("ssm:GetParameter", parameter), true),
        (
            plain(
                "ssm:GetParameter",
                "arn:aws:ssm:us-east-1:111122223333:parameter/secret",
            ),
            false,
        ),
        (plain("ssm:PutParameter", parameter), false),
        (plain("eks:DescribeCluster", cluster), true),
        (
            plain("eks:DescribeCluster", &format!("{cluster}-two")),
            false,
        ),
        (plain("pricing:GetProducts", "*"), true),
        (plain("ec2:StopInstances", INSTANCE), false),
        (plain("ec2:ModifyInstanceAttribute", INSTANCE), false),
        (plain("s3:GetObject", "arn:aws:s3:::a/b"), false),
    ] {
        assert_eq!(policy.allows(&request), allowed, "{request:?}");
    }
}

#[test]
fn the_policy_has_no_wildcard_of_actions_and_fits_iams_bound() {
    let policy = Policy::shipped();
    for statement in &policy.statements {
        assert!(
            statement.actions.iter().all(|action| !action.contains('*')),
            "{statement:?}"
        );
        let reads =
            |action: &String| action.contains(":Describe") || action == "pricing:GetProducts";
        if statement.resources.iter().any(|resource| resource == "*") {
            assert!(statement.actions.iter().all(reads), "{statement:?}");
        }
    }
    // IAM counts a managed policy's characters without white space (IAM user guide, quotas).
    assert!(policy.size <= 6144, "{} characters", policy.size);
}

#[cfg(feature = "live")]
#[test]
fn every_action_that_is_called_is_allowed_on_something() {
    use sparkwright::live::ec2::Action;
    let policy = Policy::shipped();
    for action in Action::ALL {
        let permission = action.permission();
        let mut statements = policy.statements.iter();
        assert!(
            statements.any(|statement| statement.actions.contains(&permission)),
            "{permission}"
        );
    }
}
