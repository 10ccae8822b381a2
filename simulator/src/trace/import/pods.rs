//! Pods that a user wrote or has: JSON lines in the columns of `pods`, with requests inline, and
//! Kubernetes' own objects as `kubectl get pods -o json` prints them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sparkwright::cluster::kubernetes::decode::type_fault;

use super::lines::Lines;
use super::{Import, Misfit, object, unsuitable};
use crate::trace::codec;
use crate::trace::format::Row;
use crate::trace::format::tables::{App, EndReason, Pod, Replay, Template, Work, WorkKind};

/// A larger list in one document is refused; lines of objects are read without bound.
const MOST_BYTES: u64 = 1 << 30;

/// What rows and objects have in common: the applications that they name, and the graphs.
#[derive(Default)]
struct Reading {
    apps: BTreeSet<String>,
    parents: BTreeMap<(String, u32), BTreeSet<u32>>,
    /// The earliest creation of any object, which times count from.
    names: BTreeSet<String>,
}

pub(super) fn import(path: &Path, import: &mut Import<'_>) -> io::Result<()> {
    let mut reading = Reading::default();
    if is_lines(path)? {
        let mut lines = Lines::open(path)?;
        while let Some((line, text)) = lines.next_line()? {
            let value = text.and_then(|text| {
                let parsed = serde_json::from_str(text);
                parsed.map_err(|error| Misfit::row(format!("is no JSON ({error})")))
            });
            let taken = match value {
                Ok(value) => reading.value(value, import)?,
                Err(misfit) => Err(misfit),
            };
            if let Err(misfit) = taken {
                import.refuse(line, &misfit);
            }
        }
    } else {
        let text = codec::open(path)?.take(MOST_BYTES);
        for (place, document) in (1..).zip(serde_json::Deserializer::from_reader(text).into_iter())
        {
            let document: Value =
                document.map_err(|error| unsuitable(format!("is no JSON ({error})")))?;
            if let Err(misfit) = reading.value(document, import)? {
                import.refuse(place, &misfit);
            }
        }
    }
    reading.finish(import)
}

/// True where the first line is a whole document, so that lines can be read one at a time.
fn is_lines(path: &Path) -> io::Result<bool> {
    let mut lines = Lines::open(path)?;
    let first = lines.next_line()?;
    let (_, text) = first.ok_or_else(|| unsuitable("is empty; write one pod on each line"))?;
    Ok(text.is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()))
}

impl Reading {
    /// A pod of either form, or a list of pods.
    fn value(&mut self, value: Value, import: &mut Import<'_>) -> io::Result<Result<(), Misfit>> {
        match value {
            Value::Object(mut fields) if fields.get("items").is_some_and(Value::is_array) => {
                let items = fields.remove("items").unwrap_or_default();
                for (place, item) in (1..).zip(items.as_array().into_iter().flatten()) {
                    if let Err(misfit) = self.object(item, import)? {
                        let problem = format!("item {place}: {misfit}");
                        import.refuse(1, &Misfit::row(problem));
                    }
                }
                Ok(Ok(()))
            }
            Value::Object(fields) if fields.contains_key("kind") && fields.contains_key("spec") => {
                self.object(&Value::Object(fields), import)
            }
            Value::Object(fields) => self.row(fields, import),
            _ => Ok(Err(Misfit::row("is no object; write one pod on each line"))),
        }
    }

    /// A row of `pods`; columns of `templates` beside them are the pod's own template.
    fn row(
        &mut self,
        mut fields: Map<String, Value>,
        import: &mut Import<'_>,
    ) -> io::Result<Result<(), Misfit>> {
        if !fields.contains_key("pod")
            && let Some(name) = fields.remove("name").or_else(|| fields.remove("id"))
        {
            fields.insert("pod".to_owned(), name);
        }
        let parents = fields.remove("parents");
        let inline = Template::COLUMNS
            .iter()
            .filter(|column| column.name != "template");
        let mut own: Map<String, Value> = inline
            .filter_map(|column| fields.remove_entry(column.name))
            .collect();
        own.insert("template".to_owned(), Value::String(String::new()));
        let read = typed::<Pod>(&Value::Object(fields))
            .and_then(|pod| Ok((pod, typed::<Template>(&Value::Object(own))?)))
            .and_then(|(pod, template)| {
                Ok((
                    pod,
                    template,
                    parents.map(|p| typed::<Vec<u32>>(&p)).transpose()?,
                ))
            });
        let (mut pod, template, parents) = match read {
            Ok(read) => read,
            Err(misfit) => return Ok(Err(misfit)),
        };
        if pod.template.is_some() {
            return Ok(Err(Misfit::row(
                "template names a row of another table; write its columns here",
            )));
        }
        pod.template = Some(import.writer.template(template)?);
        complete(&mut pod, parents.is_some());
        if let Err(misfit) = self.take(&pod) {
            return Ok(Err(misfit));
        }
        if let (Some(app), Some(stage)) = (&pod.app, pod.stage) {
            let known = self.parents.entry((app.clone(), stage)).or_default();
            known.extend(parents.into_iter().flatten());
        }
        import.writer.put(pod).map(Ok)
    }

