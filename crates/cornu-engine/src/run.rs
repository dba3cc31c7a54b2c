//! Follows a plan. Nothing is decided here.

use cornu_kernels::threads::{FlushDenormals, Pool};
use cornu_kernels::{AlignedBuf, Isa, OutOfMemory};
use cornu_tensor::Tensor;

use crate::bind::{Call, Moment};
use crate::combine::Combine;
use crate::memory_limit::check_memory;
use crate::plan::{Home, Plan, Step};
use crate::profile::{self, Clock, StepProfile};
use crate::schedule::Schedule;
use crate::variables::Variables;
use crate::{EngineError, Options};

/// Memory and threads of a plan.
#[derive(Debug)]
pub(crate) struct Machine {
    isa: Isa,
    pool: Pool,
    shared: Vec<AlignedBuf>,
    scratch: AlignedBuf,
    workers: Vec<Worker>,
    slots: Vec<Slot>,
    /// What memory is laid out for.
    schedule: Schedule,
    /// Times of the shared steps; empty unless times are taken.
    clocks: Vec<Clock>,
    /// Most bytes of a run.
    memory: Option<u64>,
}

/// What one thread writes to.
#[derive(Debug, Default)]
struct Worker {
    buffers: Vec<AlignedBuf>,
    scratch: AlignedBuf,
    /// Times of the steps; empty unless times are taken.
    clocks: Vec<Clock>,
}

/// A fixed part of the batch: its samples, whichever thread computes them.
#[derive(Debug, Default)]
struct Slot {
    first_sample: usize,
    samples: usize,
    buffers: Vec<AlignedBuf>,
    accumulators: Vec<AlignedBuf>,
}

/// What a run reads but never writes.
struct Given<'a> {
    plan: &'a Plan,
    isa: Isa,
    inputs: &'a [&'a [f32]],
    variables: &'a Variables,
    binding: &'a [usize],
    moment: Moment,
    chunk: usize,
}

impl Machine {
    /// Memory for what all samples share.
    pub(crate) fn new(options: &Options, plan: &Plan) -> Result<Self, EngineError> {
        let what = || "what all samples share".to_owned();
        let bytes = plan.bytes(&Schedule::default(), 0);
        check_memory(what, bytes, options.memory)?;
        let refused = |_| EngineError::Memory { what: what(), bytes, limit: None };
        let threads = options.threads;
        Ok(Self {
            isa: options.isa,
            pool: if threads == 1 { Pool::serial() } else { Pool::new(threads) },
            shared: buffers(plan.shared.iter().copied()).map_err(refused)?,
            scratch: AlignedBuf::try_new(plan.shared_scratch()).map_err(refused)?,
            workers: Vec::new(),
            slots: Vec::new(),
            schedule: Schedule::default(),
            clocks: Vec::new(),
            memory: options.memory,
        })
    }

    /// Takes the time of every step from now on.
    pub(crate) fn start_profile(&mut self, plan: &Plan) {
        self.clocks = vec![Clock::default(); profile::count(plan)];
        for worker in &mut self.workers {
            worker.clocks.clone_from(&self.clocks);
        }
    }

    /// Times since [`Machine::start_profile`]; takes no more.
    pub(crate) fn take_profile(&mut self, plan: &Plan) -> Vec<StepProfile> {
        let mut clocks = vec![std::mem::take(&mut self.clocks)];
        clocks.extend(self.workers.iter_mut().map(|worker| std::mem::take(&mut worker.clocks)));
        profile::collect(plan, &clocks)
    }

