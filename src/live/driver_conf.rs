//! The ConfigMaps of a driver, by the names that its pod gives. Spark makes them after the pod, so that
//! one which is not there is asked for again; they are neither listed nor watched, and never change.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::cluster::kubernetes::shape::{ConfigRef, Data};

/// Waits between two tries: the first, and the longest. On an idle machine a ConfigMap follows its pod
/// within a second, on a busy one after 7 s.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A ConfigMap is not waited for any longer: by then executors come, or the submission has failed.
const LONGEST: Duration = Duration::from_secs(60);

/// ConfigMaps that are asked for at once: of a thousand drivers at a time most wait here, not at the API
/// server.
pub const AT_ONCE: usize = 16;

/// What a driver's ConfigMaps hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configs {
    /// The one with its properties.
    pub data: Data,
    /// The one with its executors' template, where its pod names one.
    pub template: Option<Data>,
}

/// Reads them.
///
/// # Errors
/// Why they cannot be had, with the remedy.
pub async fn read(
    client: &Client,
    permits: &Semaphore,
    config: &ConfigRef,
) -> Result<Configs, String> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &config.namespace);
    let data = get(&api, permits, config, &config.name).await?;
    let template = match &config.template {
        Some(name) => Some(get(&api, permits, config, name).await?),
        None => None,
    };
    Ok(Configs { data, template })
}

async fn get(
    api: &Api<ConfigMap>,
    permits: &Semaphore,
    config: &ConfigRef,
    name: &str,
) -> Result<Data, String> {
    let began = Instant::now();
    let mut wait = FIRST_WAIT;
    loop {
        let problem = {
            let _permit = permits.acquire().await;
            match api.get(name).await {
                Ok(map) => return Ok(map.data.unwrap_or_default()),
                Err(error) => error,
            }
        };
        let forbidden = matches!(&problem, kube::Error::Api(status) if status.code == 403);
        if forbidden || began.elapsed() + wait > LONGEST {
            let namespace = &config.namespace;
            let problem = match problem {
                kube::Error::Api(status) => status.message.clone(),
                other => other.to_string(),
            };
            return Err(format!(
                "ConfigMap {namespace}/{name}: {problem}; executors are planned once they come"
            ));
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
