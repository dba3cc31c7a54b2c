//! Follows a plan. Nothing is decided here.

use std::mem::take;
use std::ops::Range;

use cornu_kernels::helpers::Helpers;
use cornu_kernels::threads::{FlushDenormals, Pool};
use cornu_kernels::{AlignedBuf, Isa, OutOfMemory};
use cornu_tensor::Tensor;

use crate::bind::{Call, Moment};
use crate::combine::Combine;
use crate::memory_limit::check_memory;
use crate::plan::{Accumulator, Buffer, Home, Kept, Phase, Plan, Region, Step};
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
    /// Values of all samples that outlive their phase.
    kept: AlignedBuf,
    workers: Vec<Worker>,
    slots: Vec<Slot>,
    /// What memory is laid out for.
    schedule: Schedule,
    /// Steps whose times are taken: all or none.
    n_clocks: usize,
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
    accumulators: Vec<AlignedBuf>,
}

/// A slot with its part of what is kept.
struct SlotWork<'a> {
    slot: &'a mut Slot,
    kept: Vec<&'a mut [f32]>,
}

/// A shared step, or one of its parts.
struct Item<'a> {
    number: usize,
    step: &'a Step,
    /// Where the outputs begin in the whole ones.
    start: usize,
    /// The same as a fraction of the whole.
    place: f64,
    outputs: Vec<&'a mut [f32]>,
}

/// Memory that a shared step writes to, taken from its place meanwhile.
enum Taken {
    Shared(usize, AlignedBuf),
    /// A variable that is given its next value.
    Variable(usize, Tensor),
}

/// What a run reads but never writes, as long as the variables are borrowed.
struct Given<'a> {
    plan: &'a Plan,
    isa: Isa,
    inputs: &'a [&'a [f32]],
    variables: &'a Variables,
    binding: &'a [usize],
    moment: Moment,
    chunk: usize,
    /// For work on samples, by position in [`Plan::kept`], what earlier phases kept of the whole
    /// batch; empty if this phase writes it.
    earlier: &'a [&'a [f32]],
}

impl Machine {
    /// Threads; memory comes with the first run.
    pub(crate) fn new(options: &Options, plan: &Plan) -> Result<Self, EngineError> {
        let what = || "what all samples share".to_owned();
        check_memory(what, plan.bytes(&Schedule::default(), 0), options.memory)?;
        let threads = options.threads;
        Ok(Self {
            isa: options.isa,
            pool: if threads == 1 { Pool::serial() } else { Pool::new(threads) },
            shared: Vec::new(),
            kept: AlignedBuf::default(),
            workers: Vec::new(),
            slots: Vec::new(),
            schedule: Schedule::default(),
            n_clocks: 0,
            memory: options.memory,
        })
    }

    /// Takes the time of every step from now on.
    pub(crate) fn start_profile(&mut self, plan: &Plan) {
        self.n_clocks = profile::count(plan);
        for worker in &mut self.workers {
            worker.clocks = vec![Clock::default(); self.n_clocks];
        }
    }

    /// Times since [`Machine::start_profile`]; takes no more.
    pub(crate) fn take_profile(&mut self, plan: &Plan) -> Vec<StepProfile> {
        self.n_clocks = 0;
        let clocks = self.workers.iter_mut().map(|worker| take(&mut worker.clocks));
        profile::collect(plan, &clocks.collect::<Vec<_>>())
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
        // Some shared steps run on the calling thread: tiny moments of dead weights must not slow it.
        let _flush = FlushDenormals::new();
        let chunk_before = self.schedule.chunk;
        self.prepare(plan, moment.batch)?;
        // Now, because variables are unchanged where memory does not suffice.
        let room = reserve_outputs(plan, moment.batch)?;
        let (chunk, isa) = (self.schedule.chunk, self.isa);
        // What is worth preparing for the samples depends on how many of them go together.
        let shared_is_current = shared_is_current && chunk == chunk_before;
        for &buffer in &plan.batch_sizes {
            self.shared[buffer][0] = moment.batch as f32;
        }
        for (index, phase) in plan.phases.iter().enumerate() {
            if 0 < index || !shared_is_current {
                for region in &phase.regions {
                    let mut taken = self.take_outputs(plan, phase, region, variables, binding);
                    let given = Given {
                        plan,
                        isa,
                        inputs,
                        variables,
                        binding,
                        moment,
                        chunk,
                        earlier: &[],
                    };
                    self.run_region(&given, index, region, &mut taken);
                    self.give_back(taken, variables);
                }
            }
            if !phase.samples.is_empty() {
                let given =
                    Given { plan, isa, inputs, variables, binding, moment, chunk, earlier: &[] };
                self.run_samples(&given, index);
                self.combine_slots(plan, phase);
            }
        }
        let given = Given { plan, isa, inputs, variables, binding, moment, chunk, earlier: &[] };
        let outputs = self.outputs(&given, room);
        self.update(plan, variables, binding);
        Ok(outputs)
    }

