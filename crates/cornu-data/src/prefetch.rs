use crate::{DataError, Dataset};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Samples that were read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which samples, in their order.
    pub indices: Vec<usize>,
    /// Their numbers, one sample after the other.
    pub samples: Vec<f32>,
}

/// Reads batches on a thread of its own, ahead of who takes them.
///
/// An iterator of the batches in their order. At most `ahead` finished batches wait, besides the one
/// being read and those taken; [`Prefetch::give_back`] lets their memory be used again. The first
/// error is the last item. Dropping it ends the thread.
pub struct Prefetch {
    batches: Option<Receiver<Result<Batch, DataError>>>,
    given_back: Sender<Vec<f32>>,
    thread: Option<JoinHandle<()>>,
    left: usize,
}

impl Prefetch {
    /// Starts to read the samples `order` in batches of `batch_size` (at least 1; the last one may
    /// be smaller).
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] if the system gives no thread.
    pub fn start(
        dataset: Arc<dyn Dataset>,
        order: &[usize],
        batch_size: usize,
        ahead: usize,
    ) -> Result<Self, DataError> {
        let batches: Vec<Vec<usize>> = order.chunks(batch_size.max(1)).map(<[_]>::to_vec).collect();
        let left = batches.len();
        // The thread holds one finished batch while the channel is full.
        let (send, receive) = sync_channel(ahead.saturating_sub(1));
        let (given_back, buffers) = channel();
        let thread = thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(move || read_all(dataset.as_ref(), batches, &buffers, &send))
            .map_err(|source| DataError::Io {
                path: "prefetch".into(),
                doing: "start a thread",
                source,
            })?;
        Ok(Self { batches: Some(receive), given_back, thread: Some(thread), left })
    }

    /// Takes a batch's memory for later ones.
    pub fn give_back(&self, batch: Batch) {
        // Once the thread has read all it needs no more memory, and nobody listens.
        let _ = self.given_back.send(batch.samples);
    }
}

fn read_all(
    dataset: &dyn Dataset,
    batches: Vec<Vec<usize>>,
    buffers: &Receiver<Vec<f32>>,
    send: &SyncSender<Result<Batch, DataError>>,
) {
    for indices in batches {
        let mut samples = buffers.try_recv().unwrap_or_default();
        let result = dataset.fill_batch(&indices, &mut samples);
        let failed = result.is_err();
        let gone = send.send(result.map(|()| Batch { indices, samples })).is_err();
        if failed || gone {
            return;
        }
    }
}

impl Iterator for Prefetch {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let received = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        let item = received.unwrap_or(Err(DataError::PrefetchStopped));
        self.left = if item.is_ok() { self.left - 1 } else { 0 };
        Some(item)
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, which ends it.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported as `PrefetchStopped`.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetch").field("left", &self.left).finish_non_exhaustive()
    }
}
