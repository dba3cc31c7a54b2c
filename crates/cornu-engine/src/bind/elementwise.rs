//! Elementwise groups: one walk over the elements, whatever the layout.

use std::collections::BTreeMap;

use cornu_graph::ops::{BinaryKind, UnaryKind};
use cornu_graph::{Op, ValueId, VariableId};
use cornu_kernels::elementwise::{self, Access, Binary, Program, Step, Unary};
use cornu_tensor::{Dim, Shape};

use super::{Call, Kernel};
use crate::groups::Group;
use crate::layouts::{Layout, picture};
use crate::lower::Lowering;
use crate::placement::Role;
use crate::plan::BufferId;

/// A fused elementwise program.
#[derive(Debug)]
struct Elementwise {
    program: Program,
    /// Per input: elements of one sample, or `None` if it is the same for all samples.
    sample_lens: Vec<Option<usize>>,
    layout: Layout,
    /// Elements of one sample that are walked over, and that an output has.
    walked: usize,
    len: usize,
    /// Whether all samples of a chunk are one walk; else each is a walk of its own.
    whole_chunk: bool,
    /// So many of the first outputs hold the first inputs before.
    n_in_place: usize,
    /// Whether several threads may share the walk.
    is_cut: bool,
    /// For the plan's text.
    names: String,
}

impl Kernel for Elementwise {
    fn describe(&self) -> String {
        self.names.clone()
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        self.program.scratch_len()
    }

    fn flops(&self) -> f64 {
        (self.walked * self.program.steps().len()) as f64
    }

    fn parts(&self) -> Vec<usize> {
        if !self.is_cut || self.len < 2 * PART {
            return Vec::new();
        }
        let ends = (PART..self.len - PART / 2).step_by(PART);
        ends.chain([self.len]).collect()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        if self.is_cut {
            return self.run_part(call);
        }
        if self.whole_chunk {
            elementwise::run(call.isa, &self.program, call.outputs, call.inputs, 0, call.scratch);
            return;
        }
        for sample in 0..call.samples {
            let inputs: Vec<&[f32]> = self
                .program
                .inputs()
                .iter()
                .zip(&self.sample_lens)
                .zip(call.inputs)
                .map(|((access, len), input)| {
                    let own = len.map_or(*input, |len| &input[sample * len..(sample + 1) * len]);
                    if *access == Access::Full { &own[..self.walked] } else { own }
                })
                .collect();
            let mut outputs: Vec<&mut [f32]> = call
                .outputs
                .iter_mut()
                .map(|output| &mut output[sample * self.len..][..self.walked])
                .collect();
            elementwise::run(call.isa, &self.program, &mut outputs, &inputs, 0, call.scratch);
            for output in call.outputs.iter_mut() {
                let output = &mut output[sample * self.len..(sample + 1) * self.len];
                match &self.layout {
                    Layout::Rows => {}
                    Layout::Planes(planes) => planes.zero_halo(output),
                    Layout::Pixels(pixels) => pixels.zero_halo(output),
                }
            }
        }
    }
}

impl Elementwise {
    /// The part of a walk over shared values that the call is for.
    fn run_part(&self, call: &mut Call<'_, '_>) {
        let part = call.start..call.start + call.outputs.first().map_or(0, |output| output.len());
        let accesses = &self.program.inputs()[self.n_in_place..];
        let inputs: Vec<&[f32]> = accesses
            .iter()
            .zip(call.inputs)
            .map(
                |(access, input)| {
                    if *access == Access::Full { &input[part.clone()] } else { *input }
                },
            )
            .collect();
        let (inout, outputs) = call.outputs.split_at_mut(self.n_in_place);
        let (isa, scratch) = (call.isa, &mut *call.scratch);
        elementwise::run_in_place(isa, &self.program, inout, outputs, &inputs, call.start, scratch);
    }
}

/// Elements that one thread takes at a time of a walk that several share.
const PART: usize = 16 * 1024;

/// An operand of the group from outside, and how it is spread over the elements.
struct Operand {
    value: ValueId,
    layout: Layout,
    access: Access,
}

/// Adds the step of an elementwise group.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group) {
    let shape = lowering.graph.shape(group.nodes[0]).clone();
    let values = outside_operands(lowering, group);
    let layout = match group.role {
        Role::Sample => walk_layout(lowering, &values, &shape),
        _ => Layout::Rows,
    };
    let whole = || whole_walk(lowering, &values, &shape);
    let by_sample = |layout| sample_walk(lowering, &values, &shape, layout);
    let (operands, layout, whole_chunk) = if layout == Layout::Rows {
        match whole() {
            Some(operands) => (operands, layout, true),
            None => (by_sample(layout).unwrap_or_default(), layout, false),
        }
    } else {
        match by_sample(layout) {
            Some(operands) => (operands, layout, false),
            None => (by_sample(Layout::Rows).unwrap_or_default(), Layout::Rows, false),
        }
    };
    add_step(lowering, group, &shape, layout, operands, whole_chunk);
}

