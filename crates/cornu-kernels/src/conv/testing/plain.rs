//! Plain kernels.

use super::*;

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