    /// Position of the first of `values` that is not finite, looked for by all threads.
    pub(crate) fn first_non_finite(&self, values: &[f32]) -> Option<usize> {
        let mut parts: Vec<(&[f32], Option<usize>)> =
            values.chunks(SEARCHED_PART).map(|part| (part, None)).collect();
        let mut workers = vec![(); self.threads()];
        self.pool.for_each(&mut workers, &mut parts, |(), _, (part, found)| {
            *found = first_non_finite(part);
        });
        let first = |(part, (_, found)): (usize, &(_, Option<usize>))| {
            found.map(|index| part * SEARCHED_PART + index)
        };
        parts.iter().enumerate().find_map(first)
    }

    /// Lays out memory for `batch` samples.
    fn prepare(&mut self, plan: &Plan, batch: usize) -> Result<(), EngineError> {
        let schedule = Schedule::new(plan, batch);
        if schedule == self.schedule && !self.workers.is_empty() {
            return Ok(());
        }
        let bytes = plan.bytes(&schedule, self.threads());
        check_memory(|| batch_text(batch), bytes, self.memory)?;
        self.lay_out(plan, schedule, batch).map_err(|_| {
            // What was had is of no use, and the next run begins anew.
            self.release_memory();
            EngineError::Memory { what: batch_text(batch), bytes, limit: None }
        })
    }

    /// Gives all memory back until the next run.
    pub(crate) fn release_memory(&mut self) {
        self.shared.clear();
        self.kept = AlignedBuf::default();
        self.workers.clear();
        self.slots.clear();
        self.schedule = Schedule::default();
    }

