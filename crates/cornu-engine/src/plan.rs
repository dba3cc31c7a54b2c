//! What is decided before the first run: steps, and where each value lies.

use std::ops::Range;
use std::sync::Arc;

use cornu_tensor::Shape;

use crate::bind::Kernel;
use crate::combine::Combine;
use crate::layouts::Layout;

/// Position of a buffer in [`Plan::buffers`].
pub(crate) type BufferId = usize;

/// A value as it lies in memory. One value of the graph may have several, in different layouts.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    /// For dumps: the value's number in the simplified graph, or what is made from it.
    pub(crate) name: String,
    /// Shape of the value.
    pub(crate) shape: Shape,
    /// Order of its elements.
    pub(crate) layout: Layout,
    /// Elements: of one sample, if the value belongs to the samples, else in all.
    pub(crate) len: usize,
    /// Where it is kept.
    pub(crate) home: Home,
}

/// Where a value is kept. A thread that works on a chunk of samples writes only to memory that
/// is its own (`Worker`) or belongs to the slot it works on (its part of `Kept`, accumulators).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// Fed for the run.
    Input(usize),
    /// A variable of the graph. The step that computes its next value may write it there.
    Variable(usize),
    /// Known when the plan is made.
    Constant(usize),
    /// One for all samples.
    Shared(usize),
    /// For the samples of one chunk, reused by later values and later chunks.
    Worker(usize),
    /// For all samples of the batch, because a later phase or the caller reads it.
    Kept(usize),
}

/// One kernel call.
#[derive(Debug)]
pub(crate) struct Step {
    /// What is done.
    pub(crate) kernel: Box<dyn Kernel>,
    /// What is read.
    pub(crate) inputs: Vec<BufferId>,
    /// What is overwritten.
    pub(crate) outputs: Vec<BufferId>,
    /// The slot's accumulator that is added to.
    pub(crate) accumulator: Option<usize>,
    /// Where the outputs are cut for several threads: the ends of the parts, in elements. Empty if
    /// one thread does it all.
    pub(crate) parts: Vec<usize>,
    /// The layer it comes from.
    pub(crate) scope: Arc<str>,
}

/// Shared steps of which none waits for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// Positions in [`Phase::shared`].
    pub(crate) steps: Range<usize>,
    /// Whether there is enough to do for several threads.
    pub(crate) parallel: bool,
}

/// Where a value of all samples is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Elements before it, per sample: in a run, the value of all samples begins at `start` times
    /// the number of samples.
    pub(crate) start: usize,
    /// Elements per sample.
    pub(crate) len: usize,
    /// Phases that write or read it.
    pub(crate) phases: Range<usize>,
}

/// What the samples of a slot are summed up in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Accumulator {
    /// Elements.
    pub(crate) len: usize,
    /// What they hold before the first sample.
    pub(crate) start: f32,
    /// Position in [`Plan::accumulator_pieces`].
    pub(crate) piece: usize,
}

/// Work between two points at which all samples must be done.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    /// Once, before the samples. May read what earlier phases kept, of all samples at once.
    pub(crate) shared: Vec<Step>,
    /// The shared steps, in order.
    pub(crate) regions: Vec<Region>,
    /// For each chunk of samples, one step after the other.
    pub(crate) samples: Vec<Step>,
    /// What is combined over the slots at the end.
    pub(crate) reductions: Vec<Reduction>,
}

/// A value that is accumulated over the samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reduction {
    /// Position in [`Plan::accumulators`].
    pub(crate) accumulator: usize,
    /// The [`Home::Shared`] buffer that gets the result.
    pub(crate) result: BufferId,
    /// How two partial results become one.
    pub(crate) combine: Combine,
}

/// All that a run follows.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// All values.
    pub(crate) buffers: Vec<Buffer>,
    /// In order.
    pub(crate) phases: Vec<Phase>,
    /// Names and shapes of what is fed.
    pub(crate) inputs: Vec<(String, Shape)>,
    /// Values of [`Home::Constant`].
    pub(crate) constants: Vec<Vec<f32>>,
    /// Results, in the order of the graph's outputs.
    pub(crate) outputs: Vec<BufferId>,
    /// Variable of the graph, and the buffer that it is set to at the end.
    pub(crate) updates: Vec<(usize, BufferId)>,
    /// Elements of each [`Home::Shared`] buffer.
    pub(crate) shared: Vec<usize>,
    /// Elements per sample of each [`Home::Worker`] buffer.
    pub(crate) worker: Vec<usize>,
    /// Each [`Home::Kept`] buffer.
    pub(crate) kept: Vec<Kept>,
    /// One for each reduction.
    pub(crate) accumulators: Vec<Accumulator>,
    /// Elements of a slot's memory for accumulators, piece by piece.
    pub(crate) accumulator_pieces: Vec<usize>,
    /// Shared buffers that hold the number of samples.
    pub(crate) batch_sizes: Vec<usize>,
    /// Whether random numbers are drawn that all samples share.
    pub(crate) draws_shared_numbers: bool,
}

impl Plan {
    /// Elements that one sample needs in a worker's buffers.
    pub(crate) fn worker_len(&self) -> usize {
        self.worker.iter().sum()
    }

    /// Whether a step reads values of samples.
    pub(crate) fn reads_samples(&self, step: &Step) -> bool {
        step.inputs.iter().any(|&id| self.buffers[id].shape.is_batched())
    }

    /// Elements of scratch memory that a thread needs, for chunks of `chunk` of `batch` samples.
    pub(crate) fn scratch_len(&self, chunk: usize, batch: usize) -> usize {
        let lens = self.phases.iter().flat_map(|phase| {
            let shared = phase.shared.iter().map(|step| {
                step.kernel.scratch_len(if self.reads_samples(step) { batch } else { 1 })
            });
            shared.chain(phase.samples.iter().map(|step| step.kernel.scratch_len(chunk)))
        });
        lens.max().unwrap_or(0)
    }

    /// Elements of one slot's accumulators.
    pub(crate) fn accumulators_len(&self) -> usize {
        self.accumulator_pieces.iter().sum()
    }

    /// The kept buffers that `phase` writes or reads, in the order in which they lie.
    pub(crate) fn kept_in(&self, phase: usize) -> Vec<usize> {
        let is_used = |&index: &usize| self.kept[index].phases.contains(&phase);
        let mut used: Vec<usize> = (0..self.kept.len()).filter(is_used).collect();
        used.sort_by_key(|&index| (self.kept[index].start, self.kept[index].len));
        used
    }

    /// Elements of one sample that are kept.
    pub(crate) fn kept_len(&self) -> usize {
        self.kept.iter().map(|kept| kept.start + kept.len).max().unwrap_or(0)
    }

    /// Whether the shared steps of the first phase give the same as long as the variables do.
    pub(crate) fn is_steady(&self) -> bool {
        let reads_only_variables = self.phases.first().is_none_or(|phase| {
            phase
                .shared
                .iter()
                .flat_map(|step| &step.inputs)
                .all(|&id| !matches!(self.buffers[id].home, Home::Input(_)))
        });
        reads_only_variables && !self.draws_shared_numbers && self.batch_sizes.is_empty()
    }
}
