//! To AWS as every AWS tool gets there: region, credentials and endpoints from the environment (IRSA and
//! Pod Identity too), instance metadata last. What is missing is said with its remedy, before the first
//! call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::ProvideCredentials;
use aws_sdk_ec2::error::DisplayErrorContext;

use super::call::Calls;
use super::notices::Queue;
use super::{Ec2, Inner};

/// Longest that a call may take. CreateFleet for a thousand instances takes tens of seconds, and a poll
/// of the queue waits for twenty.
const LONGEST: Duration = Duration::from_secs(90);

/// What to connect to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The region; None for the environment's.
    pub region: Option<String>,
    /// The cluster's name, by which what is ours is tagged.
    pub cluster_name: String,
    /// Name or URL of the queue of interruptions; None for none.
    pub queue: Option<String>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No region.
    #[error("AWS region is not set; set AWS_REGION, or --region")]
    NoRegion,
    /// No credentials.
    #[error(
        "AWS credentials are missing: {cause}; bind a role to the service account by EKS Pod Identity or \
         IRSA (docs/install.md), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoCredentials {
        /// Where they were looked for, and what was there.
        cause: String,
    },
    /// No cluster's name, without which nothing can be tagged as ours.
    #[error("cluster name is empty; set the name of the EKS cluster, or --cluster-name")]
    NoCluster,
}

/// A client for each service.
#[derive(Debug)]
pub(super) struct Clients {
    pub ec2: aws_sdk_ec2::Client,
    pub iam: aws_sdk_iam::Client,
    pub pricing: aws_sdk_pricing::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub ssm: aws_sdk_ssm::Client,
}

impl Ec2 {
    /// Connects as the environment says.
    ///
    /// # Errors
    /// Where region, credentials or the cluster's name are missing.
    pub async fn connect(options: Options) -> Result<Ec2, ConnectError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        Ec2::with(&loader.load().await, options).await
    }

    /// Connects by a configuration that is already there.
    ///
    /// # Errors
    /// As [`Ec2::connect`].
    pub async fn with(config: &SdkConfig, options: Options) -> Result<Ec2, ConnectError> {
        if options.cluster_name.is_empty() {
            return Err(ConnectError::NoCluster);
        }
        let region = options.region.map(Region::new);
        let region = region.or_else(|| config.region().cloned());
        let region = region.ok_or(ConnectError::NoRegion)?;
        let missing = |cause: String| ConnectError::NoCredentials { cause };
        let provider = config.credentials_provider();
        let provider = provider.ok_or_else(|| missing("none are configured".to_owned()))?;
        let found = provider.provide_credentials().await;
        found.map_err(|error| missing(DisplayErrorContext(error).to_string()))?;
        Ok(Ec2 {
            inner: Arc::new(Inner {
                clients: clients(config, &region),
                region: region.to_string(),
                cluster: options.cluster_name,
                calls: Calls::new(),
                on_demand: Mutex::default(),
                templates: Mutex::default(),
                promised: Mutex::default(),
                fresh: Mutex::default(),
                profiles: Mutex::default(),
                queue: Queue::new(options.queue),
            }),
        })
    }
}

/// Retries are ours: the SDK's would be neither governed nor counted.
fn clients(config: &SdkConfig, region: &Region) -> Clients {
    let timeouts = TimeoutConfig::builder().operation_timeout(LONGEST).build();
    let config = config.clone().into_builder();
    let config = config
        .region(region.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build();
    let pricing = aws_sdk_pricing::config::Builder::from(&config);
    let pricing = pricing.region(Region::new(price_list_region(region.as_ref())));
    Clients {
        ec2: aws_sdk_ec2::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        pricing: aws_sdk_pricing::Client::from_conf(pricing.build()),
        sqs: aws_sdk_sqs::Client::new(&config),
        ssm: aws_sdk_ssm::Client::new(&config),
    }
}

/// The Price List is served in four regions (AWS general reference, "AWS Price List endpoints").
fn price_list_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "cn-northwest-1",
        Some("ap") => "ap-south-1",
        Some("eu") => "eu-central-1",
        _ => "us-east-1",
    }
}
