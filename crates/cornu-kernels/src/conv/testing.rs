//! Random convolutions in both layouts, compared with the reference.

use super::pixels::winograd;
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
                if self.within(0, 1) == 0 {
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

fn check_pixels(isa: Isa, random: &mut Random, case: &Case) {
    let Shape { input, output, in_channels: c, filters: f, groups, window } = case.shape;
    let what = format!("{isa} {:?}", case.shape);
    let needed = window.halo(input, output);
    let xl = Pixels { channels: c, height: input[0], width: input[1], halo: random.halo(needed) };
    let xl = if random.within(0, 1) == 0 { Pixels { halo: needed, ..xl } } else { xl };
    let x = xl.put(&case.x);
    let yl = Pixels { channels: f, height: output[0], width: output[1], halo: Halo::default() };
    let yl = if random.within(0, 1) == 0 {
        Pixels { halo: random.halo(Halo::default()), ..yl }
    } else {
        yl
    };

    let mut packed = vec![f32::NAN; pixels::packed_len(&window, c, f, groups)];
    pixels::pack(&mut packed, &case.kernel, &window, c, f, groups);
    let mut y = yl.poison();
    let bias = Some(&case.bias[..]);
    pixels::forward(isa, &mut y, &yl, &x, &xl, &packed, bias, &window, groups, false);
    yl.check(&y, &case.y, &what);
    let mut y = yl.poison();
    pixels::forward(isa, &mut y, &yl, &x, &xl, &packed, bias, &window, groups, true);
    yl.check(&y, &relu(&case.y), &what);

    let needed = pixels::input_grad_halo(&window, input, output);
    let dyl = Pixels { halo: random.halo(needed), ..yl };
    let dy = dyl.put(&case.dy);
    pixels::pack_transposed(&mut packed, &case.kernel, &window, c, f, groups);
    let mut dx = xl.poison();
    pixels::input_grad(isa, &mut dx, &xl, &dy, &dyl, &packed, &window, groups);
    xl.check(&dx, &case.dx, &format!("input gradient {what}"));

    let mut d_kernel = vec![1.0; case.shape.kernel_len()];
    pixels::kernel_grad(isa, &mut d_kernel, &dy, &dyl, &x, &xl, &window, groups);
    close(&d_kernel, &case.d_kernel, &format!("kernel gradient {what}"));
    let mut d_bias = vec![1.0; f];
    pixels::bias_grad(isa, &mut d_bias, &dy, &dyl);
    close(&d_bias, &case.d_bias, &format!("bias gradient {what}"));
}

fn check_planar(isa: Isa, random: &mut Random, case: &Case) {
    let Shape { input, output, in_channels: c, filters: f, window, .. } = case.shape;
    let what = format!("{isa} {:?}", case.shape);
    let needed = window.halo(input, output);
    let xl = Planes::new(c, input[0], input[1], random.halo(needed));
    let x = xl.put(&case.x);
    let yl = Planes::new(f, output[0], output[1], random.halo(Halo::default()));

    let mut packed = vec![f32::NAN; planar::packed_len(&window, c, f)];
    planar::pack(&mut packed, &case.kernel, &window, c, f);
    let mut y = yl.poison();
    let bias = Some(&case.bias[..]);
    planar::forward(isa, &mut y, &yl, &x, &xl, &packed, bias, &window, false);
    yl.check(&y, &case.y, &what);
    let mut y = yl.poison();
    planar::forward(isa, &mut y, &yl, &x, &xl, &packed, bias, &window, true);
    yl.check(&y, &relu(&case.y), &what);

    let back = planar::input_grad_window(&window);
    let dyl = Planes::new(f, output[0], output[1], random.halo(back.halo(output, input)));
    let dy = dyl.put(&case.dy);
    planar::pack_transposed(&mut packed, &case.kernel, &window, c, f);
    let mut dx = xl.poison();
    planar::forward(isa, &mut dx, &xl, &dy, &dyl, &packed, None, &back, false);
    xl.check(&dx, &case.dx, &format!("input gradient {what}"));

    let mut d_kernel = vec![1.0; case.shape.kernel_len()];
    let scratch_len = planar::kernel_grad_scratch_len(&window, &dyl, &xl);
    let mut scratch = vec![f32::NAN; scratch_len];
    planar::kernel_grad(isa, &mut d_kernel, &dy, &dyl, &x, &xl, &window, &mut scratch);
    close(&d_kernel, &case.d_kernel, &format!("kernel gradient {what}"));
    let mut d_bias = vec![1.0; f];
    planar::bias_grad(isa, &mut d_bias, &dy, &dyl);
    close(&d_bias, &case.d_bias, &format!("bias gradient {what}"));
}

/// Several samples at once; the kernel gradient is summed over them.
fn check_winograd(isa: Isa, random: &mut Random, cases: &[Case]) {
    let case = &cases[0];
    let Shape { input, output, in_channels: c, filters: f, window, .. } = case.shape;
    let (what, samples) = (format!("{isa} {:?}", case.shape), cases.len());
    assert!(winograd::supports(&window, 1), "{what}");
    let xl = Pixels {
        channels: c,
        height: input[0],
        width: input[1],
        halo: random.halo(window.halo(input, output)),
    };
    let needed = pixels::input_grad_halo(&window, input, output);
    let dyl =
        Pixels { channels: f, height: output[0], width: output[1], halo: random.halo(needed) };
    let yl = Pixels { halo: random.halo(Halo::default()), ..dyl };
    let x: Vec<f32> = cases.iter().flat_map(|case| xl.put(&case.x)).collect();
    let dy: Vec<f32> = cases.iter().flat_map(|case| dyl.put(&case.dy)).collect();
    let check = |layout: &Pixels, data: &[f32], expected: fn(&Case) -> &[f32], what: &str| {
        for (data, case) in data.chunks(layout.len()).zip(cases) {
            layout.check(data, expected(case), what);
        }
    };

    // Whatever the padding of panels holds must not matter, nor what scratch memory held before.
    let mut packed = vec![f32::NAN; winograd::packed_len(c, f)];
    let mut scratch = vec![f32::NAN; winograd::scratch_len(&yl, &xl, samples)];
    winograd::pack(isa, &mut packed, &case.kernel, c, f);
    for relu in [false, true] {
        let mut y: Vec<f32> = cases.iter().flat_map(|_| yl.poison()).collect();
        let bias = Some(&case.bias[..]);
        winograd::forward(
            isa,
            &mut y,
            &yl,
            &x,
            &xl,
            &packed,
            bias,
            &window,
            relu,
            samples,
            &mut scratch,
        );
        if relu {
            for (y, case) in y.chunks(yl.len()).zip(cases) {
                yl.check(y, &super::testing::relu(&case.y), &what);
            }
        } else {
            check(&yl, &y, |case| &case.y, &what);
        }
    }

    winograd::pack_transposed(isa, &mut packed, &case.kernel, c, f);
    let back = winograd::input_grad_window(&window);
    let mut scratch = vec![f32::NAN; winograd::scratch_len(&xl, &dyl, samples)];
    let mut dx: Vec<f32> = cases.iter().flat_map(|_| xl.poison()).collect();
    winograd::forward(
        isa,
        &mut dx,
        &xl,
        &dy,
        &dyl,
        &packed,
        None,
        &back,
        false,
        samples,
        &mut scratch,
    );
    check(&xl, &dx, |case| &case.dx, &format!("input gradient {what}"));

    let mut d_kernel = vec![1.0; case.shape.kernel_len()];
    let mut scratch = vec![f32::NAN; winograd::kernel_grad_scratch_len(&dyl, &xl, samples)];
    winograd::kernel_grad(isa, &mut d_kernel, &dy, &dyl, &x, &xl, &window, samples, &mut scratch);
    let mut wanted = vec![1.0; d_kernel.len()];
    for case in cases {
        wanted.iter_mut().zip(&case.d_kernel).for_each(|(sum, d)| *sum += d - 1.0);
    }
    close(&d_kernel, &wanted, &format!("kernel gradient {what}"));
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

#[test]
fn minimal_filtering_agrees_with_the_reference() {
    let mut random = Random(6);
    let channels = [1, 3, 16, 17, 32, 33, 64];
    for round in 0..70 {
        let (c, f) = (channels[round % 7], random.pick(&channels));
        let samples = random.within(1, 3);
        let input = if c * f > 1024 {
            [random.within(1, 9), random.within(1, 9)]
        } else {
            [random.within(1, 17), random.within(1, 13)]
        };
        let (before, after) = match round % 3 {
            0 => ([0, 0], [0, 0]),
            1 => ([1, 1], [1, 1]),
            _ => (
                [random.within(0, 2), random.within(0, 2)],
                [random.within(0, 2), random.within(0, 2)],
            ),
        };
        let Some(shape) = three_by_three(input, before, after, c, f) else { continue };
        let mut cases = vec![Case::new(&mut random, shape)];
        while cases.len() < samples {
            let (kernel, bias) = (cases[0].kernel.clone(), cases[0].bias.clone());
            cases.push(Case::with_weights(&mut random, shape, kernel, bias));
        }
        for isa in Isa::available() {
            check_winograd(isa, &mut random, &cases);
        }
    }
}

#[test]
fn minimal_filtering_of_many_strips_and_of_one_pixel() {
    let mut random = Random(7);
    let shapes = [
        three_by_three([1, 1], [1, 1], [1, 1], 1, 1),
        three_by_three([3, 3], [0, 0], [0, 0], 2, 70),
        three_by_three([61, 67], [1, 1], [1, 1], 3, 5),
        three_by_three([9, 41], [0, 1], [0, 1], 130, 7),
    ];
    for shape in shapes.into_iter().flatten() {
        let case = Case::new(&mut random, shape);
        for isa in Isa::available() {
            check_winograd(isa, &mut random, std::slice::from_ref(&case));
        }
    }
}

/// The places are chosen for this: see the module's words on rounding errors.
#[test]
fn minimal_filtering_rounds_about_as_well_as_the_plain_sum() {
    let mut random = Random(8);
    for c in [16, 64, 256] {
        let Some(shape) = three_by_three([18, 18], [0, 0], [0, 0], c, 16) else { continue };
        // About normal, as sums of twelve uniform numbers are.
        let x: Vec<f32> =
            (0..shape.input_len()).map(|_| random.values(12).iter().sum::<f32>() / 2.0).collect();
        let limit = (6.0 / (9.0 * (c + 16) as f32)).sqrt();
        let kernel: Vec<f32> =
            random.values(shape.kernel_len()).iter().map(|value| value * limit).collect();
        let y = reference::forward(&shape, &x, &kernel, None);
        let scale = y.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let xl = Pixels { channels: c, height: 18, width: 18, halo: Halo::default() };
        let yl = Pixels { channels: 16, height: 16, width: 16, halo: Halo::default() };
        let window = shape.window;
        for isa in Isa::available() {
            let mut packed = vec![0.0; winograd::packed_len(c, 16)];
            winograd::pack(isa, &mut packed, &kernel, c, 16);
            let mut scratch = vec![0.0; winograd::scratch_len(&yl, &xl, 1)];
            let mut got = vec![0.0; yl.len()];
            winograd::forward(
                isa,
                &mut got,
                &yl,
                &x,
                &xl,
                &packed,
                None,
                &window,
                false,
                1,
                &mut scratch,
            );
            let worst = got.iter().zip(&y).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
            let allowed = 5e-6 * scale;
            assert!(worst <= allowed, "{isa}, {c} channels: off by {worst:e} of {scale:e}");
        }
    }
}

#[test]
fn pixels_agree_with_the_reference() {
    let mut random = Random(1);
    for round in 0..120 {
        let shape = random.shape(round % 2 == 0, round % 3 == 0);
        let case = Case::new(&mut random, shape);
        for isa in Isa::available() {
            check_pixels(isa, &mut random, &case);
        }
    }
}

#[test]
fn planes_agree_with_the_reference() {
    let mut random = Random(2);
    for _ in 0..120 {
        let shape = random.shape(false, false);
        let case = Case::new(&mut random, shape);
        for isa in Isa::available() {
            check_planar(isa, &mut random, &case);
        }
    }
}

/// A picture with as many pixels as a 3x3 "same" convolution leaves it.
fn same(size: [usize; 2], in_channels: usize, filters: usize) -> Shape {
    let window = Window { size: [3, 3], stride: [1, 1], dilation: [1, 1], before: [1, 1] };
    Shape { input: size, output: size, in_channels, filters, groups: 1, window }
}

#[test]
fn pictures_larger_than_a_strip_agree_with_the_reference() {
    let mut random = Random(3);
    for (size, c, f) in [([50, 120], 2, 9), ([131, 70], 3, 3), ([23, 256], 1, 8)] {
        let case = Case::new(&mut random, same(size, c, f));
        for isa in Isa::available() {
            check_planar(isa, &mut random, &case);
            check_pixels(isa, &mut random, &case);
        }
    }
}

#[test]
fn one_channel_one_pixel_and_nothing_at_all() {
    let mut random = Random(4);
    for size in [[1, 1], [1, 5], [7, 1]] {
        let case = Case::new(&mut random, same(size, 1, 1));
        for isa in Isa::available() {
            check_planar(isa, &mut random, &case);
            check_pixels(isa, &mut random, &case);
        }
    }
    let empty = Planes::new(2, 0, 0, Halo::default());
    let window = same([0, 0], 2, 2).window;
    let mut d_kernel = [1.0; 36];
    let data = vec![0.0; empty.len()];
    planar::kernel_grad(Isa::best(), &mut d_kernel, &data, &empty, &data, &empty, &window, &mut []);
    assert_eq!(d_kernel, [1.0; 36]);
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

#[test]
fn pooling_is_fused_and_undone() {
    let mut random = Random(5);
    for round in 0..120 {
        let mut shape = random.shape(false, false);
        if round % 2 == 0 {
            let size = [random.within(2, 30), random.within(2, 90)];
            shape = same(size, random.within(1, 12), random.within(1, 26));
        }
        let mut case = Case::new(&mut random, shape);
        let Shape { input, output, in_channels: c, filters: f, window, .. } = shape;
        if round % 5 == 0 {
            // Whole numbers make equal maxima.
            case.x.iter_mut().chain(&mut case.kernel).for_each(|v| *v = v.round());
            case.bias.fill(0.0);
            case.y = reference::forward(&shape, &case.x, &case.kernel, Some(&case.bias));
        }
        let xl = Planes::new(c, input[0], input[1], random.halo(window.halo(input, output)));
        let x = xl.put(&case.x);
        let pooled = [output[0] / 2, output[1] / 2];
        let yl = Planes::new(f, pooled[0], pooled[1], random.halo(Halo::default()));
        let mut packed = vec![0.0; planar::packed_len(&window, c, f)];
        planar::pack(&mut packed, &case.kernel, &window, c, f);
        let full = Planes::new(f, output[0], output[1], random.halo(Halo::default()));
        let d_pooled = random.values(f * pooled[0] * pooled[1]);
        for isa in Isa::available() {
            for relu in [false, true] {
                let what = format!("{isa} relu {relu} {shape:?}");
                let (values, positions) = pool(&case.y, output, f, relu);
                let plane = pooled[0] * pooled[1];
                let mut argmax = vec![77; f * plane + 1];
                let mut y = yl.poison();
                let bias = Some(&case.bias[..]);
                for positions in [None, Some(&mut argmax[..])] {
                    planar::forward_pool(
                        isa, &mut y, &yl, positions, &x, &xl, &packed, bias, &window, relu,
                    );
                    yl.check(&y, &values, &what);
                }
                assert_eq!(argmax.pop(), Some(77), "{what}: wrote past the end");
                let mut wanted = vec![0.0; full.height * full.width * f];
                for (i, &position) in positions.iter().enumerate() {
                    let (pixel, channel) = (i / f, i % f);
                    let (row, column) = (pixel / pooled[1], pixel % pooled[1]);
                    let got = argmax[channel * plane + pixel];
                    let at = |p: u8| {
                        let (y, x) =
                            (2 * row + usize::from(p / 2), 2 * column + usize::from(p % 2));
                        (y * full.width + x) * f + channel
                    };
                    // Sums rounded in another order may decide a near tie otherwise.
                    let near = |p: u8| if p == 4 { 0.0 } else { case.y[at(p)] };
                    assert!(
                        got == position || (near(got) - near(position)).abs() < 1e-4,
                        "{what}: position {got}, not {position}"
                    );
                    if round % 5 == 0 {
                        assert_eq!(got, position, "{what}: the first of equal maxima");
                    }
                    if got < 4 {
                        wanted[at(got)] = d_pooled[i];
                    }
                }
                let mut d_full = full.poison();
                planar::unpool(isa, &mut d_full, &full, &yl.put(&d_pooled), &yl, &argmax);
                full.check(&d_full, &wanted, &format!("unpool {what}"));

                let d_kernel = reference::kernel_grad(&shape, &wanted, &case.x);
                let d_kernel: Vec<f32> = d_kernel.iter().map(|d| d + 1.0).collect();
                let len = planar::kernel_grad_pooled_scratch_len(&window, &yl, &xl);
                let mut scratch = vec![f32::NAN; len];
                let mut got = vec![1.0; d_kernel.len()];
                let d_pooled = yl.put(&d_pooled);
                planar::kernel_grad_pooled(
                    isa,
                    &mut got,
                    &d_pooled,
                    &yl,
                    &argmax,
                    &x,
                    &xl,
                    &window,
                    &mut scratch,
                );
                close(&got, &d_kernel, &format!("pooled kernel gradient {what}"));
                let d_bias = reference::bias_grad(&shape, &wanted);
                let mut got = vec![0.0; f];
                planar::bias_grad_pooled(isa, &mut got, &d_pooled, &yl, &argmax);
                close(&got, &d_bias, &format!("pooled bias gradient {what}"));
            }
        }
    }
}

/// Minimal filtering on planes: forward, pooled and as the input's gradient.
fn check_planar_winograd(isa: Isa, random: &mut Random, case: &Case) {
    let Shape { input, output, in_channels: c, filters: f, window, .. } = case.shape;
    let what = format!("{isa} {:?}", case.shape);
    let needed = window.halo(input, output);
    let xl = Planes::new(c, input[0], input[1], random.halo(needed));
    let xl = if random.within(0, 1) == 0 { Planes::new(c, input[0], input[1], needed) } else { xl };
    let x = xl.put(&case.x);
    let yl = Planes::new(f, output[0], output[1], random.halo(Halo::default()));
    let mut packed = vec![f32::NAN; planar::winograd::packed_len(c, f)];
    planar::winograd::pack(isa, &mut packed, &case.kernel, c, f);
    // What scratch memory held before must not matter.
    let mut scratch = vec![f32::NAN; planar::winograd::scratch_len(c.max(f))];
    let biases = [None, Some(&case.bias[..])];
    for (relu, bias) in [false, true].into_iter().zip(biases).chain([(false, biases[1])]) {
        let mut full = case.y.clone();
        if bias.is_none() {
            full.iter_mut().enumerate().for_each(|(i, y)| *y -= case.bias[i % f]);
        }
        let mut y = yl.poison();
        planar::winograd::forward(
            isa,
            &mut y,
            &yl,
            &x,
            &xl,
            &packed,
            bias,
            &window,
            relu,
            &mut scratch,
        );
        yl.check(&y, &if relu { super::testing::relu(&full) } else { full.clone() }, &what);

        let half = [output[0] / 2, output[1] / 2];
        let pl = Planes::new(f, half[0], half[1], random.halo(Halo::default()));
        let (values, positions) = pool(&full, output, f, relu);
        let plane = half[0] * half[1];
        let mut argmax = vec![77; f * plane + 1];
        for positions in [None, Some(&mut argmax[..])] {
            let mut y = pl.poison();
            planar::winograd::forward_pool(
                isa,
                &mut y,
                &pl,
                positions,
                &x,
                &xl,
                &packed,
                bias,
                &window,
                relu,
                &mut scratch,
            );
            pl.check(&y, &values, &format!("pooled {what}"));
        }
        assert_eq!(argmax.pop(), Some(77), "{what}: wrote past the end");
        for (i, &position) in positions.iter().enumerate() {
            let (pixel, channel) = (i / f, i % f);
            let (row, column) = (pixel / half[1], pixel % half[1]);
            let got = argmax[channel * plane + pixel];
            assert!(got < 4 || relu && got == 4, "{what}: position {got}");
            // Sums rounded in another order may decide a near tie otherwise.
            let near = |p: u8| {
                let (y, x) = (2 * row + usize::from(p / 2), 2 * column + usize::from(p % 2));
                if p == 4 { 0.0 } else { full[(y * output[1] + x) * f + channel] }
            };
            assert!(
                got == position || (near(got) - near(position)).abs() < 1e-4,
                "{what}: position {got}, not {position}"
            );
        }
    }

    let back = planar::input_grad_window(&window);
    let dyl = Planes::new(f, output[0], output[1], random.halo(back.halo(output, input)));
    let dy = dyl.put(&case.dy);
    planar::winograd::pack_transposed(isa, &mut packed, &case.kernel, c, f);
    let mut dx = xl.poison();
    planar::winograd::forward(
        isa,
        &mut dx,
        &xl,
        &dy,
        &dyl,
        &packed,
        None,
        &back,
        false,
        &mut scratch,
    );
    xl.check(&dx, &case.dx, &format!("input gradient {what}"));
}

#[test]
fn minimal_filtering_on_planes_agrees_with_the_reference() {
    let mut random = Random(9);
    for round in 0..120 {
        let (c, f) = (random.within(1, 13), random.within(1, 13));
        // One and two rows of tiles to a vector, whole vectors and several.
        let width = match round % 4 {
            0 => random.within(1, 20),
            1 => random.within(20, 70),
            2 => random.pick(&[16, 32, 64, 128]),
            _ => random.within(60, 140),
        };
        let input = [random.within(1, 14), width];
        let (before, after) = match round % 3 {
            0 => ([0, 0], [0, 0]),
            1 => ([1, 1], [1, 1]),
            _ => (
                [random.within(0, 2), random.within(0, 2)],
                [random.within(0, 2), random.within(0, 2)],
            ),
        };
        let Some(shape) = three_by_three(input, before, after, c, f) else { continue };
        let case = Case::new(&mut random, shape);
        for isa in Isa::available() {
            check_planar_winograd(isa, &mut random, &case);
        }
    }
}

#[test]
fn minimal_filtering_on_planes_of_many_filters_and_of_one_pixel() {
    let mut random = Random(10);
    let shapes = [
        three_by_three([1, 1], [1, 1], [1, 1], 1, 1),
        three_by_three([3, 3], [0, 0], [0, 0], 2, 30),
        three_by_three([13, 33], [1, 1], [1, 1], 33, 5),
    ];
    for shape in shapes.into_iter().flatten() {
        let case = Case::new(&mut random, shape);
        for isa in Isa::available() {
            check_planar_winograd(isa, &mut random, &case);
        }
    }
}

/// What lies beyond the picture, such as the next channel's rows, must not spread into it.
#[test]
fn minimal_filtering_on_planes_reads_only_what_its_window_reaches() {
    let mut random = Random(11);
    for width in [5, 30, 63, 70] {
        let Some(shape) = three_by_three([7, width], [0, 0], [0, 0], 2, 3) else { continue };
        let case = Case::new(&mut random, shape);
        // Only a part of the rows and columns is asked for; all others are poison.
        let [height, asked] = [3, width - 4];
        let xl = Planes::new(2, 7, width, Halo::default());
        let yl = Planes::new(3, height, asked, Halo::default());
        let mut x = vec![f32::NAN; xl.len()];
        for c in 0..2 {
            for row in 0..height + 2 {
                for column in 0..asked + 2 {
                    x[xl.at(row, column, c)] = case.x[(row * width + column) * 2 + c];
                }
            }
        }
        let expected: Vec<f32> = (0..height * asked * 3)
            .map(|i| case.y[(i / 3 / asked * (width - 2) + i / 3 % asked) * 3 + i % 3])
            .collect();
        let mut packed = vec![0.0; planar::winograd::packed_len(2, 3)];
        let mut scratch = vec![f32::NAN; planar::winograd::scratch_len(2)];
        for isa in Isa::available() {
            planar::winograd::pack(isa, &mut packed, &case.kernel, 2, 3);
            let (mut y, bias) = (yl.poison(), Some(&case.bias[..]));
            let window = &shape.window;
            planar::winograd::forward(
                isa,
                &mut y,
                &yl,
                &x,
                &xl,
                &packed,
                bias,
                window,
                false,
                &mut scratch,
            );
            yl.check(&y, &expected, &format!("{isa} width {width}"));
        }
    }
}

/// As on pixels, with the same places.
#[test]
fn minimal_filtering_on_planes_rounds_about_as_well_as_the_plain_sum() {
    let mut random = Random(12);
    for c in [4, 12, 64] {
        let Some(shape) = three_by_three([18, 66], [0, 0], [0, 0], c, 8) else { continue };
        let x: Vec<f32> =
            (0..shape.input_len()).map(|_| random.values(12).iter().sum::<f32>() / 2.0).collect();
        let kernel = random.values(shape.kernel_len());
        let y = reference::forward(&shape, &x, &kernel, None);
        let scale = y.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let xl = Planes::new(c, 18, 66, Halo::default());
        let yl = Planes::new(8, 16, 64, Halo::default());
        let (x, window) = (xl.put(&x), &shape.window);
        for isa in Isa::available() {
            let mut packed = vec![0.0; planar::winograd::packed_len(c, 8)];
            planar::winograd::pack(isa, &mut packed, &kernel, c, 8);
            let mut scratch = vec![0.0; planar::winograd::scratch_len(c)];
            let mut got = vec![0.0; yl.len()];
            planar::winograd::forward(
                isa,
                &mut got,
                &yl,
                &x,
                &xl,
                &packed,
                None,
                window,
                false,
                &mut scratch,
            );
            let worst =
                yl.indices().zip(&y).fold(0.0f32, |most, (at, b)| most.max((got[at] - b).abs()));
            let allowed = 5e-6 * scale;
            assert!(worst <= allowed, "{isa}, {c} channels: off by {worst:e} of {scale:e}");
        }
    }
}
