use cornu_tensor::{Array, Dim, Shape};

use super::{EvalCx, Interpolation, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// What lies outside of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillMode {
    /// `d c b a | a b c d | d c b a`
    Reflect,
    /// `a b c d | a b c d | a b c d`
    Wrap,
    /// `fill_value`
    Constant,
    /// `a a a a | a b c d | d d d d`
    Nearest,
}

impl FillMode {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflect => "reflect",
            Self::Wrap => "wrap",
            Self::Constant => "constant",
            Self::Nearest => "nearest",
        }
    }

    /// The real coordinate `z` folded into an axis of `n` cells, as TensorFlow's
    /// `ImageProjectiveTransformV3` does before it interpolates; hence `Wrap` counts its turns
    /// with `n - 1` and does not blend across the seam.
    fn fold(self, z: f64, n: usize) -> f64 {
        let (n, last) = (n as f64, n as f64 - 1.0);
        let outside = z < 0.0 || last < z;
        let z = match self {
            Self::Constant => return z,
            Self::Nearest => z,
            Self::Wrap | Self::Reflect if last <= 0.0 => 0.0,
            Self::Wrap if z < 0.0 => z + n * ((-z / last).trunc() + 1.0),
            Self::Wrap if outside => z - n * (z / last).trunc(),
            Self::Reflect if z < 0.0 => {
                let z = z + 2.0 * n * (-z / (2.0 * n)).trunc();
                if z < -n { z + 2.0 * n } else { -z - 1.0 }
            }
            Self::Reflect if outside => {
                let z = z - 2.0 * n * (z / (2.0 * n)).trunc();
                if n <= z { 2.0 * n - z - 1.0 } else { z }
            }
            Self::Wrap | Self::Reflect => z,
        };
        z.clamp(0.0, last)
    }
}

/// How [`AffineTransform`] reads a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What lies outside of the picture.
    pub fill_mode: FillMode,
    /// The number outside with [`FillMode::Constant`]; the other modes do not use it.
    pub fill_value: f64,
    /// How the picture is read between its cells.
    pub interpolation: Interpolation,
}

/// A moved, turned, stretched picture, as Keras's `ops.image.affine_transform` on TensorFlow.
///
/// Operands pictures `(N, H, W, C)` and transforms `(N, 6)`, `a0 a1 a2 b0 b1 b2`; result of the
/// pictures' shape. Column `x`, row `y` of the result reads the picture at column
/// `a0 x + a1 y + a2`, row `b0 x + b1 y + b2`. With two more numbers, `(N, 8)`, both are divided by
/// `c0 x + c1 y + 1`, which makes a change of perspective. No gradient rule for the transforms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineTransform {
    /// How the picture is read.
    pub sampling: Sampling,
}

/// The transpose of [`AffineTransform`] (its linear part) as a function of the pictures.
///
/// Operands gradients `(N, H, W, C)` and transforms `(N, 6)` or `(N, 8)`, result of the gradients' shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineTransformGrad {
    /// How the picture was read.
    pub sampling: Sampling,
}

impl Sampling {
    fn attributes(&self) -> String {
        format!(
            "fill_mode={} fill_value={} interpolation={}",
            self.fill_mode.name(),
            self.fill_value,
            self.interpolation.name()
        )
    }

    /// The cells that the point at `column`, `row` reads, each with its weight; `None` for a cell
    /// outside. A point that is not a number reads four cells outside with weights that are none.
    fn reads(
        &self,
        column: f64,
        row: f64,
        height: usize,
        width: usize,
    ) -> [(Option<[usize; 2]>, f64); 4] {
        let column = self.fill_mode.fold(column, width);
        let row = self.fill_mode.fold(row, height);
        let cell = |row: f64, column: f64| {
            let within = |z: f64, n: usize| 0.0 <= z && z < n as f64;
            (within(row, height) && within(column, width))
                .then_some([row as usize, column as usize])
        };
        match self.interpolation {
            Interpolation::Nearest => {
                let unused = (None, 0.0);
                [(cell(row.round(), column.round()), 1.0), unused, unused, unused]
            }
            Interpolation::Bilinear => {
                let (top, left) = (row.floor(), column.floor());
                let (u, v) = (row - top, column - left);
                [
                    (cell(top, left), (1.0 - u) * (1.0 - v)),
                    (cell(top, left + 1.0), (1.0 - u) * v),
                    (cell(top + 1.0, left), u * (1.0 - v)),
                    (cell(top + 1.0, left + 1.0), u * v),
                ]
            }
        }
    }

