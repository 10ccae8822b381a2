//! Each source as small tables that hold its traps, known traces where they are beside the checkout, and
//! bytes that are none of it.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::trace::format::tables::{EndReason, Pod, Replay};
use crate::trace::format::{Demand, Finding, Manifest, Tables, demands};

#[test]
fn openb_pods_keep_their_lives_and_their_gpus() {
    let table = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                 a,4000,8192,1,460,V100M16|T4,LS,Succeeded,10,70,20\n\
                 b,0,8192,0,0,,BE,Pending,11,90,\n\
                 c,1000,,8,1000,,LS,Running,12,100,15\n\
                 d,x,1,0,0,,LS,Running,12,100,15\n\
                 e,1,1,0,0,,LS,Running,50,40,15\n\
                 f,1,1\n";
    let (tables, skipped, manifest) = read(Source::Openb, table.as_bytes());
    let [a, b, c] = &tables.pods[..] else {
        panic!("three pods: {:?}", tables.pods);
    };
    assert_eq!(
        (a.create_ms, a.scheduled_ms, a.run_ms),
        (Some(10_000), Some(20_000), Some(50_000))
    );
    assert_eq!(a.labels["gpu_spec"], "V100M16|T4");
    assert_eq!(
        (b.run_ms, b.end_reason),
        (None, Some(EndReason::Unscheduled))
    );
    assert_eq!((c.run_ms, c.end_ms), (None, None), "it outlives the trace");
    let template = |pod: &Pod| {
        let mut templates = tables.templates.iter();
        templates
            .find(|t| Some(&t.template) == pod.template.as_ref())
            .unwrap()
    };
    assert_eq!(template(a).extended["nvidia.com/gpu"], 1);
    assert_eq!(template(b).cpu_milli, None, "nothing asked for is not zero");
    assert_eq!(template(c).extended["nvidia.com/gpu"], 8);
    let [d, e, f] = &skipped[..] else {
        panic!("three rows left out: {skipped:?}");
    };
    assert!(
        d.input.ends_with("line 5") && d.reason.contains("cpu_milli \"x\""),
        "{d:?}"
    );
    assert!(
        e.input.ends_with("line 6") && e.reason.contains("scheduled_time"),
        "{e:?}"
    );
    assert!(f.reason.contains("3 fields"), "{f:?}");
    assert!(
        manifest
            .notes
            .iter()
            .any(|note| note.starts_with("1 pods ask for a share"))
    );
}

#[test]
fn alibabas_names_become_graphs() {
    let table = "M1,2,j,1,Terminated,100,110,100,50\n\
                 R2_1_1,1,j,1,Failed,110,130,50.5,0.39\n\
                 J3_1_2,1,j,1,Terminated,130,131,100,100\n\
                 task_Ab9=,1,j,1,Terminated,100,0,100,1\n\
                 M1,1,k,1,Terminated,5,4,100,1\n\
                 M1,99999999,k,1,Terminated,5,6,100,1\n";
    let (tables, skipped, manifest) = read(Source::Alibaba, table.as_bytes());
    assert_eq!(tables.pods.len(), 5);
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(
        manifest
            .notes
            .iter()
            .any(|note| note.contains("1 tasks' names say nothing"))
    );
    let milli: Vec<_> = tables
        .templates
        .iter()
        .map(|t| (t.cpu_milli, t.mem_mib))
        .collect();
    let expected = [(1000, 32_768), (505, 256), (1000, 65_536), (1000, 656)];
    assert_eq!(milli, expected.map(|(cpu, mem)| (Some(cpu), Some(mem))));
    let (_, demand) = replayed(tables);
    let [Demand::Pods(job)] = &demand[..] else {
        panic!("one job: {demand:?}");
    };
    let parents: Vec<_> = job
        .stages
        .iter()
        .map(|stage| stage.parents.clone())
        .collect();
    assert_eq!(parents, [vec![], vec![0], vec![0, 1], vec![]]);
}

#[test]
fn memory_in_per_cent_of_an_unknown_machine_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let error = import_bytes(Source::Alibaba, b"M1,1,j,1,T,1,2,1,1\n", &folder, None).unwrap_err();
    assert!(
        error.to_string().contains("--machine-memory-gib"),
        "{error}"
    );
}

