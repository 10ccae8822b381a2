//! One program of the control plane as a child process: its log, whether it lives, its end. The child ends
//! by itself when its standard input does, so it never outlives this process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to end after it was asked to, by closing its input.
const PATIENCE: Duration = Duration::from_secs(10);
/// Lines of a log that are shown when its program has failed.
const SHOWN: usize = 8;

/// A running program.
pub struct Process {
    /// Its name, which is the binary's first argument.
    pub name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with its output in `folder/name.log`.
    pub fn start(
        binary: &Path,
        name: &'static str,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self, String> {
        Self::start_with(binary, name, arguments, folder, &[])
    }

    /// As [`Self::start`], with environment variables beside this process' own.
    pub fn start_with(
        binary: &Path,
        name: &'static str,
        arguments: &[String],
        folder: &Path,
        environment: &[(&str, String)],
    ) -> Result<Self, String> {
        let log = folder.join(format!("{name}.log"));
        let fault = |error| format!("start {name}: {error}");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(fault)?;
        let mut command = Command::new(binary);
        command
            .arg(name)
            .args(arguments)
            .current_dir(folder)
            .env("HOME", folder)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(file.try_clone().map_err(fault)?)
            .stderr(file);
        if name == "etcd" {
            command.env("SPARKWRIGHT_TESTBED_REMOVE", folder);
        }
        let child = command.spawn().map_err(fault)?;
        Ok(Process { name, child, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log where it has ended.
    pub fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} ended: {status}\n{}", self.name, self.tail())),
            Err(error) => Err(format!("watch {}: {error}", self.name)),
        }
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        // Killed by its handle, so never a stranger that got the same id.
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}
