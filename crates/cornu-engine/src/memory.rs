//! Which buffers share memory.
//!
//! A buffer of samples that is read in its own phase only lives in the worker's memory, from the
//! step that writes it to the last that reads it; afterwards the next value takes its place, still
//! warm in the cache. What a later phase or the caller reads is kept for all samples.

use std::collections::BTreeSet;

use crate::plan::{BufferId, Home, Plan};

/// The phase in which a buffer is written, and the last step of that phase that reads it.
#[derive(Debug, Clone, Copy)]
struct Life {
    phase: usize,
    last: usize,
}

/// Gives every buffer of samples its memory.
pub(crate) fn place_buffers(plan: &mut Plan) {
    let mut lives: Vec<Option<Life>> = vec![None; plan.buffers.len()];
    let mut kept: BTreeSet<BufferId> = plan.outputs.iter().copied().collect();
    for (phase, steps) in plan.phases.iter().enumerate() {
        for (index, step) in steps.samples.iter().enumerate() {
            for &output in &step.outputs {
                lives[output] = Some(Life { phase, last: index });
            }
            for &input in &step.inputs {
                match &mut lives[input] {
                    Some(life) if life.phase == phase => life.last = index,
                    Some(_) => {
                        kept.insert(input);
                    }
                    None => {}
                }
            }
        }
    }
    for &buffer in &kept {
        if let Home::Worker(_) = plan.buffers[buffer].home {
            plan.slot.push(plan.buffers[buffer].len);
            plan.buffers[buffer].home = Home::Slot(plan.slot.len() - 1);
        }
    }
    for phase in 0..plan.phases.len() {
        share_worker_memory(plan, phase, &lives);
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
            let last = lives[output].map_or(index, |life| life.last);
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
