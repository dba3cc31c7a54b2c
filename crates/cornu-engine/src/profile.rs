//! Where the time of a run goes.

use std::time::{Duration, Instant};

use crate::plan::{Phase, Plan, Step};

/// Time that a program's steps took since [`Program::start_profile`](crate::Program::start_profile).
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Every step of the plan, in its order and with its number.
    pub steps: Vec<StepProfile>,
    /// Runs that were timed.
    pub runs: usize,
    /// Threads that shared them.
    pub threads: usize,
    /// Seconds that the runs took, from call to return.
    pub seconds: f64,
    /// Multiplications and additions per second that one thread can do at most on this machine,
    /// measured with nothing to load or store.
    pub peak_flops: f64,
}

/// Time of one step, all threads and runs together.
#[derive(Debug, Clone, Default)]
pub struct StepProfile {
    /// The kernel and its settings.
    pub kernel: String,
    /// The layer the step comes from.
    pub scope: String,
    /// The phase it belongs to.
    pub phase: usize,
    /// Whether it runs once for all samples.
    pub is_shared: bool,
    /// Times the kernel was called.
    pub calls: u64,
    /// Seconds in the kernel, summed over threads.
    pub seconds: f64,
    /// Multiplications and additions.
    pub flops: f64,
    /// Bytes that the kernel read and wrote, each operand counted once per call.
    pub bytes: f64,
}

/// Time of one step on one thread.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    calls: u64,
    samples: u64,
    time: Duration,
}

impl Clock {
    /// Runs `work`, which takes `threads` threads, and adds its time on all of them, and `calls` calls
    /// on `samples` samples each.
    pub(crate) fn time(
        clock: Option<&mut Self>,
        calls: u64,
        samples: usize,
        threads: usize,
        work: impl FnOnce(),
    ) {
        let Some(clock) = clock else { return work() };
        let start = Instant::now();
        work();
        clock.time += start.elapsed().mul_f64(threads as f64);
        clock.calls += calls;
        clock.samples += calls * samples as u64;
    }
}

/// Number of the first step of `phase`, or of its steps on samples, in the order of the plan.
pub(crate) fn first_step(plan: &Plan, phase: usize, of_samples: bool) -> usize {
    let before = plan.phases[..phase].iter().map(n_steps).sum::<usize>();
    before + if of_samples { plan.phases[phase].shared.len() } else { 0 }
}

fn n_steps(phase: &Phase) -> usize {
    phase.shared.len() + phase.samples.len()
}

/// Steps of a plan, to be timed.
pub(crate) fn count(plan: &Plan) -> usize {
    plan.phases.iter().map(n_steps).sum()
}

/// Puts the threads' clocks together.
pub(crate) fn collect(plan: &Plan, clocks: &[Vec<Clock>]) -> Vec<StepProfile> {
    let mut steps = Vec::new();
    for (index, phase) in plan.phases.iter().enumerate() {
        let shared = phase.shared.iter().map(|step| (true, step));
        for (is_shared, step) in shared.chain(phase.samples.iter().map(|step| (false, step))) {
            let of_step = clocks.iter().filter_map(|clocks| clocks.get(steps.len()));
            let sum = of_step.fold(Clock::default(), |sum, clock| Clock {
                calls: sum.calls + clock.calls,
                samples: sum.samples + clock.samples,
                time: sum.time + clock.time,
            });
            let (fixed, per_sample) = operand_bytes(plan, step);
            steps.push(StepProfile {
                kernel: step.kernel.describe(),
                scope: step.scope.to_string(),
                phase: index,
                is_shared,
                calls: sum.calls,
                seconds: sum.time.as_secs_f64(),
                flops: step.kernel.flops() * sum.samples as f64,
                bytes: fixed * sum.calls as f64 + per_sample * sum.samples as f64,
            });
        }
    }
    steps
}

/// Bytes of a step's operands: of those that do not depend on the samples, and of those of one
/// sample.
pub(crate) fn operand_bytes(plan: &Plan, step: &Step) -> (f64, f64) {
    let (mut fixed, mut per_sample) = (0.0, 0.0);
    for &id in step.inputs.iter().chain(&step.outputs) {
        let buffer = &plan.buffers[id];
        let bytes = 4.0 * buffer.len as f64;
        if buffer.shape.is_batched() { per_sample += bytes } else { fixed += bytes }
    }
    if let Some(accumulator) = step.accumulator {
        fixed += 8.0 * plan.accumulators[accumulator].len as f64;
    }
    (fixed, per_sample)
}
