//! Texts as people and tools write them, against the facts and the lines that must come out.

use std::fs;
use std::io::Cursor;

use sparkwright::model::spark::Pod;

use super::*;

#[test]
fn streams_lists_and_lines_hold_the_same_pods() {
    let pod = |name: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}"}},"spec":{{"containers":[]}}}}"#
        )
    };
    let (a, b) = (pod("a"), pod("b"));
    let bare = |pod: &str| pod.replace(r#""apiVersion":"v1","kind":"Pod","#, "");
    let indented = |pod: &str| pod.replace(',', ",\n  ");
    let yaml = |name: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec: {{containers: []}}\n")
    };
    for text in [
        format!("{a}\n{b}\n"),
        format!("{a}{b}"),
        format!("{}\n{}\n", indented(&a), indented(&b)),
        format!("[{a},{b}]"),
        format!("\u{feff}{}---\n{}", yaml("a"), yaml("b")),
        format!(
            "# first\n---\n{}---\n# nothing here\n---\n{}...\n",
            yaml("a"),
            yaml("b")
        ),
        format!(
            "%YAML 1.2\n---\r\n{}\r\n--- # second\n{}",
            yaml("a"),
            yaml("b")
        ),
        format!("{a}\n---\n{}", yaml("b")),
        format!("{}---\n{a}\n", yaml("b")),
        format!(r#"{{"apiVersion":"v1","kind":"List","items":[{a},{b}]}}"#),
        format!(
            r#"{{"apiVersion":"v1","kind":"PodList","items":[{},{}]}}"#,
            bare(&a),
            bare(&b)
        ),
        format!("kind: List\nitems:\n- {a}\n- kind: List\n  items: [{b}]\n"),
        "{kind: Pod, metadata: {name: a}, spec: {containers: []}}\n---\n".to_owned() + &yaml("b"),
    ] {
        let manifests = read_text("x", &text);
        assert_eq!(manifests.refusals, [""; 0], "{text}");
        assert_eq!(manifests.warnings, [""; 0], "{text}");
        assert_eq!(pods(&manifests), ["default/a", "default/b"], "{text}");
    }
}

#[test]
fn what_is_broken_is_one_line_and_hides_nothing_after_it() {
    let good = r#"{"kind":"Pod","metadata":{"name":"good"},"spec":{"containers":[]}}"#;
    let flow = "kind: Pod\nmetadata: {name: good}\nspec: {containers: []}\n";
    for (text, line) in [
        (
            format!("{{\"a\":1\n{good}\n"),
            "refused x (document 1) line 2: ",
        ),
        (
            format!("{good}\n{{\"a\":\n}}\n{good}"),
            "refused x (document 2) line 3: expected value; mend the JSON",
        ),
        (
            format!("a: [1,\nb: 2\n---\n{flow}"),
            "refused x (document 1) line 1: unclosed bracket",
        ),
        (
            format!("{flow}---\nmetadata:\n  a: 1\n a: 2\n"),
            "refused x (document 2) line 7: ",
        ),
        (
            format!("{flow}---\na: 1\na: 2\n"),
            "refused x (document 2) line 6: duplicate mapping key",
        ),
        (
            format!("{flow}---\na:\n\t- b\n"),
            "refused x (document 2) line 6: tabs",
        ),
        (
            format!("{flow}---\nhello\n"),
            "refused x (document 2) is no object; write apiVersion",
        ),
        (
            format!("{flow}---\n- 1\n- 2\n"),
            "refused x (document 2 item 1) is no object; write",
        ),
        (
            format!("{flow}---\nkind: 3\n"),
            "refused x (document 2) has no kind; write apiVersion",
        ),
        (
            format!("{flow}---\nkind: PodList\nitems: {{}}\n"),
            "refused x (document 2) items: is no list; write a list of objects",
        ),
        (
            format!("{flow}---\nkind: Pod\nmetadata: {{name: bad}}\nspec: {{priority: high}}\n"),
            "refused x (document 2) Pod default/bad: spec.priority: holds string \"high\"; write a whole",
        ),
    ] {
        let manifests = read_text("x", &text);
        assert_eq!(pods(&manifests), ["default/good"], "{text}");
        assert_eq!(manifests.refusals.len(), 1, "{:?}", manifests.refusals);
        assert!(
            manifests.refusals[0].starts_with(line),
            "{:?}",
            manifests.refusals
        );
        assert!(!manifests.refusals[0].contains('\n'));
    }
}

