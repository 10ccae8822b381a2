//! The format held against its page, against itself written and read, and against broken and hostile
//! tables.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::anonymise::Names;
use super::tables::{App, Market, Node, Pod, Template, Work};
use super::*;
use crate::trace::import::{Import, Options, Source, import};
use crate::trace::{self, Recorded};

#[test]
fn the_page_names_every_column_rule_and_table_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trace-format.md");
    let page = fs::read_to_string(path).unwrap();
    columns_are_on::<App>(&page);
    columns_are_on::<Template>(&page);
    columns_are_on::<Pod>(&page);
    columns_are_on::<Work>(&page);
    columns_are_on::<Node>(&page);
    columns_are_on::<Market>(&page);
    for rule in Rule::ALL {
        assert!(page.contains(&format!("| {} |", rule.code())), "{rule:?}");
    }
    assert!(page.contains(FORMAT) && page.contains(MANIFEST));
}

fn columns_are_on<R: Row>(page: &str) {
    let head = format!("### {}\n", R::TABLE);
    let section = page.split(&head).nth(1).unwrap_or_default();
    let section = section.split("\n#").next().unwrap_or_default();
    let told: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let columns: Vec<String> = R::COLUMNS
        .iter()
        .map(|column| {
            let null = if column.needed { "no" } else { "yes" };
            let meaning = column.meaning.trim();
            format!(
                "| `{}` | {} | {null} | {meaning} |",
                column.name, column.kind
            )
        })
        .collect();
    assert_eq!(
        told,
        columns,
        "the columns of {} on the page, and those of its type",
        R::TABLE
    );
}

#[test]
fn a_shipped_log_comes_back_from_its_trace_as_it_was() {
    for zstd in [false, true] {
        let (folder, _) = imported(Source::Eventlog, &logs(), zstd, None);
        let tables = Tables::read(folder.path()).unwrap();
        assert!(tables.findings.is_empty(), "{:?}", tables.findings.kept);
        let back: Vec<Demand> = demands(folder.path(), tables).map(Result::unwrap).collect();
        let told = recorded().map(|log| Demand::Spark(Box::new(log)));
        let mut told: Vec<Demand> = told.collect();
        assert_eq!(back.len(), 3);
        for recorded in &back {
            let place = told.iter().position(|log| log == recorded);
            told.remove(place.expect("each application as in its log"));
        }
    }
}

#[test]
fn an_anonymised_trace_holds_together_and_names_nobody() {
    let names = Names::salted(b"salt");
    let (folder, manifest) = imported(Source::Eventlog, &logs(), false, Some(names));
    assert!(manifest.anonymised && manifest.rows["work"] > 0);
    let secrets: Vec<String> = recorded().flat_map(|log| [log.id, log.name]).collect();
    for table in ["apps", "templates", "pods", "work"] {
        let text = fs::read_to_string(folder.path().join(format!("{table}.jsonl"))).unwrap();
        for secret in &secrets {
            assert!(
                !text.contains(&format!("\"{secret}")),
                "{secret} in {table}"
            );
        }
        assert!(
            !text.contains("s3://") && !text.contains(".internal"),
            "{table}"
        );
    }
    let tables = Tables::read(folder.path()).unwrap();
    assert!(tables.findings.is_empty(), "{:?}", tables.findings.kept);
    let tasks = |demand: Demand| match demand {
        Demand::Spark(recorded) => recorded.tasks.len(),
        Demand::Pods(_) => 0,
    };
    let mut back: Vec<usize> = demands(folder.path(), tables)
        .map(|d| tasks(d.unwrap()))
        .collect();
    let mut told: Vec<usize> = recorded().map(|log| log.tasks.len()).collect();
    back.sort();
    told.sort();
    assert_eq!(back, told);
}

#[test]
fn columns_that_are_not_known_are_kept() {
    let line = r#"{"pod":"a","create_ms":1,"cost_centre":"7","nested":{"a":[1,null]}}"#;
    let pod: Pod = serde_json::from_str(line).unwrap();
    assert_eq!(
        serde_json::to_value(&pod).unwrap(),
        serde_json::from_str::<serde_json::Value>(line).unwrap()
    );
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trace");
    let mut writer = Writer::create(&path, false, None).unwrap();
    writer.put(pod.clone()).unwrap();
    writer.finish().unwrap();
    assert_eq!(Tables::read(&path).unwrap().pods, [pod]);
    assert!(
        Writer::create(&path, false, None).is_err(),
        "a trace is not written over"
    );
}