    /// Instructions that kernels use.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Threads that share a run.
    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Runs `plan` and gives its outputs. `shared_is_current` says that the first phase's shared
    /// steps need not be repeated.
    pub(crate) fn run(
        &mut self,
        plan: &Plan,
        inputs: &[&[f32]],
        variables: &mut Variables,
        binding: &[usize],
        moment: Moment,
        shared_is_current: bool,
    ) -> Result<Vec<Tensor>, EngineError> {
        // Shared steps run on the calling thread: tiny moments of dead weights must not slow it.
        let _flush = FlushDenormals::new();
        self.prepare(plan, moment.batch)?;
        for &buffer in &plan.batch_sizes {
            self.shared[buffer][0] = moment.batch as f32;
        }
        let chunk = self.schedule.chunk;
        let given = Given { plan, isa: self.isa, inputs, variables, binding, moment, chunk };
        for (index, phase) in plan.phases.iter().enumerate() {
            if 0 < index || !shared_is_current {
                let first = profile::first_step(plan, index, false);
                for (number, step) in (first..).zip(&phase.shared) {
                    Clock::time(self.clocks.get_mut(number), 1, || {
                        run_shared(&given, step, &mut self.shared, &mut self.scratch);
                    });
                }
            }
            if phase.samples.is_empty() {
                continue;
            }
            for slot in &mut self.slots {
                for reduction in &phase.reductions {
                    let (_, start) = plan.accumulators[reduction.accumulator];
                    slot.accumulators[reduction.accumulator].fill(start);
                }
            }
            let shared = &self.shared;
            let first = profile::first_step(plan, index, true);
            self.pool.for_each(&mut self.workers, &mut self.slots, |worker, _, slot| {
                run_slot(&given, &phase.samples, first, shared, worker, slot);
            });
            for reduction in &phase.reductions {
                let Home::Shared(result) = plan.buffers[reduction.result].home else { continue };
                combine(&mut self.slots, reduction.accumulator, reduction.combine);
                match self.slots.first() {
                    Some(slot) => reduction.combine.finish(
                        &mut self.shared[result],
                        &slot.accumulators[reduction.accumulator],
                    ),
                    None => self.shared[result].fill(reduction.combine.start()),
                }
            }
        }
        let outputs = self.outputs(&given)?;
        self.update(plan, variables, binding);
        Ok(outputs)
    }

    /// Lays out memory for `batch` samples.
    fn prepare(&mut self, plan: &Plan, batch: usize) -> Result<(), EngineError> {
        let schedule = Schedule::new(plan, batch);
        if schedule == self.schedule && !self.workers.is_empty() {
            return Ok(());
        }
        let bytes = plan.bytes(&schedule, self.threads());
        check_memory(|| batch_text(batch), bytes, self.memory)?;
        self.lay_out(plan, schedule).map_err(|_| {
            // What was had is of no use, and the next run begins anew.
            self.workers.clear();
            self.slots.clear();
            EngineError::Memory { what: batch_text(batch), bytes, limit: None }
        })
    }

    fn lay_out(&mut self, plan: &Plan, schedule: Schedule) -> Result<(), OutOfMemory> {
        if self.workers.is_empty() || schedule.chunk != self.schedule.chunk {
            let scratch = plan.sample_scratch(schedule.chunk);
            self.workers.clear();
            for _ in 0..self.pool.threads() {
                self.workers.push(Worker {
                    buffers: buffers(plan.worker.iter().map(|len| len * schedule.chunk))?,
                    scratch: AlignedBuf::try_new(scratch)?,
                    clocks: vec![Clock::default(); self.clocks.len()],
                });
            }
        }
        self.slots.resize_with(schedule.slots.len(), Slot::default);
        for (slot, samples) in self.slots.iter_mut().zip(&schedule.slots) {
            slot.first_sample = samples.start;
            slot.samples = samples.len();
            let fits = slot.buffers.len() == plan.slot.len()
                && slot
                    .buffers
                    .iter()
                    .zip(&plan.slot)
                    .all(|(buffer, len)| len * samples.len() <= buffer.len());
            if !fits {
                // The old ones are given back first: both together may be too much.
                slot.buffers.clear();
                slot.buffers = buffers(plan.slot.iter().map(|len| len * samples.len()))?;
            }
            if slot.accumulators.is_empty() {
                slot.accumulators = buffers(plan.accumulators.iter().map(|&(len, _)| len))?;
            }
        }
        self.schedule = schedule;
        Ok(())
    }

