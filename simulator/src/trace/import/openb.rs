//! Alibaba's GPU cluster trace of 2023 (OpenB): pods with requests and lifetimes, seconds from the
//! trace's start. Columns as in the dataset's own description (cluster-trace-gpu-v2023 of
//! alibaba/clusterdata).

use std::io;
use std::path::{Path, PathBuf};

use super::lines::{Fields, Lines, Table, millis};
use super::{Import, Misfit};
use crate::trace::format::tables::{EndReason, Node, Pod, Replay, Role, Template};

const PODS: &str = "openb_pod_list_default.csv";
const NODES: &str = "openb_node_list_all_node.csv";
const POD_COLUMNS: [&str; 11] = [
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];
const NODE_COLUMNS: [&str; 5] = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
const GPU: &str = "nvidia.com/gpu";

/// The whole of it is small enough to be read at once, and a pod that ends with the trace is only known
/// once the trace's end is.
#[derive(Default)]
struct Reading {
    pods: Vec<(Pod, Template, bool)>,
    end_ms: i64,
    shared: u64,
}

pub(super) fn import(path: &Path, import: &mut Import<'_>) -> io::Result<()> {
    let (pods, nodes): (PathBuf, Option<PathBuf>) = match path.is_dir() {
        true => (
            path.join(PODS),
            Some(path.join(NODES)).filter(|path| path.is_file()),
        ),
        false => (path.to_owned(), None),
    };
    import.input = pods.display().to_string();
    let mut reading = Reading::default();
    Table::open(Lines::open(&pods)?, &POD_COLUMNS)?.for_each(&mut |line, row| {
        if let Err(misfit) = row.and_then(|row| reading.take(&row)) {
            import.refuse(line, &misfit);
        }
        Ok(())
    })?;
    reading.write(import)?;
    match nodes {
        Some(nodes) => write_nodes(&nodes, import),
        None => Ok(()),
    }
}

impl Reading {
    fn take(&mut self, row: &Fields<'_>) -> Result<(), Misfit> {
        let name = row.text("name");
        if name.is_empty() {
            return Err(Misfit::new(
                "name",
                name,
                "is missing; write the pod's name",
            ));
        }
        let time = |column| row.number(column)?.map(|s| millis(column, s)).transpose();
        let (created, ended) = (time("creation_time")?, time("deletion_time")?);
        let created = created.ok_or_else(|| Misfit::new("creation_time", "", "is missing"))?;
        let scheduled = time("scheduled_time")?;
        if scheduled.is_some_and(|scheduled| scheduled < created) {
            let problem = "is before creation_time";
            return Err(Misfit::new(
                "scheduled_time",
                row.text("scheduled_time"),
                problem,
            ));
        }
        if ended.is_some_and(|ended| ended < scheduled.unwrap_or(created)) {
            let problem = "is before the pod was scheduled or created";
            return Err(Misfit::new(
                "deletion_time",
                row.text("deletion_time"),
                problem,
            ));
        }
        let template = self.template(row)?;
        let phase = row.text("pod_phase");
        let labels = ["gpu_spec", "qos"].map(|column| (column, row.text(column)));
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        self.end_ms = self.end_ms.max(ended.unwrap_or(created));
        let pod = Pod {
            pod: name.to_owned(),
            role: Some(Role::Other),
            replay: Some(Replay::Rigid),
            create_ms: Some(created),
            scheduled_ms: scheduled,
            end_ms: ended,
            end_reason: Some(match phase {
                _ if scheduled.is_none() => EndReason::Unscheduled,
                "Succeeded" => EndReason::Finished,
                "Failed" => EndReason::Failed,
                _ => EndReason::Deleted,
            }),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            ..Pod::default()
        };
        self.pods.push((pod, template, phase == "Running"));
        Ok(())
    }

    /// A share of a GPU is rounded up to the device: Kubernetes hands out whole ones.
    fn template(&mut self, row: &Fields<'_>) -> Result<Template, Misfit> {
        let gpus = row.number("num_gpu")?.unwrap_or(0);
        let share = row.number("gpu_milli")?.unwrap_or(0);
        self.shared += u64::from(gpus > 0 && share > 0 && share < 1000);
        let known = |amount: Option<u64>| amount.filter(|&amount| amount > 0);
        Ok(Template {
            cpu_milli: known(row.number("cpu_milli")?),
            mem_mib: known(row.number("memory_mib")?),
            extended: known(Some(gpus))
                .map(|gpus| (GPU.to_owned(), gpus))
                .into_iter()
                .collect(),
            ..Template::default()
        })
    }

    /// A pod that runs when the trace ends was cut off by it: how long it would have run is not known.
    fn write(self, import: &mut Import<'_>) -> io::Result<()> {
        let mut censored = 0;
        let mut unscheduled = 0;
        for (mut pod, template, runs) in self.pods {
            pod.template = Some(import.writer.template(template)?);
            if runs && pod.end_ms.is_none_or(|end| end == self.end_ms) {
                (pod.end_ms, pod.end_reason) = (None, None);
                censored += 1;
            } else {
                let lived = pod.end_ms.zip(pod.scheduled_ms);
                pod.run_ms = lived.map(|(end, scheduled)| end - scheduled);
            }
            unscheduled += u64::from(pod.end_reason == Some(EndReason::Unscheduled));
            import.writer.put(pod)?;
        }
        if unscheduled > 0 {
            import.note(format!(
                "{unscheduled} pods never had a node: how long they would have run is not known"
            ));
        }
        if censored > 0 {
            import.note(format!(
                "{censored} pods ran when the trace ended: their run times are not known"
            ));
        }
        if self.shared > 0 {
            import.note(format!(
                "{} pods ask for a share of a GPU, and are given a whole one",
                self.shared
            ));
        }
        import.note("gpu_spec and qos are kept as labels of pods and are not acted on");
        Ok(())
    }
}

fn write_nodes(path: &Path, import: &mut Import<'_>) -> io::Result<()> {
    import.input = path.display().to_string();
    Table::open(Lines::open(path)?, &NODE_COLUMNS)?.for_each(&mut |line, row| match row
        .and_then(|row| node(&row))
    {
        Ok(node) => import.writer.put(node),
        Err(misfit) => {
            import.refuse(line, &misfit);
            Ok(())
        }
    })
}

fn node(row: &Fields<'_>) -> Result<Node, Misfit> {
    let gpus = row.number("gpu")?.filter(|&gpus| gpus > 0);
    let model = row.text("model");
    let model = (!model.is_empty()).then(|| ("gpu_model".to_owned(), model.to_owned()));
    Ok(Node {
        node: row.text("sn").to_owned(),
        cpu_milli: row.number("cpu_milli")?.filter(|&milli| milli > 0),
        mem_mib: row.number("memory_mib")?.filter(|&mib| mib > 0),
        extended: gpus
            .map(|gpus| (GPU.to_owned(), gpus))
            .into_iter()
            .collect(),
        labels: model.into_iter().collect(),
        ..Node::default()
    })
}
