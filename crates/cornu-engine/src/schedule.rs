//! How a batch is divided.
//!
//! A *chunk* is as many samples as walk together through a phase: so many that their values fit in
//! the second-level cache, at least one. A *slot* is a fixed run of samples with accumulators of its
//! own; threads take slots, and the slots' results are combined in a fixed tree. Both follow from the
//! plan and the number of samples alone, so results do not depend on the number of threads.

use std::ops::Range;

use crate::plan::Plan;

/// Elements of the second-level cache that a chunk's values may fill (1 MiB, less a quarter for
/// weights and accumulators).
const CHUNK_ELEMENTS: usize = 192 * 1024;
/// Samples beyond which a larger chunk makes no kernel faster.
const MAX_CHUNK: usize = 64;
/// Most slots: enough to keep many threads busy evenly.
const MAX_SLOTS: usize = 16;
/// Fewest slots of a batch that has as many samples.
const MIN_SLOTS: usize = 4;
/// Elements that the accumulators of all slots may have, as long as there are `MIN_SLOTS`.
const ACCUMULATOR_ELEMENTS: usize = 4 << 20;

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
        // Equal chunks rather than full ones and a small rest.
        let chunk = longest.div_ceil(longest.div_ceil(largest).max(1)).max(1);
        Self { chunk, slots }
    }
}

/// `slot * batch / n_slots`, for a batch of any size.
fn part(slot: usize, n_slots: usize, batch: usize) -> usize {
    slot * (batch / n_slots) + slot * (batch % n_slots) / n_slots
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let even = schedule.slots.len().is_power_of_two();
                assert!(even || schedule.slots.len() == batch, "{} slots", schedule.slots.len());
                assert!(1 <= schedule.chunk && schedule.chunk <= MAX_CHUNK);
            }
        }
    }
}