    /// Bytes of memory that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        let of = |buffers: &[AlignedBuf]| buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        let workers = self.workers.iter().map(|worker| of(&worker.buffers) + worker.scratch.len());
        let slots = self.slots.iter().map(|slot| of(&slot.accumulators));
        4 * (of(&self.shared) + self.kept.len() + workers.chain(slots).sum::<usize>())
    }

    fn lay_out(
        &mut self,
        plan: &Plan,
        schedule: Schedule,
        batch: usize,
    ) -> Result<(), OutOfMemory> {
        if self.shared.len() != plan.shared.len() {
            self.shared = buffers(plan.shared.iter().copied())?;
        }
        let scratch = plan.scratch_len(schedule.chunk, batch);
        let fits = self.workers.first().is_some_and(|worker| scratch <= worker.scratch.len());
        if !fits || schedule.chunk != self.schedule.chunk {
            self.workers.clear();
            for _ in 0..self.pool.threads() {
                self.workers.push(Worker {
                    buffers: buffers(plan.worker.iter().map(|len| len * schedule.chunk))?,
                    scratch: AlignedBuf::try_new(scratch)?,
                    clocks: vec![Clock::default(); self.n_clocks],
                });
            }
        }
        let kept = plan.kept_len().saturating_mul(batch);
        if self.kept.len() < kept {
            // The old one is given back first: both together may be too much.
            self.kept = AlignedBuf::default();
            self.kept = AlignedBuf::try_new(kept)?;
        }
        self.slots.resize_with(schedule.slots.len(), Slot::default);
        for (slot, samples) in self.slots.iter_mut().zip(&schedule.slots) {
            slot.first_sample = samples.start;
            slot.samples = samples.len();
            if slot.accumulators.is_empty() {
                slot.accumulators = buffers(plan.accumulator_pieces.iter().copied())?;
            }
        }
        self.schedule = schedule;
        Ok(())
    }

    /// Takes the memory that the steps of `region` write to, step after step.
    fn take_outputs(
        &mut self,
        plan: &Plan,
        phase: &Phase,
        region: &Region,
        variables: &mut Variables,
        binding: &[usize],
    ) -> Vec<Taken> {
        let outputs = phase.shared[region.steps.clone()].iter().flat_map(|step| &step.outputs);
        outputs
            .map(|&id| match plan.buffers[id].home {
                Home::Shared(index) => Taken::Shared(index, take(&mut self.shared[index])),
                Home::Variable(index) => {
                    let index = binding[index];
                    Taken::Variable(index, variables.take(index))
                }
                _ => unreachable!("shared work makes shared values"),
            })
            .collect()
    }

    /// Undoes [`Machine::take_outputs`].
    fn give_back(&mut self, taken: Vec<Taken>, variables: &mut Variables) {
        for memory in taken {
            match memory {
                Taken::Shared(index, memory) => self.shared[index] = memory,
                Taken::Variable(index, value) => variables.set(index, value),
            }
        }
    }

    /// Runs the shared steps of a region, which write to `taken`.
    fn run_region(
        &mut self,
        given: &Given<'_>,
        phase: usize,
        region: &Region,
        taken: &mut [Taken],
    ) {
        let mut items = Vec::new();
        let mut taken = taken.iter_mut();
        let first = profile::first_step(given.plan, phase, false);
        for index in region.steps.clone() {
            let step = &given.plan.phases[phase].shared[index];
            let mut outputs: Vec<&mut [f32]> = Vec::with_capacity(step.outputs.len());
            outputs.extend(step.outputs.iter().zip(taken.by_ref()).map(
                |(&id, taken)| match taken {
                    Taken::Shared(_, memory) => &mut memory[..given.plan.buffers[id].len],
                    Taken::Variable(_, value) => value.data_mut(),
                },
            ));
            let number = first + index;
            let (mut start, len) = (0, step.parts.last().copied().unwrap_or(0));
            if let Some((_, ends)) = step.parts.split_last() {
                for &end in ends {
                    let mut part = Vec::with_capacity(outputs.len());
                    for rest in &mut outputs {
                        let (now, after) = take(rest).split_at_mut(end - start);
                        part.push(now);
                        *rest = after;
                    }
                    let place = start as f64 / len as f64;
                    items.push(Item { number, step, start, place, outputs: part });
                    start = end;
                }
            }
            let place = start as f64 / len.max(1) as f64;
            items.push(Item { number, step, start, place, outputs });
        }
        let (shared, kept) = (&self.shared, &*self.kept);
        let run = |worker: &mut Worker, _: usize, item: &mut Item<'_>| {
            run_item(given, shared, kept, worker, item);
        };
        if region.parallel {
            // A thread is given the same part of each step, in whose caches it then stays.
            items.sort_by(|a, b| a.place.total_cmp(&b.place));
            self.pool.for_each(&mut self.workers, &mut items, run);
        } else {
            items.iter_mut().for_each(|item| run(&mut self.workers[0], 0, item));
        }
    }

    /// Takes all samples through the steps of a phase.
    fn run_samples(&mut self, given: &Given<'_>, phase: usize) {
        let steps = &given.plan.phases[phase];
        let n_kept = given.plan.kept.len();
        let mut earlier: Vec<&[f32]> = vec![&[]; n_kept];
        let mut work: Vec<SlotWork<'_>> = self
            .slots
            .iter_mut()
            .map(|slot| SlotWork { slot, kept: (0..n_kept).map(|_| Default::default()).collect() })
            .collect();
        let (mut rest, mut done) = (&mut *self.kept, 0);
        for index in given.plan.kept_in(phase) {
            let Kept { start, len, ref phases } = given.plan.kept[index];
            let batch = given.moment.batch;
            rest = &mut take(&mut rest)[start * batch - done..];
            let (mut whole, after) = take(&mut rest).split_at_mut(len * batch);
            rest = after;
            done = (start + len) * batch;
            if phases.start < phase {
                earlier[index] = whole;
                continue;
            }
            for work in &mut work {
                let (part, after) = whole.split_at_mut(len * work.slot.samples);
                work.kept[index] = part;
                whole = after;
            }
        }
        let given = &Given { earlier: &earlier, ..*given };
        let shared = &self.shared;
        if self.schedule.divides_samples(steps, self.pool.threads())
            && let Some((worker, others)) = self.workers.split_first_mut()
        {
            // One sample after the other, each by all threads.
            let scratch = others.iter_mut().map(|other| &mut *other.scratch).collect();
            let mut helpers = Helpers::new(&self.pool, scratch);
            for work in &mut work {
                run_slot(given, phase, shared, worker, work, Some(&mut helpers));
            }
            return;
        }
        self.pool.for_each(&mut self.workers, &mut work, |worker, _, work| {
            run_slot(given, phase, shared, worker, work, None);
        });
    }

    /// Puts together what the slots accumulated, on all threads.
    fn combine_slots(&mut self, plan: &Plan, phase: &Phase) {
        let mut shared: Vec<&mut [f32]> =
            self.shared.iter_mut().map(|memory| &mut **memory).collect();
        let mut slots: Vec<Vec<&mut [f32]>> = self
            .slots
            .iter_mut()
            .map(|slot| slot.accumulators.iter_mut().map(|memory| &mut **memory).collect())
            .collect();
        let mut sums = Vec::new();
        for reduction in &phase.reductions {
            let Buffer { home: Home::Shared(result), len, .. } = plan.buffers[reduction.result]
            else {
                continue;
            };
            let Accumulator { len: n_sums, piece, .. } = plan.accumulators[reduction.accumulator];
            // Each piece and each result belongs to one reduction of a phase.
            let slots = slots.iter_mut();
            let sum = SlotSum {
                slots: slots.map(|pieces| &mut take(&mut pieces[piece])[..n_sums]).collect(),
                result: &mut take(&mut shared[result])[..len],
                combine: reduction.combine,
            };
            sum.divide_into(&mut sums);
        }
        self.pool.for_each(&mut self.workers, &mut sums, |_, _, sum| sum.finish());
    }

    /// Copies the results into the memory that was reserved for them.
    fn outputs(&self, given: &Given<'_>, room: Vec<Vec<f32>>) -> Vec<Tensor> {
        let outputs = given.plan.outputs.iter().zip(room);
        outputs
            .map(|(&id, mut data)| {
                data.extend_from_slice(given.whole(id, &self.shared, &self.kept));
                let dims = given.plan.buffers[id].shape.sizes(given.moment.batch);
                match Tensor::new(dims, data) {
                    Ok(tensor) => tensor,
                    Err(error) => unreachable!("a result fills its shape: {error}"),
                }
            })
            .collect()
    }

    /// Stores the variables' next values, but for those that were written in their place.
    fn update(&self, plan: &Plan, variables: &mut Variables, binding: &[usize]) {
        // First those that are values of other variables: these may be overwritten next.
        let copies: Vec<(usize, Tensor)> = plan
            .updates
            .iter()
            .filter_map(|&(variable, id)| match plan.buffers[id].home {
                Home::Variable(other) if other != variable => {
                    Some((binding[variable], variables.get(binding[other]).clone()))
                }
                _ => None,
            })
            .collect();
        for (index, value) in copies {
            variables.set(index, value);
        }
        for &(variable, id) in &plan.updates {
            let value: &[f32] = match plan.buffers[id].home {
                Home::Shared(index) => &self.shared[index][..plan.buffers[id].len],
                Home::Constant(index) => &plan.constants[index],
                Home::Variable(_) => continue,
                Home::Input(_) | Home::Worker(_) | Home::Kept(_) => {
                    unreachable!("the graph's rules make a variable's update shared")
                }
            };
            variables.data_mut(binding[variable]).copy_from_slice(value);
        }
    }
}