#[test]
fn simkube_owners_have_as_many_pods_as_replicas_and_tracked_ones_as_recorded() {
    let deployment = |replicas: u64, cpu: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
               "metadata": {"name": "web", "namespace": "shop"},
               "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "web"}},
                   "spec": {"nodeSelector": {"team": "a"}, "containers": [{"name": "c",
                       "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]}}}})
    };
    let driver = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "etl-driver",
        "labels": {"spark-role": "driver", "spark-app-selector": "spark-1"}}, "spec": {"containers": []}});
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}}});
    let daemon = json!({"kind": "DaemonSet", "metadata": {"name": "d"}, "spec": {}});
    let events = vec![
        (
            1000_i64,
            vec![deployment(3, "1"), driver.clone(), cron, daemon],
            vec![],
        ),
        (1010, vec![deployment(1, "1")], vec![]),
        (1020, vec![deployment(1, "2")], vec![]),
        (1030, vec![], vec![driver]),
    ];
    let lives = vec![(
        ("batch/v1.CronJob", "default/tick"),
        vec![(7_u64, vec![Life::Finished(1005, 1009), Life::Running(1015)])],
    )];
    let bytes = recording(2, &events, &lives);
    let (tables, skipped, manifest) = read(Source::Simkube, &bytes);
    assert_eq!((skipped.len(), manifest.origin_ms), (0, Some(1_000_000)));
    assert!(
        manifest.notes.iter().any(|note| note.contains("DaemonSet")),
        "{:?}",
        manifest.notes
    );
    let of = |name: &str| {
        let pods = tables.pods.iter().filter(|pod| pod.pod.starts_with(name));
        pods.map(|pod| (pod.create_ms.unwrap(), pod.run_ms))
            .collect::<Vec<_>>()
    };
    let web = [
        (0, Some(10_000)),
        (0, Some(10_000)),
        (0, Some(20_000)),
        (20_000, None),
    ];
    assert_eq!(of("web"), web);
    assert_eq!(of("etl-driver"), [(0, Some(30_000))]);
    assert_eq!(of("tick"), [(5_000, Some(4_000)), (15_000, None)]);
    let driver = tables
        .pods
        .iter()
        .find(|pod| pod.pod == "etl-driver")
        .unwrap();
    assert_eq!(
        (driver.app.as_deref(), driver.end_reason),
        (Some("spark-1"), Some(EndReason::Deleted))
    );
    let template = tables
        .templates
        .iter()
        .find(|t| t.cpu_milli == Some(2000))
        .unwrap();
    assert_eq!(
        template.scheduling,
        Some(json!({"nodeSelector": {"team": "a"}}))
    );
    let other = recording(1, &events, &lives);
    let error = import_bytes(Source::Simkube, &other, &TempDir::new().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("version 1"), "{error}");
}

#[test]
fn hostile_lengths_and_depths_of_messagepack_cost_nothing() {
    // An array, a map and a string that say they hold four thousand million entries; nested arrays.
    for bytes in [
        b"\xdd\xff\xff\xff\xff".to_vec(),
        b"\x85\xa7version\x02\xa6events\xdd\xff\xff\xff\xff".to_vec(),
        b"\xdf\xff\xff\xff\xff\xdb\xff\xff\xff\xff".to_vec(),
        [b"\x81\xa6events".to_vec(), vec![0x91; 100_000]].concat(),
    ] {
        let folder = TempDir::new().unwrap();
        assert!(import_bytes(Source::Simkube, &bytes, &folder, None).is_err());
    }
}