#[test]
fn a_file_of_another_kind_is_one_line_however_long() {
    let log = "{\"Event\":\"SparkListenerTaskEnd\"}\n".repeat(5000);
    let manifests = read_text("log", &log);
    let expected = "refused log (document 1) has no kind; write apiVersion, kind and metadata \
                    (so are 4999 more documents)";
    assert_eq!(manifests.refusals, [expected]);
    let broken = "{\"a\":\n".repeat(5000);
    let refusals = read_text("junk", &broken).refusals;
    assert!(refusals.len() <= 12, "{refusals:?}");
    assert!(refusals.last().unwrap().contains("the rest is not read"));
}

#[test]
fn nothing_at_all_is_refused() {
    for text in ["", "\n\n", "# only a comment\n", "---\n---\n"] {
        let refusals = read_text("empty", text).refusals;
        assert_eq!(
            refusals,
            ["refused empty: is empty; write at least one object"],
            "{text:?}"
        );
    }
}

#[test]
fn alias_bombs_are_refused_and_honest_aliases_are_not() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let uses = vec![format!("*a{}", i - 1); 10].join(",");
        bomb += &format!("a{i}: &a{i} [{uses}]\n");
    }
    let refusals = read_text("bomb", &bomb).refusals;
    assert!(refusals[0].contains("mend the YAML"), "{refusals:?}");
    assert_eq!(refusals.len(), 1);
    let shared = "kind: List\nitems:\n- &pod\n  kind: Pod\n  metadata: &m {name: a}\n  \
                  spec: &s {containers: []}\n- kind: Pod\n  metadata:\n    <<: *m\n    name: b\n  spec: *s\n";
    let manifests = read_text("shared", shared);
    assert_eq!(manifests.refusals, [""; 0]);
    assert_eq!(pods(&manifests), ["default/a", "default/b"]);
}

#[test]
fn words_that_older_yaml_took_for_booleans_stay_words() {
    let text = "kind: Pod\nmetadata:\n  name: a\n  labels: {ship: yes, switch: on, zero: \"012\"}\n\
                spec: {containers: [{name: c, resources: {requests: {cpu: 0.5, memory: 1e9}}}]}\n";
    let manifests = read_text("x", text);
    assert_eq!(manifests.refusals, [""; 0]);
    let Some(Fact::PodApplied(pod)) = manifests.facts.first() else {
        panic!("a pod was expected");
    };
    assert_eq!(pod.template.labels["ship"], "yes");
    assert_eq!(pod.template.labels["switch"], "on");
    assert_eq!(pod.template.requests.cpu.millis(), 500);
    assert_eq!(pod.template.requests.memory.get(), 1_000_000_000);
    let octal = text.replace("\"012\"", "012");
    let refusals = read_text("x", &octal).refusals;
    assert!(refusals[0].contains("metadata.labels.zero"), "{refusals:?}");
    assert!(refusals[0].contains("in quotes"), "{refusals:?}");
}

#[test]
fn the_last_of_two_alike_counts_and_unused_kinds_are_counted() {
    let text = "kind: Pod\nmetadata: {name: a}\nspec: {priority: 1, containers: []}\n---\n\
                kind: Pod\nmetadata: {name: a, namespace: default}\nspec: {priority: 2, containers: []}\n---\n\
                apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Service\n---\n\
                apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\n";
    let manifests = read_text("x", text);
    assert_eq!(
        manifests.warnings,
        [
            "x (document 2): Pod default/a is given again; this one counts",
            "1 object of kind NodePool of karpenter.sh/v1 not used in planning",
            "2 objects of kind Service of v1 not used in planning",
        ]
    );
    let [Fact::PodApplied(pod)] = &manifests.facts[..] else {
        panic!("one pod was expected");
    };
    assert_eq!(pod.template.priority, 2);
    assert!(!manifests.has_pools);
}

