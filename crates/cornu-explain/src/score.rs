use cornu_graph::ops::{Op, Unary, UnaryKind};
use cornu_graph::{Graph, ValueId};

use crate::ExplainError;

/// Which number of a class is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ScoreKind {
    /// Before the last activation (sigmoid or softmax), as in the papers on class activation maps
    /// ("y^c, before the softmax") and as tf-keras-vis advises with `ReplaceToLinear`: it does not
    /// flatten where the network is certain, and no other class has a part in it. The default.
    ///
    /// Of one sigmoid unit `z` is the score of class 1 and `-z` that of class 0. A model whose last
    /// operation is no sigmoid or softmax is explained as it is.
    #[default]
    Logit,
    /// The model's output. Of one unit `p` is the score of class 1 and `1 - p` that of class 0.
    Output,
}

/// The class that is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The one that the model predicts: the greatest output; of one unit class 1 from 0.5 on (from 0 on
    /// where the unit has no activation).
    #[default]
    Predicted,
    /// This one.
    Class(usize),
}

/// The last activation of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Sigmoid,
    Softmax,
    Linear,
    Other,
}

impl Head {
    /// What `output` comes from, and the value before it.
    pub(crate) fn of(graph: &Graph, output: ValueId) -> (Self, ValueId) {
        let node = graph.node(output);
        match &node.op {
            Op::Unary(Unary(UnaryKind::Sigmoid)) => (Self::Sigmoid, node.inputs[0]),
            Op::Softmax(_) => (Self::Softmax, node.inputs[0]),
            Op::Binary(_) | Op::MatMul(_) | Op::Reshape(_) | Op::Conv(_) => (Self::Linear, output),
            _ => (Self::Other, output),
        }
    }

    /// The class that `outputs` speak for.
    pub(crate) fn predicted(self, outputs: &[f32]) -> usize {
        if let [one] = outputs {
            let threshold = if self == Self::Linear { 0.0 } else { 0.5 };
            return usize::from(threshold <= *one);
        }
        let mut best = 0;
        for (i, &x) in outputs.iter().enumerate() {
            if outputs[best] < x {
                best = i;
            }
        }
        best
    }
}

/// How the model's `n` outputs make the score of `class`: a weight for each, and what is added.
pub(crate) fn selector(
    n: usize,
    class: usize,
    kind: ScoreKind,
    head: Head,
) -> Result<(Vec<f32>, f64), ExplainError> {
    let classes = n.max(2);
    if classes <= class {
        return Err(ExplainError::Class { got: class, last: classes - 1 });
    }
    if n == 1 {
        let is_probability = kind == ScoreKind::Output && head != Head::Linear;
        let added = if class == 0 && is_probability { 1.0 } else { 0.0 };
        return Ok((vec![if class == 1 { 1.0 } else { -1.0 }], added));
    }
    Ok(((0..n).map(|i| if i == class { 1.0 } else { 0.0 }).collect(), 0.0))
}
