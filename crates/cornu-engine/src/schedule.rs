//! How a batch is divided.
//!
//! A *chunk* is as many samples as walk together through a phase: so many that their values fit in
//! the second-level cache, at least one. A *slot* is a fixed run of samples with accumulators of its
//! own; threads take slots, and the slots' results are combined in a fixed tree. Both follow from the
//! plan and the number of samples alone, so results do not depend on the number of threads.

use std::ops::Range;

use crate::plan::{Phase, Plan};

/// Elements of the second-level cache that a chunk's values may fill (1 MiB, less a quarter for
/// weights and accumulators).
const CHUNK_ELEMENTS: usize = 192 * 1024;
/// Samples beyond which a larger chunk makes no kernel faster.
const MAX_CHUNK: usize = 64;
/// Most slots: enough to keep many threads busy evenly.
const MAX_SLOTS: usize = 16;
/// Fewest slots of a batch that has as many samples.
const MIN_SLOTS: usize = 4;
/// Slots from which on the last one of each half is cut in two. Threads are never done at the same
/// time, and who is first takes a slot that the other has not begun: the shorter the last ones, the
/// less is waited. Threads in powers of two still have equal shares, as halves end with both pieces.
const SLOTS_WITH_SHORT_ENDS: usize = 8;
/// Elements that the accumulators of all slots may have, as long as there are `MIN_SLOTS`.
const ACCUMULATOR_ELEMENTS: usize = 4 << 20;

/// Threads beyond which sharing a sample is no faster: pictures have so many rows only.
const MAX_SHARING: usize = 8;

/// Chunk size and slots of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Schedule {
    /// Samples of a chunk; the last of a slot may have fewer.
    pub(crate) chunk: usize,
    /// Samples of each slot.
    pub(crate) slots: Vec<Range<usize>>,
}

impl Schedule {
    /// Divides `batch` samples.
    pub(crate) fn new(plan: &Plan, batch: usize) -> Self {
        let per_sample = plan.worker_len().max(1);
        let accumulators = plan.accumulators_len().max(1);
        let affordable = (ACCUMULATOR_ELEMENTS / accumulators).clamp(MIN_SLOTS, MAX_SLOTS);
        let largest = (CHUNK_ELEMENTS / per_sample).clamp(1, MAX_CHUNK);
        let wanted = batch.div_ceil(largest).clamp(MIN_SLOTS, affordable);
        // A power of two is divided evenly among the usual numbers of threads: of 15 slots, one of two
        // threads would have 8.
        let n_slots = (1 << wanted.ilog2()).min(batch).max(1);
        // Slots that differ by one sample at most.
        let slots: Vec<Range<usize>> = (0..n_slots)
            .map(|slot| part(slot, n_slots, batch)..part(slot + 1, n_slots, batch))
            .filter(|samples| !samples.is_empty())
            .collect();
        let longest = slots.iter().map(Range::len).max().unwrap_or(1);
        let slots =
            if SLOTS_WITH_SHORT_ENDS <= slots.len() { with_short_ends(slots) } else { slots };
        // Equal chunks rather than full ones and a small rest.
        let chunk = longest.div_ceil(longest.div_ceil(largest).max(1)).max(1);
        Self { chunk, slots }
    }

    /// Whether `threads` threads are done sooner with `phase` if all of them compute one sample after
    /// the other than if each takes samples of its own, by the arithmetic of those steps that several
    /// threads can share and of those that one does alone.
    pub(crate) fn divides_samples(&self, phase: &Phase, threads: usize) -> bool {
        if 1 < self.chunk || threads < 2 {
            return false;
        }
        let [mut shared, mut alone] = [0.0; 2];
        for step in &phase.samples {
            let sum = if step.kernel.divides() { &mut shared } else { &mut alone };
            *sum += step.kernel.flops();
        }
        let samples: usize = self.slots.iter().map(Range::len).sum();
        let sharing = threads.min(MAX_SHARING) as f64;
        samples as f64 * (alone + shared / sharing)
            < self.most_samples_of(threads) as f64 * (alone + shared)
    }

