//! The stream to files: what a controller is told and what it decides, for a replay (docs/recorded-stream.md).
//! Never holds up the loop: entries go through a queue to a thread of their own, and what finds it full
//! is counted, marked in the stream and followed by a file that begins with all that is known.

mod folder;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::{io, thread};

use crate::cluster::Cluster;
use crate::cluster::event::Event;
use crate::model::time::Timestamp;
use crate::plan::Plan;
use crate::stream::{Entry, Round};

use folder::Folder;

/// Entries between the loop and the writer: some seconds of the busiest cluster, and the memory of
/// as many events.
const QUEUE: usize = 65_536;

/// Where and how much is written.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The folder; made where it is not there.
    pub folder: PathBuf,
    /// A file is ended at this size.
    pub file_bytes: u64,
    /// Files that are kept, the oldest going first; at least 2.
    pub files: usize,
    /// Entries that wait for the writer at most.
    pub queue: usize,
}

impl RecordOptions {
    /// The folder, with the sizes that docs/recorded-stream.md names.
    pub fn to(folder: PathBuf) -> Self {
        RecordOptions {
            folder,
            file_bytes: 64 << 20,
            files: 16,
            queue: QUEUE,
        }
    }
}

/// What has become of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Entries written.
    pub written: u64,
    /// Entries that found the queue full, or no file to be written to.
    pub lost: u64,
    /// The last thing that went wrong with a file.
    pub problem: Option<String>,
}

/// What the loop and the writer both know.
#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    lost: AtomicU64,
    /// The writer wants all that is known, to begin a file with.
    wants_all: AtomicBool,
    problem: Mutex<Option<String>>,
}

/// The loop's end of a recording.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<Entry>>,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    /// Left out since the last entry that found room.
    missing: u64,
}

impl Recorder {
    /// Begins a recording of a controller that knows this much.
    ///
    /// # Errors
    /// Where the folder or its first file cannot be made.
    pub fn start(
        options: RecordOptions,
        now: Timestamp,
        cluster: &Cluster,
    ) -> io::Result<Recorder> {
        let (queue, entries) = sync_channel(options.queue.max(1));
        let mut folder = Folder::open(options)?;
        folder.begin(now, cluster.snapshot())?;
        let shared = Arc::new(Shared::default());
        let told = shared.clone();
        let writer = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || write(&entries, &mut folder, &told))?;
        Ok(Recorder {
            queue: Some(queue),
            shared,
            writer: Some(writer),
            missing: 0,
        })
    }

    /// To be called with every event, before it is folded or after.
    pub fn event(&mut self, event: &Event) {
        self.send(|| Entry::Event(event.clone()));
    }

    /// To be called with every look, before its effects come back as events. Where the writer has asked
    /// for it, all that is known follows, at the cost of a copy.
    pub fn round(&mut self, now: Timestamp, cluster: &Cluster, plan: &Arc<Plan>) {
        let plan = plan.clone();
        self.send(|| Entry::Round(Round { now, plan }));
        if self.missing == 0 && self.shared.wants_all.swap(false, Ordering::Relaxed) {
            let known = self.send(|| Entry::Known(cluster.snapshot().into()));
            self.shared.wants_all.fetch_or(!known, Ordering::Relaxed);
        }
    }

    /// What has become of it so far.
    pub fn recorded(&self) -> Recorded {
        let problem = self.shared.problem.lock();
        Recorded {
            written: self.shared.written.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
            problem: problem.map_or(None, |problem| problem.clone()),
        }
    }

    /// Ends the recording; waits until what is in the queue is written.
    pub fn finish(mut self) -> Recorded {
        self.end();
        self.recorded()
    }

    /// False where there was no room. The entry is made only where something can take it.
    fn send(&mut self, entry: impl FnOnce() -> Entry) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        if self.missing > 0 && queue.try_send(Entry::Gap(self.missing)).is_ok() {
            self.missing = 0;
        }
        let sent = self.missing == 0 && queue.try_send(entry()).is_ok();
        if !sent {
            self.missing += 1;
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.wants_all.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn end(&mut self) {
        if let Some(queue) = self.queue.take().filter(|_| self.missing > 0) {
            // The writer takes what is in the queue, so there will be room; gone, it needs no mark.
            let _ = queue.send(Entry::Gap(std::mem::take(&mut self.missing)));
        }
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told the standard error; there is nothing left to wait for.
            let _ = writer.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes what comes until the loop is gone. After a failure entries are lost until all that is known
/// can begin another file.
fn write(entries: &Receiver<Entry>, folder: &mut Folder, shared: &Shared) {
    let mut now = Timestamp::ZERO;
    while let Some(entry) = next(entries, folder) {
        now = moment(&entry).unwrap_or(now);
        let written = match entry {
            Entry::Known(snapshot) => folder.begin(now, *snapshot).map(|()| true),
            entry => folder.write(entry),
        };
        match written {
            Ok(true) => shared.written.fetch_add(1, Ordering::Relaxed),
            Ok(false) => shared.lost.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                if let Ok(mut problem) = shared.problem.lock() {
                    *problem = Some(error.to_string());
                }
                shared.lost.fetch_add(1, Ordering::Relaxed)
            }
        };
        if folder.wants_next(now) {
            shared.wants_all.store(true, Ordering::Relaxed);
        }
    }
    if let Err(error) = folder.flush()
        && let Ok(mut problem) = shared.problem.lock()
    {
        *problem = Some(error.to_string());
    }
}

/// The next entry; what is written reaches the file whenever there is nothing to do.
fn next(entries: &Receiver<Entry>, folder: &mut Folder) -> Option<Entry> {
    if let Ok(entry) = entries.try_recv() {
        return Some(entry);
    }
    folder.settle();
    entries.recv().ok()
}

fn moment(entry: &Entry) -> Option<Timestamp> {
    match entry {
        Entry::Event(event) => Some(event.at),
        Entry::Round(round) => Some(round.now),
        Entry::Begun(_) | Entry::Known(_) | Entry::Gap(_) => None,
    }
}

#[cfg(test)]
mod tests;
