//! Minimal filtering.

use super::super::pixels::winograd;
use super::*;

/// Several samples at once; the kernel gradient is summed over them.
fn check_winograd(isa: Isa, random: &mut Random, cases: &[Case]) {
    let case = &cases[0];
    let Shape { input, output, in_channels: c, filters: f, window, .. } = case.shape;
    let (what, samples) = (format!("{isa} {:?}", case.shape), cases.len());
    assert!(winograd::supports(&window, 1), "{what}");
    // The padding may lie in memory, in part or not at all.
    let halos = |random: &mut Random, needed: Halo| {
        let none = Halo::default();
        let whole = random.halo(needed);
        random.pick(&[none, whole, Halo { top: 1, right: 1, ..none }])
    };
    let halo = halos(random, window.halo(input, output));
    let xl = Pixels { channels: c, height: input[0], width: input[1], halo };
    let halo = halos(random, pixels::input_grad_halo(&window, input, output));
    let dyl = Pixels { channels: f, height: output[0], width: output[1], halo };
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
                yl.check(y, &super::relu(&case.y), &what);
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
        yl.check(&y, &if relu { super::relu(&full) } else { full.clone() }, &what);

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

#[test]
fn kernels_packed_in_parts_are_those_packed_at_once() {
    for isa in Isa::available() {
        for (c, f) in [(1, 1), (31, 32), (33, 70), (64, 97), (100, 3), (3, 0), (0, 3)] {
            let kernel: Vec<f32> = (0..9 * c * f).map(|i| (i * 7919 % 101) as f32 - 50.0).collect();
            for transposed in [false, true] {
                // What lies beyond the panels is left as it is.
                let mut whole = vec![-1.0; winograd::packed_len(c, f)];
                let mut parts = whole.clone();
                let pack = if transposed { winograd::pack_transposed } else { winograd::pack };
                pack(isa, &mut whole, &kernel, c, f);
                let (mut rest, mut start) = (&mut parts[..], 0);
                for end in winograd::packed_parts(c, f, transposed) {
                    let (part, after) = rest.split_at_mut(end - start);
                    winograd::pack_part(isa, part, start, &kernel, c, f, transposed);
                    (rest, start) = (after, end);
                }
                assert!(rest.is_empty());
                assert_eq!(parts, whole, "{isa} {c} -> {f}, transposed: {transposed}");
            }
        }
    }
}
