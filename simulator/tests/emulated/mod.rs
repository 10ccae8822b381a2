//! An emulator of its own for a test: on a free port, its clock standing until the test moves it. It ends
//! with the test.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use sparkwright_sim::emulator::{Background, EmulatorArgs};
use tempfile::TempDir;

/// A running emulator.
pub struct Emulated {
    _running: Background,
    /// `127.0.0.1:4599`.
    pub address: String,
    _folder: TempDir,
}

/// Nothing goes wrong by itself: answers at once, running after 5 s, ready 40 s later, gone 30 s after its
/// termination.
pub const CALM: &str =
    "delays: {answer: 0s, launch: 5s, boot: 40s, shutdown: 30s}\ninterruptions: {rate: 0}\n";
/// Instances are found at once, and calls are not throttled.
pub const PLAIN: &str = "describeLag: {p50: 0s, p99: 0s}\nthrottling: false\n";

impl Emulated {
    /// Starts one with a world and a script.
    pub fn start(world: &str, script: &str, more: &[&str]) -> Emulated {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| -> String {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (world, script) = (file("world.yaml", world), file("script.yaml", script));
        let mut flags = vec![
            "--port=0", "--seed=7", "--world", &world, "--script", &script,
        ];
        flags.extend(Some("--clock=standing").filter(|_| !more.contains(&"--clock=running")));
        flags.extend(more);
        let running = Background::start(EmulatorArgs::from_flags(&flags).unwrap()).unwrap();
        Emulated {
            address: running.address().to_string(),
            _running: running,
            _folder: folder,
        }
    }

    /// Time passes.
    pub fn advance(&self, by: &str) {
        let (status, body) = self.http("POST", &format!("/_emulator/clock?advance={by}"), &[], "");
        assert_eq!(status, 200, "{body}");
    }

    /// Something happens to an instance.
    pub fn upset(&self, what: &str, instance: &str) -> Value {
        let body = serde_json::json!({"instances": [instance]}).to_string();
        let (status, body) = self.http("POST", &format!("/_emulator/{what}"), &[], &body);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The calls so far: action and code, empty where it was answered.
    pub fn calls(&self) -> Vec<(String, String)> {
        let (_, body) = self.http("GET", "/_emulator/calls", &[], "");
        let entries = body
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        entries
            .map(|entry| (text(&entry["action"]), text(&entry["code"])))
            .collect()
    }

    /// A request of HTTP/1.1 and its answer; status 0 where the connection was closed without one.
    pub fn http(&self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let headers: String = headers
            .iter()
            .map(|header| format!("{header}\r\n"))
            .collect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}",
            self.address
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_default();
        let answer = String::from_utf8(answer).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            return (0, String::new());
        };
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }
}
