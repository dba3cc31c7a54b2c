//! Prints how fast the convolutions run: GFLOP/s and the share of what one core can do at most.
//!
//! `cargo run --release -p cornu-kernels --example conv_speed [isa [layer]]`
//!
//! where `layer` is a part of a name, such as `8->8`.
//!
//! Columns: forward (with bias, ReLU and, on planes, 2x2 max pooling with argmax), input gradient
//! (on planes with the expansion of the pooled gradient before it), kernel gradient. The same with
//! minimal filtering, at the rate of a plain convolution: on planes forward, with pooling, input
//! gradient; on pixels for one sample and for four at a time; and how long it takes to pack the
//! kernel.
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use cornu_kernels::Isa;
use cornu_kernels::conv::pixels::winograd;
use cornu_kernels::conv::{pixels, planar};
use cornu_kernels::layout::{Pixels, Planes, Window};
use std::hint::black_box;
use std::time::Instant;

/// Seconds per call, the best of a few rounds of about 4 ms.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let once = Instant::now();
    call();
    let calls = (4e-3 / once.elapsed().as_secs_f64().max(1e-7)).ceil() as usize;
    let mut best = f64::INFINITY;
    for _ in 0..12 {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        best = best.min(start.elapsed().as_secs_f64() / calls as f64);
    }
    best
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 17) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// The fastest that multiply-adds ever get here: a 1x1 convolution of a tiny picture, all in L1.
fn peak(isa: Isa) -> f64 {
    let (c, f) = (256, 2 * isa.lanes());
    let window = Window { size: [1, 1], stride: [1, 1], dilation: [1, 1], before: [0, 0] };
    let pixels = if isa.lanes() == 16 { 12 } else { 6 };
    let xl = Pixels { channels: c, height: 1, width: pixels, halo: Default::default() };
    let yl = Pixels { channels: f, ..xl };
    let (x, mut y) = (values(xl.len()), values(yl.len()));
    let packed = values(pixels::packed_len(&window, c, f, 1));
    let seconds = time(|| {
        pixels::forward(isa, &mut y, &yl, black_box(&x), &xl, &packed, None, &window, 1, false);
    });
    2.0 * (pixels * c * f) as f64 / seconds / 1e9
}

struct Layer {
    c: usize,
    f: usize,
    k: usize,
    /// Of the output.
    size: usize,
    pooled: bool,
    /// Without padding.
    valid: bool,
}

impl Layer {
    fn window(&self) -> Window {
        let before = [if self.valid { 0 } else { self.k / 2 }; 2];
        Window { size: [self.k; 2], stride: [1, 1], dilation: [1, 1], before }
    }

    /// Height and width of the input.
    fn input(&self) -> usize {
        if self.valid { self.size + self.k - 1 } else { self.size }
    }

    fn flops(&self) -> f64 {
        2.0 * (self.c * self.f * self.k * self.k * self.size * self.size) as f64
    }

    fn planar(&self, isa: Isa) -> [f64; 6] {
        let Self { c, f, size, .. } = *self;
        let window = self.window();
        let back = planar::input_grad_window(&window);
        let input = self.input();
        let xl = Planes::new(c, input, input, window.halo([input; 2], [size; 2]));
        let dyl = Planes::new(f, size, size, back.halo([size; 2], [input; 2]));
        let half = size / 2;
        let yl = Planes::new(f, half, half, window.halo([half; 2], [half; 2]));
        let pl = Planes::new(f, half, half, Default::default());
        let dxl = Planes::new(c, input, input, Default::default());
        let (x, mut y, mut full) = (values(xl.len()), values(yl.len()), values(dyl.len()));
        let (mut dy, d_pooled, mut dx) = (values(dyl.len()), values(pl.len()), values(dxl.len()));
        let mut argmax = vec![0; f * half * half];
        let mut packed = vec![0.0; planar::packed_len(&window, c, f)];
        let mut transposed = packed.clone();
        let kernel = values(packed.len());
        planar::pack(&mut packed, &kernel, &window, c, f);
        planar::pack_transposed(&mut transposed, &kernel, &window, c, f);
        let bias = values(f);
        let mut sparse = vec![0.0; planar::kernel_grad_pooled_scratch_len(&window, &pl, &xl)];
        let mut scratch = vec![0.0; planar::kernel_grad_scratch_len(&window, &dyl, &xl)];
        let mut d_kernel = vec![0.0; packed.len()];
        let bias = Some(&bias[..]);
        [
            time(|| {
                planar::forward(isa, &mut full, &dyl, &x, &xl, &packed, bias, &window, true);
            }),
            time(|| {
                let argmax = Some(&mut argmax[..]);
                planar::forward_pool(
                    isa, &mut y, &yl, argmax, &x, &xl, &packed, bias, &window, true,
                );
            }),
            time(|| {
                if self.pooled {
                    planar::unpool(isa, &mut dy, &dyl, &d_pooled, &pl, &argmax);
                }
            }),
            time(|| {
                planar::forward(isa, &mut dx, &dxl, &dy, &dyl, &transposed, None, &back, false);
            }),
            time(|| {
                planar::kernel_grad(isa, &mut d_kernel, &dy, &dyl, &x, &xl, &window, &mut scratch);
            }),
            time(|| {
                planar::kernel_grad_pooled(
                    isa,
                    &mut d_kernel,
                    &d_pooled,
                    &pl,
                    &argmax,
                    &x,
                    &xl,
                    &window,
                    &mut sparse,
                );
            }),
        ]
    }