    /// Calls `f(x_at, y_at, channels, weight)` for all cells that are read; `x_at` is `None` for
    /// one outside.
    fn for_each_read(
        &self,
        dims: &[usize],
        transforms: &[f64],
        mut f: impl FnMut(Option<usize>, usize, usize, f64),
    ) {
        let &[_, height, width, channels] = dims else { return };
        let n = transforms.len() / dims[0].max(1);
        for (sample, transform) in transforms.chunks_exact(n.max(1)).enumerate() {
            let at = |row, column| ((sample * height + row) * width + column) * channels;
            for row in 0..height {
                for column in 0..width {
                    let (x, y) = (column as f64, row as f64);
                    let point = |m: &[f64]| m[0] * x + m[1] * y + m[2];
                    let (mut from_x, mut from_y) =
                        (point(&transform[..3]), point(&transform[3..6]));
                    if let [c0, c1] = transform[6..] {
                        let depth = c0 * x + c1 * y + 1.0;
                        // A point at infinity lies outside.
                        let far = |z: f64| if depth == 0.0 { -1e9 } else { z / depth };
                        (from_x, from_y) = (far(from_x), far(from_y));
                    }
                    for (cell, weight) in self.reads(from_x, from_y, height, width) {
                        // Not even a NaN is read with weight 0.
                        if weight != 0.0 {
                            let x_at = cell.map(|[row, column]| at(row, column));
                            f(x_at, at(row, column), channels, weight);
                        }
                    }
                }
            }
        }
    }

    fn output_shape(&self, op: &'static str, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [pictures, transforms] = operands(op, inputs)?;
        let fits = pictures.rank() == 4
            && [6, 8].iter().any(|&n| *transforms.dims() == [pictures.dims()[0], Dim::Fixed(n)])
            && pictures.dims()[1..].iter().all(|dim| dim.fixed().is_some());
        if !fits {
            return Err(shape_error(
                op,
                "pictures (N, H, W, C) and transforms (N, 6) or (N, 8)",
                inputs,
            ));
        }
        Ok(pictures.clone())
    }
}

impl OpDef for AffineTransform {
    fn name(&self) -> &'static str {
        "affine_transform"
    }

    fn attributes(&self) -> String {
        self.sampling.attributes()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        self.sampling.output_shape(self.name(), inputs)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(1) {
            return Err(cx.no_gradient());
        }
        let dx = cx.graph.affine_transform_grad(cx.d_output(), cx.input(1), self.sampling)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (x, transforms) = (inputs[0], inputs[1]);
        let mut y = Array::zeros(cx.dims);
        self.sampling.for_each_read(cx.dims, transforms.data(), |x_at, y_at, channels, weight| {
            for channel in 0..channels {
                let x = x_at.map_or(self.sampling.fill_value, |at| x.data()[at + channel]);
                y.data_mut()[y_at + channel] += weight * x;
            }
        });
        y
    }
}

impl OpDef for AffineTransformGrad {
    fn name(&self) -> &'static str {
        "affine_transform_grad"
    }

    fn attributes(&self) -> String {
        self.sampling.attributes()
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        self.sampling.output_shape(self.name(), inputs)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        if cx.needs(1) {
            return Err(cx.no_gradient());
        }
        // Linear: what was outside adds nothing, whatever the fill value.
        let sampling = Sampling { fill_value: 0.0, ..self.sampling };
        let gradient = cx.graph.affine_transform(cx.d_output(), cx.input(1), sampling)?;
        cx.add_to_input(0, gradient)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let (dy, transforms) = (inputs[0], inputs[1]);
        let mut dx = Array::zeros(cx.dims);
        self.sampling.for_each_read(cx.dims, transforms.data(), |x_at, y_at, channels, weight| {
            let Some(x_at) = x_at else { return };
            for channel in 0..channels {
                dx.data_mut()[x_at + channel] += weight * dy.data()[y_at + channel];
            }
        });
        dx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_fold_into_the_picture() {
        let fold = |mode: FillMode| [-2.0, -1.0, 1.0, 4.0, 5.0].map(|z| mode.fold(z, 4));
        assert_eq!(fold(FillMode::Reflect), [1.0, 0.0, 1.0, 3.0, 2.0]);
        assert_eq!(fold(FillMode::Wrap), [2.0, 3.0, 1.0, 0.0, 1.0]);
        assert_eq!(fold(FillMode::Nearest), [0.0, 0.0, 1.0, 3.0, 3.0]);
        assert_eq!(fold(FillMode::Constant), [-2.0, -1.0, 1.0, 4.0, 5.0]);
        for mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Nearest] {
            assert_eq!(mode.fold(-3.5, 1), 0.0, "one cell is everywhere");
        }
    }

    #[test]
    fn a_point_that_is_no_number_shows() {
        let sampling = |fill_mode| Sampling {
            fill_mode,
            fill_value: 1.0,
            interpolation: Interpolation::Bilinear,
        };
        let x = Array::full([1, 2, 2, 1], 1.0);
        let transform = Array::full([1, 6], f64::NAN);
        let cx =
            EvalCx { dims: &[1, 2, 2, 1], samples: 1, batch: 1, first_sample: 0, seed: 0, step: 0 };
        for mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest] {
            let y = AffineTransform { sampling: sampling(mode) }.evaluate(&[&x, &transform], &cx);
            assert!(y.data().iter().all(|y| y.is_nan()), "{mode:?}");
        }
    }
}
