//! Random convolutions in both layouts, compared with the reference.

mod divided;
mod minimal_filtering;
mod plain;

use super::{pixels, planar, reference};
use crate::Isa;
use crate::layout::{Halo, Pixels, Planes, Window};
use reference::Shape;

/// A small generator of pseudo-random numbers (Steele, Lea, Flood 2014, SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `from..=to`.
    fn within(&mut self, from: usize, to: usize) -> usize {
        from + (self.next() % (to - from + 1) as u64) as usize
    }

    fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.within(0, of.len() - 1)]
    }

    fn shape(&mut self, strides: bool, groups: bool) -> Shape {
        loop {
            let size = [self.within(1, 5), self.within(1, 5)];
            let dilation = [self.pick(&[1, 1, 2, 3]), self.pick(&[1, 1, 2, 3])];
            let stride = if strides { [self.within(1, 3), self.within(1, 3)] } else { [1, 1] };
            let input = [self.within(1, 20), self.within(1, 40)];
            let reach = |axis: usize| (size[axis] - 1) * dilation[axis];
            let before = [self.within(0, reach(0)), self.within(0, reach(1))];
            let after = [self.within(0, reach(0)), self.within(0, reach(1))];
            let covered =
                |axis: usize| (before[axis] + input[axis] + after[axis]).checked_sub(reach(axis));
            let (Some(h @ 1..), Some(w @ 1..)) = (covered(0), covered(1)) else { continue };
            let output = [(h - 1) / stride[0] + 1, (w - 1) / stride[1] + 1];
            let (mut in_channels, mut filters) = (self.within(1, 18), self.within(1, 33));
            let mut n_groups = 1;
            if groups {
                n_groups = self.within(2, 18);
                (in_channels, filters) = (n_groups, n_groups);
                if self.within(0, 2) == 0 {
                    n_groups = self.within(2, 13);
                    in_channels = n_groups * self.within(1, 9);
                    filters = n_groups * self.within(1, 9);
                } else if self.within(0, 1) == 0 {
                    n_groups = self.within(1, 3);
                    in_channels = n_groups * self.within(1, 4);
                    filters = n_groups * self.within(1, 20);
                }
            }
            let window = Window { size, stride, dilation, before };
            return Shape { input, output, in_channels, filters, groups: n_groups, window };
        }
    }

    /// A halo at least as wide as `needed`.
    fn halo(&mut self, needed: Halo) -> Halo {
        Halo {
            top: needed.top + self.within(0, 1),
            left: needed.left + self.within(0, 2),
            bottom: needed.bottom + self.within(0, 1),
            right: needed.right + self.within(0, 2),
        }
    }
}

/// A layout of one sample.
trait Layout {
    fn len(&self) -> usize;
    /// Where channel `c` of pixel `(y, x)` lies.
    fn at(&self, y: usize, x: usize, c: usize) -> usize;
    /// Height, width, channels.
    fn size(&self) -> [usize; 3];

    fn indices(&self) -> impl Iterator<Item = usize> {
        let [h, w, c] = self.size();
        (0..h * w * c).map(move |i| self.at(i / c / w, i / c % w, i % c))
    }

    /// A picture with zeros around it.
    fn put(&self, dense: &[f32]) -> Vec<f32> {
        let mut data = vec![0.0; self.len()];
        for (at, &value) in self.indices().zip(dense) {
            data[at] = value;
        }
        data
    }

    /// What every output holds before: a kernel must write all pixels and nothing else.
    fn poison(&self) -> Vec<f32> {
        vec![f32::NAN; self.len()]
    }

    fn check(&self, data: &[f32], expected: &[f32], what: &str) {
        let got: Vec<f32> = self.indices().map(|at| data[at]).collect();
        close(&got, expected, what);
        let written = data.iter().filter(|v| !v.is_nan()).count();
        assert_eq!(written, expected.len(), "{what}: halo touched");
    }
}

impl Layout for Planes {
    fn len(&self) -> usize {
        Planes::len(self)
    }
    fn at(&self, y: usize, x: usize, c: usize) -> usize {
        c * self.plane() + self.origin() + y * self.row + x
    }
    fn size(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }
}

impl Layout for Pixels {
    fn len(&self) -> usize {
        Pixels::len(self)
    }
    fn at(&self, y: usize, x: usize, c: usize) -> usize {
        self.origin() + y * self.row() + x * self.channels + c
    }
    fn size(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }
}

fn close(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    for (i, (&a, &b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 2e-4 * b.abs().max(1.0), "{what}: element {i}: {a}, not {b}");
    }
}

fn relu(values: &[f32]) -> Vec<f32> {
    values.iter().map(|v| v.max(0.0)).collect()
}

/// What a convolution needs and what it should give, dense.
struct Case {
    shape: Shape,
    x: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    d_kernel: Vec<f32>,
    d_bias: Vec<f32>,
}

impl Case {
    fn new(random: &mut Random, shape: Shape) -> Self {
        let kernel = random.values(shape.kernel_len());
        let bias = random.values(shape.filters);
        Self::with_weights(random, shape, kernel, bias)
    }

    fn with_weights(random: &mut Random, shape: Shape, kernel: Vec<f32>, bias: Vec<f32>) -> Self {
        let x = random.values(shape.input_len());
        let dy = random.values(shape.output_len());
        Self {
            y: reference::forward(&shape, &x, &kernel, Some(&bias)),
            dx: reference::input_grad(&shape, &dy, &kernel),
            d_kernel: reference::kernel_grad(&shape, &dy, &x).iter().map(|d| d + 1.0).collect(),
            d_bias: reference::bias_grad(&shape, &dy).iter().map(|d| d + 1.0).collect(),
            shape,
            x,
            kernel,
            bias,
            dy,
        }
    }
}

/// A 3x3 convolution that reads `before` and `after` zeros on each side.
fn three_by_three(
    input: [usize; 2],
    before: [usize; 2],
    after: [usize; 2],
    in_channels: usize,
    filters: usize,
) -> Option<Shape> {
    let covered = |axis: usize| (before[axis] + input[axis] + after[axis]).checked_sub(2);
    let (Some(h @ 1..), Some(w @ 1..)) = (covered(0), covered(1)) else { return None };
    let window = Window { size: [3, 3], stride: [1, 1], dilation: [1, 1], before };
    Some(Shape { input, output: [h, w], in_channels, filters, groups: 1, window })
}

/// A picture with as many pixels as a 3x3 "same" convolution leaves it.
fn same(size: [usize; 2], in_channels: usize, filters: usize) -> Shape {
    let window = Window { size: [3, 3], stride: [1, 1], dilation: [1, 1], before: [1, 1] };
    Shape { input: size, output: size, in_channels, filters, groups: 1, window }
}

/// Max pooling 2x2 of a dense picture, with the first of equal maxima; 4 where `relu` kills it.
fn pool(y: &[f32], [h, w]: [usize; 2], c: usize, relu: bool) -> (Vec<f32>, Vec<u8>) {
    let (mut values, mut positions) = (Vec::new(), Vec::new());
    for row in 0..h / 2 {
        for column in 0..w / 2 {
            for channel in 0..c {
                let at = |i: usize| y[((2 * row + i / 2) * w + 2 * column + i % 2) * c + channel];
                let mut best = 0;
                for i in 1..4 {
                    if at(i) > at(best) {
                        best = i;
                    }
                }
                let dead = relu && at(best) <= 0.0;
                values.push(if dead { 0.0 } else { at(best) });
                positions.push(if dead { 4 } else { best as u8 });
            }
        }
    }
    (values, positions)
}
