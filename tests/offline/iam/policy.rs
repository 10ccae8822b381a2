//! IAM's language as far as the policy that ships uses it: Allow statements, `*` in resources, StringEquals
//! where each key must be there and have one of its values. Anything else fails the test that reads it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What stands for the placeholders.
const SETTINGS: [(&str, &str); 6] = [
    ("${AWS_PARTITION}", "aws"),
    ("${AWS_REGION}", "us-east-1"),
    ("${AWS_ACCOUNT_ID}", "111122223333"),
    ("${CLUSTER_NAME}", "my-cluster"),
    ("${NODE_ROLE}", "SparkwrightNode"),
    ("${QUEUE_NAME}", "sparkwright-my-cluster"),
];

/// A policy of Allow statements.
pub struct Policy {
    pub statements: Vec<Statement>,
    /// Characters that are not white space.
    pub size: usize,
}

/// One statement.
#[derive(Debug)]
pub struct Statement {
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    conditions: Vec<(String, Vec<String>)>,
}

/// A call: action, resource, and what conditions may ask of it.
#[derive(Debug)]
pub struct Request {
    action: String,
    resource: String,
    context: BTreeMap<String, String>,
}

impl Request {
    pub fn new(action: &str, resource: &str) -> Self {
        Request {
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: BTreeMap::new(),
        }
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The call gives these tags.
    pub fn tagging(self, tags: &[(&str, &str)]) -> Self {
        self.each("aws:RequestTag", tags)
    }

    /// The resource has these tags.
    pub fn tagged(self, tags: &[(&str, &str)]) -> Self {
        self.each("aws:ResourceTag", tags)
    }

    fn each(self, of: &str, tags: &[(&str, &str)]) -> Self {
        let with = |request: Self, (key, value): &(&str, &str)| {
            request.with(&format!("{of}/{key}"), value)
        };
        tags.iter().fold(self, with)
    }
}

impl Policy {
    /// The one in `deploy/iam`, its placeholders filled in.
    pub fn shipped() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam/controller-policy.json");
        let mut text = fs::read_to_string(path).expect("the policy ships");
        for (placeholder, value) in SETTINGS {
            assert!(text.contains(placeholder), "{placeholder} is not used");
            text = text.replace(placeholder, value);
        }
        assert!(!text.contains("${"), "a placeholder is left: {text}");
        let size = text.chars().filter(|c| !c.is_whitespace()).count();
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        let statements = read["Statement"]
            .as_array()
            .expect("it has statements")
            .iter()
            .map(statement);
        Policy {
            statements: statements.collect(),
            size,
        }
    }

    /// True where a statement allows the call.
    pub fn allows(&self, request: &Request) -> bool {
        self.statements.iter().any(|statement| {
            statement.actions.contains(&request.action)
                && statement
                    .resources
                    .iter()
                    .any(|pattern| matches(pattern, &request.resource))
                && statement.conditions.iter().all(|(key, values)| {
                    request
                        .context
                        .get(key)
                        .is_some_and(|value| values.contains(value))
                })
        })
    }
}

fn statement(value: &Value) -> Statement {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let fields = value.as_object().expect("a statement has fields");
    assert!(
        fields.keys().all(|key| known.contains(&key.as_str())),
        "{value}"
    );
    assert_eq!(value["Effect"], "Allow");
    let operators = value.get("Condition").and_then(Value::as_object);
    let mut conditions = Vec::new();
    for (operator, keys) in operators.into_iter().flatten() {
        assert_eq!(operator, "StringEquals", "{value}");
        let keys = keys.as_object().expect("a condition has keys").iter();
        conditions.extend(keys.map(|(key, values)| (key.clone(), list(values))));
    }
    Statement {
        actions: list(&value["Action"]),
        resources: list(&value["Resource"]),
        conditions,
    }
}

/// One or several.
fn list(value: &Value) -> Vec<String> {
    let several = match value {
        Value::Array(several) => several.as_slice(),
        one => std::slice::from_ref(one),
    };
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    several.iter().map(text).collect()
}

/// `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            let mut ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.any(|at| matches(rest, &tail[at..]))
        }),
    }
}
