//! The nouns: resources, money, time, pods and applications, nodes, offerings, pools. Plain values
//! with the arithmetic that has a meaning; they know no event, no plan and no Kubernetes object.

pub mod advice;
pub mod allocatable;
pub mod cni;
pub mod conf;
pub mod crds;
pub mod daemon;
pub mod decimal;
pub mod eligible;
pub mod extended;
pub mod label;
pub mod labels;
pub mod machine;
pub mod money;
pub mod name;
pub mod node;
pub mod nodeclaim;
pub mod nodeclass;
pub mod nodepool;
pub mod object;
pub mod offering;
pub mod pairs;
pub mod performance;
pub mod placement;
pub mod pool;
pub mod quantity;
pub mod quota;
pub mod referent;
pub mod requirement;
pub mod resources;
pub mod spark;
pub mod time;
