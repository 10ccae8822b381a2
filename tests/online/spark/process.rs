//! A container's program as a process of this machine: its signals, and how it ended. It is killed when it
//! is dropped, and by the system when the thread that started it is gone.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::container::Program;

/// A running program.
pub struct Process {
    child: Child,
    id: Pid,
}

impl Process {
    /// Starts a program in its folder, in a process group of its own, with its output in `log`.
    pub fn start(program: &Program) -> io::Result<Self> {
        let log = File::create(program.folder.join("log"))?;
        // The system's own signal: a test that is killed leaves no Spark behind.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .args(&program.command)
            .env_clear()
            .envs(&program.environment)
            .current_dir(&program.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let id = Pid::from_child(&child);
        Ok(Process { child, id })
    }

    /// Sends the program a signal. One that has ended takes none.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.id, signal);
    }

    /// Its exit code as a shell tells it, once it has ended: a signal's number and 128.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().ok()??;
        let by_signal = status.signal().map(|signal| 128 + signal);
        status.code().or(by_signal)
    }

    /// Ends it and what it has started, without a word.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = kill_process_group(self.id, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