/// Memory for the results of `batch` samples.
fn reserve_outputs(plan: &Plan, batch: usize) -> Result<Vec<Vec<f32>>, EngineError> {
    let reserve = |&id: &usize| {
        let n = plan.buffers[id].shape.n_elements(batch);
        let mut data = Vec::new();
        data.try_reserve_exact(n).map_err(|_| EngineError::Memory {
            what: format!("the results of {}", batch_text(batch)),
            bytes: 4.0 * n as f64,
            limit: None,
        })?;
        Ok(data)
    };
    plan.outputs.iter().map(reserve).collect()
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
        let buffer = &self.plan.buffers[id];
        match buffer.home {
            Home::Shared(index) => &shared[index][..buffer.len],
            Home::Variable(index) => self.variables.get(self.binding[index]).data(),
            Home::Constant(index) => &self.plan.constants[index],
            Home::Input(index) => self.inputs[index],
            Home::Worker(_) | Home::Kept(_) => unreachable!("a value of samples in shared work"),
        }
    }

    /// Elements of a value for work on samples that reads all of them.
    fn of_whole_batch<'b>(&self, id: usize, shared: &'b [AlignedBuf]) -> &'b [f32]
    where
        'a: 'b,
    {
        match self.plan.buffers[id].home {
            Home::Kept(index) => self.earlier[index],
            Home::Worker(_) => unreachable!("an earlier phase made what is read of all samples"),
            _ => self.shared(id, shared),
        }
    }

    /// Elements of a value, of all samples if it is theirs.
    fn whole<'b>(&self, id: usize, shared: &'b [AlignedBuf], kept: &'b [f32]) -> &'b [f32]
    where
        'a: 'b,
    {
        let buffer = &self.plan.buffers[id];
        match buffer.home {
            Home::Kept(index) => {
                let (start, batch) = (self.plan.kept[index].start, self.moment.batch);
                &kept[start * batch..(start + buffer.len) * batch]
            }
            Home::Worker(_) => unreachable!("what is read later is kept beyond its phase"),
            _ => self.shared(id, shared),
        }
    }
}