    fn outputs(&self, given: &Given<'_>) -> Result<Vec<Tensor>, EngineError> {
        given
            .plan
            .outputs
            .iter()
            .map(|&id| {
                let buffer = &given.plan.buffers[id];
                let dims = buffer.shape.sizes(given.moment.batch);
                let n: usize = dims.iter().product();
                let mut data = Vec::new();
                data.try_reserve_exact(n).map_err(|_| EngineError::Memory {
                    what: format!("the results of {}", batch_text(given.moment.batch)),
                    bytes: 4.0 * n as f64,
                    limit: None,
                })?;
                match buffer.home {
                    Home::Slot(index) => {
                        for slot in &self.slots {
                            data.extend_from_slice(
                                &slot.buffers[index][..buffer.len * slot.samples],
                            );
                        }
                    }
                    Home::Input(index) => data.extend_from_slice(given.inputs[index]),
                    Home::Worker(_) => unreachable!("results are kept beyond their phase"),
                    _ => data.extend_from_slice(given.shared(id, &self.shared)),
                }
                match Tensor::new(dims, data) {
                    Ok(tensor) => Ok(tensor),
                    Err(error) => unreachable!("a result fills its shape: {error}"),
                }
            })
            .collect()
    }

    fn update(&self, plan: &Plan, variables: &mut Variables, binding: &[usize]) {
        for &(variable, id) in &plan.updates {
            match plan.buffers[id].home {
                Home::Shared(index) => {
                    variables.data_mut(binding[variable]).copy_from_slice(&self.shared[index]);
                }
                Home::Constant(index) => {
                    variables.data_mut(binding[variable]).copy_from_slice(&plan.constants[index]);
                }
                Home::Variable(other) => {
                    let value = variables.get(binding[other]).clone();
                    variables.set(binding[variable], value);
                }
                Home::Input(_) | Home::Worker(_) | Home::Slot(_) => {
                    unreachable!("the graph's rules make a variable's update shared")
                }
            }
        }
    }
}

/// What memory for `samples` samples is wanted for.
pub(crate) fn batch_text(samples: usize) -> String {
    match samples {
        1 => "a batch of 1 sample with its activations".to_owned(),
        _ => format!("a batch of {samples} samples with their activations"),
    }
}

fn buffers(lens: impl Iterator<Item = usize>) -> Result<Vec<AlignedBuf>, OutOfMemory> {
    lens.map(AlignedBuf::try_new).collect()
}

impl<'a> Given<'a> {
    /// Elements of a value that is not the samples'.
    fn shared<'b>(&self, id: usize, shared: &'b [AlignedBuf]) -> &'b [f32]
    where
        'a: 'b,
    {
        match self.plan.buffers[id].home {
            Home::Shared(index) => &shared[index],
            Home::Variable(index) => self.variables.get(self.binding[index]).data(),
            Home::Constant(index) => &self.plan.constants[index],
            Home::Input(index) => self.inputs[index],
            Home::Worker(_) | Home::Slot(_) => unreachable!("a value of samples in shared work"),
        }
    }
}

fn run_shared(given: &Given<'_>, step: &Step, shared: &mut [AlignedBuf], scratch: &mut AlignedBuf) {
    let homes: Vec<usize> = step
        .outputs
        .iter()
        .map(|&id| match given.plan.buffers[id].home {
            Home::Shared(index) => index,
            _ => unreachable!("shared work makes shared values"),
        })
        .collect();
    let mut taken: Vec<AlignedBuf> =
        homes.iter().map(|&index| std::mem::take(&mut shared[index])).collect();
    let inputs: Vec<&[f32]> = step.inputs.iter().map(|&id| given.shared(id, shared)).collect();
    let mut outputs: Vec<&mut [f32]> = taken.iter_mut().map(|buffer| &mut **buffer).collect();
    step.kernel.run(&mut Call {
        isa: given.isa,
        samples: 1,
        outputs: &mut outputs,
        inputs: &inputs,
        scratch,
        moment: given.moment,
    });
    for (index, buffer) in homes.into_iter().zip(taken) {
        shared[index] = buffer;
    }
}

