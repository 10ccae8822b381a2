//! Advice on the applications of a replay: on their properties, and on how their executors fit the nodes that
//! the pools may buy. Of an application and its copies the first one stands for all.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::model::advice::Advice;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::name::AppId;
use sparkwright::model::offering::Catalog;
use sparkwright::model::pool::Pool;
use sparkwright::model::time::Timestamp;
use sparkwright::plan::advise::advise;

use crate::world::submissions::Submissions;

/// Advice by application; those without any are left out.
pub(super) fn of(
    catalog: &Arc<Catalog>,
    pools: &[Pool],
    daemons: &[Daemon],
    submissions: &Submissions,
) -> BTreeMap<AppId, Vec<Advice>> {
    let mut cluster = Cluster::default();
    let mut tell = |fact| {
        let at = Timestamp::ZERO;
        cluster.apply(&Event { at, fact });
    };
    tell(Fact::CatalogListed(catalog.clone()));
    let pools = pools.iter().cloned();
    pools.for_each(|pool| tell(Fact::PoolApplied(pool.into())));
    let daemons = daemons.iter().cloned();
    daemons.for_each(|daemon| tell(Fact::DaemonApplied(Box::new(daemon))));
    let firsts = (0..submissions.len()).filter(|&i| submissions.is_first(i));
    for spark in firsts.filter_map(|i| submissions.original(i).spark()) {
        let (app, shape) = (
            spark.app.clone(),
            spark.clone().cast().shape(Timestamp::ZERO),
        );
        tell(Fact::ShapeDeclared {
            app,
            shape: Box::new(shape),
        });
    }
    let view = cluster.view(Timestamp::ZERO);
    let apps = cluster.apps.iter();
    apps.map(|(id, app)| (id.clone(), advise(&view, app)))
        .filter(|(_, advice)| !advice.is_empty())
        .collect()
}
