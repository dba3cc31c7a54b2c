//! Which buffers share memory.
//!
//! A buffer of samples that is read in its own phase only lives in the worker's memory, from the
//! step that writes it to the last that reads it; afterwards the next value takes its place, still
//! warm in the cache. What a later phase or the caller reads is kept for all samples, from the phase
//! that writes it to the last that reads it; other values have its place before and after. So it is
//! with what all samples share, and with accumulators, which live for one phase.

use std::collections::BTreeSet;

use crate::plan::{BufferId, Home, Kept, Plan};
use crate::schedule::Schedule;

/// Phase and step of a phase's samples.
type Moment = (usize, usize);

/// When a buffer is written, and when it is read for the last time.
#[derive(Debug, Clone, Copy)]
struct Life {
    first: Moment,
    last: Moment,
}

/// What the caller reads lives to the end.
const END: usize = usize::MAX;

/// Gives every buffer its memory, but for what is given.
pub(crate) fn place_buffers(plan: &mut Plan) {
    let lives = lives(plan);
    share_kept_memory(plan, &lives);
    for phase in 0..plan.phases.len() {
        share_worker_memory(plan, phase, &lives);
    }
    share_shared_memory(plan, &lives);
    share_accumulators(plan);
}

/// The life of each buffer that a step writes.
fn lives(plan: &Plan) -> Vec<Option<Life>> {
    let mut lives: Vec<Option<Life>> = vec![None; plan.buffers.len()];
    let read = |lives: &mut Vec<Option<Life>>, inputs: &[BufferId], now: Moment| {
        for &input in inputs {
            if let Some(life) = &mut lives[input] {
                life.last = life.last.max(now);
            }
        }
    };
    for (phase, steps) in plan.phases.iter().enumerate() {
        // Shared steps come before the samples, and read those of earlier phases all at once.
        for step in &steps.shared {
            for &output in &step.outputs {
                lives[output] = Some(Life { first: (phase, 0), last: (phase, 0) });
            }
            read(&mut lives, &step.inputs, (phase, 0));
        }
        for (index, step) in steps.samples.iter().enumerate() {
            let now = (phase, index);
            for &output in &step.outputs {
                lives[output] = Some(Life { first: now, last: now });
            }
            read(&mut lives, &step.inputs, now);
        }
        for reduction in &steps.reductions {
            let now = (phase, steps.samples.len());
            lives[reduction.result] = Some(Life { first: now, last: now });
        }
    }
    let updates = plan.updates.iter().map(|(_, id)| id);
    let mut last: Vec<BufferId> = plan.outputs.iter().chain(updates).copied().collect();
    if plan.is_steady() {
        // These may serve the next run as well.
        last.extend(plan.phases.iter().take(1).flat_map(|p| &p.shared).flat_map(|s| &s.outputs));
    }
    read(&mut lives, &last, (END, END));
    lives
}

/// Hands out memory for what is kept: the largest first, each as low as those allow that live in
/// some phase together with it.
fn share_kept_memory(plan: &mut Plan, lives: &[Option<Life>]) {
    let is_batched = |id: BufferId| plan.buffers[id].shape.is_batched();
    let mut kept: Vec<(Life, BufferId)> = (0..plan.buffers.len())
        .filter_map(|id| Some((lives[id]?, id)))
        .filter(|&(life, id)| is_batched(id) && life.first.0 != life.last.0)
        .collect();
    kept.sort_by_key(|&(life, id)| (std::cmp::Reverse(plan.buffers[id].len), life.first, id));
    for (life, id) in kept {
        let place = Kept {
            start: 0,
            len: plan.buffers[id].len,
            phases: life.first.0..life.last.0.saturating_add(1),
        };
        let start = lowest_place(&plan.kept, &place);
        plan.buffers[id].home = Home::Kept(plan.kept.len());
        plan.kept.push(Kept { start, ..place });
    }
}

/// Where `new` begins.
fn lowest_place(kept: &[Kept], new: &Kept) -> usize {
    let mut others: Vec<&Kept> = kept
        .iter()
        .filter(|other| other.phases.start < new.phases.end && new.phases.start < other.phases.end)
        .collect();
    others.sort_by_key(|other| other.start);
    let mut start = 0;
    for other in others {
        if start + new.len <= other.start {
            break;
        }
        start = start.max((other.start + other.len).next_multiple_of(KEPT_UNIT));
    }
    start
}

/// Kept values begin at multiples of so many elements.
const KEPT_UNIT: usize = 16;

