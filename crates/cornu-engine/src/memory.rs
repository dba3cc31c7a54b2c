//! Which buffers share memory.
//!
//! A buffer of samples that is read in its own phase only lives in the worker's memory, from the
//! step that writes it to the last that reads it; afterwards the next value takes its place, still
//! warm in the cache. What a later phase or the caller reads is kept for all samples, from the phase
//! that writes it to the last that reads it; a value of the same size may then follow in its place.

use std::collections::BTreeSet;

use crate::plan::{BufferId, Home, Plan};
use crate::schedule::Schedule;

/// Phase and step of a phase's samples.
type Moment = (usize, usize);

/// When a buffer is written, and when it is read for the last time.
#[derive(Debug, Clone, Copy)]
struct Life {
    first: Moment,
    last: Moment,
}

/// Gives every buffer of samples its memory.
pub(crate) fn place_buffers(plan: &mut Plan) {
    let mut lives: Vec<Option<Life>> = vec![None; plan.buffers.len()];
    for (phase, steps) in plan.phases.iter().enumerate() {
        // Shared steps read samples of earlier phases only, all at once.
        for &input in steps.shared.iter().flat_map(|step| &step.inputs) {
            if let Some(life) = &mut lives[input] {
                life.last = (phase, 0);
            }
        }
        for (index, step) in steps.samples.iter().enumerate() {
            let now = (phase, index);
            for &output in &step.outputs {
                lives[output] = Some(Life { first: now, last: now });
            }
            for &input in &step.inputs {
                if let Some(life) = &mut lives[input] {
                    life.last = now;
                }
            }
        }
    }
    for &output in &plan.outputs {
        if let Some(life) = &mut lives[output] {
            life.last = (usize::MAX, usize::MAX);
        }
    }
    share_kept_memory(plan, &lives);
    for phase in 0..plan.phases.len() {
        share_worker_memory(plan, phase, &lives);
    }
}

/// Hands out memory for what is kept, in the order in which it is written. A piece is free for the
/// next value once the last step that reads it is over: each sample has its part of the piece, and
/// goes through the steps in order.
fn share_kept_memory(plan: &mut Plan, lives: &[Option<Life>]) {
    let mut kept: Vec<(Life, BufferId)> = (0..plan.buffers.len())
        .filter_map(|buffer| Some((lives[buffer]?, buffer)))
        .filter(|(life, _)| life.first.0 != life.last.0)
        .collect();
    kept.sort_by_key(|&(life, buffer)| (life.first, buffer));
    // For each piece, when it is read for the last time.
    let mut busy_until: Vec<Moment> = Vec::new();
    for (life, buffer) in kept {
        let len = plan.buffers[buffer].len;
        let free = (0..plan.kept.len())
            .find(|&piece| plan.kept[piece] == len && busy_until[piece] < life.first);
        let piece = free.unwrap_or_else(|| {
            plan.kept.push(len);
            busy_until.push(life.last);
            plan.kept.len() - 1
        });
        busy_until[piece] = life.last;
        plan.buffers[buffer].home = Home::Kept(piece);
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
        let accumulators: f64 = self.accumulators.iter().map(|(len, _)| *len as f64).sum();
        let elements = given.map(size).sum::<f64>()
            + sum(&self.shared)
            + per_thread * threads as f64
            + sum(&self.kept) * samples
            + accumulators * schedule.slots.len() as f64
            + self.outputs.iter().map(|&id| size(id)).sum::<f64>();
        4.0 * elements
    }
}