#[test]
fn facts_come_in_order_whatever_the_order_of_inputs() {
    let documents = [
        "kind: Pod\nmetadata: {name: a, creationTimestamp: \"1970-01-01T00:00:05Z\"}\nspec: {containers: []}\n",
        "kind: Node\nmetadata: {name: n}\n",
        "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: s}\nspec: {}\n",
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {selector: {}, template: {spec: {containers: []}}}\n",
        "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\nmetadata: {name: p}\nspec: {}\n",
    ];
    let forward = read_text("x", &documents.join("---\n"));
    let mut reversed = documents;
    reversed.reverse();
    let backward = read_text("x", &reversed.join("---\n"));
    assert_eq!(forward.refusals, [""; 0]);
    assert_eq!(
        format!("{:?}", forward.facts),
        format!("{:?}", backward.facts)
    );
    assert!(matches!(
        &forward.facts[..],
        [
            Fact::PoolApplied(_),
            Fact::DaemonApplied(_),
            Fact::NodeApplied(_),
            Fact::ShapeDeclared { .. },
            Fact::PodApplied(_),
        ]
    ));
    assert!(forward.has_pools);
    assert_eq!(forward.latest, Timestamp::from_millis(5000));
}

#[test]
fn a_bad_nodepool_counts_as_given() {
    let head = "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\nmetadata: {name: p}\n";
    let manifests = read_text("x", &format!("{head}spec: {{weight: -1}}\n"));
    assert!(manifests.has_pools);
    assert!(manifests.facts.is_empty());
    let start = "refused x (document 1) NodePool p: spec.weight";
    assert!(
        manifests.refusals[0].starts_with(start),
        "{:?}",
        manifests.refusals
    );
    let large = format!(
        "{head}spec: {{template: {{metadata: {{labels: {{a: {}}}}}}}}}\n",
        "x".repeat(1 << 20)
    );
    let refusals = read_text("x", &large).refusals;
    assert_eq!(refusals.len(), 1);
    assert!(refusals[0].len() < 300, "{}", refusals[0].len());
}

#[test]
fn files_folders_and_the_standard_input_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let pod =
        |name: &str| format!("kind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: []}}\n");
    for (file, text) in [
        ("b.yml", pod("b")),
        ("a.yaml", pod("a")),
        ("notes.txt", "no manifest".to_owned()),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("junk.bin"), [0x1f, 0x8b, 0xff, 0x00]).unwrap();
    let paths: Vec<PathBuf> = ["", "empty", "junk.bin", "missing.yaml"]
        .iter()
        .map(|name| folder.path().join(name))
        .chain([PathBuf::from("-")])
        .collect();
    let manifests = read(&paths, &mut Cursor::new(pod("from-stdin")));
    assert_eq!(
        pods(&manifests),
        ["default/a", "default/b", "default/from-stdin"]
    );
    let words = [
        "holds no .yaml",
        "is not UTF-8 text",
        "missing.yaml: cannot be read: ",
    ];
    assert_eq!(manifests.refusals.len(), 3, "{:?}", manifests.refusals);
    for (refusal, words) in manifests.refusals.iter().zip(words) {
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn a_text_cut_anywhere_is_read_as_far_as_it_goes() {
    for text in [
        include_str!("../../tests/manifests/mixed-stream.yaml"),
        include_str!("../../tests/manifests/running.json"),
    ] {
        for end in 0..text.len() {
            let manifests = read_text("x", &text[..end]);
            for line in &manifests.refusals {
                assert!(line.len() < 500 && !line.contains('\n'), "{end}: {line}");
            }
        }
    }
}

fn pods(manifests: &Manifests) -> Vec<String> {
    let pod = |fact: &Fact| match fact {
        Fact::PodApplied(Pod { id, .. }) => Some(id.to_string()),
        _ => None,
    };
    manifests.facts.iter().filter_map(pod).collect()
}

#[test]
fn a_pod_gets_the_number_of_its_priority_class_and_what_rules_name_is_read() {
    let text = "
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {priorityClassName: late, containers: [{name: c}]}}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: late}, value: -5, preemptionPolicy: Never}
---
{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {team: a}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {minAvailable: 1, selector: {}}}
";
    let given = read_text("text", text);
    assert_eq!((given.refusals, given.warnings), (Vec::new(), Vec::new()));
    let mut cluster = sparkwright::cluster::Cluster::default();
    for fact in given.facts {
        cluster.apply(&sparkwright::cluster::event::Event {
            at: given.latest,
            fact,
        });
    }
    let template = &cluster.pods["default/p"].template;
    assert_eq!(template.priority, -5);
    assert!(
        template
            .placement
            .as_ref()
            .is_some_and(|placement| placement.never_preempts)
    );
    assert_eq!(cluster.referents.namespaces["default"]["team"], "a");
    assert_eq!(cluster.referents.budgets.len(), 1);
}
