//! Which nodes run as one kernel.
//!
//! Nothing is rewritten: a group is a set of nodes of the graph, so the graph stays the definition of
//! what is computed, and running each node alone gives the same numbers.

use std::collections::BTreeSet;

use cornu_graph::ops::{BinaryKind, UnaryKind};
use cornu_graph::{Graph, Op, ValueId};

use crate::layouts::{ConvShape, Family};
use crate::placement::{Placement, Role};

/// Nodes that run as one step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// How they run.
    pub(crate) kind: GroupKind,
    /// The nodes, in the order of the graph.
    pub(crate) nodes: Vec<ValueId>,
    /// Those of them that are read outside of the group.
    pub(crate) outputs: Vec<ValueId>,
    /// Role of all of them.
    pub(crate) role: Role,
    /// Phase of all of them.
    pub(crate) phase: usize,
}

/// How a group runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum GroupKind {
    /// One node by itself.
    Single,
    /// Elementwise nodes of one shape, in one walk over the elements.
    Elementwise,
    /// Convolution with what follows it.
    Conv(ConvTail),
    /// `select(relu_out > 0, max_pool_grad(relu_out, d_pooled), 0)`: from the gradient of what a
    /// [`ConvTail`] pooled to the gradient of the convolution.
    Unpool {
        /// The pooled value, which the position of the maximum was kept for.
        pooled: ValueId,
        /// Its gradient.
        d_pooled: ValueId,
    },
    /// Matrix product with what follows it.
    MatMul {
        /// Added to each row.
        bias: Option<ValueId>,
        /// Whether negative results become 0.
        relu: bool,
    },
}

/// What a convolution does before it stores its result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConvTail {
    /// The convolution.
    pub(crate) conv: ValueId,
    /// Added to each channel.
    pub(crate) bias: Option<ValueId>,
    /// Whether negative results become 0.
    pub(crate) relu: bool,
    /// Max pooling of 2x2 pixels, and whether a later step needs to know which was the maximum.
    pub(crate) pool: Option<bool>,
}

/// Groups the nodes of `graph`. Without `fuse` every node is a group of its own.
pub(crate) fn group(graph: &Graph, placement: &Placement, fuse: bool) -> Vec<Group> {
    let mut grouping = Grouping::new(graph, placement);
    if fuse {
        for &value in &placement.order {
            grouping.try_conv(value);
            grouping.try_matmul(value);
        }
        for &value in &placement.order {
            grouping.try_elementwise(value);
        }
    }
    grouping.finish()
}

/// A group in the making. Its position is where in the order it runs: after all that it reads and
/// before all that read it.
#[derive(Debug)]
struct Draft {
    kind: GroupKind,
    nodes: BTreeSet<ValueId>,
    position: usize,
}

struct Grouping<'a> {
    graph: &'a Graph,
    placement: &'a Placement,
    users: Vec<Vec<ValueId>>,
    /// Values that outlive the run.
    results: BTreeSet<ValueId>,
    /// Position of each node in the order, counted from 1; leaves are at 0.
    positions: Vec<usize>,
    drafts: Vec<Option<Draft>>,
    draft_of: Vec<Option<usize>>,
}

impl<'a> Grouping<'a> {
    fn new(graph: &'a Graph, placement: &'a Placement) -> Self {
        let mut positions = vec![0; graph.nodes().len()];
        for (i, value) in placement.order.iter().enumerate() {
            positions[value.index()] = i + 1;
        }
        let results = graph
            .outputs()
            .iter()
            .map(|(_, value)| *value)
            .chain(graph.updates().iter().map(|update| update.value))
            .collect();
        Self {
            graph,
            placement,
            users: graph.users(),
            results,
            positions,
            drafts: Vec::new(),
            draft_of: vec![None; graph.nodes().len()],
        }
    }

