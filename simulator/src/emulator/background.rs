//! An emulator on a thread of its own, for programs that need one beside them: it ends with its handle.
//! It is the command itself but for its end.

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::args::{EmulatorArgs, EmulatorError};
use super::host;

/// A running emulator.
#[derive(Debug)]
pub struct Background {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), EmulatorError>>>,
}

impl Background {
    /// Starts one, and returns when it can be asked.
    ///
    /// # Errors
    /// As [`super::run`].
    ///
    /// # Panics
    /// If its thread does.
    pub fn start(args: EmulatorArgs) -> Result<Self, EmulatorError> {
        let (ready, address) = sync_channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let tell = |address| {
                // Whoever started it waits for this.
                let _ = ready.send(address);
                Ok(())
            };
            host(&args, tell, async { drop(stopped.await) })
        });
        match address.recv() {
            Ok(address) => Ok(Background {
                address,
                stop: Some(stop),
                thread: Some(thread),
            }),
            Err(_) => match thread.join().expect("the emulator does not panic") {
                Err(error) => Err(error),
                Ok(()) => unreachable!("it serves until it is stopped"),
            },
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What went wrong inside was told to those who asked.
            drop(thread.join());
        }
    }
}