    fn pixels(&self, isa: Isa) -> [f64; 3] {
        let Self { c, f, size, .. } = *self;
        let window = self.window();
        let input = self.input();
        let halo = window.halo([input; 2], [size; 2]);
        let xl = Pixels { channels: c, height: input, width: input, halo };
        let halo = pixels::input_grad_halo(&window, [input; 2], [size; 2]);
        let yl = Pixels { channels: f, height: size, width: size, halo };
        let (x, mut y, mut dx) = (values(xl.len()), values(yl.len()), values(xl.len()));
        let dy = values(yl.len());
        let kernel = values(window.size[0] * window.size[1] * c * f);
        let mut packed = vec![0.0; pixels::packed_len(&window, c, f, 1)];
        let mut transposed = packed.clone();
        pixels::pack(&mut packed, &kernel, &window, c, f, 1);
        pixels::pack_transposed(&mut transposed, &kernel, &window, c, f, 1);
        let bias = values(f);
        let mut d_kernel = vec![0.0; kernel.len()];
        let bias = Some(&bias[..]);
        [
            time(|| pixels::forward(isa, &mut y, &yl, &x, &xl, &packed, bias, &window, 1, true)),
            time(|| pixels::input_grad(isa, &mut dx, &xl, &dy, &yl, &transposed, &window, 1)),
            time(|| pixels::kernel_grad(isa, &mut d_kernel, &dy, &yl, &x, &xl, &window, 1)),
        ]
    }
}

/// Forward, input gradient and kernel gradient of `samples` samples, per sample; both packings.
fn winograd(layer: &Layer, isa: Isa, samples: usize) -> [f64; 5] {
    let Layer { c, f, size, .. } = *layer;
    let window = layer.window();
    let input = layer.input();
    let halo = window.halo([input; 2], [size; 2]);
    let xl = Pixels { channels: c, height: input, width: input, halo };
    let halo = pixels::input_grad_halo(&window, [input; 2], [size; 2]);
    let yl = Pixels { channels: f, height: size, width: size, halo };
    let (x, dy) = (values(samples * xl.len()), values(samples * yl.len()));
    let (mut y, mut dx) = (dy.clone(), x.clone());
    let kernel = values(9 * c * f);
    let mut packed = vec![0.0; winograd::packed_len(c, f)];
    let mut transposed = packed.clone();
    let bias = values(f);
    let bias = Some(&bias[..]);
    let back = winograd::input_grad_window(&window);
    let mut d_kernel = vec![0.0; kernel.len()];
    let len = winograd::scratch_len(&yl, &xl, samples)
        .max(winograd::scratch_len(&xl, &yl, samples))
        .max(winograd::kernel_grad_scratch_len(&yl, &xl, samples));
    let mut scratch = vec![0.0; len];
    let pack = time(|| winograd::pack(isa, &mut packed, black_box(&kernel), c, f));
    let pack_back =
        time(|| winograd::pack_transposed(isa, &mut transposed, black_box(&kernel), c, f));
    let each = samples as f64;
    [
        time(|| {
            winograd::forward(
                isa,
                &mut y,
                &yl,
                &x,
                &xl,
                &packed,
                bias,
                &window,
                true,
                samples,
                &mut scratch,
            );
        }) / each,
        time(|| {
            winograd::forward(
                isa,
                &mut dx,
                &xl,
                &dy,
                &yl,
                &transposed,
                None,
                &back,
                false,
                samples,
                &mut scratch,
            );
        }) / each,
        time(|| {
            winograd::kernel_grad(
                isa,
                &mut d_kernel,
                &dy,
                &yl,
                &x,
                &xl,
                &window,
                samples,
                &mut scratch,
            );
        }) / each,
        pack,
        pack_back,
    ]
}

