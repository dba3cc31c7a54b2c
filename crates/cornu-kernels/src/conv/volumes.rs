//! Convolutions of volumes `(D, H, W, C)`, slice by slice on the kernels of [`pixels`].
//!
//! The taps along the depth become channels: the slices that one output slice reads are laid side by
//! side as one picture of `taps * C` channels (those outside of the volume are zeros), so that each
//! output slice is a single convolution of pictures. Its input gradient is the same with the
//! gradients of the filters. The gradient of the kernel takes each pair of slices by itself.

use super::pixels;
use crate::Isa;
use crate::copy::{Axis, copy_strided};
use crate::layout::{Halo, Pixels, Window};

/// Sizes of a convolution of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Volumes {
    /// Depth, height and width of the input.
    pub input: [usize; 3],
    /// Depth, height and width of the output.
    pub output: [usize; 3],
    /// `C`, channels of the input.
    pub channels: usize,
    /// `F`, channels of the output.
    pub filters: usize,
    /// Blocks of channels that do not mix.
    pub groups: usize,
    /// Taps along the depth.
    pub depth: usize,
    /// Input slices per output slice.
    pub stride: usize,
    /// Input slices from one tap to the next.
    pub dilation: usize,
    /// Zero slices before the first.
    pub before: usize,
    /// How the kernel walks over a slice.
    pub window: Window,
}

impl Volumes {
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.output.iter().product::<usize>() * self.filters
    }

    /// Elements of the kernel `(kd, kh, kw, C / groups, F)`.
    pub fn kernel_len(&self) -> usize {
        self.depth * self.tap_len()
    }

    /// Elements of a packed kernel, in either direction.
    pub fn packed_len(&self) -> usize {
        let forward = self.packed_len_of(self.depth * self.channels, self.filters);
        forward.max(self.packed_len_of(self.channels, self.depth * self.filters))
    }

    /// Elements of scratch memory that packing needs.
    pub fn pack_scratch_len(&self) -> usize {
        self.kernel_len()
    }

    /// Elements of scratch memory that [`forward`] needs.
    pub fn forward_scratch_len(&self) -> usize {
        self.gathered_input().len()
    }

    /// Elements of scratch memory that [`input_grad`] needs.
    pub fn input_grad_scratch_len(&self) -> usize {
        self.gathered_gradient().len()
    }

    /// Elements of scratch memory that [`kernel_grad`] needs.
    pub fn kernel_grad_scratch_len(&self) -> usize {
        self.padded_slice().len()
    }

    fn packed_len_of(&self, channels: usize, filters: usize) -> usize {
        pixels::packed_len(&self.window, channels, filters, self.groups)
    }

    /// Elements of the kernel at one tap along the depth.
    fn tap_len(&self) -> usize {
        let [height, width] = self.window.size;
        height * width * (self.channels / self.groups.max(1)) * self.filters
    }

    fn slice(channels: usize, [_, height, width]: [usize; 3], halo: Halo) -> Pixels {
        Pixels { channels, height, width, halo }
    }

    /// A slice of the input with the border that the window reads.
    fn padded_slice(&self) -> Pixels {
        let [[_, h, w], [_, out_h, out_w]] = [self.input, self.output];
        Self::slice(self.channels, self.input, self.window.halo([h, w], [out_h, out_w]))
    }

    /// All input slices that an output slice reads.
    fn gathered_input(&self) -> Pixels {
        Pixels { channels: self.depth * self.channels, ..self.padded_slice() }
    }

    /// The gradients of all output slices that read an input slice.
    fn gathered_gradient(&self) -> Pixels {
        let [[_, h, w], [_, out_h, out_w]] = [self.input, self.output];
        let halo = pixels::input_grad_halo(&self.window, [h, w], [out_h, out_w]);
        Self::slice(self.depth * self.filters, self.output, halo)
    }

    /// The input slice under tap `tap` of output slice `o`.
    fn read(&self, o: usize, tap: usize) -> Option<usize> {
        (o * self.stride + tap * self.dilation)
            .checked_sub(self.before)
            .filter(|&i| i < self.input[0])
    }

    /// The output slice that reads input slice `i` under tap `tap`.
    fn reader(&self, i: usize, tap: usize) -> Option<usize> {
        (i + self.before)
            .checked_sub(tap * self.dilation)
            .filter(|position| position.is_multiple_of(self.stride))
            .map(|position| position / self.stride)
            .filter(|&o| o < self.output[0])
    }
}

