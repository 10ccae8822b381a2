//! `sparkwright explain`: a question to the replica that leads, by its address or through the API
//! server's proxy, and its answer as it comes.

use clap::{Args, ValueEnum};
use hyper::Request;
use hyper::body::Bytes;
use k8s_openapi::api::coordination::v1::Lease;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::time::timeout;

use super::http;

/// The Lease of which the leader is the holder.
const LEASE: &str = "sparkwright";
/// The port on which replicas serve answers, in `deploy/deployment.yaml`.
const PORT: u16 = 8080;
/// An answer is not awaited for longer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// What is asked about
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Kind,
    /// A pod by NAMESPACE/NAME, a node by its name or its claim's, an application by NAMESPACE/NAME or NAME
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Asks this replica, such as http://127.0.0.1:8080, and not the leader through the API server
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,
    /// Which cluster to ask.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The controller's namespace
    #[arg(long, default_value = "sparkwright", value_name = "NAME")]
    pub namespace: String,
    /// Text for people, or JSON
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        default_value_t,
        value_name = "FORM"
    )]
    pub output: Form,
}

/// Which cluster a command speaks to.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterArgs {
    /// Kubeconfig [default: the environment's, or the pod's own service account]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<std::path::PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Kinds of things that can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Why it waits, or where it is
    Pod,
    /// Why it is there, what keeps it, when it goes
    Node,
    /// What it declared, what of it runs, what holds it up
    App,
}

/// The values of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The name cannot be one.
    #[error("{name:?} is no name of a {kind}; write {remedy}")]
    Name {
        /// What was given.
        name: String,
        /// `pod`, `node` or `app`.
        kind: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
    /// The address cannot be asked.
    #[error("--address {address}: {problem}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The cluster cannot be reached, or refuses.
    #[error("{doing}: {problem}")]
    Cluster {
        /// What was being done.
        doing: String,
        /// The API server's own words.
        problem: String,
    },
    /// Nobody leads.
    #[error("no replica leads: the Lease {0}/sparkwright has no holder; see the controller's logs")]
    NoLeader(String),
    /// The replica has no answer.
    #[error("{0}")]
    Refused(String),
}

/// The answer, as it is to be printed.
///
/// # Errors
/// Where nobody answers, or nothing is known of what was asked about.
pub async fn explain(args: &ExplainArgs) -> Result<String, AskError> {
    let path = path(args)?;
    let asked = async {
        match &args.address {
            Some(address) => ask_replica(address, &path).await,
            None => ask_leader(args, &path).await,
        }
    };
    let slow = || AskError::Refused("no answer within thirty seconds; ask again".to_owned());
    timeout(LIMIT, asked).await.map_err(|_| slow())?
}

