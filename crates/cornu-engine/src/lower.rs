//! From the grouped graph to the steps of a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use cornu_graph::{Graph, Op, ValueId, VariableId};
use cornu_tensor::Shape;

use crate::bind::{self, Kernel, Relayout, Unpooling};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::{Layout, Layouts};
use crate::placement::{Placement, Role};
use crate::plan::{Accumulator, Buffer, BufferId, Home, Phase, Plan, Reduction, Step};

/// The plan in the making.
pub(crate) struct Lowering<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) layouts: Layouts,
    /// For each value, the nodes that read it.
    pub(crate) users: Vec<Vec<ValueId>>,
    /// For each value, the group that computes it, in the order in which groups run.
    group_of: Vec<usize>,
    pub(crate) plan: Plan,
    /// Each value as its step made it.
    made: Vec<Option<BufferId>>,
    /// Values in layouts that they were converted to.
    converted: Vec<(ValueId, Layout, BufferId)>,
    /// What is made from shared values for the kernels' convenience, such as packed weights.
    derived: BTreeMap<(ValueId, String), BufferId>,
    /// Where the maximum was, for values that a convolution pooled.
    pub(crate) argmax: BTreeMap<ValueId, BufferId>,
    /// Gradients of pooled convolutions that are made in full size only if somebody asks for them.
    pub(crate) unpoolings: BTreeMap<ValueId, Unpooling>,
    /// Where steps go now.
    phase: usize,
    role: Role,
    scope: Arc<str>,
}

/// Turns groups into steps and gives every value a place.
pub(crate) fn lower(
    graph: &Graph,
    placement: &Placement,
    groups: &[Group],
    layouts: Layouts,
) -> Plan {
    let mut group_of = vec![0; graph.nodes().len()];
    for (index, group) in groups.iter().enumerate() {
        for node in &group.nodes {
            group_of[node.index()] = index;
        }
    }
    let mut lowering = Lowering {
        graph,
        layouts,
        users: graph.users(),
        group_of,
        plan: Plan::default(),
        made: vec![None; graph.nodes().len()],
        converted: Vec::new(),
        derived: BTreeMap::new(),
        argmax: BTreeMap::new(),
        unpoolings: BTreeMap::new(),
        phase: 0,
        role: Role::Shared,
        scope: "".into(),
    };
    lowering.plan.phases.resize_with(placement.n_phases, Phase::default);
    lowering.add_leaves();
    for group in groups {
        lowering.phase = group.phase;
        lowering.role = group.role;
        lowering.scope = graph.node(group.nodes[0]).scope.clone();
        bind::bind(&mut lowering, group);
    }
    lowering.finish(placement)
}

