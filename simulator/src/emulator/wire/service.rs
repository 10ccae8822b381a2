//! Which service a request is for, which action, and with which parameters; and the answer in that
//! service's protocol.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{ApiError, Form, Xml};

/// EC2's API version: the only one.
const EC2_VERSION: &str = "2016-11-15";
/// STS's.
const STS_VERSION: &str = "2011-06-15";
/// IAM's.
const IAM_VERSION: &str = "2010-05-08";

/// A service that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Instances.
    Ec2,
    /// Who asks.
    Sts,
    /// Instance profiles.
    Iam,
    /// The queue of interruptions.
    Sqs,
    /// Image aliases.
    Ssm,
    /// On-demand prices.
    Pricing,
}

/// What a caller asks with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Of the query protocol.
    Form(Form),
    /// Of the JSON protocol.
    Json(Value),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireCall {
    /// For whom.
    pub service: Service,
    /// `CreateFleet`.
    pub action: String,
    /// Its parameters; `DryRun` apart.
    pub parameters: Parameters,
    /// Whether nothing is to be done.
    pub dry_run: bool,
}

/// What an action answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Content of the query protocol's document.
    Xml(Xml),
    /// The JSON protocol's document.
    Json(Value),
}

impl Service {
    /// The name in credentials' scopes.
    pub fn signing_name(self) -> &'static str {
        match self {
            Service::Ec2 => "ec2",
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Sqs => "sqs",
            Service::Ssm => "ssm",
            Service::Pricing => "pricing",
        }
    }

    /// Where answers are JSON: their content type.
    fn json_type(self) -> Option<&'static str> {
        match self {
            Service::Ec2 | Service::Sts | Service::Iam => None,
            Service::Sqs => Some("application/x-amz-json-1.0"),
            Service::Ssm | Service::Pricing => Some("application/x-amz-json-1.1"),
        }
    }

    /// The content type of its answers.
    pub fn content_type(self) -> &'static str {
        self.json_type().unwrap_or("text/xml;charset=UTF-8")
    }

    /// An answer's body.
    pub fn answer(self, action: &str, reply: &Reply, request: &str) -> String {
        match (reply, self) {
            (Reply::Json(value), _) => value.to_string(),
            (Reply::Xml(xml), Service::Sts | Service::Iam) => {
                let root = format!("{action}Response xmlns=\"{}\"", self.namespace());
                Xml::new()
                    .with(format!("{action}Result"), xml.clone())
                    .with("ResponseMetadata", Xml::new().with("RequestId", request))
                    .document(&root)
            }
            (Reply::Xml(xml), _) => {
                let root = format!("{action}Response xmlns=\"{}\"", self.namespace());
                let mut fields = vec![("requestId".into(), request.into())];
                if let Xml::Fields(given) = xml {
                    fields.extend(given.clone());
                }
                Xml::Fields(fields).document(&root)
            }
        }
    }

    /// The namespace of documents of the query protocol.
    fn namespace(self) -> String {
        match self {
            Service::Sts => format!("https://sts.amazonaws.com/doc/{STS_VERSION}/"),
            Service::Iam => format!("https://iam.amazonaws.com/doc/{IAM_VERSION}/"),
            _ => format!("http://ec2.amazonaws.com/doc/{EC2_VERSION}/"),
        }
    }

    /// An error's body.
    pub fn refusal(self, error: &ApiError, request: &str) -> String {
        let content = Xml::new()
            .with("Code", error.code.as_ref())
            .with("Message", &error.message);
        match self {
            Service::Ec2 => Xml::new()
                .with("Errors", Xml::new().with("Error", content))
                .with("RequestID", request)
                .document("Response"),
            Service::Sts | Service::Iam => {
                let sender = if error.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                };
                Xml::new()
                    .with(
                        "Error",
                        Xml::new()
                            .with("Type", sender)
                            .with("Code", error.code.as_ref())
                            .with("Message", &error.message),
                    )
                    .with("RequestId", request)
                    .document(&format!("ErrorResponse xmlns=\"{}\"", self.namespace()))
            }
            Service::Sqs => {
                let code = format!("com.amazonaws.sqs#{}", error.code);
                json!({"__type": code, "message": error.message}).to_string()
            }
            Service::Ssm | Service::Pricing => {
                json!({"__type": error.code, "message": error.message}).to_string()
            }
        }
    }
}

impl Parameters {
    /// Reads them into a request.
    ///
    /// # Errors
    /// One that names the parameter.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        match self {
            Parameters::Form(form) => form.read(),
            Parameters::Json(value) => serde_path_to_error::deserialize(value).map_err(|error| {
                let path = error.path().to_string();
                let message = format!("{path}: {}", error.into_inner());
                ApiError::client("ValidationException", message)
            }),
        }
    }

    /// For the log.
    pub fn json(&self) -> Value {
        match self {
            Parameters::Form(form) => form.json(),
            Parameters::Json(value) => value.clone(),
        }
    }
}

impl WireCall {
    /// Reads a request: its `X-Amz-Target` header where it has one, and its body. An error comes with the
    /// service whose words it is to be told in.
    ///
    /// # Errors
    /// EC2's own codes for what cannot be read.
    pub fn read(target: Option<&str>, body: &[u8]) -> Result<Self, (Service, ApiError)> {
        match target {
            Some(target) => read_json(target, body),
            None => read_form(body),
        }
    }
}

fn read_json(target: &str, body: &[u8]) -> Result<WireCall, (Service, ApiError)> {
    let unknown = |service| {
        let what = format!("The target {target} is not served");
        (service, ApiError::client("UnknownOperationException", what))
    };
    let (prefix, action) = target
        .split_once('.')
        .ok_or_else(|| unknown(Service::Ssm))?;
    let service = match prefix {
        "AmazonSQS" => Service::Sqs,
        "AmazonSSM" => Service::Ssm,
        "AWSPriceListService" => Service::Pricing,
        _ => return Err(unknown(Service::Ssm)),
    };
    let value = serde_json::from_slice(body).map_err(|error| {
        let what = format!("The body is no JSON: {error}");
        (service, ApiError::client("SerializationException", what))
    })?;
    Ok(WireCall {
        service,
        action: action.to_owned(),
        parameters: Parameters::Json(value),
        dry_run: false,
    })
}

fn read_form(body: &[u8]) -> Result<WireCall, (Service, ApiError)> {
    let refuse = |error| (Service::Ec2, error);
    let mut form = Form::parse(body).map_err(refuse)?;
    let needed = |form: &mut Form, name: &str| {
        let value = form.take(name);
        value.ok_or_else(|| (Service::Ec2, ApiError::missing(name)))
    };
    let action = needed(&mut form, "Action")?;
    let service = match needed(&mut form, "Version")?.as_str() {
        EC2_VERSION => Service::Ec2,
        STS_VERSION => Service::Sts,
        IAM_VERSION => Service::Iam,
        version => {
            let what = format!("The action {action} is not valid for version {version}");
            return Err(refuse(ApiError::client("InvalidAction", what)));
        }
    };
    let dry_run = match form.take("DryRun").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let what = format!("Value ({other}) for parameter DryRun is invalid");
            return Err(refuse(ApiError::value(what)));
        }
    };
    Ok(WireCall {
        service,
        action,
        parameters: Parameters::Form(form),
        dry_run,
    })
}