fn path(args: &ExplainArgs) -> Result<String, AskError> {
    let (kind, slashes, remedy) = match args.kind {
        Kind::Pod => ("pod", 1..=1, "NAMESPACE/NAME"),
        Kind::Node => (
            "node",
            0..=0,
            "the name that kubectl get nodes or nodeclaims shows",
        ),
        Kind::App => ("app", 0..=1, "NAMESPACE/NAME or NAME"),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let parts_are_named = args.name.split('/').all(|part| !part.is_empty());
    if !args.name.chars().all(plain)
        || !slashes.contains(&args.name.matches('/').count())
        || !parts_are_named
    {
        return Err(AskError::Name {
            name: args.name.clone(),
            kind,
            remedy,
        });
    }
    let query = match args.output {
        Form::Text => "?output=text",
        Form::Json => "",
    };
    Ok(format!("/explain/{kind}/{}{query}", args.name))
}

async fn ask_replica(address: &str, path: &str) -> Result<String, AskError> {
    let failed = |problem: String| AskError::Address {
        address: address.to_owned(),
        problem,
    };
    let asked = format!("{}{path}", address.trim_end_matches('/'));
    let request = Request::get(asked).body(Bytes::new());
    let request = request
        .map_err(|error| failed(format!("{error}; write one such as http://127.0.0.1:8080")))?;
    let answer = http::send(request).await.map_err(failed)?;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    match answer.status().is_success() {
        true => Ok(text),
        false => Err(AskError::Refused(message(&text))),
    }
}

/// What a refusal says.
fn message(body: &str) -> String {
    let status: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let message = status["message"].as_str();
    message.map_or_else(|| body.trim().to_owned(), ToOwned::to_owned)
}

async fn ask_leader(args: &ExplainArgs, path: &str) -> Result<String, AskError> {
    let client = client(&args.cluster).await?;
    let namespace = &args.namespace;
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let doing = format!("read the Lease {namespace}/{LEASE}");
    let lease = leases.get(LEASE).await.map_err(refused(doing))?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity);
    let Some(holder) = holder.filter(|holder| !holder.is_empty()) else {
        return Err(AskError::NoLeader(namespace.clone()));
    };
    // What follows an underscore tells one process of a pod from the next.
    let pod = holder.split('_').next().unwrap_or_default();
    let proxied = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{PORT}/proxy{path}");
    let doing = format!("ask {pod} through the API server");
    let failed = |error: hyper::http::Error| AskError::Refused(error.to_string());
    let request = Request::get(proxied).body(Vec::new()).map_err(failed)?;
    client.request_text(request).await.map_err(refused(doing))
}

/// A client for the cluster that the arguments name.
///
/// # Errors
/// Where there is no usable configuration.
pub async fn client(args: &ClusterArgs) -> Result<Client, AskError> {
    let doing = "read the kubeconfig";
    let failed = |problem: String| AskError::Cluster {
        doing: doing.to_owned(),
        problem,
    };
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &args.kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file).map_err(|error| failed(error.to_string()))?;
            let config = Config::from_custom_kubeconfig(read, &options).await;
            config.map_err(|error| failed(error.to_string()))?
        }
        None if args.context.is_some() => {
            let config = Config::from_kubeconfig(&options).await;
            config.map_err(|error| failed(error.to_string()))?
        }
        None => Config::infer()
            .await
            .map_err(|error| failed(error.to_string()))?,
    };
    Client::try_from(config).map_err(refused("reach the API server".to_owned()))
}

fn refused(doing: String) -> impl FnOnce(kube::Error) -> AskError {
    move |error| AskError::Cluster {
        doing,
        problem: match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(kind: Kind, name: &str) -> ExplainArgs {
        ExplainArgs {
            kind,
            name: name.into(),
            address: None,
            cluster: ClusterArgs::default(),
            namespace: "sparkwright".into(),
            output: Form::Json,
        }
    }

    #[test]
    fn names_become_paths_or_are_refused_with_what_to_write() {
        for (kind, name, path_of) in [
            (Kind::Pod, "spark/a", "/explain/pod/spark/a"),
            (Kind::Node, "i-0ab", "/explain/node/i-0ab"),
            (Kind::App, "etl", "/explain/app/etl"),
            (Kind::App, "spark/etl", "/explain/app/spark/etl"),
        ] {
            assert_eq!(path(&args(kind, name)).unwrap(), path_of);
        }
        for (kind, name) in [
            (Kind::Pod, "a"),
            (Kind::Pod, "a/b/c"),
            (Kind::Pod, "a/"),
            (Kind::Node, "a/b"),
            (Kind::App, "a?x=1"),
            (Kind::App, ""),
        ] {
            let refusal = path(&args(kind, name)).unwrap_err().to_string();
            assert!(refusal.contains("; write "), "{refusal}");
        }
    }

    #[test]
    fn a_refusal_is_its_message() {
        assert_eq!(message("{\"kind\":\"Status\",\"message\":\"why\"}"), "why");
        assert_eq!(message("plain\n"), "plain");
    }
}
