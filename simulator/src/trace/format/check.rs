//! The rules that a row keeps by itself and those between tables. What breaks one is left out of a
//! replay; the rules on work are kept by `demand`, where an application's rows come together.

use std::collections::BTreeSet;

use super::amounts::{MOST_MIB, MOST_MILLI};
use super::read::Tables;
use super::tables::{App, Market, Node, Pod, Replay, Template};
use super::{Finding, Row, Rule};

/// A hundred years, in ms: a time further from the origin, or a longer run, is no time.
const MOST_MS: i64 = 100 * 366 * 86_400_000;

/// Names that rows of a table have been given.
pub type Names = BTreeSet<String>;

/// A row with rules of its own.
pub trait Checked: Row {
    /// The name that no other row of the table may have, and its column.
    fn name(&self) -> Option<(&'static str, String)>;
    /// Times that must not go backwards, in order, by column.
    fn times(&self) -> Vec<(&'static str, Option<i64>)>;
    /// Amounts, with the most that is believed, by column.
    fn amounts(&self) -> Vec<(&'static str, Option<u64>, u64)> {
        Vec::new()
    }
    /// Rules of this table alone.
    fn own(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What is wrong in a row: rule, column, problem, remedy.
pub type Fault = (Rule, &'static str, &'static str, &'static str);

/// Checks a row by itself, and its name against those before it.
///
/// # Errors
/// The first rule that it breaks.
pub fn row<R: Checked>(row: &R, line: u64, names: &mut Names) -> Result<(), Finding> {
    let finding = |rule, problem: &str| Finding::new(rule, R::TABLE, Some(line), problem);
    if let Some((column, name)) = row.name() {
        if name.is_empty() {
            return Err(finding(Rule::Row, "is empty")
                .column(column)
                .remedy("write a name"));
        }
        if !names.insert(name.clone()) {
            return Err(
                finding(Rule::Unique, "is given again; the first one counts")
                    .column(column)
                    .value(name)
                    .remedy("give each row a name of its own"),
            );
        }
    }
    times(&row.times()).map_err(|(rule, column, value, problem, remedy)| {
        finding(rule, &problem)
            .column(column)
            .value(value)
            .remedy(remedy)
    })?;
    for (column, amount, most) in row.amounts() {
        let Some(amount) = amount else { continue };
        let (problem, remedy) = match amount {
            0 => ("stands for unknown", "write null, or leave the column out"),
            _ if amount > most => (
                "is more than any machine has",
                "write it in the column's unit",
            ),
            _ => continue,
        };
        return Err(finding(Rule::Amount, problem)
            .column(column)
            .value(amount)
            .remedy(remedy));
    }
    row.own().map_err(|(rule, column, problem, remedy)| {
        finding(rule, problem).column(column).remedy(remedy)
    })
}

/// The first time that cannot be or comes before one that it must not come before.
fn times(
    times: &[(&'static str, Option<i64>)],
) -> Result<(), (Rule, &'static str, i64, String, &'static str)> {
    let mut before: Option<(&str, i64)> = None;
    let known = (times.iter()).filter_map(|(column, time)| Some((*column, (*time)?)));
    for (column, time) in known {
        if !(-MOST_MS..=MOST_MS).contains(&time) {
            let problem = "is further from the origin than a hundred years".to_owned();
            let remedy = "write milliseconds from the manifest's origin";
            return Err((Rule::Order, column, time, problem, remedy));
        }
        if let Some((earlier, at)) = before.filter(|(_, at)| time < *at) {
            let problem = format!("is before {earlier}, which is {at}");
            return Err((Rule::Order, column, time, problem, "mend one of the two"));
        }
        before = Some((column, time));
    }
    Ok(())
}

impl Checked for App {
    fn name(&self) -> Option<(&'static str, String)> {
        Some(("app", self.app.clone()))
    }

    fn times(&self) -> Vec<(&'static str, Option<i64>)> {
        vec![
            ("submit_ms", self.submit_ms),
            ("start_ms", self.start_ms),
            ("end_ms", self.end_ms),
        ]
    }
}

impl Checked for Template {
    fn name(&self) -> Option<(&'static str, String)> {
        Some(("template", self.template.clone()))
    }

    fn times(&self) -> Vec<(&'static str, Option<i64>)> {
        Vec::new()
    }

    fn amounts(&self) -> Vec<(&'static str, Option<u64>, u64)> {
        let devices = self.extended.values();
        [
            ("cpu_milli", self.cpu_milli, MOST_MILLI),
            ("mem_mib", self.mem_mib, MOST_MIB),
            ("ephemeral_mib", self.ephemeral_mib, MOST_MIB),
        ]
        .into_iter()
        .chain(devices.map(|&amount| ("extended", Some(amount), 1 << 40)))
        .collect()
    }

    fn own(&self) -> Result<(), Fault> {
        let said = self.pod_template(super::tables::Role::Other, "default");
        said.map(|_| ()).map_err(|_| {
            let problem = "holds what Kubernetes would not take in a pod's spec";
            let remedy = "write nodeSelector, affinity, tolerations and priority as a pod has them";
            (Rule::Row, "scheduling", problem, remedy)
        })
    }
}

impl Checked for Pod {
    fn name(&self) -> Option<(&'static str, String)> {
        if self.pod.is_empty() {
            return Some(("pod", String::new()));
        }
        let namespace = self.namespace.as_deref().unwrap_or("default");
        Some(("pod", format!("{namespace}/{}", self.pod)))
    }

    fn times(&self) -> Vec<(&'static str, Option<i64>)> {
        vec![
            ("create_ms", self.create_ms),
            ("scheduled_ms", self.scheduled_ms),
            ("started_ms", self.started_ms),
            ("end_ms", self.end_ms),
        ]
    }

    fn own(&self) -> Result<(), Fault> {
        if self.run_ms.is_some_and(|run| !(0..=MOST_MS).contains(&run)) {
            let problem = "is negative, or longer than a hundred years";
            return Err((
                Rule::Order,
                "run_ms",
                problem,
                "write null where it is unknown",
            ));
        }
        match self.replay {
            Some(Replay::Rigid) if self.create_ms.is_none() => {
                let problem = "is unknown, and a rigid pod begins with it";
                Err((
                    Rule::Replay,
                    "create_ms",
                    problem,
                    "write it, or leave replay out",
                ))
            }
            Some(Replay::Dag) if self.stage.is_none() || self.app.is_none() => {
                let problem = "is unknown, and so is what the pod waits for";
                Err((
                    Rule::Replay,
                    "stage",
                    problem,
                    "write app and stage, or replay rigid",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Checked for Node {
    fn name(&self) -> Option<(&'static str, String)> {
        Some(("node", self.node.clone()))
    }

    fn times(&self) -> Vec<(&'static str, Option<i64>)> {
        vec![
            ("requested_ms", self.requested_ms),
            ("launched_ms", self.launched_ms),
            ("registered_ms", self.registered_ms),
            ("ready_ms", self.ready_ms),
            ("removed_ms", self.removed_ms),
        ]
    }

    fn amounts(&self) -> Vec<(&'static str, Option<u64>, u64)> {
        vec![
            ("cpu_milli", self.cpu_milli, MOST_MILLI),
            ("mem_mib", self.mem_mib, MOST_MIB),
        ]
    }
}

impl Checked for Market {
    fn name(&self) -> Option<(&'static str, String)> {
        None
    }

    fn times(&self) -> Vec<(&'static str, Option<i64>)> {
        vec![("at_ms", Some(self.at_ms))]
    }
}

/// Leaves out pods that refer to what is not there.
pub fn references(tables: &mut Tables) {
    let apps: BTreeSet<&str> = tables.apps.iter().map(|app| app.app.as_str()).collect();
    let templates: BTreeSet<&str> = (tables.templates.iter())
        .map(|template| template.template.as_str())
        .collect();
    let findings = &mut tables.findings;
    tables.pods.retain(|pod| {
        let missing = |known: &BTreeSet<&str>, name: &Option<String>| {
            name.as_deref().is_some_and(|name| !known.contains(name))
        };
        let (column, value, table) = if missing(&apps, &pod.app) {
            ("app", &pod.app, App::TABLE)
        } else if missing(&templates, &pod.template) {
            ("template", &pod.template, Template::TABLE)
        } else {
            return true;
        };
        let problem = format!("of pod {} is not in {table}", pod.pod);
        findings.add(
            Finding::new(Rule::Reference, Pod::TABLE, None, problem)
                .column(column)
                .value(value.as_deref().unwrap_or_default())
                .remedy(format!("write a row of {table}, or null")),
        );
        false
    });
}
