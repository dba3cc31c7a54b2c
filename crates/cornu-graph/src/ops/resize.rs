use cornu_tensor::{Array, Dim, Shape};

use super::conv::picture_sizes;
use super::{EvalCx, OpDef, operands, shape_error};
use crate::{GradientCx, GraphError};

/// How a picture is read between its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest cell.
    Nearest,
    /// Linear along both axes: the four cells around.
    Bilinear,
}

impl Interpolation {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
        }
    }
}

/// Pictures `(N, H, W, C)` at another size `(N, height, width, C)`, as Keras's `Resizing` without
/// antialiasing: cell `i` of `m` reads an axis of `n` cells at `(i + 1/2) n / m - 1/2`.
///
/// Nearest takes cell `floor((i + 1/2) n / m)`; bilinear the two neighbours on each axis, those
/// beyond the edge being the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// How the picture is read between its cells.
    pub interpolation: Interpolation,
}

/// The transpose of [`Resize`]: from gradients `(N, H, W, C)` of the resized pictures to those of
/// the pictures `(N, height, width, C)` that were resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizeGrad {
    /// Rows of the pictures before resizing.
    pub height: usize,
    /// Columns of the pictures before resizing.
    pub width: usize,
    /// How the pictures were read between their cells.
    pub interpolation: Interpolation,
}

impl OpDef for Resize {
    fn name(&self) -> &'static str {
        "resize"
    }

    fn attributes(&self) -> String {
        attributes(self.height, self.width, self.interpolation)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        picture_of(self.name(), x, self.height, self.width)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let [height, width] = height_and_width(cx.graph.shape(cx.input(0)));
        let dx = cx.graph.resize_grad(cx.d_output(), height, width, self.interpolation)?;
        cx.add_to_input(0, dx)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let x = inputs[0];
        let mut y = Array::zeros(cx.dims);
        for_each_read(x.dims(), cx.dims, self.interpolation, |x_at, y_at, channels, weight| {
            for channel in 0..channels {
                y.data_mut()[y_at + channel] += weight * x.data()[x_at + channel];
            }
        });
        y
    }
}

impl OpDef for ResizeGrad {
    fn name(&self) -> &'static str {
        "resize_grad"
    }

    fn attributes(&self) -> String {
        attributes(self.height, self.width, self.interpolation)
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [dy] = operands(self.name(), inputs)?;
        picture_of(self.name(), dy, self.height, self.width)
    }

    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        let [height, width] = height_and_width(cx.graph.shape(cx.input(0)));
        let gradient = cx.graph.resize(cx.d_output(), height, width, self.interpolation)?;
        cx.add_to_input(0, gradient)
    }

    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        let dy = inputs[0];
        let mut dx = Array::zeros(cx.dims);
        for_each_read(cx.dims, dy.dims(), self.interpolation, |x_at, y_at, channels, weight| {
            for channel in 0..channels {
                dx.data_mut()[x_at + channel] += weight * dy.data()[y_at + channel];
            }
        });
        dx
    }
}

fn attributes(height: usize, width: usize, interpolation: Interpolation) -> String {
    format!("height={height} width={width} interpolation={}", interpolation.name())
}

/// `(N, height, width, C)` for pictures `(N, H, W, C)`.
fn picture_of(
    op: &'static str,
    x: &Shape,
    height: usize,
    width: usize,
) -> Result<Shape, GraphError> {
    match picture_sizes(x) {
        Some((_, sizes, _)) if matches!(sizes[..], [h, w] if 0 < h && 0 < w) => {
            if height == 0 || width == 0 {
                let problem = format!("expected at least 1 cell, got {height} x {width}");
                return Err(GraphError::Attribute { op, attribute: "height", problem });
            }
            Ok(x.with(1, Dim::Fixed(height)).with(2, Dim::Fixed(width)))
        }
        _ => Err(shape_error(op, "pictures (N, H, W, C) of at least one cell", &[x])),
    }
}

/// `H` and `W` of `(N, H, W, C)`.
fn height_and_width(shape: &Shape) -> [usize; 2] {
    [shape.dims()[1].size(1), shape.dims()[2].size(1)]
}

/// The cells of an axis of `n` that cell `i` of `m` reads, with their weights.
fn reads(i: usize, n: usize, m: usize, interpolation: Interpolation) -> [(usize, f64); 2] {
    match interpolation {
        // floor((i + 1/2) n / m) in whole numbers
        Interpolation::Nearest => [((2 * i + 1) * n / (2 * m), 1.0), (0, 0.0)],
        Interpolation::Bilinear => {
            let at = ((i as f64 + 0.5) * n as f64 / m as f64 - 0.5).clamp(0.0, (n - 1) as f64);
            let (first, after) = (at.floor(), at - at.floor());
            [(first as usize, 1.0 - after), ((first as usize + 1).min(n - 1), after)]
        }
    }
}

/// Calls `f(x_at, y_at, channels, weight)` for all cells of `x` that cells of `y` read.
fn for_each_read(
    x_dims: &[usize],
    y_dims: &[usize],
    interpolation: Interpolation,
    mut f: impl FnMut(usize, usize, usize, f64),
) {
    let (&[_, x_height, x_width, channels], &[samples, height, width, _]) = (x_dims, y_dims) else {
        return;
    };
    for sample in 0..samples {
        for row in 0..height {
            let rows = reads(row, x_height, height, interpolation);
            for column in 0..width {
                let columns = reads(column, x_width, width, interpolation);
                let y_at = ((sample * height + row) * width + column) * channels;
                for (i, row_weight) in rows {
                    for (j, column_weight) in columns {
                        let weight = row_weight * column_weight;
                        // Not even a NaN is read with weight 0.
                        if weight != 0.0 {
                            let x_at = ((sample * x_height + i) * x_width + j) * channels;
                            f(x_at, y_at, channels, weight);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_at_their_middles() {
        let nearest = |i, n, m| reads(i, n, m, Interpolation::Nearest)[0].0;
        assert_eq!([0, 1, 2, 3].map(|i| nearest(i, 2, 4)), [0, 0, 1, 1]);
        assert_eq!([0, 1].map(|i| nearest(i, 4, 2)), [1, 3]);
        assert_eq!(reads(0, 2, 4, Interpolation::Bilinear), [(0, 1.0), (1, 0.0)]);
        assert_eq!(reads(1, 2, 4, Interpolation::Bilinear), [(0, 0.75), (1, 0.25)]);
        assert_eq!(reads(3, 2, 4, Interpolation::Bilinear), [(1, 1.0), (1, 0.0)]);
    }
}
