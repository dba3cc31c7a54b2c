//! The definition of a convolution and its gradients: plain loops that add up in `f64`.
//!
//! Pictures are plain `(H, W, C)` without a halo; reads outside of the picture are zero.

use crate::layout::Window;

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Groups: filter `f` reads only the input channels of its group.
    pub groups: usize,
    /// Kernel size, strides, dilation, padding.
    pub window: Window,
}

impl Shape {
    /// Calls `visit` with the indices of output, input and kernel element of every product.
    fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { input, output, in_channels, filters, groups, window } = *self;
        let (group_in, group_out) = (in_channels / groups, filters / groups);
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for i in 0..window.size[0] {
                    for j in 0..window.size[1] {
                        let y = oy * window.stride[0] + i * window.dilation[0];
                        let x = ox * window.stride[1] + j * window.dilation[1];
                        let inside = (window.before[0]..window.before[0] + input[0]).contains(&y)
                            && (window.before[1]..window.before[1] + input[1]).contains(&x);
                        if !inside {
                            continue;
                        }
                        let pixel = (y - window.before[0]) * input[1] + x - window.before[1];
                        for f in 0..filters {
                            for c in 0..group_in {
                                visit(
                                    (oy * output[1] + ox) * filters + f,
                                    pixel * in_channels + f / group_out * group_in + c,
                                    ((i * window.size[1] + j) * group_in + c) * filters + f,
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Elements of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.window.size[0] * self.window.size[1] * (self.in_channels / self.groups) * self.filters
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.in_channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.filters
    }
}

fn narrow(sums: Vec<f64>) -> Vec<f32> {
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// `y = x * kernel + bias`.
pub fn forward(shape: &Shape, x: &[f32], kernel: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let mut y = vec![0.0; shape.output_len()];
    if let Some(bias) = bias {
        for (f, sum) in y.iter_mut().enumerate() {
            *sum = f64::from(bias[f % shape.filters]);
        }
    }
    shape.products(|o, i, k| y[o] += f64::from(x[i]) * f64::from(kernel[k]));
    narrow(y)
}

/// Gradient of the input, from the gradient `dy` of the output.
pub fn input_grad(shape: &Shape, dy: &[f32], kernel: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; shape.input_len()];
    shape.products(|o, i, k| dx[i] += f64::from(dy[o]) * f64::from(kernel[k]));
    narrow(dx)
}

/// Gradient of the kernel, from the gradient `dy` of the output.
pub fn kernel_grad(shape: &Shape, dy: &[f32], x: &[f32]) -> Vec<f32> {
    let mut d_kernel = vec![0.0; shape.kernel_len()];
    shape.products(|o, i, k| d_kernel[k] += f64::from(dy[o]) * f64::from(x[i]));
    narrow(d_kernel)
}

/// Gradient of the bias: the sum of `dy` over all pixels.
pub fn bias_grad(shape: &Shape, dy: &[f32]) -> Vec<f32> {
    let mut d_bias = vec![0.0; shape.filters];
    for (o, &g) in dy[..shape.output_len()].iter().enumerate() {
        d_bias[o % shape.filters] += f64::from(g);
    }
    narrow(d_bias)
}