fn run_slot(
    given: &Given<'_>,
    steps: &[Step],
    first: usize,
    shared: &[AlignedBuf],
    worker: &mut Worker,
    slot: &mut Slot,
) {
    let mut done = 0;
    while done < slot.samples {
        let samples = given.chunk.min(slot.samples - done);
        for (number, step) in (first..).zip(steps) {
            let mut clock = worker.clocks.get(number).copied();
            Clock::time(clock.as_mut(), samples, || {
                run_step(given, step, shared, worker, slot, done, samples);
            });
            if let Some(clock) = clock {
                worker.clocks[number] = clock;
            }
        }
        done += samples;
    }
}

/// One kernel call on `samples` samples of a slot, from its sample `done` on.
fn run_step(
    given: &Given<'_>,
    step: &Step,
    shared: &[AlignedBuf],
    worker: &mut Worker,
    slot: &mut Slot,
    done: usize,
    samples: usize,
) {
    let first_sample = slot.first_sample + done;
    let mut taken: Vec<AlignedBuf> = Vec::with_capacity(step.outputs.len() + 1);
    taken.extend(step.outputs.iter().map(|&id| match given.plan.buffers[id].home {
        Home::Worker(index) => std::mem::take(&mut worker.buffers[index]),
        Home::Slot(index) => std::mem::take(&mut slot.buffers[index]),
        _ => unreachable!("work on samples makes values of samples"),
    }));
    taken.extend(step.accumulator.map(|index| std::mem::take(&mut slot.accumulators[index])));
    {
        let inputs: Vec<&[f32]> = step
            .inputs
            .iter()
            .map(|&id| {
                let buffer = &given.plan.buffers[id];
                let at = |start: usize| start * buffer.len..(start + samples) * buffer.len;
                match buffer.home {
                    Home::Worker(index) => &worker.buffers[index][at(0)],
                    Home::Slot(index) => &slot.buffers[index][at(done)],
                    Home::Input(index) if buffer.shape.is_batched() => {
                        &given.inputs[index][at(first_sample)]
                    }
                    _ => given.shared(id, shared),
                }
            })
            .collect();
        let mut outputs: Vec<&mut [f32]> = Vec::with_capacity(taken.len());
        for (i, memory) in taken.iter_mut().enumerate() {
            outputs.push(match step.outputs.get(i).map(|&id| &given.plan.buffers[id]) {
                Some(buffer) => {
                    let start = if matches!(buffer.home, Home::Slot(_)) { done } else { 0 };
                    &mut memory[start * buffer.len..(start + samples) * buffer.len]
                }
                None => &mut **memory,
            });
        }
        step.kernel.run(&mut Call {
            isa: given.isa,
            samples,
            outputs: &mut outputs,
            inputs: &inputs,
            scratch: &mut worker.scratch,
            moment: Moment { first_sample, ..given.moment },
        });
    }
    let accumulator = step.accumulator.and_then(|index| Some((index, taken.pop()?)));
    if let Some((index, memory)) = accumulator {
        slot.accumulators[index] = memory;
    }
    for (&id, memory) in step.outputs.iter().zip(taken) {
        match given.plan.buffers[id].home {
            Home::Worker(index) => worker.buffers[index] = memory,
            Home::Slot(index) => slot.buffers[index] = memory,
            _ => {}
        }
    }
}

/// Combines the slots' partial results in a fixed tree, into the first slot: neighbours first, then
/// neighbouring pairs, and so on. The tree depends on the number of slots only.
fn combine(slots: &mut [Slot], accumulator: usize, kind: Combine) {
    let mut distance = 1;
    while distance < slots.len() {
        let mut left = 0;
        while left + distance < slots.len() {
            let (head, tail) = slots.split_at_mut(left + distance);
            let to = &mut head[left].accumulators[accumulator];
            let from = &tail[0].accumulators[accumulator];
            kind.merge(to, from);
            left += 2 * distance;
        }
        distance *= 2;
    }
}
