//! Arguments of the controller, each also an environment variable, as a Deployment sets them. What is
//! meant by them is decided where they are used (docs/operating.md).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::model::time::Span;

use super::ec2::Options;
use super::tell::logs::LogArgs;

/// `sparkwright controller`.
#[derive(Args, Clone, Debug)]
pub struct ControllerArgs {
    /// Name of the EKS cluster: what is ours in AWS is tagged with it
    #[arg(long, env = "SPARKWRIGHT_CLUSTER_NAME")]
    pub cluster_name: String,

    /// URL of the API server as nodes reach it; the kubeconfig's where it is not given
    #[arg(long, env = "SPARKWRIGHT_CLUSTER_ENDPOINT")]
    pub cluster_endpoint: Option<String>,

    /// Addresses of the cluster's services, such as 10.100.0.0/16; told from the API server's own service
    /// where it is not given
    #[arg(long, env = "SPARKWRIGHT_SERVICE_CIDR")]
    pub service_cidr: Option<String>,

    /// AWS region; the environment's where it is not given
    #[arg(long, env = "SPARKWRIGHT_REGION")]
    pub region: Option<String>,

    /// Name or URL of the SQS queue that interruptions are told to
    #[arg(long, env = "SPARKWRIGHT_INTERRUPTION_QUEUE")]
    pub interruption_queue: Option<String>,

    /// Namespace of the Lease that says which replica leads
    #[arg(long, env = "SPARKWRIGHT_NAMESPACE", default_value = "sparkwright")]
    pub namespace: String,

    /// For how long a leader that says nothing is respected by the other replicas
    #[arg(long, env = "SPARKWRIGHT_LEASE_LENGTH", default_value = "15s", value_parser = length)]
    pub lease_length: Span,

    /// Where metrics, health and answers are served
    #[arg(long, env = "SPARKWRIGHT_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// Record everything that happens and is decided into this folder (docs/recorded-stream.md)
    #[arg(long, env = "SPARKWRIGHT_RECORD", value_name = "FOLDER")]
    pub record: Option<PathBuf>,

    /// How much is logged, and how
    #[command(flatten)]
    pub logs: LogArgs,

    /// Plan and tell, and do nothing
    #[arg(long, env = "SPARKWRIGHT_DRY_RUN")]
    pub dry_run: bool,

    /// From an instance's launch until its node must have joined
    #[arg(long, env = "SPARKWRIGHT_JOIN_LIMIT", default_value = "15m", value_parser = length)]
    pub join_limit: Span,

    /// How long an instance of ours may be without a claim before it is ended
    #[arg(long, env = "SPARKWRIGHT_STRAY_GRACE", default_value = "90s", value_parser = length)]
    pub stray_grace: Span,

    /// How long before a scheduled run its nodes are asked for: about as long as a node needs to join
    #[arg(long, env = "SPARKWRIGHT_SCHEDULE_LEAD", default_value = "60s", value_parser = length)]
    pub schedule_lead: Span,

    /// Between two looks at EC2's list of our instances
    #[arg(long, env = "SPARKWRIGHT_SWEEP_EVERY", default_value = "10s", value_parser = length)]
    pub sweep_every: Span,

    /// How old a gate may become before it is lifted without a place
    #[arg(long, env = "SPARKWRIGHT_MAX_GATE", default_value = "10m", value_parser = length)]
    pub max_gate: Span,

    /// How pods get their gates
    #[command(flatten)]
    pub placed: PlacedArgs,
}

/// Placed mode (docs/placement.md); without any of these, pods are served as they come.
#[derive(Args, Clone, Debug)]
pub struct PlacedArgs {
    /// Where the webhook that adds gates is served, such as 0.0.0.0:9443; none where it is not given
    #[arg(long, env = "SPARKWRIGHT_WEBHOOK_LISTEN")]
    pub webhook_listen: Option<SocketAddr>,

    /// Names by which the API server calls the webhook; the Service's where they are not given
    #[arg(long, env = "SPARKWRIGHT_WEBHOOK_NAMES", value_delimiter = ',')]
    pub webhook_names: Vec<String>,

    /// For how long the webhook's certificate is good; it is made anew at two thirds of that
    #[arg(long, env = "SPARKWRIGHT_CERTIFICATE_LIFE", default_value = "30d", value_parser = life)]
    pub certificate_life: Span,

    /// Tell the admission policy of deploy/admission-policy whether a controller leads
    #[arg(long, env = "SPARKWRIGHT_PLACEMENT_POLICY")]
    pub placement_policy: bool,
}

impl ControllerArgs {
    /// What to connect to in AWS. A Deployment writes empty values for what is not there.
    pub fn aws(&self) -> Options {
        Options {
            region: self.region.clone(),
            cluster_name: self.cluster_name.clone(),
            queue: self
                .interruption_queue
                .clone()
                .filter(|name| !name.is_empty()),
        }
    }
}

/// A certificate's life: lengths up to a day, and whole days up to a year.
fn life(text: &str) -> Result<Span, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    match days.filter(|days| (1..=365_i64).contains(days)) {
        Some(days) => Ok(Span::from_secs(days * 86_400)),
        None => length(text).map_err(|remedy| format!("{remedy}, or whole days up to 365d")),
    }
}

/// A length of time as arguments have it.
///
/// # Errors
/// How to write one.
pub fn length(text: &str) -> Result<Span, String> {
    let day = Span::from_millis(1)..=Span::from_secs(86_400);
    text.parse()
        .ok()
        .filter(|span| day.contains(span))
        .ok_or_else(|| {
            "write a whole number and a unit, up to a day: 500ms, 90s, 15m, 2h".to_owned()
        })
}
