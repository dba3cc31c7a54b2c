use crate::{DataError, Dataset};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// Samples that were read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which samples, in their order.
    pub indices: Vec<usize>,
    /// Their numbers, one sample after the other.
    pub samples: Vec<f32>,
}

/// Reads batches on a thread of its own, while who asked for them does something else.
///
/// Batches come in the order in which they were asked for. Dropping it ends the thread, after the
/// batch that it is reading.
pub struct Prefetch {
    /// Batches to fill: the samples' numbers, and memory for them.
    asked: Option<Sender<Batch>>,
    filled: Receiver<Result<Batch, DataError>>,
    thread: Option<JoinHandle<()>>,
    /// Asked for and not taken.
    waiting: usize,
}

impl Prefetch {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] if the system gives no thread.
    pub fn start(dataset: Arc<dyn Dataset>) -> Result<Self, DataError> {
        let (asked, to_fill) = channel::<Batch>();
        let (give, filled) = channel();
        let read_all = move || {
            for mut batch in to_fill {
                let result = dataset.fill_batch(&batch.indices, &mut batch.samples);
                if give.send(result.map(|()| batch)).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("prefetch".to_owned()).spawn(read_all);
        let thread = thread.map_err(|source| DataError::Io {
            path: "prefetch".into(),
            doing: "start a thread",
            source,
        })?;
        Ok(Self { asked: Some(asked), filled, thread: Some(thread), waiting: 0 })
    }

    /// Asks for the samples `indices`, to be written to `memory`, which may be that of an earlier
    /// batch or empty.
    pub fn ask(&mut self, indices: Vec<usize>, memory: Vec<f32>) {
        if let Some(asked) = &self.asked {
            // Where the thread ended by a panic, `take` tells.
            let _ = asked.send(Batch { indices, samples: memory });
            self.waiting += 1;
        }
    }

    /// Waits for the oldest batch that was asked for and not taken; `None` if there is none.
    pub fn take(&mut self) -> Option<Result<Batch, DataError>> {
        self.waiting = self.waiting.checked_sub(1)?;
        Some(self.filled.recv().unwrap_or(Err(DataError::PrefetchStopped)))
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // Without a sender the thread's list of batches ends.
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            // A panic there is told as `PrefetchStopped`.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetch").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