/// Row-major operands spread over a whole chunk at once, if that works for any number of samples.
fn whole_walk(lowering: &Lowering<'_>, values: &[ValueId], shape: &Shape) -> Option<Vec<Operand>> {
    values
        .iter()
        .map(|&value| {
            let access = spread_rows(lowering.graph.shape(value), shape)?;
            let regular = !shape.is_batched() || !matches!(access, Access::Strided { .. });
            regular.then_some(Operand { value, layout: Layout::Rows, access })
        })
        .collect()
}

/// Operands spread over one sample in `layout`. Always possible in row-major order.
fn sample_walk(
    lowering: &Lowering<'_>,
    values: &[ValueId],
    shape: &Shape,
    layout: Layout,
) -> Option<Vec<Operand>> {
    values
        .iter()
        .map(|&value| {
            let own = lowering.graph.shape(value);
            let (layout, access) = match layout {
                Layout::Rows => {
                    let rank = shape.rank();
                    let own = one_sample(own, rank);
                    (layout, spread_rows(&own, &one_sample(shape, rank))?)
                }
                _ => spread_picture(own, shape, layout)?,
            };
            Some(Operand { value, layout, access })
        })
        .collect()
}

/// The shape of one sample of `shape`, which has its samples on axis 0 if it has `rank` axes.
fn one_sample(shape: &Shape, rank: usize) -> Shape {
    let dims = shape.dims().iter().map(|dim| Dim::Fixed(dim.size(1)));
    let skip = usize::from(shape.rank() == rank && shape.dims()[0].size(1) == 1);
    Shape::new(dims.skip(skip).collect::<Vec<_>>())
}

fn add_step(
    lowering: &mut Lowering<'_>,
    group: &Group,
    shape: &Shape,
    layout: Layout,
    mut operands: Vec<Operand>,
    whole_chunk: bool,
) {
    let is_cut = group.role == Role::Shared && whole_chunk;
    let in_place = if is_cut { in_place(lowering, group, &operands) } else { Vec::new() };
    let n_in_place = in_place.len();
    // What is overwritten comes first, in the order of what it is overwritten by.
    let place = |value| in_place.iter().position(|next| next.old == value).unwrap_or(n_in_place);
    operands.sort_by_key(|operand| place(operand.value));
    let mut outputs: Vec<ValueId> = in_place.iter().map(|next| next.new).collect();
    let others = group.outputs.iter().filter(|&&value| in_place.iter().all(|p| p.new != value));
    outputs.extend(others);
    let (program, names) = build_program(lowering, group, &operands, &outputs);
    let inputs: Vec<BufferId> = operands[n_in_place..]
        .iter()
        .map(|operand| lowering.operand(operand.value, operand.layout))
        .collect();
    let sample_lens = operands
        .iter()
        .map(|operand| {
            let shape = lowering.graph.shape(operand.value);
            shape.is_batched().then(|| operand.layout.len(shape))
        })
        .collect();
    let len = layout.len(shape);
    let walked = match layout {
        Layout::Rows => len,
        Layout::Planes(planes) => planes.channels * planes.plane(),
        Layout::Pixels(pixels) => pixels.len(),
    };
    let kernel = Elementwise {
        program,
        sample_lens,
        layout,
        walked,
        len,
        whole_chunk,
        n_in_place,
        is_cut,
        names,
    };
    let outputs = outputs
        .iter()
        .enumerate()
        .map(|(i, &value)| match in_place.get(i) {
            Some(next) => lowering.output_in_place(value, next.variable),
            None => lowering.output(value, layout),
        })
        .collect();
    lowering.step(Box::new(kernel), inputs, outputs);
}

/// A variable whose next value can take the place of the present one.
struct InPlace {
    variable: VariableId,
    old: ValueId,
    new: ValueId,
}

