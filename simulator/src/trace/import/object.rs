//! Kubernetes' pods and pod templates to rows: what they ask for, where they can run, whose they are, by
//! the same rules as in a cluster. When they lived is for whoever has seen them.

use std::io;

use serde_json::Value;
use sparkwright::cluster::kubernetes::{Fault, template_of};
use sparkwright::model::requirement::Labels;
use sparkwright::model::spark::{self, PodTemplate};

use super::Import;
use crate::trace::format::amounts::scheduling;
use crate::trace::format::tables::{Pod, Template};

/// What a pod's metadata and spec say.
pub struct PodObject {
    /// Namespace.
    pub namespace: String,
    /// Its role and application, by labels.
    pub core: PodTemplate,
    template: Template,
}

/// Reads a pod's, or a pod template's, metadata and spec.
///
/// # Errors
/// The first field that cannot be read.
pub fn read(namespace: &str, object: &Value) -> Result<PodObject, Fault> {
    let labels: Labels = match &object["metadata"]["labels"] {
        Value::Null => Labels::new(),
        labels => serde_path_to_error::deserialize(labels).map_err(|error| {
            let problem = "holds something else than text; write text, in quotes";
            Fault::missing(format!("metadata.labels.{}", error.path()), problem)
        })?,
    };
    let spec = &object["spec"];
    if !spec.is_object() {
        return Err(Fault::missing(
            "spec",
            "is missing; write the pod's containers",
        ));
    }
    let core = template_of(namespace, labels, spec).map_err(|fault| fault.under("spec"))?;
    let template = Template {
        labels: core.labels.clone(),
        scheduling: scheduling(spec),
        ..Template::asking(&core.requests)
    };
    Ok(PodObject {
        namespace: namespace.to_owned(),
        core,
        template,
    })
}

impl PodObject {
    /// A row of pods without times; its template is written.
    pub fn row(&self, name: &str, import: &mut Import<'_>) -> io::Result<Pod> {
        Ok(Pod {
            pod: name.to_owned(),
            role: Some(self.core.role.into()),
            namespace: Some(self.namespace.clone()),
            template: Some(import.writer.template(self.template.clone())?),
            ..Pod::default()
        })
    }

    /// The Spark application, without its namespace.
    pub fn application(&self) -> Option<&str> {
        let app = self.core.app.as_ref()?;
        (self.core.role != spark::Role::Other)
            .then(|| app.as_str().rsplit('/').next().unwrap_or_default())
    }
}