    /// Samples of the busiest of `threads` threads, if who is free takes the next slot.
    fn most_samples_of(&self, threads: usize) -> usize {
        let mut samples = vec![0; threads.min(self.slots.len())];
        for slot in &self.slots {
            if let Some(least) = samples.iter_mut().min() {
                *least += slot.len();
            }
        }
        samples.into_iter().max().unwrap_or(0)
    }
}

/// Cuts the last slot of each half in two.
fn with_short_ends(slots: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let middle = slots.len() / 2;
    let last_of_half = |slot: usize| slot + 1 == middle || slot + 1 == slots.len();
    let cut = |(slot, samples): (usize, &Range<usize>)| {
        let middle = samples.start + samples.len() / 2;
        if last_of_half(slot) && 2 <= samples.len() {
            vec![samples.start..middle, middle..samples.end]
        } else {
            vec![samples.clone()]
        }
    };
    slots.iter().enumerate().flat_map(cut).collect()
}

/// `slot * batch / n_slots`, for a batch of any size.
fn part(slot: usize, n_slots: usize, batch: usize) -> usize {
    slot * (batch / n_slots) + slot * (batch % n_slots) / n_slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind::{Call, Kernel};
    use crate::plan::Step;

    /// A step of some arithmetic.
    #[derive(Debug)]
    struct Work(f64, bool);

    impl Kernel for Work {
        fn describe(&self) -> String {
            "work".to_owned()
        }

        fn flops(&self) -> f64 {
            self.0
        }

        fn divides(&self) -> bool {
            self.1
        }

        fn run(&self, _call: &mut Call<'_, '_>) {}
    }

    #[test]
    fn threads_share_samples_only_where_they_are_too_few() {
        let step = |flops, divides| Step {
            kernel: Box::new(Work(flops, divides)),
            inputs: Vec::new(),
            outputs: Vec::new(),
            accumulator: None,
            parts: Vec::new(),
            scope: "".into(),
        };
        let phase = |shared, alone| Phase {
            samples: vec![step(shared, true), step(alone, false)],
            ..Phase::default()
        };
        let divides = |per_sample, batch, threads, phase: &Phase| {
            let plan = Plan { worker: vec![per_sample], ..Plan::default() };
            Schedule::new(&plan, batch).divides_samples(phase, threads)
        };
        let (predicts, trains) = (phase(9.0, 1.0), phase(3.0, 7.0));
        for threads in [2, 7, 64] {
            assert!(divides(1000, 1, threads, &predicts));
            assert!(divides(1000, 1, threads, &trains));
        }
        assert!(!divides(1000, 1, 1, &predicts));
        assert!(!divides(1000, 1, 4, &phase(0.0, 1.0)));
        assert!(!divides(1000, 2, 2, &predicts));
        assert!(divides(1000, 3, 7, &predicts));
        // Most of the work would be done by one of the threads.
        assert!(!divides(1000, 2, 4, &trains));
        // Slots are few, but not the samples.
        for threads in [2, 8, 32, 1000] {
            for per_sample in [1000, 1_000_000] {
                let dividing = phase(1.0, 0.0);
                assert!(!divides(per_sample, 32, threads, &dividing), "{threads} threads");
            }
        }
    }

    #[test]
    fn slots_cover_the_batch_in_order() {
        for per_sample in [1, 1000, 1_000_000] {
            let plan = Plan { worker: vec![per_sample], ..Plan::default() };
            for batch in [0, 1, 2, 3, 5, 31, 32, 33, 128, 1000, usize::MAX] {
                let schedule = Schedule::new(&plan, batch);
                let mut next = 0;
                for slot in &schedule.slots {
                    assert_eq!(slot.start, next);
                    assert!(!slot.is_empty());
                    next = slot.end;
                }
                assert_eq!(next, batch);
                for threads in [2, 4] {
                    let n_slots = schedule.slots.len();
                    let share = |thread| {
                        &schedule.slots
                            [thread * n_slots / threads..(thread + 1) * n_slots / threads]
                    };
                    let samples = |thread| share(thread).iter().map(Range::len).sum::<usize>();
                    if batch % 32 == 0 {
                        assert!(
                            (1..threads).all(|thread| samples(thread) == samples(0)),
                            "{schedule:?}"
                        );
                    }
                }
                assert!(1 <= schedule.chunk && schedule.chunk <= MAX_CHUNK);
            }
        }
    }
}
