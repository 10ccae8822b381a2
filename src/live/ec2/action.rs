//! The actions that are called, and how much of EC2's own allowance for each is taken: half, since an
//! account and region has one bucket for all its tools.

use std::time::Duration;

/// An action of EC2, SQS, SSM, IAM or the Price List.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Action {
    CreateFleet,
    CreateLaunchTemplate,
    DeleteLaunchTemplate,
    DeleteMessage,
    DescribeAvailabilityZones,
    DescribeImages,
    DescribeInstances,
    DescribeInstanceTypeOfferings,
    DescribeInstanceTypes,
    DescribeLaunchTemplates,
    DescribeSecurityGroups,
    DescribeSpotPriceHistory,
    DescribeSubnets,
    GetParameter,
    GetProducts,
    GetQueueUrl,
    ListInstanceProfilesForRole,
    ReceiveMessage,
    TerminateInstances,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Calls at once.
    pub burst: u32,
    /// One more call each.
    pub every: Duration,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 19] = [
        Action::CreateFleet,
        Action::CreateLaunchTemplate,
        Action::DeleteLaunchTemplate,
        Action::DeleteMessage,
        Action::DescribeAvailabilityZones,
        Action::DescribeImages,
        Action::DescribeInstances,
        Action::DescribeInstanceTypeOfferings,
        Action::DescribeInstanceTypes,
        Action::DescribeLaunchTemplates,
        Action::DescribeSecurityGroups,
        Action::DescribeSpotPriceHistory,
        Action::DescribeSubnets,
        Action::GetParameter,
        Action::GetProducts,
        Action::GetQueueUrl,
        Action::ListInstanceProfilesForRole,
        Action::ReceiveMessage,
        Action::TerminateInstances,
    ];

    /// AWS's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::CreateFleet => "CreateFleet",
            Action::CreateLaunchTemplate => "CreateLaunchTemplate",
            Action::DeleteLaunchTemplate => "DeleteLaunchTemplate",
            Action::DeleteMessage => "DeleteMessage",
            Action::DescribeAvailabilityZones => "DescribeAvailabilityZones",
            Action::DescribeImages => "DescribeImages",
            Action::DescribeInstances => "DescribeInstances",
            Action::DescribeInstanceTypeOfferings => "DescribeInstanceTypeOfferings",
            Action::DescribeInstanceTypes => "DescribeInstanceTypes",
            Action::DescribeLaunchTemplates => "DescribeLaunchTemplates",
            Action::DescribeSecurityGroups => "DescribeSecurityGroups",
            Action::DescribeSpotPriceHistory => "DescribeSpotPriceHistory",
            Action::DescribeSubnets => "DescribeSubnets",
            Action::GetParameter => "GetParameter",
            Action::GetProducts => "GetProducts",
            Action::GetQueueUrl => "GetQueueUrl",
            Action::ListInstanceProfilesForRole => "ListInstanceProfilesForRole",
            Action::ReceiveMessage => "ReceiveMessage",
            Action::TerminateInstances => "TerminateInstances",
        }
    }

    /// The permission that IAM asks for.
    pub fn permission(self) -> String {
        let service = match self {
            Action::DeleteMessage | Action::GetQueueUrl | Action::ReceiveMessage => "sqs",
            Action::GetParameter => "ssm",
            Action::GetProducts => "pricing",
            Action::ListInstanceProfilesForRole => "iam",
            _ => "ec2",
        };
        format!("{service}:{self}")
    }

    /// Half of what AWS allows. Sources: EC2 developer guide, "request throttling" (describing actions
    /// 100 and 20/s, changing ones 50 and 5/s, TerminateInstances 100 and 5/s); service quotas of SSM
    /// (GetParameter 40/s) and the Price List (GetProducts 10/s). IAM and SQS publish none: slow and fast.
    pub(super) const fn limit(self) -> Limit {
        match self {
            Action::CreateFleet | Action::CreateLaunchTemplate | Action::DeleteLaunchTemplate => {
                limit(25, 400)
            }
            Action::TerminateInstances => limit(50, 400),
            Action::GetParameter => limit(20, 50),
            Action::GetProducts => limit(5, 200),
            Action::ListInstanceProfilesForRole | Action::GetQueueUrl => limit(5, 500),
            Action::ReceiveMessage | Action::DeleteMessage => limit(100, 10),
            Action::DescribeAvailabilityZones
            | Action::DescribeImages
            | Action::DescribeInstances
            | Action::DescribeInstanceTypeOfferings
            | Action::DescribeInstanceTypes
            | Action::DescribeLaunchTemplates
            | Action::DescribeSecurityGroups
            | Action::DescribeSpotPriceHistory
            | Action::DescribeSubnets => limit(50, 100),
        }
    }
}

const fn limit(burst: u32, every_millis: u64) -> Limit {
    Limit {
        burst,
        every: Duration::from_millis(every_millis),
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