#[test]
fn each_broken_row_is_told_by_rule_line_and_column_and_the_others_count() {
    let good = r#"{"pod":"good","create_ms":0,"run_ms":5,"replay":"rigid"}"#;
    for (table, row, rule, column) in [
        ("pods", "{", "T002", ""),
        ("pods", "[1]", "T002", "the object"),
        ("pods", r#"{"create_ms":3}"#, "T002", "pod"),
        ("pods", r#"{"pod":""}"#, "T002", "pod"),
        (
            "pods",
            r#"{"pod":"a","create_ms":"soon"}"#,
            "T002",
            "create_ms",
        ),
        (
            "pods",
            r#"{"pod":"a","create_ms":1.5}"#,
            "T002",
            "create_ms",
        ),
        ("pods", r#"{"pod":"a","role":"boss"}"#, "T002", "role"),
        (
            "pods",
            r#"{"pod":"a","labels":{"b":1}}"#,
            "T002",
            "labels.b",
        ),
        ("pods", r#"{"pod":"good"}"#, "T003", "pod"),
        ("pods", r#"{"pod":"a","template":"t9"}"#, "T004", "template"),
        ("pods", r#"{"pod":"a","app":"nobody"}"#, "T004", "app"),
        (
            "pods",
            r#"{"pod":"a","create_ms":9,"end_ms":8}"#,
            "T005",
            "end_ms",
        ),
        (
            "pods",
            r#"{"pod":"a","create_ms":9000000000000000000}"#,
            "T005",
            "create_ms",
        ),
        ("pods", r#"{"pod":"a","run_ms":-1}"#, "T005", "run_ms"),
        (
            "pods",
            r#"{"pod":"a","replay":"rigid"}"#,
            "T007",
            "create_ms",
        ),
        (
            "pods",
            r#"{"pod":"a","create_ms":0,"replay":"dag"}"#,
            "T007",
            "stage",
        ),
        (
            "templates",
            r#"{"template":"t","cpu_milli":-1}"#,
            "T002",
            "cpu_milli",
        ),
        (
            "templates",
            r#"{"template":"t","cpu_milli":0}"#,
            "T006",
            "cpu_milli",
        ),
        (
            "templates",
            r#"{"template":"t","mem_mib":68719476736}"#,
            "T006",
            "mem_mib",
        ),
        (
            "templates",
            r#"{"template":"t","scheduling":{"tolerations":3}}"#,
            "T002",
            "scheduling",
        ),
        (
            "nodes",
            r#"{"node":"n","launched_ms":9,"ready_ms":3}"#,
            "T005",
            "ready_ms",
        ),
        ("market", r#"{"at_ms":1,"kind":"rumour"}"#, "T002", "kind"),
        ("work", r#"{"app":"nobody","kind":"job"}"#, "T004", "app"),
        ("apps", r#"{"app":"idle"}"#, "T009", "app"),
        ("apps", r#"{"app":"early","start_ms":0}"#, "T009", "app"),
    ] {
        let pods = if table == "pods" {
            format!("{good}\n{row}\n")
        } else {
            format!("{good}\n")
        };
        let folder = folder_of(&[("pods", &pods)]);
        if table != "pods" {
            fs::write(folder.path().join(format!("{table}.jsonl")), row).unwrap();
        }
        let (findings, replayed) = checked(folder.path());
        let [finding] = &findings[..] else {
            panic!("one finding for {row}: {findings:?}");
        };
        assert_eq!(
            (finding.rule, &*finding.column),
            (rule, column),
            "{row}: {finding}"
        );
        assert!(!finding.problem.is_empty() && !finding.to_string().contains('\n'));
        assert_eq!(replayed, 1, "the good pod beside {row}");
    }
}

#[test]
fn work_that_does_not_hold_together_is_told() {
    let app = r#"{"app":"a","start_ms":1000,"submit_ms":1000}"#;
    let pods = r#"{"pod":"a-1","app":"a","role":"executor","executor":"1","registered_ms":1500}"#;
    let job = r#"{"app":"a","kind":"job","job":0,"start_ms":2000,"end_ms":9000,"stages":[0]}"#;
    for (work, rule, column) in [
        (
            r#"{"app":"a","kind":"job","start_ms":1}"#.to_owned(),
            "T008",
            "job",
        ),
        (
            r#"{"app":"a","kind":"task","task":1,"executor":"2"}"#.to_owned(),
            "T004",
            "executor",
        ),
        (
            format!("{job}\n{{\"app\":\"b\",\"kind\":\"job\"}}\n{job}"),
            "T004",
            "app",
        ),
        (format!("{job}\n{{\"app\":7}}"), "T002", "app"),
    ] {
        let folder = folder_of(&[("apps", app), ("pods", pods), ("work", &work)]);
        let (findings, _) = checked(folder.path());
        let first = findings.first().expect("a finding");
        assert_eq!(
            (first.rule, &*first.column),
            (rule, column),
            "{work}: {findings:?}"
        );
    }
    let apart = format!("{job}\n{{\"app\":\"b\",\"kind\":\"job\"}}\n{job}");
    let folder = folder_of(&[("apps", app), ("pods", pods), ("work", &apart)]);
    assert_eq!(checked(folder.path()).0[1].rule, "T008");
}

#[test]
fn stages_that_wait_for_each_other_are_refused() {
    let pod = |name: &str, stage: u32| {
        format!(
            r#"{{"pod":"{name}","app":"a","stage":{stage},"replay":"dag","run_ms":1,"create_ms":0}}"#
        )
    };
    let stage = |id: u32, parents: &str| {
        format!(r#"{{"app":"a","kind":"stage","stage":{id},"parents":[{parents}]}}"#)
    };
    let pods = format!("{}\n{}", pod("p1", 1), pod("p2", 2));
    for (work, good) in [
        (format!("{}\n{}", stage(1, ""), stage(2, "1,9")), true),
        (format!("{}\n{}", stage(1, "2"), stage(2, "1")), false),
        (stage(1, "1"), false),
    ] {
        let folder = folder_of(&[("apps", r#"{"app":"a"}"#), ("pods", &pods), ("work", &work)]);
        let (findings, replayed) = checked(folder.path());
        assert_eq!(
            (findings.is_empty(), replayed),
            (good, usize::from(good)),
            "{work}: {findings:?}"
        );
        assert!(findings.iter().all(|finding| finding.rule == "T007"));
    }
}

#[test]
fn a_manifest_of_another_kind_or_count_is_told() {
    let folder = TempDir::new().unwrap();
    for (text, column) in [
        ("", ""),
        ("{}", ""),
        (
            r#"{"format":"other/v1","source":"x","recorder":"y"}"#,
            "format",
        ),
    ] {
        fs::write(folder.path().join(MANIFEST), text).unwrap();
        let finding = Tables::read(folder.path()).unwrap_err();
        assert_eq!((finding.rule, &*finding.column), ("T001", column), "{text}");
    }
    let folder = folder_of(&[("nodes", r#"{"node":"n"}"#)]);
    let text = manifest_text().replace("\"rows\":{}", "\"rows\":{\"nodes\":2}");
    fs::write(folder.path().join(MANIFEST), text).unwrap();
    assert_eq!(checked(folder.path()).0[0].rule, "T001");
}

proptest! {
    #[test]
    fn whatever_the_bytes_of_a_table_nothing_panics(
        table in prop::sample::select(vec!["apps", "templates", "pods", "work", "nodes", "market"]),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        zstd in any::<bool>(),
    ) {
        let folder = folder_of(&[]);
        let ending = if zstd { "jsonl.zst" } else { "jsonl" };
        fs::write(folder.path().join(format!("{table}.{ending}")), bytes).unwrap();
        checked(folder.path());
    }

    #[test]
    fn a_table_cut_or_scrambled_anywhere_is_read_as_far_as_it_goes(
        cut in 0_usize..600,
        at in 0_usize..600,
        byte in any::<u8>(),
    ) {
        let pods = r#"{"pod":"a","app":"x","create_ms":0,"run_ms":5,"replay":"dag","stage":1,"template":"t"}
{"pod":"b","create_ms":0,"run_ms":9223372036854775807,"replay":"rigid","labels":{"a":"b"}}
{"pod":"c","app":"y","role":"executor","executor":"1","registered_ms":3,"end_ms":9,"end_reason":"lost"}"#;
        let mut pods = pods.as_bytes().to_vec();
        pods.truncate(cut);
        if let Some(old) = pods.get_mut(at) {
            *old = byte;
        }
        let work = r#"{"app":"y","kind":"task","task":1,"stage":0,"index":0,"executor":"1","start_ms":-9223372036854775808,"end_ms":9223372036854775807}"#;
        let folder = folder_of(&[
            ("apps", "{\"app\":\"x\"}\n{\"app\":\"y\",\"start_ms\":1,\"end_ms\":9}"),
            ("templates", r#"{"template":"t","cpu_milli":1}"#),
            ("work", work),
        ]);
        fs::write(folder.path().join("pods.jsonl"), pods).unwrap();
        checked(folder.path());
    }
}

fn checked(folder: &Path) -> (Vec<Finding>, usize) {
    let mut tables = Tables::read(folder).expect("a manifest");
    let mut findings = std::mem::take(&mut tables.findings).kept;
    let mut replayed = 0;
    for demand in demands(folder, tables) {
        match demand {
            Ok(_) => replayed += 1,
            Err(finding) => findings.push(finding),
        }
    }
    (findings, replayed)
}

fn folder_of(tables: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(MANIFEST), manifest_text()).unwrap();
    for (table, text) in tables {
        fs::write(folder.path().join(format!("{table}.jsonl")), text).unwrap();
    }
    folder
}

fn manifest_text() -> String {
    format!(r#"{{"format":"{FORMAT}","origin_ms":null,"source":"x","recorder":"y","rows":{{}}}}"#)
}

fn imported(source: Source, path: &Path, zstd: bool, names: Option<Names>) -> (TempDir, Manifest) {
    let folder = TempDir::new().unwrap();
    let mut writer = Writer::create(folder.path(), zstd, names).unwrap();
    let options = Options {
        machine_memory_gib: None,
        fidelity: &|_| None,
    };
    import(source, path, &options, &mut Import::new(path, &mut writer)).unwrap();
    let manifest = writer.finish().unwrap();
    (folder, manifest)
}

/// The shipped logs; a README lies beside them.
fn recorded() -> impl Iterator<Item = Recorded> {
    trace::open(&logs()).filter_map(Result::ok)
}

fn logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs")
}