/// Hands out memory for what all samples share, in whole pieces: the largest first, each to the
/// first piece that is free in all phases of its life.
fn share_shared_memory(plan: &mut Plan, lives: &[Option<Life>]) {
    let mut values: Vec<BufferId> = (0..plan.buffers.len())
        .filter(|&id| matches!(plan.buffers[id].home, Home::Shared(_)))
        .collect();
    values.sort_by_key(|&id| (std::cmp::Reverse(plan.buffers[id].len), id));
    let mut pieces: Vec<(usize, Vec<std::ops::RangeInclusive<usize>>)> = Vec::new();
    let mut sizes = Vec::new();
    for id in values {
        // The number of samples is written at the beginning, by no step.
        let phases = lives[id].map_or(0..=END, |life| life.first.0..=life.last.0);
        let apart = |other: &std::ops::RangeInclusive<usize>| {
            other.end() < phases.start() || phases.end() < other.start()
        };
        let free = pieces.iter().position(|(_, busy)| busy.iter().all(apart));
        let piece = free.unwrap_or_else(|| {
            pieces.push((plan.buffers[id].len, Vec::new()));
            pieces.len() - 1
        });
        if let Home::Shared(before) = plan.buffers[id].home
            && plan.batch_sizes.contains(&before)
        {
            sizes.push(piece);
        }
        pieces[piece].1.push(phases);
        plan.buffers[id].home = Home::Shared(piece);
    }
    plan.batch_sizes = sizes;
    plan.shared = pieces.into_iter().map(|(len, _)| len).collect();
}

/// Gives each accumulator of a phase a piece of memory of its own, and those of all phases the same
/// ones.
fn share_accumulators(plan: &mut Plan) {
    for phase in &plan.phases {
        let mut own: Vec<usize> = phase.reductions.iter().map(|r| r.accumulator).collect();
        own.sort_by_key(|&index| std::cmp::Reverse(plan.accumulators[index].len));
        for (piece, index) in own.into_iter().enumerate() {
            let len = plan.accumulators[index].len;
            plan.accumulators[index].piece = piece;
            match plan.accumulator_pieces.get_mut(piece) {
                Some(piece) => *piece = (*piece).max(len),
                None => plan.accumulator_pieces.push(len),
            }
        }
    }
}

/// Walks through the steps of a phase, handing free memory to what is written next: the smallest
/// piece that is large enough, else the largest, which grows.
fn share_worker_memory(plan: &mut Plan, phase: usize, lives: &[Option<Life>]) {
    let mut free: Vec<usize> = (0..plan.worker.len()).collect();
    let mut busy: Vec<(usize, usize)> = Vec::new();
    for index in 0..plan.phases[phase].samples.len() {
        for output in plan.phases[phase].samples[index].outputs.clone() {
            let Home::Worker(_) = plan.buffers[output].home else { continue };
            let len = plan.buffers[output].len;
            let piece = take_free(&mut free, &mut plan.worker, len);
            plan.buffers[output].home = Home::Worker(piece);
            let last = lives[output].map_or(index, |life| life.last.1);
            busy.push((last, piece));
        }
        busy.retain(|&(last, piece)| {
            let over = last <= index;
            if over {
                free.push(piece);
            }
            !over
        });
    }
}

fn take_free(free: &mut Vec<usize>, pieces: &mut Vec<usize>, len: usize) -> usize {
    let fits = free.iter().copied().filter(|&piece| len <= pieces[piece]);
    let best = fits
        .min_by_key(|&piece| (pieces[piece], piece))
        .or_else(|| free.iter().copied().max_by_key(|&piece| (pieces[piece], piece)));
    match best {
        Some(piece) => {
            free.retain(|&other| other != piece);
            pieces[piece] = pieces[piece].max(len);
            piece
        }
        None => {
            pieces.push(len);
            pieces.len() - 1
        }
    }
}

impl Plan {
    /// Bytes of a run that is divided by `schedule` among `threads` threads: everything it reads,
    /// works with and gives back. In floating point: absurd sizes are asked about, too.
    pub(crate) fn bytes(&self, schedule: &Schedule, threads: usize) -> f64 {
        let sum = |lens: &[usize]| lens.iter().map(|&len| len as f64).sum::<f64>();
        let samples: f64 = schedule.slots.iter().map(|slot| slot.len() as f64).sum();
        let size = |id: BufferId| {
            let buffer = &self.buffers[id];
            buffer.len as f64 * if buffer.shape.is_batched() { samples } else { 1.0 }
        };
        // A variable's next value may lie in its place.
        let mut variables = BTreeSet::new();
        let given = (0..self.buffers.len()).filter(|&id| match self.buffers[id].home {
            Home::Input(_) | Home::Constant(_) => true,
            Home::Variable(index) => variables.insert(index),
            _ => false,
        });
        let scratch =
            self.scratch_len(schedule.chunk, schedule.slots.last().map_or(0, |slot| slot.end));
        let per_thread = sum(&self.worker) * schedule.chunk as f64 + scratch as f64;
        let accumulators = sum(&self.accumulator_pieces);
        let elements = given.map(size).sum::<f64>()
            + sum(&self.shared)
            + per_thread * threads as f64
            + self.kept_len() as f64 * samples
            + accumulators * schedule.slots.len() as f64
            + self.outputs.iter().map(|&id| size(id)).sum::<f64>();
        4.0 * elements
    }
}