    /// A Kubernetes Pod, finished ones included.
    fn object(&mut self, item: &Value, import: &mut Import<'_>) -> io::Result<Result<(), Misfit>> {
        if item["kind"].as_str().is_some_and(|kind| kind != "Pod") {
            return Ok(Err(Misfit::row("is no Pod; give pods only")));
        }
        let meta = &item["metadata"];
        let name = meta["name"].as_str().unwrap_or_default();
        let namespace = meta["namespace"].as_str().unwrap_or("default");
        let read = match object::read(namespace, item) {
            Ok(read) => read,
            Err(fault) => {
                return Ok(Err(Misfit {
                    column: format!("Pod {namespace}/{name}: {}", fault.field),
                    problem: fault.problem,
                }));
            }
        };
        let mut pod = read.row(name, import)?;
        let Some(created) = time(&meta["creationTimestamp"]) else {
            return Ok(Err(Misfit::row(format!(
                "Pod {namespace}/{name} has no metadata.creationTimestamp"
            ))));
        };
        let origin = *import.writer.manifest.origin_ms.get_or_insert(created);
        let since = |time: Option<i64>| time.map(|time| time - origin);
        pod.app = read.application().map(str::to_owned);
        pod.create_ms = since(Some(created));
        pod.scheduled_ms = since(condition(item, "PodScheduled"));
        pod.started_ms = since(time(&item["status"]["startTime"]));
        pod.end_ms = since(finished(item));
        pod.node = item["spec"]["nodeName"].as_str().map(str::to_owned);
        pod.end_reason = pod.end_ms.map(|_| match item["status"]["phase"].as_str() {
            Some("Succeeded") => EndReason::Finished,
            Some("Failed") => EndReason::Failed,
            _ => EndReason::Deleted,
        });
        complete(&mut pod, false);
        match self.take(&pod) {
            Ok(()) => import.writer.put(pod).map(Ok),
            Err(misfit) => Ok(Err(misfit)),
        }
    }

    /// Keeps the application's name; refuses a pod that is given again.
    fn take(&mut self, pod: &Pod) -> Result<(), Misfit> {
        let namespace = pod.namespace.as_deref().unwrap_or("default");
        if pod.pod.is_empty() || !self.names.insert(format!("{namespace}/{}", pod.pod)) {
            return Err(Misfit::new(
                "pod",
                &pod.pod,
                "is empty or given again; give each pod a name of its own",
            ));
        }
        self.apps.extend(pod.app.clone());
        Ok(())
    }

    fn finish(self, import: &mut Import<'_>) -> io::Result<()> {
        for app in self.apps {
            import.writer.put(App {
                app,
                ..App::default()
            })?;
        }
        for ((app, stage), parents) in self.parents {
            import.writer.put(Work {
                app,
                kind: WorkKind::Stage,
                stage: Some(stage),
                parents: parents.into_iter().collect(),
                ..Work::default()
            })?;
        }
        Ok(())
    }
}

/// What follows from what is there: a pod with a creation is rigid, or waits for its stage's parents; it
/// ran from its start to its end.
fn complete(pod: &mut Pod, waits: bool) {
    let begun = pod.started_ms.or(pod.scheduled_ms).or(pod.create_ms);
    let lived = begun.zip(pod.end_ms).map(|(begun, end)| end - begun);
    pod.run_ms = pod.run_ms.or(lived.filter(|&run| run >= 0));
    let dag = pod.app.is_some() && pod.stage.is_some() && waits;
    let own = if dag { Replay::Dag } else { Replay::Rigid };
    pod.replay = pod.replay.or(pod.create_ms.map(|_| own));
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let fault = type_fault(&path, &error.into_inner().to_string());
        Misfit {
            column: fault.field,
            problem: fault.problem,
        }
    })
}

/// A time as Kubernetes writes it, in ms since 1970.
fn time(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let time = text.strip_suffix('Z')?;
    let (date, clock) = time.split_once('T')?;
    let date: Vec<i64> = date
        .split('-')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let clock: Vec<&str> = clock.split(':').collect();
    let ([year, month, day], [hour, minute, second]) =
        (date[..].try_into().ok()?, clock[..].try_into().ok()?);
    let (second, fraction): (&str, &str) = str::split_once(second, '.').unwrap_or((second, "0"));
    let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
    let number = |text: &str| text.parse::<i64>().ok();
    let of_day = number(hour)? * 3_600 + number(minute)? * 60 + number(second)?;
    let in_range =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (in_range && (0..=86_400).contains(&of_day))
        .then(|| (days(year, month, day) * 86_400 + of_day) * 1000 + number(&millis).unwrap_or(0))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, years counted from March so that the leap
/// day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

fn condition(pod: &Value, kind: &str) -> Option<i64> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let met = conditions
        .iter()
        .find(|c| c["type"] == kind && c["status"] == "True")?;
    time(&met["lastTransitionTime"])
}

/// When the last of its containers ended; None while one runs.
fn finished(pod: &Value) -> Option<i64> {
    if !matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    ) {
        return None;
    }
    let containers = pod["status"]["containerStatuses"].as_array()?;
    containers
        .iter()
        .filter_map(|c| time(&c["state"]["terminated"]["finishedAt"]))
        .max()
}