/// Minimal filtering on planes: forward, with pooling and argmax, input gradient; packing.
fn planar_winograd(layer: &Layer, isa: Isa) -> [f64; 4] {
    use planar::winograd;
    let Layer { c, f, size, .. } = *layer;
    let window = layer.window();
    let back = planar::input_grad_window(&window);
    let input = layer.input();
    let xl = Planes::new(c, input, input, window.halo([input; 2], [size; 2]));
    let dyl = Planes::new(f, size, size, back.halo([size; 2], [input; 2]));
    let half = size / 2;
    let yl = Planes::new(f, half, half, window.halo([half; 2], [half; 2]));
    let dxl = Planes::new(c, input, input, Default::default());
    let (x, mut y, mut full) = (values(xl.len()), values(yl.len()), values(dyl.len()));
    let (dy, mut dx) = (values(dyl.len()), values(dxl.len()));
    let mut argmax = vec![0; f * half * half];
    let mut packed = vec![0.0; winograd::packed_len(c, f)];
    let mut transposed = packed.clone();
    let kernel = values(9 * c * f);
    winograd::pack_transposed(isa, &mut transposed, &kernel, c, f);
    let pack = time(|| winograd::pack(isa, &mut packed, black_box(&kernel), c, f));
    let bias = values(f);
    let bias = Some(&bias[..]);
    let mut scratch = vec![0.0; winograd::scratch_len(c.max(f))];
    let to = &mut scratch[..];
    [
        time(|| {
            winograd::forward(isa, &mut full, &dyl, &x, &xl, &packed, bias, &window, true, to);
        }),
        time(|| {
            let argmax = Some(&mut argmax[..]);
            winograd::forward_pool(
                isa, &mut y, &yl, argmax, &x, &xl, &packed, bias, &window, true, to,
            );
        }),
        time(|| {
            winograd::forward(isa, &mut dx, &dxl, &dy, &dyl, &transposed, None, &back, false, to);
        }),
        pack,
    ]
}

fn main() {
    let isa = std::env::args().nth(1).and_then(|name| Isa::named(&name)).unwrap_or(Isa::best());
    let peak = peak(isa);
    println!("{isa}: peak {peak:.1} GFLOP/s on one core; shares of it in %");
    println!("{:>18} | planes: forward  +pool  unpool us  d_input  d_kernel  from pooled", "layer");
    println!("{:>18} | pixels: forward  d_input  d_kernel", "");
    let layer = |c, f, k, size| Layer { c, f, k, size, pooled: size > 4, valid: false };
    for layer in [
        layer(1, 8, 3, 256),
        layer(8, 8, 3, 128),
        layer(8, 12, 3, 64),
        layer(12, 12, 3, 32),
        layer(12, 20, 5, 16),
        layer(20, 20, 5, 8),
        layer(20, 50, 5, 4),
        layer(16, 16, 3, 32),
        Layer { valid: true, ..layer(32, 64, 3, 11) },
        layer(32, 32, 3, 16),
        layer(64, 64, 3, 8),
        layer(32, 32, 3, 64),
        layer(64, 64, 3, 28),
        layer(64, 64, 3, 32),
        layer(128, 128, 3, 16),
        layer(256, 256, 3, 8),
    ] {
        let valid = if layer.valid { " valid" } else { "" };
        let Layer { c, f, k, size, .. } = layer;
        let name = format!("{k}x{k} {c}->{f} @{size}{valid}");
        if !std::env::args().nth(2).is_none_or(|part| name.contains(&part)) {
            continue;
        }
        let share = |seconds: f64| {
            let rate = layer.flops() / seconds / 1e9;
            format!("{rate:6.1} ({:3.0})", 100.0 * rate / peak)
        };
        let [plain, pool, unpool, input, kernel, pooled] = layer.planar(isa);
        println!(
            "{name:>18} | planes: {}  {}  {:6.2}  {}  {}  {}",
            share(plain),
            share(pool),
            unpool * 1e6,
            share(input),
            share(kernel),
            share(pooled)
        );
        let [forward, input, kernel] = layer.pixels(isa);
        println!("{:>18} | pixels: {}  {}  {}", "", share(forward), share(input), share(kernel));
        if layer.k != 3 {
            continue;
        }
        let [plain, pool, input, pack] = planar_winograd(&layer, isa);
        println!(
            "{:>18} | minimal filtering on planes: {}  {}  {}  packed in {:.1} us",
            "",
            share(plain),
            share(pool),
            share(input),
            pack * 1e6
        );
        for samples in [1, 4] {
            let [forward, input, kernel, pack, pack_back] = winograd(&layer, isa, samples);
            println!(
                "{:>18} | minimal filtering, {samples}: {}  {}  {}  packed in {:.1} and {:.1} us",
                "",
                share(forward),
                share(input),
                share(kernel),
                pack * 1e6,
                pack_back * 1e6
            );
        }
    }
}
