//! Pictures computed by several threads are equal, to the bit, to those of one.

use super::{Case, Halo, Layout, Pixels, Planes, Random, Shape, pixels, planar, three_by_three};
use crate::Isa;
use crate::conv::pixels::winograd;
use crate::helpers::Helpers;
use crate::threads::Pool;

/// Calls `f` with helpers of pools of several sizes, each with `scratch` elements, and with the
/// calling thread's own.
fn with_helpers(scratch: usize, f: impl Fn(&mut Helpers<'_>, &mut [f32])) {
    for threads in [1, 2, 3, 7] {
        let pool = Pool::new(threads);
        let mut own = vec![f32::NAN; scratch];
        let mut others = vec![vec![f32::NAN; scratch]; pool.threads() - 1];
        let others = others.iter_mut().map(|scratch| &mut scratch[..]).collect();
        f(&mut Helpers::new(&pool, others), &mut own);
    }
}

/// Shapes of all kinds, every third one large and simple.
fn shape(random: &mut Random, round: usize, strides: bool) -> Shape {
    if round.is_multiple_of(3) {
        let size = [random.within(2, 40), random.within(2, 40)];
        let (before, after) = (random.within(0, 2), random.within(1, 2));
        let (c, f) = (random.within(1, 24), random.within(1, 80));
        return three_by_three(size, [before; 2], [after; 2], c, f).unwrap();
    }
    random.shape(strides, strides && round % 3 == 1)
}

#[test]
fn planes_in_bands() {
    let mut random = Random(11);
    for round in 0..60 {
        let case = shape(&mut random, round, false);
        let case = Case::new(&mut random, case);
        let Shape { input, output, in_channels: c, filters: f, window, .. } = case.shape;
        let xl = Planes::new(c, input[0], input[1], random.halo(window.halo(input, output)));
        let x = &xl.put(&case.x)[..];
        let half = [output[0] / 2, output[1] / 2];
        let (halo, pooled_halo) = (random.halo(Halo::default()), random.halo(Halo::default()));
        let yl = Planes::new(f, output[0], output[1], halo);
        let pl = Planes::new(f, half[0], half[1], pooled_halo);
        let (bias, relu) = (Some(&case.bias[..]), round % 2 == 0);
        for isa in Isa::available() {
            let what = format!("{isa} relu {relu} {:?}", case.shape);
            let mut packed = vec![0.0; planar::packed_len(&window, c, f)];
            planar::pack(&mut packed, &case.kernel, &window, c, f);
            let (mut y, mut p) = (yl.poison(), pl.poison());
            planar::forward(isa, &mut y, &yl, x, &xl, &packed, bias, &window, relu);
            planar::forward_pool(isa, &mut p, &pl, None, x, &xl, &packed, bias, &window, relu);
            yl.zero_halo(&mut y);
            pl.zero_halo(&mut p);
            with_helpers(0, |helpers, _| {
                let mut got = yl.poison();
                planar::forward_in_bands(
                    isa, helpers, &mut got, &yl, x, &xl, &packed, bias, &window, relu,
                );
                assert_eq!(got, y, "{what}");
                let mut got = pl.poison();
                planar::forward_pool_in_bands(
                    isa, helpers, &mut got, &pl, x, &xl, &packed, bias, &window, relu,
                );
                assert_eq!(got, p, "pooled {what}");
            });
            if !winograd::supports(&window, 1) {
                continue;
            }
            let mut packed = vec![0.0; planar::winograd::packed_len(c, f)];
            planar::winograd::pack(isa, &mut packed, &case.kernel, c, f);
            let len = planar::winograd::scratch_len(c);
            let scratch = &mut vec![f32::NAN; len][..];
            let (mut y, mut p) = (yl.poison(), pl.poison());
            planar::winograd::forward(
                isa, &mut y, &yl, x, &xl, &packed, bias, &window, relu, scratch,
            );
            planar::winograd::forward_pool(
                isa, &mut p, &pl, None, x, &xl, &packed, bias, &window, relu, scratch,
            );
            yl.zero_halo(&mut y);
            pl.zero_halo(&mut p);
            with_helpers(len, |helpers, scratch| {
                let mut got = yl.poison();
                planar::winograd::forward_in_bands(
                    isa, helpers, &mut got, &yl, x, &xl, &packed, bias, &window, relu, scratch,
                );
                assert_eq!(got, y, "minimal filtering {what}");
                let mut got = pl.poison();
                planar::winograd::forward_pool_in_bands(
                    isa, helpers, &mut got, &pl, x, &xl, &packed, bias, &window, relu, scratch,
                );
                assert_eq!(got, p, "pooled minimal filtering {what}");
            });
        }
    }
}

#[test]
fn pixels_in_bands_or_by_filters() {
    let mut random = Random(12);
    for round in 0..60 {
        let mut case = shape(&mut random, round, true);
        if round % 12 == 0 {
            // Many weights are divided by filters.
            (case.in_channels, case.filters) = (130, 97);
        }
        let case = Case::new(&mut random, case);
        let Shape { input, output, in_channels: c, filters: f, groups, window } = case.shape;
        let halo = random.halo(window.halo(input, output));
        let xl = Pixels { channels: c, height: input[0], width: input[1], halo };
        let x = &xl.put(&case.x)[..];
        let halo = random.halo(Halo::default());
        let yl = Pixels { channels: f, height: output[0], width: output[1], halo };
        let (bias, relu) = (Some(&case.bias[..]), round % 2 == 0);
        for isa in Isa::available() {
            let what = format!("{isa} relu {relu} {:?}", case.shape);
            let mut packed = vec![0.0; pixels::packed_len(&window, c, f, groups)];
            pixels::pack(&mut packed, &case.kernel, &window, c, f, groups);
            let mut y = yl.poison();
            pixels::forward(isa, &mut y, &yl, x, &xl, &packed, bias, &window, groups, relu);
            yl.zero_halo(&mut y);
            with_helpers(0, |helpers, _| {
                let mut got = yl.poison();
                pixels::forward_in_parts(
                    isa, helpers, &mut got, &yl, x, &xl, &packed, bias, &window, groups, relu,
                );
                assert_eq!(got, y, "{what}");
            });
            if !winograd::supports(&window, groups) {
                continue;
            }
            // With the padding in memory and without.
            let xl = if round % 2 == 0 { xl } else { Pixels { halo: Halo::default(), ..xl } };
            let x = &xl.put(&case.x)[..];
            let mut packed = vec![0.0; winograd::packed_len(c, f)];
            winograd::pack(isa, &mut packed, &case.kernel, c, f);
            let len = winograd::scratch_len(&yl, &xl, 1);
            let scratch = &mut vec![f32::NAN; len][..];
            let mut y = yl.poison();
            winograd::forward(isa, &mut y, &yl, x, &xl, &packed, bias, &window, relu, 1, scratch);
            yl.zero_halo(&mut y);
            with_helpers(len, |helpers, scratch| {
                let mut got = yl.poison();
                winograd::forward_in_parts(
                    isa, helpers, &mut got, &yl, x, &xl, &packed, bias, &window, relu, scratch,
                );
                assert_eq!(got, y, "minimal filtering {what}");
            });
        }
    }
}