    fn op(&self, value: ValueId) -> &'a Op {
        &self.graph.node(value).op
    }

    /// Where in the order `value` is computed as things stand.
    fn position(&self, value: ValueId) -> usize {
        self.draft_of[value.index()]
            .and_then(|draft| self.drafts[draft].as_ref())
            .map_or(self.positions[value.index()], |draft| draft.position)
    }

    /// The one node that reads `value`, if there is just one and nobody else wants it.
    fn only_user(&self, value: ValueId) -> Option<ValueId> {
        match self.users[value.index()][..] {
            [user] if !self.results.contains(&value) && self.draft_of[user.index()].is_none() => {
                Some(user)
            }
            _ => None,
        }
    }

    fn same_time(&self, a: ValueId, b: ValueId) -> bool {
        self.placement.phases[a.index()] == self.placement.phases[b.index()]
            && self.placement.roles[a.index()] == self.placement.roles[b.index()]
    }

    fn add_draft(&mut self, kind: GroupKind, nodes: &[ValueId], position: usize) {
        let id = self.drafts.len();
        for node in nodes {
            self.draft_of[node.index()] = Some(id);
        }
        self.drafts.push(Some(Draft { kind, nodes: nodes.iter().copied().collect(), position }));
    }

    /// `value + bias` with a bias along the last axis that is known before `value`.
    fn bias_of(&self, value: ValueId, add: ValueId) -> Option<ValueId> {
        let node = self.graph.node(add);
        if !matches!(&node.op, Op::Binary(op) if op.0 == BinaryKind::Add) {
            return None;
        }
        let bias = match node.inputs[..] {
            [a, b] if a == value && b != value => b,
            [a, b] if b == value && a != value => a,
            _ => return None,
        };
        let last = *self.graph.shape(value).dims().last()?;
        (self.graph.shape(bias).dims() == [last]
            && node.shape == *self.graph.shape(value)
            && self.position(bias) < self.positions[value.index()]
            && self.same_time(value, add))
        .then_some(bias)
    }

    fn is_relu(&self, value: ValueId) -> bool {
        matches!(self.op(value), Op::Unary(op) if op.0 == UnaryKind::Relu)
    }

    fn is_zero(&self, value: ValueId) -> bool {
        matches!(self.op(value), Op::Constant(c) if c.value.data() == [0.0])
    }

    /// `conv [+ bias] [relu] [2x2 max pool]`, and the gradient of the pooling.
    fn try_conv(&mut self, conv: ValueId) {
        let Op::Conv(_) = self.op(conv) else { return };
        let Some(shape) = ConvShape::of(self.graph, self.graph.node(conv)) else { return };
        let mut nodes = vec![conv];
        let mut tail = ConvTail { conv, bias: None, relu: false, pool: None };
        let mut last = conv;
        if let Some(add) = self.only_user(last)
            && let Some(bias) = self.bias_of(last, add)
        {
            tail.bias = Some(bias);
            nodes.push(add);
            last = add;
        }
        if let Some(relu) = self.only_user(last)
            && self.is_relu(relu)
        {
            tail.relu = true;
            nodes.push(relu);
            last = relu;
        }
        if shape.family() == Family::Planes
            && let Some((pool, unpool)) = self.pooled(last, tail.relu)
        {
            tail.pool = Some(unpool.is_some());
            nodes.push(pool);
            if let Some(Unpooling { nodes, d_pooled, select }) = unpool {
                let kind = GroupKind::Unpool { pooled: pool, d_pooled };
                self.add_draft(kind, &nodes, self.positions[select.index()]);
            }
        }
        self.add_draft(GroupKind::Conv(tail), &nodes, self.positions[conv.index()]);
    }

    /// The 2x2 max pooling that is all that reads `x`, apart from its own gradient.
    fn pooled(&self, x: ValueId, relu: bool) -> Option<(ValueId, Option<Unpooling>)> {
        if self.results.contains(&x) {
            return None;
        }
        let users = &self.users[x.index()];
        let pool = *users.iter().find(|&&user| {
            matches!(self.op(user), Op::MaxPool(op)
                if op.window == [2, 2] && op.strides == [2, 2] && op.padding == [(0, 0), (0, 0)])
                && self.same_time(x, user)
        })?;
        let rest: Vec<ValueId> = users.iter().copied().filter(|&user| user != pool).collect();
        match rest[..] {
            [] => Some((pool, None)),
            // The gradient: dead units and the three pixels that lost get none.
            [a, b] if relu => {
                let (grad, alive) = match (self.op(a), self.op(b)) {
                    (Op::MaxPoolGrad(_), _) => (a, b),
                    (_, Op::MaxPoolGrad(_)) => (b, a),
                    _ => return None,
                };
                let is_alive = matches!(self.op(alive), Op::Binary(op) if op.0 == BinaryKind::Greater)
                    && self.graph.node(alive).inputs[0] == x
                    && self.is_zero(self.graph.node(alive).inputs[1]);
                let select = self.only_user(grad)?;
                let routes = matches!(self.op(select), Op::Select(_))
                    && self.only_user(alive) == Some(select)
                    && self.graph.node(select).inputs[..2] == [alive, grad]
                    && self.is_zero(self.graph.node(select).inputs[2]);
                let inputs = &self.graph.node(grad).inputs;
                // The same window: a gradient of another pooling of the same value is left alone.
                let same_window = match (self.op(pool), self.op(grad)) {
                    (Op::MaxPool(pool), Op::MaxPoolGrad(grad)) => grad.pool == *pool,
                    _ => false,
                };
                let d_pooled = *inputs.iter().find(|&&input| input != x)?;
                let one_time = self.same_time(x, select) && self.same_time(x, grad);
                (is_alive && routes && same_window && one_time).then_some((
                    pool,
                    Some(Unpooling { nodes: vec![grad, alive, select], d_pooled, select }),
                ))
            }
            _ => None,
        }
    }

    /// `matmul [+ bias] [relu]`
    fn try_matmul(&mut self, matmul: ValueId) {
        if !matches!(self.op(matmul), Op::MatMul(_))
            || self.placement.roles[matmul.index()] == Role::Reduction
            || self.graph.shape(matmul).rank() != 2
        {
            return;
        }
        let mut nodes = vec![matmul];
        let mut bias = None;
        let mut relu = false;
        if let Some(add) = self.only_user(matmul)
            && let Some(found) = self.bias_of(matmul, add)
        {
            bias = Some(found);
            nodes.push(add);
            if let Some(user) = self.only_user(add)
                && self.is_relu(user)
                && self.same_time(matmul, user)
            {
                relu = true;
                nodes.push(user);
            }
        }
        let position = self.positions[matmul.index()];
        self.add_draft(GroupKind::MatMul { bias, relu }, &nodes, position);
    }

    /// Joins an elementwise node with the elementwise nodes it reads, where the order allows it.
    fn try_elementwise(&mut self, value: ValueId) {
        if self.draft_of[value.index()].is_some() || !is_elementwise(self.op(value)) {
            return;
        }
        if self.placement.roles[value.index()] == Role::Reduction {
            return;
        }
        self.add_draft(GroupKind::Elementwise, &[value], self.positions[value.index()]);
        let mut producers: Vec<usize> = self
            .graph
            .node(value)
            .inputs
            .iter()
            .filter(|&&input| {
                self.graph.shape(input) == self.graph.shape(value) && self.same_time(input, value)
            })
            .filter_map(|input| self.draft_of[input.index()])
            .filter(
                |&draft| matches!(&self.drafts[draft], Some(d) if d.kind == GroupKind::Elementwise),
            )
            .collect();
        producers.sort_unstable_by_key(|&draft| {
            std::cmp::Reverse(self.drafts[draft].as_ref().map(|draft| draft.position))
        });
        producers.dedup();
        for producer in producers {
            if let Some(own) = self.draft_of[value.index()]
                && own != producer
            {
                self.try_merge(producer, own);
            }
        }
    }

    /// Makes one draft of two, `early` running before `late`, if a common position exists.
    fn try_merge(&mut self, early: usize, late: usize) {
        let (Some(a), Some(b)) = (&self.drafts[early], &self.drafts[late]) else { return };
        if MAX_ELEMENTWISE < a.nodes.len() + b.nodes.len() {
            return;
        }
        let (early, late, a, b) =
            if a.position <= b.position { (early, late, a, b) } else { (late, early, b, a) };
        let inside = |value: &ValueId| a.nodes.contains(value) || b.nodes.contains(value);
        let read_between = a.nodes.iter().any(|node| {
            self.users[node.index()].iter().any(|user| {
                !inside(user)
                    && self.is_grouped_or_before(*user, b.position)
                    && self.position(*user) <= b.position
            })
        });
        let position = if !read_between {
            b.position
        } else {
            let known_before = b.nodes.iter().all(|node| {
                self.graph
                    .node(*node)
                    .inputs
                    .iter()
                    .all(|input| inside(input) || self.position(*input) < a.position)
            });
            if !known_before {
                return;
            }
            a.position
        };
        if let (Some(mut merged), Some(gone)) =
            (self.drafts[early].take(), self.drafts[late].take())
        {
            for node in &gone.nodes {
                self.draft_of[node.index()] = Some(early);
            }
            merged.nodes.extend(gone.nodes);
            merged.position = position;
            self.drafts[early] = Some(merged);
        }
    }

    /// Whether `user` runs at a place that is already settled, or would by itself run by `position`.
    fn is_grouped_or_before(&self, user: ValueId, position: usize) -> bool {
        self.draft_of[user.index()].is_some() || self.positions[user.index()] <= position
    }

    fn finish(mut self) -> Vec<Group> {
        for &value in &self.placement.order {
            if self.draft_of[value.index()].is_none() {
                self.add_draft(GroupKind::Single, &[value], self.positions[value.index()]);
            }
        }
        let mut drafts: Vec<Draft> = self.drafts.iter_mut().filter_map(Option::take).collect();
        drafts.sort_by_key(|draft| draft.position);
        drafts
            .into_iter()
            .map(|draft| {
                let outputs = draft.nodes.iter().copied().filter(|value| {
                    self.results.contains(value)
                        || self.users[value.index()].iter().any(|user| !draft.nodes.contains(user))
                });
                let first = draft.nodes.iter().next().map_or(0, |value| value.index());
                Group {
                    kind: draft.kind,
                    outputs: outputs.collect(),
                    role: self.placement.roles[first],
                    phase: self.placement.phases[first],
                    nodes: draft.nodes.into_iter().collect(),
                }
            })
            .collect()
    }
}

/// Nodes of the gradient of a max pooling with the ReLU before it.
struct Unpooling {
    nodes: Vec<ValueId>,
    d_pooled: ValueId,
    select: ValueId,
}

/// More nodes than this in one walk would push their registers out of the first-level cache.
const MAX_ELEMENTWISE: usize = 48;

/// Whether each element of the result depends on one element of each operand.
pub(crate) fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_) | Op::Binary(_) | Op::Select(_) | Op::StopGradient(_) | Op::BroadcastTo(_)
    )
}
