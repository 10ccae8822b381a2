//! EC2's token buckets: one for each action, as the developer guide lists them
//! (docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html). CreateFleet's, and that of instances
//! launched, are in the world's conditions.

use std::collections::BTreeMap;

use sparkwright::model::time::Timestamp;

use super::wire::ApiError;
use crate::world::fleet::throttle::{Bucket, Tokens};

const DESCRIBE: Bucket = bucket(100, 20);
/// Some lists without filter, ids and pages are dearer.
const DESCRIBE_ALL: Bucket = bucket(50, 10);
const CHANGE: Bucket = bucket(50, 5);
const CREATE_TAGS: Bucket = bucket(100, 10);
const TERMINATE: Bucket = bucket(100, 5);
const NEW_VERSION: Bucket = bucket(100, 5);
/// Instances terminated, besides calls.
const TERMINATED: Bucket = bucket(1000, 20);

/// Actions whose unbounded lists have a bucket of their own, among those served.
const DEAR: [&str; 3] = [
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeSecurityGroups",
];

const fn bucket(burst: u32, per_second: u32) -> Bucket {
    Bucket { burst, per_second }
}

/// The buckets that are in use.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    create_fleet: Option<Bucket>,
    tokens: BTreeMap<String, Tokens>,
}

impl Buckets {
    /// Full buckets; CreateFleet's as the conditions have it, None for none.
    pub fn new(create_fleet: Option<Bucket>) -> Self {
        Buckets {
            create_fleet,
            tokens: BTreeMap::new(),
        }
    }

    /// Takes a call's token. `unbounded`: a list without filter, ids and pages.
    ///
    /// # Errors
    /// `RequestLimitExceeded`.
    pub fn call(&mut self, action: &str, unbounded: bool, now: Timestamp) -> Result<(), ApiError> {
        let dear = unbounded && DEAR.contains(&action);
        let bucket = match action {
            "CreateFleet" => match self.create_fleet {
                None => return Ok(()),
                Some(bucket) => bucket,
            },
            "TerminateInstances" => TERMINATE,
            "CreateTags" => CREATE_TAGS,
            "CreateLaunchTemplateVersion" => NEW_VERSION,
            _ if dear => DESCRIBE_ALL,
            _ if action.starts_with("Describe") || action.starts_with("Get") => DESCRIBE,
            _ => CHANGE,
        };
        let name = if dear {
            format!("{action} of all")
        } else {
            action.to_owned()
        };
        self.take(name, bucket, 1, now)
    }

    /// Takes the tokens of instances that are terminated.
    ///
    /// # Errors
    /// `RequestLimitExceeded`, and nothing taken, where there are too few.
    pub fn terminate(&mut self, instances: usize, now: Timestamp) -> Result<(), ApiError> {
        self.take(
            "instances terminated".to_owned(),
            TERMINATED,
            instances,
            now,
        )
    }

    fn take(
        &mut self,
        name: String,
        bucket: Bucket,
        wanted: usize,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let tokens = self
            .tokens
            .entry(name)
            .or_insert_with(|| Tokens::full(bucket));
        let before = *tokens;
        if tokens.take(now, wanted) == wanted {
            return Ok(());
        }
        *tokens = before;
        Err(ApiError::throttled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_its_own_bucket_and_dear_lists_another() {
        let mut buckets = Buckets::new(Some(bucket(2, 1)));
        let at = Timestamp::from_millis;
        let mut count = |action: &str, unbounded| {
            let calls = (0..500).take_while(|_| buckets.call(action, unbounded, at(0)).is_ok());
            calls.count()
        };
        assert_eq!(count("CreateFleet", false), 2);
        assert_eq!(count("DescribeInstances", true), 50);
        assert_eq!(count("DescribeInstances", false), 100);
        assert_eq!(count("DescribeSubnets", true), 100);
        assert_eq!(count("DeleteLaunchTemplate", false), 50);
        assert!(
            buckets.call("CreateFleet", false, at(1000)).is_ok(),
            "a second later"
        );
    }

    #[test]
    fn a_batch_that_finds_too_few_tokens_takes_none() {
        let mut buckets = Buckets::new(None);
        let at = Timestamp::from_millis;
        assert!(buckets.terminate(900, at(0)).is_ok());
        assert_eq!(
            buckets.terminate(101, at(0)).unwrap_err().code,
            "RequestLimitExceeded"
        );
        assert!(buckets.terminate(100, at(0)).is_ok());
        assert!(
            buckets.call("CreateFleet", false, at(0)).is_ok(),
            "unbounded"
        );
    }
}
