//! What must be there before the controller can work, looked at one by one: the cluster's answers, the
//! rights that `deploy/rbac.yaml` gives, AWS's answers, and what each NodeClass names. Changes nothing.

use std::fmt;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::Value;

use crate::model::nodeclass::{self, NodeClass};

use super::controller::cluster_facts;
use super::ec2::Ec2;
use super::settings::ControllerArgs;

/// The rights that ship.
const RBAC: &str = include_str!("../../deploy/rbac.yaml");

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What is wrong and what to do; None where all is well.
    pub problem: Option<String>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            None => write!(f, "ok      {}", self.what),
            Some(problem) => write!(f, "FAILED  {}: {problem}", self.what),
        }
    }
}

/// Looks at everything; what depends on something that failed is left out.
pub async fn run(args: &ControllerArgs) -> Vec<Check> {
    // Where another has been named before, that one is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut checks = Vec::new();
    let config = Config::infer().await;
    let facts = match config {
        Ok(config) => match Client::try_from(config.clone()) {
            Ok(client) => {
                let facts = cluster_facts(args, &config).await;
                let said = facts.as_ref().err().map(|error| format!("{error:#}"));
                checks.push(check("the API server answers", said));
                facts.ok().map(|facts| (client, facts))
            }
            Err(error) => {
                checks.push(check("the API server answers", Some(error.to_string())));
                None
            }
        },
        Err(error) => {
            let problem = format!("{error}; set KUBECONFIG, or run in a pod");
            checks.push(check("the cluster is known", Some(problem)));
            None
        }
    };
    let ec2 = match Ec2::connect(args.aws()).await {
        Ok(ec2) => {
            let listed = ec2.instances().await;
            checks.push(check("EC2 lists instances", said(listed)));
            Some(ec2)
        }
        Err(error) => {
            checks.push(check("AWS is reached", Some(error.to_string())));
            None
        }
    };
    let Some((client, facts)) = facts else {
        return checks;
    };
    checks.extend(rights(&client, &args.namespace).await);
    for (name, read) in classes(&client).await {
        let what = format!("NodeClass {name} names what is there");
        let problem = match (read, &ec2) {
            (Err(problem), _) => Some(problem),
            (Ok(class), Some(ec2)) => said(ec2.resolve(&class, &facts).await),
            (Ok(_), None) => continue,
        };
        checks.push(check(&what, problem));
    }
    checks
}

fn check(what: &str, problem: Option<String>) -> Check {
    Check {
        what: what.to_owned(),
        problem,
    }
}

fn said<T, E: fmt::Display>(answer: Result<T, E>) -> Option<String> {
    answer.err().map(|error| error.to_string())
}

/// Each right of the rules that ship, asked of the API server.
async fn rights(client: &Client, namespace: &str) -> Vec<Check> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC).unwrap_or_default();
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let mut checks = Vec::new();
    for document in &documents {
        let namespaced = document["kind"] == "Role";
        for rule in document["rules"].as_array().into_iter().flatten() {
            for asked in asked(rule, namespaced.then_some(namespace)) {
                let what = format!(
                    "may {} {}",
                    asked.verb.as_deref().unwrap_or_default(),
                    asked.resource.as_deref().unwrap_or_default()
                );
                let review = SelfSubjectAccessReview {
                    spec: SelfSubjectAccessReviewSpec {
                        resource_attributes: Some(asked),
                        ..SelfSubjectAccessReviewSpec::default()
                    },
                    ..SelfSubjectAccessReview::default()
                };
                match api.create(&PostParams::default(), &review).await {
                    Ok(answer) if answer.status.as_ref().is_some_and(|status| status.allowed) => {}
                    Ok(_) => checks.push(check(
                        &what,
                        Some("is not allowed; apply deploy/rbac.yaml".into()),
                    )),
                    Err(error) => checks.push(check(&what, Some(error.to_string()))),
                }
            }
        }
    }
    if checks.is_empty() {
        checks.push(check("all rights of deploy/rbac.yaml are given", None));
    }
    checks
}

fn asked(rule: &Value, namespace: Option<&str>) -> Vec<ResourceAttributes> {
    let words = |field: &str| -> Vec<String> {
        let words = rule[field].as_array().into_iter().flatten();
        words
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let name = words("resourceNames").into_iter().next();
    let mut asked = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                let (resource, part) = match resource.split_once('/') {
                    Some((resource, part)) => (resource.to_owned(), Some(part.to_owned())),
                    None => (resource.clone(), None),
                };
                asked.push(ResourceAttributes {
                    group: Some(group.clone()),
                    resource: Some(resource),
                    subresource: part,
                    verb: Some(verb),
                    name: name.clone(),
                    namespace: namespace.map(str::to_owned),
                    ..ResourceAttributes::default()
                });
            }
        }
    }
    asked
}

/// NodeClasses of the cluster, by name; those that cannot be read with every bad field.
async fn classes(client: &Client) -> Vec<(String, Result<nodeclass::Class, String>)> {
    let resource = ApiResource::erase::<NodeClass>(&());
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let listed = match api.list(&ListParams::default()).await {
        Ok(listed) => listed.items,
        Err(error) => {
            let problem = format!("{error}; apply deploy/crds");
            return vec![("(list)".to_owned(), Err(problem))];
        }
    };
    let read = |object: DynamicObject| {
        let name = object.name_any();
        let value = serde_json::to_value(object).expect("an object is JSON");
        let read = nodeclass::read(value).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("; ")
        });
        (name, read)
    };
    listed.into_iter().map(read).collect()
}