/// Packs a kernel `(kd, kh, kw, C / groups, F)` for [`forward`].
///
/// # Panics
/// If a slice is too short or the channels do not split into groups.
pub fn pack(packed: &mut [f32], kernel: &[f32], volumes: &Volumes, scratch: &mut [f32]) {
    let Volumes { depth, channels, filters, groups, ref window, .. } = *volumes;
    let inputs = channels / groups;
    let tap = window.size[0] * window.size[1];
    // From (kd, taps, inputs, F) to (taps, kd, inputs, F).
    let block = inputs * filters;
    let axes =
        [axis(depth, block, tap * block), axis(tap, depth * block, block), axis(block, 1, 1)];
    let scratch = &mut scratch[..volumes.kernel_len()];
    copy_strided(Isa::SCALAR, scratch, 0, kernel, 0, &axes);
    pixels::pack(packed, scratch, window, depth * channels, filters, groups);
}

/// Packs a kernel `(kd, kh, kw, C / groups, F)` for [`input_grad`].
///
/// # Panics
/// If a slice is too short or the channels do not split into groups.
pub fn pack_transposed(packed: &mut [f32], kernel: &[f32], volumes: &Volumes, scratch: &mut [f32]) {
    let Volumes { depth, channels, filters, groups, ref window, .. } = *volumes;
    let outputs = filters / groups;
    let rows = window.size[0] * window.size[1] * (channels / groups);
    // From (kd, rows, groups, outputs) to (rows, groups, kd, outputs).
    let axes = [
        axis(depth, outputs, rows * filters),
        axis(rows, depth * filters, filters),
        axis(groups, depth * outputs, outputs),
        axis(outputs, 1, 1),
    ];
    let scratch = &mut scratch[..volumes.kernel_len()];
    copy_strided(Isa::SCALAR, scratch, 0, kernel, 0, &axes);
    pixels::pack_transposed(packed, scratch, window, channels, depth * filters, groups);
}

fn axis(len: usize, y: usize, x: usize) -> Axis {
    Axis { len, y: y as isize, x: x as isize }
}

/// Lays slice `from` of `volume`, whose slices have `channels` channels, into the channels of
/// `picture` that belong to tap `tap` of `taps`; zeros, if there is none.
fn lay(
    isa: Isa,
    picture: &mut [f32],
    layout: &Pixels,
    volume: &[f32],
    from: Option<usize>,
    [tap, taps]: [usize; 2],
    groups: usize,
) {
    static ZERO: [f32; 1] = [0.0];
    let (height, width) = (layout.height, layout.width);
    let channels = layout.channels / taps;
    let block = channels / groups;
    let (source, offset, step) = match from {
        Some(slice) => (volume, slice * height * width * channels, 1),
        None => (&ZERO[..], 0, 0),
    };
    let axes = [
        axis(height, layout.row(), step * width * channels),
        axis(width, layout.channels, step * channels),
        axis(groups, taps * block, step * block),
        axis(block, 1, step),
    ];
    copy_strided(isa, picture, layout.origin() + tap * block, source, offset, &axes);
}

/// `y = x * kernel + bias`, then `max(0, y)` if `relu`; overwrites y. `packed` comes from [`pack`].
///
/// # Panics
/// If a slice is too short or the channels do not split into groups.
pub fn forward(
    isa: Isa,
    y: &mut [f32],
    x: &[f32],
    packed: &[f32],
    bias: Option<&[f32]>,
    volumes: &Volumes,
    relu: bool,
    scratch: &mut [f32],
) {
    assert!(x.len() == volumes.input_len() && y.len() == volumes.output_len(), "lengths");
    if y.is_empty() {
        return;
    }
    let from = volumes.gathered_input();
    let to = Volumes::slice(volumes.filters, volumes.output, Halo::default());
    let picture = &mut scratch[..from.len()];
    picture.fill(0.0);
    for (o, y) in y.chunks_exact_mut(to.len()).enumerate() {
        for tap in 0..volumes.depth {
            let taps = [tap, volumes.depth];
            lay(isa, picture, &from, x, volumes.read(o, tap), taps, volumes.groups);
        }
        let (window, groups) = (&volumes.window, volumes.groups);
        pixels::forward(isa, y, &to, picture, &from, packed, bias, window, groups, relu);
    }
}

