use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};

use super::softmax::axis_of;

/// `max(x - t, 0)` along `axis` (negative: from the end), with a threshold that leaves most of the
/// elements 0 (Martins and Astudillo 2016).
///
/// With the elements falling and their cumulative sums `c_1, c_2, ...`, the first `k` of them, those
/// with `x_i > (c_i - 1) / i`, are kept, and `t = (c_1 + ... + c_k - 1) / k` as Keras computes it (in
/// the paper it is `(c_k - 1) / k`). Elements are compared with one another, not sorted, so the work
/// grows with the square of their number.
///
/// # Errors
///
/// If the axis does not exist or is the samples'.
pub fn sparsemax(g: &mut Graph, x: ValueId, axis: i64) -> Result<ValueId, GraphError> {
    let axis = axis_of(g, x, axis, "sparsemax")?;
    let shape = g.shape(x).clone();
    let last = shape.rank();
    let Some(n) = shape.dims()[axis].fixed() else {
        return Err(GraphError::Attribute {
            op: "sparsemax",
            attribute: "axis",
            problem: "the samples cannot be compared with one another".to_owned(),
        });
    };
    // Element i next to all elements j of its line, which lie along a new last axis.
    let own = with_axis(&shape, last);
    let own = g.reshape(x, own)?;
    let mut order: Vec<usize> = (0..last).filter(|&other| other != axis).collect();
    order.insert(axis, last);
    order.push(axis);
    let others = g.transpose(own, &order)?;
    let is_larger = g.greater(others, own)?;
    let is_same = g.equal(others, own)?;
    let mut dims = vec![1; last + 1];
    (dims[axis], dims[last]) = (n, n);
    let is_before = g.constant(Array::from_fn(dims, |at| f64::from(u8::from(at % n <= at / n))))?;
    let is_tie_before = g.and(is_same, is_before)?;
    let counts = g.or(is_larger, is_tie_before)?;
    let zero = g.scalar(0.0)?;
    let counted = g.select(counts, others, zero)?;
    let sums = g.sum(counted, &[last], false)?;
    let ranks = g.sum(counts, &[last], false)?;
    let above = g.add_scalar(sums, -1.0)?;
    let limit = g.div(above, ranks)?;
    let is_kept = g.greater(x, limit)?;
    let kept = g.select(is_kept, sums, zero)?;
    let total = g.sum(kept, &[axis], true)?;
    let total = g.add_scalar(total, -1.0)?;
    let k = g.sum(is_kept, &[axis], true)?;
    let threshold = g.div(total, k)?;
    let y = g.sub(x, threshold)?;
    g.max_scalar(y, 0.0)
}

/// The shape with one more axis, of size 1.
fn with_axis(shape: &Shape, axis: usize) -> Shape {
    let mut dims = shape.dims().to_vec();
    dims.insert(axis, Dim::Fixed(1));
    Shape::new(dims)
}