#[test]
fn pods_are_taken_as_lines_and_as_kubectl_prints_them() {
    let lines =
        br#"{"id":"a","create_ms":0,"run_ms":5,"cpu_milli":500,"mem_mib":64,"labels":{"team":"x"}}
{"name":"b","app":"flow","stage":1,"create_ms":0,"run_ms":5,"parents":[]}
{"pod":"c","app":"flow","stage":2,"create_ms":0,"run_ms":5,"parents":[1],"priority":3}
{"pod":"d","create_ms":"x"}
{"pod":"e","create_ms":3,"end_ms":9}
{"pod":"a"}
{"pod":"f","template":"t1"}
"#;
    let (tables, skipped, _) = read(Source::Pods, lines);
    assert_eq!(tables.findings.kept, []);
    let names: Vec<_> = tables
        .pods
        .iter()
        .map(|pod| (pod.pod.as_str(), pod.replay, pod.run_ms))
        .collect();
    let (rigid, dag) = (Some(Replay::Rigid), Some(Replay::Dag));
    assert_eq!(
        names,
        [
            ("a", rigid, Some(5)),
            ("b", dag, Some(5)),
            ("c", dag, Some(5)),
            ("e", rigid, Some(6))
        ]
    );
    assert_eq!(tables.templates[0].labels["team"], "x");
    assert!(tables.pods[2].rest.contains_key("priority"));
    let reasons: Vec<_> = skipped
        .iter()
        .map(|s| s.reason.split(' ').next().unwrap())
        .collect();
    assert_eq!(reasons, ["create_ms", "pod", "template"], "{skipped:?}");

    let pod = |name: &str, status: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n", "containers": [{"name": "c",
            "resources": {"requests": {"cpu": "100m", "memory": "1000000000"}}}]},
            "metadata": {"name": name, "creationTimestamp": "2026-03-01T00:00:10Z"}, "status": status})
    };
    let done = json!({"phase": "Succeeded", "startTime": "2026-03-01T00:00:12Z", "containerStatuses":
        [{"state": {"terminated": {"finishedAt": "2026-03-01T00:01:12Z"}}}],
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-03-01T00:00:11Z"}]});
    let list = json!({"kind": "List", "items": [pod("done", done), pod("runs", json!({"phase": "Running"})),
        {"kind": "Service", "metadata": {"name": "s"}, "spec": {}}]});
    for text in [
        list.to_string(),
        serde_json::to_string_pretty(&list).unwrap(),
    ] {
        let (tables, skipped, manifest) = read(Source::Pods, text.as_bytes());
        assert_eq!(manifest.origin_ms, Some(1_772_323_210_000));
        let [done, runs] = &tables.pods[..] else {
            panic!("two pods: {:?}", tables.pods);
        };
        let times = (
            done.create_ms,
            done.scheduled_ms,
            done.started_ms,
            done.end_ms,
            done.run_ms,
        );
        assert_eq!(
            times,
            (
                Some(0),
                Some(1_000),
                Some(2_000),
                Some(62_000),
                Some(60_000)
            )
        );
        assert_eq!((runs.run_ms, runs.end_ms), (None, None));
        assert_eq!(tables.templates[0].mem_mib, Some(954));
        assert_eq!(skipped.len(), 1, "{skipped:?}");
    }
}

/// The figures that the data sets' own README gives, and a count of SimKube's replicas made apart.
#[test]
fn the_shared_traces_import_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/traces");
    if !folder.exists() {
        println!("skipped: the shared traces are not beside this checkout");
        return;
    }
    for (source, path, pods, apps, open) in [
        (Source::Openb, "alibaba-openb-2023", 8_152, 0, 34),
        (
            Source::Alibaba,
            "alibaba-batch-v2018/batch_task.csv",
            31_543,
            5_000,
            0,
        ),
        (Source::Simkube, "simkube/cronjob.sktrace", 3, 1, 0),
        (Source::Simkube, "simkube/dsb-scaling.sktrace", 54, 27, 42),
    ] {
        let scratch = TempDir::new().unwrap();
        let (skipped, _) = import_path(source, &folder.join(path), &scratch, Some(64)).unwrap();
        let tables = Tables::read(scratch.path()).unwrap();
        assert_eq!(
            (skipped.len(), tables.findings.kept.len()),
            (0, 0),
            "{path}"
        );
        let ends = tables
            .pods
            .iter()
            .filter(|pod| pod.end_reason.is_none())
            .count();
        assert_eq!(
            (tables.pods.len(), tables.apps.len(), ends),
            (pods, apps, open),
            "{path}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_the_bytes_no_source_panics(
        source in prop::sample::select(vec![Source::Eventlog, Source::Openb, Source::Alibaba, Source::Simkube, Source::Pods]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let _ = import_bytes(source, &bytes, &TempDir::new().unwrap(), Some(64));
    }

    #[test]
    fn scrambled_tables_are_read_as_far_as_they_go(at in 0_usize..300, byte in any::<u8>(), cut in 0_usize..300) {
        for (source, text) in [
            (Source::Alibaba, "M1,2,j,1,Terminated,100,110,100,50\nR2_1,1,j,1,Failed,110,130,50.5,0.39\n"),
            (Source::Openb, "a,4000,8192,1,460,V100,LS,Succeeded,10,70,20\nb,0,8192,0,0,,BE,Pending,11,90,\n"),
            (Source::Pods, "{\"pod\":\"a\",\"create_ms\":0,\"run_ms\":5,\"cpu_milli\":5}\n{\"pod\":\"b\",\"app\":\"x\",\"stage\":1}\n"),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            bytes.truncate(cut);
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
            let folder = TempDir::new().unwrap();
            if import_bytes(source, &bytes, &folder, Some(64)).is_ok() {
                let tables = Tables::read(folder.path()).unwrap();
                let _ = demands(folder.path(), tables).count();
            }
        }
    }
}

#[derive(serde::Serialize)]
enum Life {
    Running(i64),
    Finished(i64, i64),
}

type Lives<'a> = ((&'a str, &'a str), Vec<(u64, Vec<Life>)>);

/// A recording as SimKube writes it: maps by name, keys that are pairs and numbers.
fn recording(
    version: u32,
    events: &[(i64, Vec<serde_json::Value>, Vec<serde_json::Value>)],
    lives: &[Lives<'_>],
) -> Vec<u8> {
    let events: Vec<_> = events
        .iter()
        .map(|(ts, applied, deleted)| json!({"ts": ts, "applied_objs": applied, "deleted_objs": deleted}))
        .collect();
    let mut bytes = b"\x84\xa7version".to_vec();
    bytes.extend(rmp_serde::to_vec(&version).unwrap());
    bytes.extend(b"\xa6config\x80\xa6events");
    bytes.extend(rmp_serde::to_vec(&events).unwrap());
    bytes.extend(b"\xaepod_lifecycles");
    bytes.push(0x80 | u8::try_from(lives.len()).unwrap());
    for (key, by_spec) in lives {
        bytes.extend(rmp_serde::to_vec(key).unwrap());
        bytes.push(0x80 | u8::try_from(by_spec.len()).unwrap());
        for (hash, lives) in by_spec {
            bytes.extend(rmp_serde::to_vec(hash).unwrap());
            bytes.extend(rmp_serde::to_vec(lives).unwrap());
        }
    }
    bytes
}

fn read(source: Source, bytes: &[u8]) -> (Tables, Vec<Skipped>, Manifest) {
    let folder = TempDir::new().unwrap();
    let (skipped, manifest) = import_bytes(source, bytes, &folder, Some(64)).unwrap();
    let tables = Tables::read(folder.path()).unwrap();
    assert_eq!(tables.findings.kept, [], "an import is valid");
    (tables, skipped, manifest)
}

/// The applications of tables that are written once more.
fn replayed(tables: Tables) -> (Vec<Finding>, Vec<Demand>) {
    let folder = TempDir::new().unwrap();
    let path: PathBuf = folder.path().join("again");
    let mut writer = Writer::create(&path, true, None).unwrap();
    tables
        .apps
        .iter()
        .for_each(|row| writer.put(row.clone()).unwrap());
    tables
        .templates
        .iter()
        .for_each(|row| writer.put(row.clone()).unwrap());
    tables
        .pods
        .iter()
        .for_each(|row| writer.put(row.clone()).unwrap());
    for (stage, parents) in [(1, vec![]), (2, vec![1]), (3, vec![1, 2])] {
        let row = json!({"app": "j", "kind": "stage", "stage": stage, "parents": parents});
        let row: crate::trace::format::tables::Work = serde_json::from_value(row).unwrap();
        writer.put(row).unwrap();
    }
    writer.finish().unwrap();
    let tables = Tables::read(&path).unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = demands(&path, tables).partition(Result::is_ok);
    let bad = bad.into_iter().filter_map(Result::err).collect();
    (bad, good.into_iter().filter_map(Result::ok).collect())
}

fn import_bytes(
    source: Source,
    bytes: &[u8],
    folder: &TempDir,
    memory: Option<u32>,
) -> io::Result<(Vec<Skipped>, Manifest)> {
    let input = TempDir::new()?;
    let path = input.path().join("input");
    fs::write(&path, bytes)?;
    import_path(source, &path, folder, memory)
}

fn import_path(
    source: Source,
    path: &Path,
    folder: &TempDir,
    memory: Option<u32>,
) -> io::Result<(Vec<Skipped>, Manifest)> {
    let mut writer = Writer::create(folder.path(), false, None)?;
    let options = Options {
        machine_memory_gib: memory,
        fidelity: &|_| None,
    };
    let mut importing = Import::new(path, &mut writer);
    let done = import(source, path, &options, &mut importing);
    let skipped = importing.skipped;
    let manifest = writer.finish()?;
    done.map(|()| (skipped, manifest))
}