/// The variables that the group may update in place: those that nobody reads afterwards, neither
/// as a result nor as the next value of another variable.
fn in_place(lowering: &Lowering<'_>, group: &Group, operands: &[Operand]) -> Vec<InPlace> {
    let graph = lowering.graph;
    let is_result = |value| {
        graph.outputs().iter().any(|(_, output)| *output == value)
            || graph.updates().iter().any(|update| update.value == value)
    };
    let mut found: Vec<InPlace> = Vec::new();
    for operand in operands {
        let old = operand.value;
        let Op::Variable(op) = &graph.node(old).op else { continue };
        let Some(update) = graph.updates().iter().find(|update| update.variable == op.id) else {
            continue;
        };
        let new = update.value;
        let is_only_node = graph.values().all(|value| {
            value == old || !matches!(&graph.node(value).op, Op::Variable(o) if o.id == op.id)
        });
        if operand.access == Access::Full
            && graph.shape(old) == graph.shape(new)
            && group.outputs.contains(&new)
            && found.iter().all(|other| other.new != new)
            && is_only_node
            && !is_result(old)
            && lowering.is_read_until(old, group.nodes[0])
        {
            found.push(InPlace { variable: op.id, old, new });
        }
    }
    found
}

/// What the group reads from outside, without scalar constants, each once.
fn outside_operands(lowering: &Lowering<'_>, group: &Group) -> Vec<ValueId> {
    let mut operands = Vec::new();
    for &node in &group.nodes {
        for &input in &lowering.graph.node(node).inputs {
            let inside = group.nodes.contains(&input);
            if !inside && number(lowering, input).is_none() && !operands.contains(&input) {
                operands.push(input);
            }
        }
    }
    operands
}

/// The value of a constant with one element.
fn number(lowering: &Lowering<'_>, value: ValueId) -> Option<f32> {
    match &lowering.graph.node(value).op {
        Op::Constant(constant) if constant.value.len() == 1 => {
            Some(constant.value.data()[0] as f32)
        }
        _ => None,
    }
}

/// The layout of all operands of full size if they agree; else, or if there are none, that of most
/// convolutions on such pictures.
fn walk_layout(lowering: &Lowering<'_>, operands: &[ValueId], shape: &Shape) -> Layout {
    if picture(shape).is_none() {
        return Layout::Rows;
    }
    let full = operands.iter().filter(|&&value| lowering.graph.shape(value) == shape);
    let mut layouts = full.map(|&value| lowering.layout_of(value));
    match layouts.next() {
        Some(first) if layouts.all(|layout| layout == first) => first,
        _ => lowering.layouts.home(shape),
    }
}

/// How a value of shape `own` is spread over one picture of `shape` in `layout`, which is not
/// row-major, and the layout it must have.
fn spread_picture(own: &Shape, shape: &Shape, layout: Layout) -> Option<(Layout, Access)> {
    let dims: Vec<usize> = own.dims().iter().map(|dim| dim.size(1)).collect();
    let axis = |from_end: usize| dims.len().checked_sub(from_end).map_or(1, |axis| dims[axis]);
    let [h, w, c] = picture(shape)?;
    let spans = [axis(3) == h && h != 1, axis(2) == w && w != 1, axis(1) == c && c != 1];
    let (plane, is_planes) = match layout {
        Layout::Planes(planes) => (planes.plane(), true),
        _ => (0, false),
    };
    match spans {
        _ if own == shape => Some((layout, Access::Full)),
        [false, false, false] => Some((Layout::Rows, Access::Scalar)),
        [false, false, true] if is_planes => Some((Layout::Rows, Access::Repeat { times: plane })),
        [false, false, true] => Some((Layout::Rows, Access::Cycle { len: c })),
        // One number per pixel: needs the same halo, which one channel has in the same layout.
        [tall, true, false] if (tall || h == 1) && picture(own).is_some() => match layout {
            Layout::Planes(planes) => {
                let one = Layout::Planes(cornu_kernels::layout::Planes { channels: 1, ..planes });
                Some((one, Access::Cycle { len: plane }))
            }
            Layout::Pixels(pixels) => {
                let one = Layout::Pixels(cornu_kernels::layout::Pixels { channels: 1, ..pixels });
                Some((one, Access::Repeat { times: c }))
            }
            Layout::Rows => None,
        },
        _ => None,
    }
}

/// How a row-major value of shape `own` is spread over `shape`. What does not repeat regularly is
/// [`Access::Strided`] over one sample.
fn spread_rows(own: &Shape, shape: &Shape) -> Option<Access> {
    if own == shape {
        return Some(Access::Full);
    }
    let missing = shape.rank().checked_sub(own.rank())?;
    // Runs of neighbouring axes that are all spanned or all repeated, with their sizes.
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for (axis, dim) in shape.dims().iter().enumerate() {
        if *dim == Dim::Fixed(1) {
            continue;
        }
        let spans = missing <= axis && own.dims()[axis - missing] == *dim;
        match runs.last_mut() {
            Some((same, size)) if *same == spans => *size *= dim.size(1),
            _ => runs.push((spans, dim.size(1))),
        }
    }
    Some(match runs[..] {
        [] | [(false, _)] => Access::Scalar,
        [(true, _)] => Access::Full,
        [(false, _), (true, len)] => Access::Cycle { len },
        [(true, _), (false, times)] => Access::Repeat { times },
        [(false, _), (true, len), (false, times)] => Access::RepeatCycle { times, len },
        _ => {
            let mut strides = vec![0; runs.len()];
            let mut stride = 1;
            for (i, &(spans, size)) in runs.iter().enumerate().rev() {
                if spans {
                    strides[i] = stride;
                    stride *= size;
                }
            }
            Access::Strided { dims: runs.iter().map(|&(_, size)| size).collect(), strides }
        }
    })
}

