//! A plan as text.

use std::fmt;

use crate::layouts::Layout;
use crate::memory_limit::in_units;
use crate::plan::{Buffer, Home, Plan, Step};
use crate::profile::operand_bytes;
use crate::schedule::Schedule;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_steps: usize =
            self.phases.iter().map(|phase| phase.shared.len() + phase.samples.len()).sum();
        writeln!(
            f,
            "plan: {n_steps} steps in {} phases; memory: {} bytes per sample at work, {} per sample \
             kept, {} shared, {} accumulated per slot",
            self.phases.len(),
            4 * self.worker_len(),
            4 * self.kept_len(),
            4 * self.shared.iter().sum::<usize>(),
            4 * self.accumulators_len(),
        )?;
        let mut number = 0;
        for (index, phase) in self.phases.iter().enumerate() {
            for (title, steps) in [("once", &phase.shared), ("each sample", &phase.samples)] {
                if steps.is_empty() {
                    continue;
                }
                writeln!(f, "phase {index}, {title}:")?;
                for step in steps {
                    number += 1;
                    self.write_step(f, number, step)?;
                }
            }
        }
        Ok(())
    }
}

impl Plan {
    /// How `samples` samples are divided, and the memory that takes with `threads` threads.
    pub(crate) fn division_text(&self, samples: usize, threads: usize) -> String {
        let schedule = Schedule::new(self, samples);
        format!(
            "memory of {samples} samples on {threads} at once: {}; {} slots, chunks of {} samples",
            in_units(self.bytes(&schedule, threads)),
            schedule.slots.len(),
            schedule.chunk,
        )
    }

    fn write_step(&self, f: &mut fmt::Formatter<'_>, number: usize, step: &Step) -> fmt::Result {
        let result = match step.accumulator {
            Some(accumulator) => format!("sum {accumulator}"),
            None => step.outputs.iter().map(|&id| self.name(id)).collect::<Vec<_>>().join(", "),
        };
        let inputs: Vec<String> = step.inputs.iter().map(|&id| self.name(id)).collect();
        write!(f, "{number:4}  {:44} {result} <- {}", step.kernel.describe(), inputs.join(", "))?;
        if let Some(&output) = step.outputs.first() {
            write!(f, "  {}", describe_buffer(&self.buffers[output]))?;
        }
        if 1 < step.parts.len() {
            write!(f, "  in {} parts", step.parts.len())?;
        }
        let flops = step.kernel.flops();
        if 1e4 <= flops {
            write!(f, "  {:.2} MFLOP", flops / 1e6)?;
        }
        let (fixed, per_sample) = operand_bytes(self, step);
        write!(f, "  {}", in_units(fixed + per_sample))?;
        if !step.scope.is_empty() {
            write!(f, "  # {}", step.scope)?;
        }
        writeln!(f)
    }

    fn name(&self, id: usize) -> String {
        let buffer = &self.buffers[id];
        match buffer.home {
            Home::Input(index) => self.inputs[index].0.clone(),
            Home::Variable(index) => format!("${index}"),
            _ => buffer.name.clone(),
        }
    }
}

fn describe_buffer(buffer: &Buffer) -> String {
    let layout = match buffer.layout {
        Layout::Rows => "",
        Layout::Planes(_) => " planes",
        Layout::Pixels(_) => " pixels",
    };
    let home = match buffer.home {
        Home::Worker(index) => format!(" @work{index}"),
        Home::Kept(index) => format!(" @kept{index}"),
        _ => String::new(),
    };
    format!("{}{layout}{home}", buffer.shape)
}
