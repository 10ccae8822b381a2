//! `sparkwright-sim emulate-ec2` as a caller without an SDK sees it: what it refuses, what its script does
//! to calls, its log, its clock, and the nodes of instances that join a cluster.
#![expect(
    clippy::unwrap_used,
    reason = "what a test asks with ends the test where it fails"
)]

#[path = "../emulated/mod.rs"]
mod emulated;
mod join;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use emulated::{CALM, Emulated, PLAIN};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn requests_that_ec2_would_refuse_are_refused_with_its_codes() {
    let ec2 = Emulated::start(CALM, PLAIN, &[]);
    for (body, status, code) in [
        ("Action=DescribeSubnets&Version=2016-11-15", 200, ""),
        ("Version=2016-11-15", 400, "MissingParameter"),
        ("Action=DescribeSubnets", 400, "MissingParameter"),
        (
            "Action=DescribeSubnets&Version=2015-01-01",
            400,
            "InvalidAction",
        ),
        ("Action=Describe&Version=2016-11-15", 400, "InvalidAction"),
        (
            "Action=DescribeSubnets&Version=2016-11-15&Subnet.1=a",
            400,
            "UnknownParameter",
        ),
        (
            "Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=a",
            400,
            "InvalidSubnetID.NotFound",
        ),
        (
            "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=colour&Filter.1.Value.1=red",
            400,
            "InvalidParameterValue",
        ),
        (
            "Action=DescribeInstances&Version=2016-11-15&MaxResults=4",
            400,
            "InvalidParameterValue",
        ),
        (
            "Action=DescribeInstances&Version=2016-11-15&MaxResults=5&InstanceId.1=i-00000000000000000",
            400,
            "InvalidInstanceID.NotFound",
        ),
        (
            "Action=TerminateInstances&Version=2016-11-15",
            400,
            "MissingParameter",
        ),
        (
            "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=x",
            400,
            "InvalidInstanceID.Malformed",
        ),
        (
            "Action=DescribeSubnets&Version=2016-11-15&DryRun=true",
            412,
            "DryRunOperation",
        ),
        (
            "Action=DescribeSubnets&Version=2016-11-15&DryRun=maybe",
            400,
            "InvalidParameterValue",
        ),
    ] {
        let (found, answer) = ask(&ec2, "ec2", body);
        assert_eq!(found, status, "{body}: {answer}");
        assert!(
            answer.contains(&format!("<Code>{code}</Code>")) || status == 200,
            "{body}: {answer}"
        );
    }
}

#[test]
fn a_request_without_a_signature_for_this_region_and_service_is_refused() {
    let ec2 = Emulated::start(CALM, PLAIN, &[]);
    let body = "Action=DescribeSubnets&Version=2016-11-15";
    let (status, answer) = ec2.http("POST", "/", &[FORM], body);
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("MissingAuthenticationToken"), "{answer}");
    let (status, answer) = ask(&ec2, "sqs", body);
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("AuthFailure"), "{answer}");
}

#[test]
fn the_script_strikes_the_calls_that_it_names_and_the_log_says_so() {
    let script = format!(
        "{PLAIN}faults:\n- {{action: DescribeSubnets, calls: [2], do: error, code: InternalError}}\n\
         - {{action: DescribeSubnets, calls: [3], do: drop}}\n\
         - {{action: DescribeSubnets, calls: [4], do: lose-answer}}\n\
         - {{action: \"*\", from: 1m, to: 2m, do: error, code: Unavailable, status: 503}}\n"
    );
    let ec2 = Emulated::start(CALM, &script, &[]);
    let body = "Action=DescribeSubnets&Version=2016-11-15";
    let statuses: Vec<u16> = (0..5).map(|_| ask(&ec2, "ec2", body).0).collect();
    assert_eq!(statuses, [200, 500, 0, 0, 200]);
    ec2.advance("90s");
    assert_eq!(
        ask(&ec2, "ec2", "Action=DescribeImages&Version=2016-11-15").0,
        503
    );
    ec2.advance("31s");
    assert_eq!(ask(&ec2, "ec2", body).0, 200);
    let (_, log) = ec2.http("GET", "/_emulator/calls?after=1", &[], "");
    let faults: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["fault"].clone())
        .collect();
    let names: Vec<&str> = faults
        .iter()
        .map(|fault| fault.as_str().unwrap_or(""))
        .collect();
    assert_eq!(names, ["error", "drop", "lose-answer", "", "error", ""]);
}

#[test]
fn a_clock_that_runs_cannot_be_moved_and_one_that_stands_does_not_run() {
    let ec2 = Emulated::start(CALM, PLAIN, &[]);
    assert_eq!(
        ec2.http("GET", "/_emulator/clock", &[], "").1,
        "{\"millis\":0}"
    );
    ec2.advance("90s");
    assert_eq!(
        ec2.http("GET", "/_emulator/clock", &[], "").1,
        "{\"millis\":90000}"
    );
    assert_eq!(
        ec2.http("POST", "/_emulator/clock?advance=soon", &[], "").0,
        400
    );
    assert_eq!(ec2.http("GET", "/_emulator/weather", &[], "").0, 404);
    let running = Emulated::start(CALM, PLAIN, &["--clock=running"]);
    assert_eq!(
        running
            .http("POST", "/_emulator/clock?advance=1s", &[], "")
            .0,
        400
    );
}

#[test]
fn the_command_says_where_it_serves() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .args(["emulate-ec2", "--port", "0", "--speed", "100"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(command.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim()
        .strip_prefix("serving EC2, SQS, SSM, Pricing and STS on http://");
    let reached = address.map(TcpStream::connect);
    command.kill().unwrap();
    command.wait().unwrap();
    assert!(matches!(reached, Some(Ok(_))), "{line:?}");
}

#[test]
fn bad_arguments_and_files_are_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.yaml");
    std::fs::write(&script, "faults:\n- {action: CreateFleet, do: explode}\n").unwrap();
    let script = script.to_str().unwrap();
    for (arguments, named) in [
        (&["--script", script][..], "line 2: faults[0].do"),
        (
            &["--script", "/nowhere/script.yaml"],
            "/nowhere/script.yaml",
        ),
        (&["--world", "/nowhere/world.yaml"], "/nowhere/world.yaml"),
        (&["--speed", "0"], "--speed"),
        (&["--region", "mars-1"], "mars-1"),
        (&["--kubeconfig", "/nowhere/config"], "--kubeconfig"),
    ] {
        let run = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
            .args(["emulate-ec2", "--port", "0"])
            .args(arguments)
            .output()
            .unwrap();
        let problem = String::from_utf8(run.stderr).unwrap();
        assert!(
            !run.status.success() && problem.contains(named),
            "{arguments:?}: {problem}"
        );
        assert_eq!(run.stdout, b"", "{arguments:?}");
    }
}

/// Asks a service with a signature that is not verified.
pub fn ask(ec2: &Emulated, service: &str, body: &str) -> (u16, String) {
    let hash = "0".repeat(64);
    let signature = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature={hash}"
    );
    ec2.http("POST", "/", &[FORM, &signature], body)
}
