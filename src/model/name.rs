//! Names as types, so that a pod is never looked up by a node's name. Cheap to copy: one shared string.
//! Nothing is checked here: names come from objects whose form was checked at the border.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                $name(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )+};
}

names! {
    /// A pod: `namespace/name`.
    PodId,
    /// A node: its object's name; for a node that we await, the name of its claim.
    NodeId,
    /// One Spark run: `namespace/` and the operator's name for it, else its `spark-app-selector`.
    AppId,
    /// A NodePool's name.
    PoolName,
}
