//! Which shared steps run side by side.
//!
//! Neighbouring steps form a *region* if none of them reads what another writes. The steps of a
//! region, and the parts of those that can be cut, are dealt out to the threads; between regions
//! threads wait for each other. What is computed does not depend on that, because parts are fixed by
//! the plan.

use std::ops::Range;

use crate::plan::{Home, Plan, Region, Step};

/// Elements of results from which on several threads are worth waking.
const PARALLEL_ELEMENTS: usize = 32 * 1024;

/// Groups the shared steps of each phase.
pub(crate) fn find_regions(plan: &mut Plan) {
    for phase in 0..plan.phases.len() {
        let steps = &plan.phases[phase].shared;
        let mut regions: Vec<Region> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            match regions.last_mut() {
                Some(region) if !waits(plan, step, &steps[region.steps.clone()]) => {
                    region.steps.end = index + 1;
                }
                _ => regions.push(Region { steps: index..index + 1, parallel: false }),
            }
        }
        for region in &mut regions {
            region.parallel = is_parallel(plan, steps, region.steps.clone());
        }
        plan.phases[phase].regions = regions;
    }
}

/// Whether `step` must not run beside one of `others`, which come before it.
fn waits(plan: &Plan, step: &Step, others: &[Step]) -> bool {
    let homes = |ids: &[usize]| ids.iter().map(|&id| plan.buffers[id].home).collect::<Vec<_>>();
    let (reads, writes) = (homes(&step.inputs), homes(&step.outputs));
    others.iter().any(|other| {
        let touches = |home: &Home| reads.contains(home) || writes.contains(home);
        homes(&other.outputs).iter().any(touches)
            || homes(&other.inputs).iter().any(|home| writes.contains(home))
    })
}

fn is_parallel(plan: &Plan, steps: &[Step], region: Range<usize>) -> bool {
    let items: usize = steps[region.clone()].iter().map(|step| step.parts.len().max(1)).sum();
    let outputs = steps[region].iter().flat_map(|step| &step.outputs);
    let elements: usize = outputs.map(|&id| plan.buffers[id].len).sum();
    1 < items && PARALLEL_ELEMENTS <= elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind::{Call, Kernel};
    use crate::layouts::Layout;
    use crate::plan::{Buffer, Phase};
    use cornu_tensor::Shape;

    #[derive(Debug)]
    struct Nothing;

    impl Kernel for Nothing {
        fn describe(&self) -> String {
            "nothing".to_owned()
        }

        fn run(&self, _call: &mut Call<'_, '_>) {}
    }

    /// The regions of steps that read and write shared buffers of `len` elements.
    fn regions(len: usize, steps: &[(&[usize], &[usize])]) -> Vec<Region> {
        let buffer = |i: usize| Buffer {
            name: i.to_string(),
            shape: Shape::fixed([len]),
            layout: Layout::Rows,
            len,
            home: Home::Shared(i),
        };
        let step = |&(inputs, outputs): &(&[usize], &[usize])| Step {
            kernel: Box::new(Nothing),
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            accumulator: None,
            parts: Vec::new(),
            scope: "".into(),
        };
        let mut plan = Plan {
            buffers: (0..9).map(buffer).collect(),
            phases: vec![Phase { shared: steps.iter().map(step).collect(), ..Phase::default() }],
            ..Plan::default()
        };
        find_regions(&mut plan);
        plan.phases.remove(0).regions
    }

    #[test]
    fn steps_that_need_each_other_are_apart() {
        let steps: &[(&[usize], &[usize])] = &[
            (&[0], &[1]),
            (&[0], &[2]),
            (&[2], &[3]), // reads what was written
            (&[4], &[2]), // writes what is read
            (&[5], &[6]),
            (&[7], &[6]), // writes what was written
        ];
        let ranges: Vec<_> = regions(1, steps).into_iter().map(|region| region.steps).collect();
        assert_eq!(ranges, [0..2, 2..3, 3..5, 5..6]);
    }

    #[test]
    fn small_or_single_steps_stay_on_one_thread() {
        let parallel = |len, steps| regions(len, steps).iter().any(|region| region.parallel);
        assert!(!parallel(10, &[(&[0], &[1]), (&[0], &[2])]));
        assert!(!parallel(1 << 20, &[(&[0], &[1])]));
        assert!(parallel(1 << 20, &[(&[0], &[1]), (&[0], &[2])]));
    }
}
