//! An object's name and namespace, checked as the API server checks them, so that whatever carries
//! them on (ids, documents, messages) need not look again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::fault::{Fault, Refusal};
use crate::model::label;
use crate::model::time::Timestamp;

/// Where objects go that name no namespace.
pub const DEFAULT_NAMESPACE: &str = "default";
/// What an object is called in messages that has no name.
pub(super) const UNNAMED: &str = "(unnamed)";

/// Kind, namespace and name of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    pub kind: &'static str,
    /// None for objects without namespace.
    pub namespace: Option<&'a str>,
    pub name: &'a str,
}

impl<'a> Identity<'a> {
    /// The identity of an object in a namespace.
    pub(super) fn namespaced(kind: &'static str, meta: &'a ObjectMeta) -> Result<Self, Refusal> {
        let namespace = meta.namespace.as_deref().filter(|n| !n.is_empty());
        Identity::checked(kind, meta, Some(namespace.unwrap_or(DEFAULT_NAMESPACE)))
    }

    /// The identity of an object of the whole cluster.
    pub(super) fn clusterwide(kind: &'static str, meta: &'a ObjectMeta) -> Result<Self, Refusal> {
        Identity::checked(kind, meta, None)
    }

    /// Refuses the object where its name or namespace is none.
    fn checked(
        kind: &'static str,
        meta: &'a ObjectMeta,
        namespace: Option<&'a str>,
    ) -> Result<Self, Refusal> {
        let given = meta.name.as_deref().filter(|name| !name.is_empty());
        let name = given.unwrap_or(UNNAMED);
        let identity = Identity {
            kind,
            namespace,
            name,
        };
        let odd = "is no Kubernetes name; write lower-case letters, digits, '-' and '.'";
        let fault = if given.is_none() {
            Some(Fault::missing("metadata.name", "is missing; write a name"))
        } else if !label::is_subdomain(name) {
            Some(Fault::new("metadata.name", name, odd))
        } else {
            namespace
                .filter(|namespace| !label::is_subdomain(namespace))
                .map(|namespace| Fault::new("metadata.namespace", namespace, odd))
        };
        fault.map_or(Ok(identity), |fault| Err(identity.refuse(fault)))
    }

    /// `namespace/name`, or the name alone.
    pub(super) fn full_name(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// Refuses the object.
    pub(super) fn refuse(&self, fault: Fault) -> Refusal {
        Refusal {
            kind: self.kind,
            name: self.full_name(),
            fault,
        }
    }
}

/// When an object was created; the origin for one that the API server has not seen.
pub(super) fn created(meta: &ObjectMeta) -> Timestamp {
    meta.creation_timestamp
        .as_ref()
        .map_or(Timestamp::ZERO, |Time(time)| {
            Timestamp::from_millis(time.as_millisecond())
        })
}
