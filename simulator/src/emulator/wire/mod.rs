//! AWS's wire protocols as far as they are served: EC2's and STS's query protocol (a form in, XML out) and
//! the JSON protocol of SQS, SSM and Pricing. Reads a request into an action and its parameters, strictly,
//! and writes answers and errors. Knows no action by what it does.

pub mod error;
pub mod form;
mod form_values;
pub mod page;
pub mod service;
pub mod signature;
pub mod time;
pub mod xml;

pub use error::ApiError;
pub use form::Form;
pub use service::{Parameters, Reply, Service, WireCall};
pub use xml::Xml;