/// One kernel call of shared work.
fn run_item(
    given: &Given<'_>,
    shared: &[AlignedBuf],
    kept: &[f32],
    worker: &mut Worker,
    item: &mut Item<'_>,
) {
    let inputs: Vec<&[f32]> =
        item.step.inputs.iter().map(|&id| given.whole(id, shared, kept)).collect();
    let mut outputs: Vec<&mut [f32]> = item.outputs.iter_mut().map(|part| &mut **part).collect();
    let samples = if given.plan.reads_samples(item.step) { given.moment.batch } else { 1 };
    let clock = worker.clocks.get_mut(item.number);
    // Parts of a step are one call.
    let calls = u64::from(item.start == 0);
    Clock::time(clock, calls, samples, 1, || {
        item.step.kernel.run(&mut Call {
            isa: given.isa,
            samples,
            chunk: given.chunk,
            start: item.start,
            outputs: &mut outputs,
            inputs: &inputs,
            scratch: &mut worker.scratch,
            helpers: None,
            moment: given.moment,
        });
    });
}

/// Takes the samples of a slot through the steps of a phase.
fn run_slot(
    given: &Given<'_>,
    phase: usize,
    shared: &[AlignedBuf],
    worker: &mut Worker,
    work: &mut SlotWork<'_>,
    mut helpers: Option<&mut Helpers<'_>>,
) {
    let first = profile::first_step(given.plan, phase, true);
    let Phase { samples: steps, reductions, .. } = &given.plan.phases[phase];
    for reduction in reductions {
        let Accumulator { len, start, piece } = given.plan.accumulators[reduction.accumulator];
        work.slot.accumulators[piece][..len].fill(start);
    }
    let mut done = 0;
    while done < work.slot.samples {
        let samples = given.chunk.min(work.slot.samples - done);
        for (number, step) in (first..).zip(steps) {
            let mut clock = worker.clocks.get(number).copied();
            let divided = samples == 1 && step.kernel.divides();
            let mut helpers = helpers.as_deref_mut().filter(|_| divided);
            let threads = helpers.as_deref().map_or(1, Helpers::threads);
            Clock::time(clock.as_mut(), 1, samples, threads, || {
                let at = done..done + samples;
                run_step(given, step, shared, worker, work, at, helpers.take());
            });
            if let Some(clock) = clock {
                worker.clocks[number] = clock;
            }
        }
        done += samples;
    }
}

/// Memory that a step on samples writes to, taken from its place meanwhile.
enum Written<'a> {
    Worker(usize, AlignedBuf),
    Kept(usize, &'a mut [f32]),
    Accumulator(usize, usize, AlignedBuf),
}

