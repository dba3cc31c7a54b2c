use cornu_graph::ValueId;

use super::settings::{common_methods, optimizer};
use super::{Optimizer, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::LayerError;

optimizer! {
    /// Adam's divisor in little memory: the mean squares of a matrix are kept as those of its rows and
    /// of its columns (of the last two axes). Source: Keras 3, `keras/src/optimizers/adafactor.py`.
    Adafactor, "adafactor", 0.001, {
        /// The mean squares move by `1 - t^this`. Default -0.8.
        beta_2_decay: f64 = -0.8,
        /// Added to squares of gradients. Default 1e-30.
        epsilon_1: f64 = 1e-30,
        /// The least size of a variable by which steps are scaled. Default 1e-3.
        epsilon_2: f64 = 1e-3,
        /// Steps whose root mean square is larger are shortened. Default 1.
        clip_threshold: f64 = 1.0,
        /// Whether the learning rate is at most `1 / sqrt(t)`. Default true.
        relative_step: bool = true,
    }
}

impl Optimizer for Adafactor {
    common_methods!(Adafactor);

    /// Rows, columns, full. Keras makes all three; variables of less than 2 axes use the last only;
    /// for the others it is the product of the first two.
    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        let (rows, columns) = match variable.dims.as_slice() {
            [outer @ .., n_rows, n_columns] => {
                ([outer, &[*n_rows]].concat(), [outer, &[*n_columns]].concat())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let slot = |name, dims| SlotSpec { name, dims, initial: 0.0, group: 0 };
        vec![slot("", rows), slot("", columns), SlotSpec::like(variable, "velocity")]
    }

    fn prepare(&self, cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let graph = &mut *cx.graph;
        let t = graph.add_scalar(cx.iteration, 1.0)?;
        let rate = if self.relative_step {
            let limit = graph.rsqrt(t)?;
            graph.min(cx.learning_rate, limit)?
        } else {
            cx.learning_rate
        };
        let exponent = graph.scalar(self.beta_2_decay)?;
        let new_part = graph.pow(t, exponent)?;
        Ok(Prepared { scalars: vec![rate, new_part], shared: Vec::new() })
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let (rate, new_part) = (cx.scalars[0], cx.scalars[1]);
        let graph = &mut *cx.graph;
        let square = graph.square(gradient)?;
        let square = graph.add_scalar(square, self.epsilon_1)?;
        let mean = |graph: &mut cornu_graph::Graph, old: ValueId, new: ValueId| {
            let way = graph.sub(new, old)?;
            let step = graph.mul(way, new_part)?;
            graph.add(old, step)
        };
        let rank = graph.shape(variable).rank();
        let (way, new_slots) = if 2 <= rank {
            let (last, before) = (rank - 1, rank - 2);
            let row_square = graph.mean(square, &[last], false)?;
            let rows = mean(graph, slots[0], row_square)?;
            let column_square = graph.mean(square, &[before], false)?;
            let columns = mean(graph, slots[1], column_square)?;
            let row_mean = graph.mean(rows, &[before], true)?;
            let row_share = graph.div(rows, row_mean)?;
            let share = expand(graph, row_share, last)?;
            let columns_wide = expand(graph, columns, before)?;
            let product = graph.mul(share, columns_wide)?;
            let scale = graph.rsqrt(product)?;
            (graph.mul(gradient, scale)?, vec![rows, columns, product])
        } else {
            let velocity = mean(graph, slots[2], square)?;
            let scale = graph.rsqrt(velocity)?;
            (graph.mul(gradient, scale)?, vec![slots[0], slots[1], velocity])
        };
        let way_size = root_mean_square(graph, way)?;
        let excess = graph.mul_scalar(way_size, 1.0 / self.clip_threshold)?;
        let excess = graph.max_scalar(excess, 1.0)?;
        let size = root_mean_square(graph, variable)?;
        let size = graph.max_scalar(size, self.epsilon_2)?;
        let alpha = graph.mul(size, rate)?;
        let factor = graph.div(alpha, excess)?;
        let step = graph.mul(way, factor)?;
        Ok((graph.sub(variable, step)?, new_slots))
    }
}

fn root_mean_square(graph: &mut cornu_graph::Graph, x: ValueId) -> Result<ValueId, LayerError> {
    let n = graph.shape(x).n_per_sample() as f64;
    let square = graph.square(x)?;
    let sum = graph.sum_all(square)?;
    let mean = graph.mul_scalar(sum, 1.0 / n)?;
    Ok(graph.sqrt(mean)?)
}

/// `x` with another axis of size 1.
fn expand(graph: &mut cornu_graph::Graph, x: ValueId, axis: usize) -> Result<ValueId, LayerError> {
    let mut dims = graph.shape(x).sizes(1);
    dims.insert(axis, 1);
    Ok(graph.reshape(x, cornu_tensor::Shape::fixed(dims))?)
}