impl Lowering<'_> {
    fn add_leaves(&mut self) {
        for value in self.graph.values() {
            let node = self.graph.node(value);
            let home = match &node.op {
                Op::Input(input) => {
                    self.plan.inputs.push((input.name.clone(), node.shape.clone()));
                    Home::Input(self.plan.inputs.len() - 1)
                }
                Op::Variable(variable) => Home::Variable(variable.id.index()),
                Op::Constant(constant) => {
                    let data = constant.value.data().iter().map(|&x| x as f32).collect();
                    self.plan.constants.push(data);
                    Home::Constant(self.plan.constants.len() - 1)
                }
                Op::BatchSize(_) => {
                    self.plan.shared.push(1);
                    self.plan.batch_sizes.push(self.plan.shared.len() - 1);
                    Home::Shared(self.plan.shared.len() - 1)
                }
                _ => continue,
            };
            let buffer = Buffer {
                name: value.to_string(),
                shape: node.shape.clone(),
                layout: Layout::Rows,
                len: node.shape.n_per_sample(),
                home,
            };
            self.made[value.index()] = Some(self.push(buffer));
        }
    }

    fn push(&mut self, buffer: Buffer) -> BufferId {
        self.plan.buffers.push(buffer);
        self.plan.buffers.len() - 1
    }

    /// A new buffer. Those of samples start out as the worker's; `finish` moves those that must live
    /// longer and lets the others share memory.
    fn new_buffer(&mut self, name: String, shape: &Shape, layout: Layout, len: usize) -> BufferId {
        let home = if shape.is_batched() {
            Home::Worker(usize::MAX)
        } else {
            self.plan.shared.push(len);
            Home::Shared(self.plan.shared.len() - 1)
        };
        self.push(Buffer { name, shape: shape.clone(), layout, len, home })
    }

    /// The buffer that a step writes `value` to.
    pub(crate) fn output(&mut self, value: ValueId, layout: Layout) -> BufferId {
        let shape = self.graph.shape(value).clone();
        let len = layout.len(&shape);
        let buffer = self.new_buffer(value.to_string(), &shape, layout, len);
        self.made[value.index()] = Some(buffer);
        buffer
    }

    /// As [`Lowering::output`], for the next value of a variable that is written in its place.
    pub(crate) fn output_in_place(&mut self, value: ValueId, variable: VariableId) -> BufferId {
        let shape = self.graph.shape(value).clone();
        let len = Layout::Rows.len(&shape);
        let home = Home::Variable(variable.index());
        let name = value.to_string();
        let buffer = self.push(Buffer { name, shape, layout: Layout::Rows, len, home });
        self.made[value.index()] = Some(buffer);
        buffer
    }

    /// Whether all nodes that read `value` run in the group of `node` or earlier.
    pub(crate) fn is_read_until(&self, value: ValueId, node: ValueId) -> bool {
        let users = &self.users[value.index()];
        users.iter().all(|user| self.group_of[user.index()] <= self.group_of[node.index()])
    }

    /// A buffer for something that is not a value of the graph, `len` elements per sample.
    pub(crate) fn extra_output(&mut self, name: String, like: ValueId, len: usize) -> BufferId {
        let shape = self.graph.shape(like).clone();
        self.new_buffer(name, &shape, Layout::Rows, len)
    }

    /// The layout that `value` was made in.
    pub(crate) fn layout_of(&self, value: ValueId) -> Layout {
        self.made[value.index()].map_or(Layout::Rows, |buffer| self.plan.buffers[buffer].layout)
    }

    /// `value` in `layout`; adds a step that converts it, if there is none yet.
    pub(crate) fn operand(&mut self, value: ValueId, layout: Layout) -> BufferId {
        if self.made[value.index()].is_none()
            && let Some(unpooling) = self.unpoolings.get(&value).copied()
        {
            bind::unpool(self, value, unpooling);
        }
        let Some(made) = self.made[value.index()] else {
            unreachable!("{value} is read before it is made: the groups are out of order")
        };
        let from = self.plan.buffers[made].layout;
        if from == layout {
            return made;
        }
        if let Some((_, _, buffer)) =
            self.converted.iter().find(|(of, to, _)| *of == value && *to == layout)
        {
            return *buffer;
        }
        let shape = self.graph.shape(value).clone();
        let len = layout.len(&shape);
        let buffer = self.new_buffer(format!("{value}'"), &shape, layout, len);
        let kernel = Relayout::new(&shape, from, layout);
        self.step(Box::new(kernel), vec![made], vec![buffer]);
        self.converted.push((value, layout, buffer));
        buffer
    }

    /// What `kernel` makes of the shared `value`, computed once before the samples and kept for
    /// later calls with the same `key`.
    pub(crate) fn derived(
        &mut self,
        value: ValueId,
        name: &str,
        key: String,
        len: usize,
        kernel: impl FnOnce() -> Box<dyn Kernel>,
    ) -> BufferId {
        if let Some(&buffer) = self.derived.get(&(value, key.clone())) {
            return buffer;
        }
        let input = self.operand(value, Layout::Rows);
        let shape = Shape::fixed([len]);
        let buffer = self.new_buffer(format!("{value} {name}"), &shape, Layout::Rows, len);
        let step = self.new_step(kernel(), vec![input], vec![buffer]);
        self.plan.phases[self.phase].shared.push(step);
        self.derived.insert((value, key), buffer);
        buffer
    }

    /// Adds a step where steps go now.
    pub(crate) fn step(
        &mut self,
        kernel: Box<dyn Kernel>,
        inputs: Vec<BufferId>,
        outputs: Vec<BufferId>,
    ) {
        let step = self.new_step(kernel, inputs, outputs);
        let phase = &mut self.plan.phases[self.phase];
        if self.role == Role::Shared { phase.shared.push(step) } else { phase.samples.push(step) }
    }

    fn new_step(
        &self,
        kernel: Box<dyn Kernel>,
        inputs: Vec<BufferId>,
        outputs: Vec<BufferId>,
    ) -> Step {
        let parts = kernel.parts();
        Step { kernel, inputs, outputs, accumulator: None, parts, scope: self.scope.clone() }
    }

    /// Adds a step that computes the reduction `value` from all samples at once, as soon as this
    /// phase is over: for results so large that accumulators of their own would cost each slot
    /// more than keeping what is read.
    pub(crate) fn whole_batch_step(
        &mut self,
        value: ValueId,
        kernel: Box<dyn Kernel>,
        inputs: Vec<BufferId>,
    ) {
        let result = self.output(value, Layout::Rows);
        let step = self.new_step(kernel, inputs, vec![result]);
        self.plan.phases[self.phase + 1].shared.push(step);
    }

    /// Adds a step that accumulates the reduction `value` over the samples.
    pub(crate) fn reduction_step(
        &mut self,
        value: ValueId,
        combine: Combine,
        kernel: Box<dyn Kernel>,
        inputs: Vec<BufferId>,
    ) {
        let result = self.output(value, Layout::Rows);
        let accumulator = self.plan.accumulators.len();
        let len = combine.accumulator_len(self.plan.buffers[result].len);
        self.plan.accumulators.push(Accumulator { len, start: combine.start(), piece: 0 });
        let step =
            Step { accumulator: Some(accumulator), ..self.new_step(kernel, inputs, Vec::new()) };
        let phase = &mut self.plan.phases[self.phase];
        phase.samples.push(step);
        phase.reductions.push(Reduction { accumulator, result, combine });
    }

    fn finish(mut self, placement: &Placement) -> Plan {
        // Results are handed out row-major, wherever they were made.
        for (_, value) in self.graph.outputs() {
            self.phase = placement.phases[value.index()].min(placement.n_phases - 1);
            self.role = Role::Sample;
            self.scope = self.graph.node(*value).scope.clone();
            let buffer = self.operand(*value, Layout::Rows);
            self.plan.outputs.push(buffer);
        }
        for update in self.graph.updates() {
            let buffer = self.operand(update.value, Layout::Rows);
            self.plan.updates.push((update.variable.index(), buffer));
        }
        crate::memory::place_buffers(&mut self.plan);
        crate::regions::find_regions(&mut self.plan);
        self.plan
    }
}