/// The program of a group: operands first, then one step per node.
fn build_program(
    lowering: &Lowering<'_>,
    group: &Group,
    operands: &[Operand],
    outputs: &[ValueId],
) -> (Program, String) {
    let mut steps: Vec<Step> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut register: BTreeMap<ValueId, usize> =
        operands.iter().enumerate().map(|(i, operand)| (operand.value, i)).collect();
    for &value in &group.nodes {
        let node = lowering.graph.node(value);
        for &input in &node.inputs {
            if let (Some(number), false) = (number(lowering, input), register.contains_key(&input))
            {
                register.insert(input, operands.len() + steps.len());
                steps.push(Step::Const(number));
            }
        }
        let arg = |i: usize| register[&node.inputs[i]];
        let step = match &node.op {
            Op::Unary(op) => Step::Unary(unary(op.0), arg(0)),
            Op::Binary(op) => Step::Binary(binary(op.0), arg(0), arg(1)),
            Op::Select(_) => Step::Select(arg(0), arg(1), arg(2)),
            // Nothing to compute: the operand is spread over the shape, or is the value.
            _ => {
                let same = arg(0);
                register.insert(value, same);
                continue;
            }
        };
        names.push(node.op.def().name());
        register.insert(value, operands.len() + steps.len());
        steps.push(step);
    }
    let accesses = operands.iter().map(|operand| operand.access.clone()).collect();
    let outputs = outputs.iter().map(|value| register[value]).collect();
    match Program::new(accesses, steps, outputs) {
        Ok(program) => {
            let names = if names.is_empty() { "spread".to_owned() } else { names.join("+") };
            (program, names)
        }
        Err(error) => unreachable!("the nodes of a group are in order: {error}"),
    }
}

fn unary(kind: UnaryKind) -> Unary {
    match kind {
        UnaryKind::Neg => Unary::Neg,
        UnaryKind::Abs => Unary::Abs,
        UnaryKind::Sign => Unary::Sign,
        UnaryKind::Exp => Unary::Exp,
        UnaryKind::Expm1 => Unary::Expm1,
        UnaryKind::Log => Unary::Log,
        UnaryKind::Log1p => Unary::Log1p,
        UnaryKind::Sqrt => Unary::Sqrt,
        UnaryKind::Rsqrt => Unary::Rsqrt,
        UnaryKind::Reciprocal => Unary::Reciprocal,
        UnaryKind::Square => Unary::Square,
        UnaryKind::Tanh => Unary::Tanh,
        UnaryKind::Sigmoid => Unary::Sigmoid,
        UnaryKind::Softplus => Unary::Softplus,
        UnaryKind::Relu => Unary::Relu,
        UnaryKind::Erf => Unary::Erf,
        UnaryKind::Floor => Unary::Floor,
        UnaryKind::Ceil => Unary::Ceil,
        UnaryKind::Round => Unary::Round,
        UnaryKind::Sin => Unary::Sin,
        UnaryKind::Cos => Unary::Cos,
        UnaryKind::Not => Unary::Not,
        UnaryKind::IsNan => Unary::IsNan,
        UnaryKind::IsFinite => Unary::IsFinite,
    }
}

fn binary(kind: BinaryKind) -> Binary {
    match kind {
        BinaryKind::Add => Binary::Add,
        BinaryKind::Sub => Binary::Sub,
        BinaryKind::Mul => Binary::Mul,
        BinaryKind::Div => Binary::Div,
        BinaryKind::Max => Binary::Max,
        BinaryKind::Min => Binary::Min,
        BinaryKind::Pow => Binary::Pow,
        BinaryKind::Mod => Binary::Mod,
        BinaryKind::Less => Binary::Less,
        BinaryKind::LessEqual => Binary::LessEqual,
        BinaryKind::Greater => Binary::Greater,
        BinaryKind::GreaterEqual => Binary::GreaterEqual,
        BinaryKind::Equal => Binary::Equal,
        BinaryKind::NotEqual => Binary::NotEqual,
        BinaryKind::And => Binary::And,
        BinaryKind::Or => Binary::Or,
    }
}