/// Gradient of the input; overwrites dx. `packed_transposed` comes from [`pack_transposed`].
///
/// # Panics
/// If a slice is too short or the channels do not split into groups.
pub fn input_grad(
    isa: Isa,
    dx: &mut [f32],
    dy: &[f32],
    packed_transposed: &[f32],
    volumes: &Volumes,
    scratch: &mut [f32],
) {
    assert!(dx.len() == volumes.input_len() && dy.len() == volumes.output_len(), "lengths");
    if dx.is_empty() {
        return;
    }
    let from = volumes.gathered_gradient();
    let to = Volumes::slice(volumes.channels, volumes.input, Halo::default());
    let picture = &mut scratch[..from.len()];
    picture.fill(0.0);
    for (i, dx) in dx.chunks_exact_mut(to.len()).enumerate() {
        for tap in 0..volumes.depth {
            let taps = [tap, volumes.depth];
            lay(isa, picture, &from, dy, volumes.reader(i, tap), taps, volumes.groups);
        }
        let (window, groups) = (&volumes.window, volumes.groups);
        pixels::input_grad(isa, dx, &to, picture, &from, packed_transposed, window, groups);
    }
}

/// Gradient of the kernel: adds to `d_kernel`, `(kd, kh, kw, C / groups, F)`.
///
/// # Panics
/// If a slice is too short or the channels do not split into groups.
pub fn kernel_grad(
    isa: Isa,
    d_kernel: &mut [f32],
    dy: &[f32],
    x: &[f32],
    volumes: &Volumes,
    scratch: &mut [f32],
) {
    assert!(x.len() == volumes.input_len() && dy.len() == volumes.output_len(), "lengths");
    assert!(d_kernel.len() >= volumes.kernel_len(), "kernel gradient: too short");
    if x.is_empty() || dy.is_empty() {
        return;
    }
    let slice = volumes.padded_slice();
    let gradient = Volumes::slice(volumes.filters, volumes.output, Halo::default());
    let picture = &mut scratch[..slice.len()];
    picture.fill(0.0);
    let tap_len = volumes.tap_len();
    for i in 0..volumes.input[0] {
        lay(isa, picture, &slice, x, Some(i), [0, 1], 1);
        for tap in 0..volumes.depth {
            let Some(o) = volumes.reader(i, tap) else { continue };
            let d_kernel = &mut d_kernel[tap * tap_len..(tap + 1) * tap_len];
            let dy = &dy[o * gradient.len()..(o + 1) * gradient.len()];
            let (window, groups) = (&volumes.window, volumes.groups);
            pixels::kernel_grad(isa, d_kernel, dy, &gradient, picture, &slice, window, groups);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Counter, normal};

    fn data(n: usize, seed: u64) -> Vec<f32> {
        let mut x = vec![0.0; n];
        normal(Isa::SCALAR, &mut x, Counter { seed, ..Counter::default() }, 0);
        x
    }

    fn cases() -> Vec<Volumes> {
        // Input, taps, strides, dilations, zeros before and after, channels, filters, groups.
        let shapes = [
            ([4, 5, 6], [3, 3, 3], [1, 1, 1], [1, 1, 1], [1, 1, 1], 3, 5, 1),
            ([5, 6, 5], [2, 3, 1], [2, 1, 2], [1, 2, 1], [0, 2, 0], 4, 18, 2),
            ([7, 3, 4], [3, 1, 2], [1, 2, 1], [2, 1, 1], [2, 0, 1], 6, 6, 6),
            ([1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0], 1, 1, 1),
            ([3, 9, 9], [3, 3, 3], [3, 2, 2], [1, 1, 1], [2, 1, 1], 17, 33, 1),
            ([2, 4, 4], [4, 2, 2], [1, 1, 1], [1, 1, 1], [1, 0, 0], 2, 2, 1),
        ];
        let case = |(input, size, stride, dilation, pad, channels, filters, groups): (
            [usize; 3],
            [usize; 3],
            [usize; 3],
            [usize; 3],
            [usize; 3],
            usize,
            usize,
            usize,
        )| {
            let reach = |axis: usize| (size[axis] - 1) * dilation[axis] + 1;
            let output = [0, 1, 2]
                .map(|axis| (input[axis] + 2 * pad[axis] - reach(axis)) / stride[axis] + 1);
            Volumes {
                input,
                output,
                channels,
                filters,
                groups,
                depth: size[0],
                stride: stride[0],
                dilation: dilation[0],
                before: pad[0],
                window: Window {
                    size: [size[1], size[2]],
                    stride: [stride[1], stride[2]],
                    dilation: [dilation[1], dilation[2]],
                    before: [pad[1], pad[2]],
                },
            }
        };
        shapes.into_iter().map(case).collect()
    }

    /// Calls `f` with the positions of output, input and kernel element of every product.
    fn products(v: &Volumes, mut f: impl FnMut(usize, usize, usize)) {
        let (inputs, outputs) = (v.channels / v.groups, v.filters / v.groups);
        let [kh, kw] = v.window.size;
        let [_, oh, ow] = v.output;
        let [_, h, w] = v.input;
        for position in 0..v.output.iter().product() {
            let (a, b, c) = (position / ow / oh, position / ow % oh, position % ow);
            for tap in 0..v.depth * kh * kw {
                let (p, q, r) = (tap / kw / kh, tap / kw % kh, tap % kw);
                let along = |axis: usize, o: usize, k: usize, n: usize| {
                    (o * v.window.stride[axis] + k * v.window.dilation[axis])
                        .checked_sub(v.window.before[axis])
                        .filter(|&i| i < n)
                };
                let cell = (v.read(a, p), along(0, b, q, h), along(1, c, r, w));
                let (Some(i), Some(j), Some(k)) = cell else { continue };
                for filter in 0..v.filters {
                    for input in 0..inputs {
                        f(
                            position * v.filters + filter,
                            ((i * h + j) * w + k) * v.channels + filter / outputs * inputs + input,
                            (tap * inputs + input) * v.filters + filter,
                        );
                    }
                }
            }
        }
    }

    #[track_caller]
    fn close(got: &[f32], want: &[f64], what: &str) {
        for (got, want) in got.iter().zip(want) {
            let allowed = 2e-5 * (1.0 + want.abs());
            assert!((f64::from(*got) - want).abs() < allowed, "{got} not {want}: {what}");
        }
    }

    #[test]
    fn all_directions_agree_with_plain_loops() {
        for isa in Isa::available() {
            for v in cases() {
                let what = format!("{v:?} on {isa}");
                let (x, kernel) = (data(v.input_len(), 1), data(v.kernel_len(), 2));
                let (dy, bias) = (data(v.output_len(), 3), data(v.filters, 4));
                let n_scratch = [
                    v.pack_scratch_len(),
                    v.forward_scratch_len(),
                    v.input_grad_scratch_len(),
                    v.kernel_grad_scratch_len(),
                ];
                let mut scratch = vec![f32::NAN; n_scratch.into_iter().max().unwrap()];
                let mut packed = vec![f32::NAN; v.packed_len()];

                let mut want: Vec<f64> =
                    (0..v.output_len()).map(|i| f64::from(bias[i % v.filters])).collect();
                let mut want_dx = vec![0.0; x.len()];
                let mut want_d_kernel: Vec<f64> = vec![1.0; kernel.len()];
                products(&v, |o, i, k| {
                    want[o] += f64::from(x[i]) * f64::from(kernel[k]);
                    want_dx[i] += f64::from(dy[o]) * f64::from(kernel[k]);
                    want_d_kernel[k] += f64::from(dy[o]) * f64::from(x[i]);
                });

                let mut y = vec![f32::NAN; v.output_len()];
                pack(&mut packed, &kernel, &v, &mut scratch);
                forward(isa, &mut y, &x, &packed, Some(&bias), &v, false, &mut scratch);
                close(&y, &want, &format!("forward {what}"));
                forward(isa, &mut y, &x, &packed, Some(&bias), &v, true, &mut scratch);
                want.iter_mut().for_each(|y| *y = y.max(0.0));
                close(&y, &want, &format!("relu {what}"));

                let mut dx = vec![f32::NAN; x.len()];
                pack_transposed(&mut packed, &kernel, &v, &mut scratch);
                input_grad(isa, &mut dx, &dy, &packed, &v, &mut scratch);
                close(&dx, &want_dx, &format!("input gradient {what}"));

                let mut d_kernel = vec![1.0; kernel.len()];
                kernel_grad(isa, &mut d_kernel, &dy, &x, &v, &mut scratch);
                close(&d_kernel, &want_d_kernel, &format!("kernel gradient {what}"));
            }
        }
    }
}
