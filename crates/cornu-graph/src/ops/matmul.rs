use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// Matrix product of the last two axes, `y = op(a) @ op(b)`, where `op` transposes if asked.
///
/// Axes before the last two are equal in both and stay. For matrices the samples may be the rows
/// (of `a` and the result), or be summed over (`a` transposed: the gradient of a weight).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatMul {
    /// Whether `a` is `(..., k, m)` instead of `(..., m, k)`.
    pub transpose_a: bool,
    /// Whether `b` is `(..., n, k)` instead of `(..., k, n)`.
    pub transpose_b: bool,
}

impl MatMul {
    /// `[rows, columns]` of an operand after its transposition.
    fn axes<T: Copy>(dims: &[T], transpose: bool) -> [T; 2] {
        let [.., first, second] = dims else { unreachable!("rank checked by the shape rule") };
        if transpose { [*second, *first] } else { [*first, *second] }
    }
}

impl OpDef for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn attributes(&self) -> String {
        format!("transpose_a={} transpose_b={}", self.transpose_a, self.transpose_b)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [a, b] = operands(self.name(), inputs)?;
        if a.rank() < 2
            || a.rank() != b.rank()
            || a.dims()[..a.rank() - 2] != b.dims()[..b.rank() - 2]
        {
            return Err(shape_error(self.name(), "two stacks of matrices of one rank", inputs));
        }
        let [m, k] = Self::axes(a.dims(), self.transpose_a);
        let [k_b, n] = Self::axes(b.dims(), self.transpose_b);
        if k != k_b || matches!(n, Dim::Batch(_)) {
            return Err(shape_error(self.name(), "inner sizes that agree", inputs));
        }
        let mut dims = a.dims()[..a.rank() - 2].to_vec();
        dims.extend([m, n]);
        Ok(Shape::new(dims))
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let (a, b, dy) = (cx.input(0), cx.input(1), cx.d_output());
        let (ta, tb) = (self.transpose_a, self.transpose_b);
        if cx.needs(0) {
            // y = A B: dA = dy Bᵀ; where a holds Aᵀ: da = B dyᵀ.
            let da = if ta {
                cx.graph.matmul(b, dy, tb, true)?
            } else {
                cx.graph.matmul(dy, b, false, !tb)?
            };
            cx.add_to_input(0, da)?;
        }
        if cx.needs(1) {
            // dB = Aᵀ dy; where b holds Bᵀ: db = dyᵀ A.
            let db = if tb {
                cx.graph.matmul(dy, a, true, ta)?
            } else {
                cx.graph.matmul(a, dy, !ta, false)?
            };
            cx.add_to_input(1, db)?;
        }
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (a, b) = (inputs[0], inputs[1]);
        let [m, k] = Self::axes(a.dims(), self.transpose_a);
        let [_, n] = Self::axes(b.dims(), self.transpose_b);
        let mut y = Array::zeros(cx.dims);
        if m * n == 0 {
            return y;
        }
        for (matrix, y) in y.data_mut().chunks_exact_mut(m * n).enumerate() {
            let a = &a.data()[matrix * m * k..(matrix + 1) * m * k];
            let b = &b.data()[matrix * k * n..(matrix + 1) * k * n];
            for (row, y) in y.chunks_exact_mut(n).enumerate() {
                for j in 0..k {
                    let a = if self.transpose_a { a[j * m + row] } else { a[row * k + j] };
                    for column in 0..n {
                        let b =
                            if self.transpose_b { b[column * k + j] } else { b[j * n + column] };
                        y[column] += a * b;
                    }
                }
            }
        }
        y
    }
}