/// One kernel call on samples `at` of a slot, by `helpers`, too, if there are any.
fn run_step(
    given: &Given<'_>,
    step: &Step,
    shared: &[AlignedBuf],
    worker: &mut Worker,
    work: &mut SlotWork<'_>,
    at: Range<usize>,
    helpers: Option<&mut Helpers<'_>>,
) {
    let (done, samples) = (at.start, at.len());
    let first_sample = work.slot.first_sample + done;
    let mut taken: Vec<Written<'_>> = Vec::with_capacity(step.outputs.len() + 1);
    taken.extend(step.outputs.iter().map(|&id| match given.plan.buffers[id].home {
        Home::Worker(index) => Written::Worker(index, take(&mut worker.buffers[index])),
        Home::Kept(index) => Written::Kept(index, take(&mut work.kept[index])),
        _ => unreachable!("work on samples makes values of samples"),
    }));
    taken.extend(step.accumulator.map(|index| {
        let Accumulator { len, piece, .. } = given.plan.accumulators[index];
        Written::Accumulator(piece, len, take(&mut work.slot.accumulators[piece]))
    }));
    {
        let inputs: Vec<&[f32]> = step
            .inputs
            .iter()
            .map(|&id| {
                let buffer = &given.plan.buffers[id];
                let at = |start: usize| start * buffer.len..(start + samples) * buffer.len;
                if step.kernel.reads_whole_batch() {
                    return given.of_whole_batch(id, shared);
                }
                match buffer.home {
                    Home::Worker(index) => &worker.buffers[index][at(0)],
                    Home::Kept(index) if !given.earlier[index].is_empty() => {
                        &given.earlier[index][at(first_sample)]
                    }
                    Home::Kept(index) => &work.kept[index][at(done)],
                    Home::Input(index) if buffer.shape.is_batched() => {
                        &given.inputs[index][at(first_sample)]
                    }
                    _ => given.shared(id, shared),
                }
            })
            .collect();
        let mut outputs: Vec<&mut [f32]> = Vec::with_capacity(taken.len());
        for (i, memory) in taken.iter_mut().enumerate() {
            let len = step.outputs.get(i).map_or(0, |&id| given.plan.buffers[id].len);
            outputs.push(match memory {
                Written::Worker(_, memory) => &mut memory[..samples * len],
                Written::Kept(_, memory) => &mut memory[done * len..(done + samples) * len],
                Written::Accumulator(_, len, memory) => &mut memory[..*len],
            });
        }
        step.kernel.run(&mut Call {
            isa: given.isa,
            samples,
            chunk: given.chunk,
            start: 0,
            outputs: &mut outputs,
            inputs: &inputs,
            scratch: &mut worker.scratch,
            helpers: helpers.map(Helpers::reborrow),
            moment: Moment { first_sample, ..given.moment },
        });
    }
    for memory in taken {
        match memory {
            Written::Worker(index, memory) => worker.buffers[index] = memory,
            Written::Kept(index, memory) => work.kept[index] = memory,
            Written::Accumulator(piece, _, memory) => work.slot.accumulators[piece] = memory,
        }
    }
}

/// Elements that a thread looks through at once: enough that it is worth handing out.
const SEARCHED_PART: usize = 64 * 1024;

/// Position of the first of `values` that is not finite.
pub(crate) fn first_non_finite(values: &[f32]) -> Option<usize> {
    // All are looked at before it is asked for the result: that is vectorized, a search is not.
    let n = values.iter().fold(0, |n, value| n | u32::from(!value.is_finite()));
    if n != 0 { values.iter().position(|value| !value.is_finite()) } else { None }
}

/// Elements of a part of the slots' results that a thread puts together at once: few enough that all
/// slots' fit in its caches and that the threads are done at the same time, enough that it is worth
/// handing out.
const COMBINED_PART: usize = 4 * 1024;

/// The slots' partial results of one reduction, or a part of its elements, and the place of the whole.
struct SlotSum<'a> {
    slots: Vec<&'a mut [f32]>,
    result: &'a mut [f32],
    combine: Combine,
}

impl<'a> SlotSum<'a> {
    /// Appends this to `sums`, cut into parts if each element is combined by itself.
    fn divide_into(mut self, sums: &mut Vec<Self>) {
        while self.combine.is_elementwise() && 2 * COMBINED_PART <= self.result.len() {
            let cut = |rest: &mut &'a mut [f32]| {
                let (part, after) = take(rest).split_at_mut(COMBINED_PART);
                *rest = after;
                part
            };
            let slots = self.slots.iter_mut().map(cut).collect();
            sums.push(Self { slots, result: cut(&mut self.result), combine: self.combine });
        }
        sums.push(self);
    }

    /// Combines the partial results in a fixed tree, into the first slot's: neighbours first, then
    /// neighbouring pairs, and so on. The tree depends on the number of slots only.
    fn finish(&mut self) {
        let n_slots = self.slots.len();
        let mut distance = 1;
        while distance < n_slots {
            for left in (0..n_slots - distance).step_by(2 * distance) {
                let (head, tail) = self.slots.split_at_mut(left + distance);
                self.combine.merge(head[left], tail[0]);
            }
            distance *= 2;
        }
        match self.slots.first() {
            Some(sum) => self.combine.finish(self.result, sum),
            None => self.result.fill(self.combine.start()),
        }
    }
}
