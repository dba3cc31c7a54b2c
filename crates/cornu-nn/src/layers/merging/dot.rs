use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use crate::config::one_or_list;
use crate::layers::setters::setters;
use crate::layers::{Layer, LowerCx, inputs};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Least squared length that is divided by.
const EPSILON: f64 = 1e-12;

/// Products summed along one axis of each of two inputs of any ranks: of vectors `(samples, k)` to
/// `(samples, 1)`, else to the other axes of the first input and then those of the second, such as
/// `(samples, m, k)` and `(samples, n, k)` to `(samples, m, n)`. Keras 3,
/// keras/src/layers/merging/dot.py.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dot {
    /// The axis of both inputs, or of each.
    pub axes: Vec<i64>,
    /// Whether both are divided by their L2 norm along the axis first: cosines. Default: false.
    pub normalize: bool,
}

impl Dot {
    /// Along this axis of both inputs.
    pub fn new(axis: i64) -> Self {
        Self { axes: vec![axis], normalize: false }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let missing = || LayerError::MissingKey("axes".to_owned());
        config.present("axes").ok_or_else(missing)?;
        Ok(Self {
            axes: config.integers_or("axes", &[])?,
            normalize: config.bool_or("normalize", false)?,
        })
    }

    /// The axis of each input, and the size of those that are left.
    fn plan(&self, inputs: &[SymbolicShape]) -> Result<([usize; 2], SymbolicShape), LayerError> {
        let [a, b] = inputs else {
            return Err(LayerError::input_shape("two tensors", inputs));
        };
        let [first, second] = match self.axes[..] {
            [both] => [both; 2],
            [first, second] => [first, second],
            _ => {
                let got = one_or_list(&self.axes);
                return Err(LayerError::config("axes", "one axis, or one for each input", got));
            }
        };
        let axes = [inputs::sample_axis(a, first)?, inputs::sample_axis(b, second)?];
        let sizes = [a.dims()[axes[0]], b.dims()[axes[1]]];
        if let [Some(n), Some(m)] = sizes
            && n != m
        {
            let expected = format!("the same size on axes {axes:?}");
            return Err(LayerError::input_shape(expected, inputs));
        }
        let mut dims = vec![a.dims()[0]];
        for (input, axis) in [(a, axes[0]), (b, axes[1])] {
            dims.extend(others(input.rank(), axis).map(|other| input.dims()[other]));
        }
        if dims.len() == 1 {
            dims.push(Some(1));
        }
        Ok((axes, SymbolicShape::new(dims)))
    }
}

setters!(Dot { axes: Vec<i64>, normalize: bool });

impl Layer for Dot {
    fn class_name(&self) -> &'static str {
        "Dot"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("axes", one_or_list(&self.axes))
            .set("normalize", self.normalize)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        Ok(self.plan(inputs)?.1)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let shapes: Vec<SymbolicShape> =
            inputs.iter().map(|&input| SymbolicShape::from_graph(g.shape(input))).collect();
        let (axes, output) = self.plan(&shapes)?;
        let [mut a, mut b] = [inputs[0], inputs[1]];
        if self.normalize {
            a = unit(g, a, axes[0])?;
            b = unit(g, b, axes[1])?;
        }
        match [shapes[0].rank(), shapes[1].rank()] {
            [2, 2] => {
                let products = g.mul(a, b)?;
                Ok(g.sum(products, &[1], true)?)
            }
            [3, 3] => Ok(g.matmul(a, b, axes[0] == 1, axes[1] == 2)?),
            _ => {
                let samples = g.shape(a).dims()[0];
                let sizes = output.dims()[1..].iter().map(|size| Dim::Fixed(size.unwrap_or(1)));
                let sizes: Vec<Dim> = [samples].into_iter().chain(sizes).collect();
                let a = rows(g, a, axes[0])?;
                let b = rows(g, b, axes[1])?;
                let products = g.matmul(a, b, false, true)?;
                Ok(g.reshape(products, Shape::new(sizes))?)
            }
        }
    }

    fn takes_list(&self) -> bool {
        true
    }
}

/// The axes of `rank` but the samples' and `axis`.
fn others(rank: usize, axis: usize) -> impl Iterator<Item = usize> {
    (1..rank).filter(move |&other| other != axis)
}

/// `(samples, rows, size of axis)`: all other axes as one.
fn rows(g: &mut Graph, x: ValueId, axis: usize) -> Result<ValueId, GraphError> {
    let rank = g.shape(x).rank();
    let order: Vec<usize> = [0].into_iter().chain(others(rank, axis)).chain([axis]).collect();
    let x = if axis + 1 == rank { x } else { g.transpose(x, &order)? };
    let dims = g.shape(x).dims().to_vec();
    let rows = dims[1..rank - 1].iter().map(|dim| dim.size(1)).product();
    g.reshape(x, Shape::new([dims[0], Dim::Fixed(rows), dims[rank - 1]]))
}

/// `x` divided by its L2 norm along `axis`.
fn unit(g: &mut Graph, x: ValueId, axis: usize) -> Result<ValueId, GraphError> {
    let square = g.square(x)?;
    let sum = g.sum(square, &[axis], true)?;
    let sum = g.max_scalar(sum, EPSILON)?;
    let inverse = g.rsqrt(sum)?;
    g.mul(x, inverse)
}
