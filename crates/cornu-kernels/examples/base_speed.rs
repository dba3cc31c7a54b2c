//! Prints how fast the base kernels run on this machine, in a few seconds:
//! `cargo run --release -p cornu-kernels --example base_speed`.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::hint::black_box;
use std::time::Instant;

use cornu_kernels::copy::{Axis, copy_strided, pixels_to_planes};
use cornu_kernels::elementwise::{Access, Binary, Program, Step, Unary, run_in_place};
use cornu_kernels::image::{FillMode, Interpolation, Size, affine_transform, resize};
use cornu_kernels::layout::{Halo, Pixels, Planes, Window};
use cornu_kernels::matmul::{
    matmul, matmul_packed, matmul_packed_scratch_len, matmul_scratch_len, pack_b, packed_b_len,
};
use cornu_kernels::pooling::{
    average_pool_pixels, max_pool_grad_pixels, max_pool_grad_planes, max_pool_pixels,
    max_pool_planes,
};
use cornu_kernels::random::{Counter, normal, uniform};
use cornu_kernels::reduce::{Reduction, reduce, sum_all};
use cornu_kernels::softmax::{softmax_rows, softmax_rows_grad};
use cornu_kernels::{AlignedBuf, Isa, math};

/// Seconds of the fastest of several calls.
fn seconds(mut f: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 5 || begin.elapsed().as_secs_f64() < 0.04 {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn filled(n: usize) -> AlignedBuf {
    let mut x = AlignedBuf::new(n);
    uniform(Isa::best(), &mut x, Counter { seed: 1, ..Counter::default() }, 0);
    x
}

fn products(isa: Isa) {
    for (m, n, k, a_transposed, b_transposed) in [
        (32, 512, 784, false, false),
        (32, 512, 512, false, false),
        (32, 512, 512, false, true),
        (128, 512, 512, false, false),
        (128, 512, 512, false, true),
        (512, 512, 128, true, false),
        (98, 512, 128, true, false),
        (1024, 1024, 1024, false, false),
        (128, 10, 512, false, false),
        (512, 10, 128, true, false),
        (128, 512, 10, false, true),
        (64, 64, 64, false, false),
        (16, 16, 16, false, false),
        (4, 512, 512, false, false),
        (1, 512, 512, false, false),
        (1, 512, 512, false, true),
    ] {
        let (a, b, mut c) = (filled(m * k), filled(k * n), filled(m * n));
        let mut scratch = AlignedBuf::new(matmul_scratch_len(m, n, k));
        let plain = seconds(|| {
            matmul(
                isa,
                &mut c,
                &a,
                &b,
                m,
                n,
                k,
                a_transposed,
                b_transposed,
                false,
                None,
                false,
                &mut scratch,
            );
        });
        let mut packed = AlignedBuf::new(packed_b_len(n, k));
        pack_b(isa, &mut packed, &b, n, k, b_transposed);
        let mut scratch = AlignedBuf::new(matmul_packed_scratch_len(m, n, k));
        let with_packed = seconds(|| {
            matmul_packed(
                isa,
                &mut c,
                &a,
                &packed,
                m,
                n,
                k,
                a_transposed,
                false,
                None,
                false,
                &mut scratch,
            );
        });
        let flops = 2.0 * (m * n * k) as f64 * 1e-9;
        let transposed = |on: bool| if on { "'" } else { " " };
        println!(
            "  matmul {m:4} x {n:4} x {k:4} a{} b{}  {:7.1} GFLOP/s   packed {:7.1} GFLOP/s",
            transposed(a_transposed),
            transposed(b_transposed),
            flops / plain,
            flops / with_packed,
        );
    }
}

fn adam(isa: Isa) {
    let steps = vec![
        Step::Binary(Binary::Sub, 3, 0),
        Step::Const(0.1),
        Step::Binary(Binary::Mul, 5, 6),
        Step::Binary(Binary::Add, 0, 7),
        Step::Unary(Unary::Square, 3),
        Step::Binary(Binary::Sub, 9, 1),
        Step::Const(0.001),
        Step::Binary(Binary::Mul, 10, 11),
        Step::Binary(Binary::Add, 1, 12),
        Step::Unary(Unary::Sqrt, 13),
        Step::Const(1e-7),
        Step::Binary(Binary::Add, 14, 15),
        Step::Binary(Binary::Mul, 8, 4),
        Step::Binary(Binary::Div, 17, 16),
        Step::Binary(Binary::Sub, 2, 18),
    ];
    let full = Access::Full;
    let inputs = vec![full.clone(), full.clone(), full.clone(), full, Access::Scalar];
    let Ok(program) = Program::new(inputs, steps, vec![8, 13, 19]) else { return };
    for n in [2_000, 20_000, 2_000_000] {
        let (mut m, mut v, mut p, g) = (filled(n), filled(n), filled(n), filled(n));
        let mut scratch = AlignedBuf::new(program.scratch_len());
        let time = seconds(|| {
            let mut inout = [&mut m[..], &mut v[..], &mut p[..]];
            let rate = [1e-3];
            run_in_place(isa, &program, &mut inout, &mut [], &[&g, &rate], 0, &mut scratch);
        });
        println!(
            "  adam of {n:8}: {:6.2} ns per 16 numbers, {:6.1} GB/s",
            time * 1.6e10 / n as f64,
            28e-9 * n as f64 / time
        );
    }
}

fn functions(isa: Isa) {
    let n = 4096;
    let (x, mut y) = (filled(n), filled(n));
    let table: [(&str, fn(Isa, &mut [f32], &[f32])); 10] = [
        ("exp", math::exp),
        ("expm1", math::expm1),
        ("log", math::log),
        ("log1p", math::log1p),
        ("tanh", math::tanh),
        ("sigmoid", math::sigmoid),
        ("softplus", math::softplus),
        ("erf", math::erf),
        ("sin", math::sin),
        ("cos", math::cos),
    ];
    let report = |name: &str, time: f64| {
        print!("  {name} {:.2}", time * 1e9 / n as f64);
    };
    for (name, f) in table {
        let time = seconds(|| f(isa, black_box(&mut y), &x));
        report(name, time);
    }
    report("pow", seconds(|| math::pow(isa, &mut y, &x, &x)));
    let counter = Counter::default();
    report("uniform", seconds(|| uniform(isa, &mut y, counter, 0)));
    report("normal", seconds(|| normal(isa, &mut y, counter, 0)));
    println!("  ns per number");
}

/// Prints a time per call and per number of the input.
fn line(what: &str, n: usize, f: impl FnMut()) {
    let time = seconds(f);
    println!("  {what:44} {:8.2} us, {:6.3} ns per number", time * 1e6, time * 1e9 / n as f64);
}

fn rows(isa: Isa) {
    let n = 64 * 1024;
    let (x, mut y) = (filled(n), filled(n));
    let g = filled(n);
    line("softmax of 10", n / 16 * 10, || {
        softmax_rows(isa, &mut y[..n / 16 * 10], &x[..n / 16 * 10], 10)
    });
    line("softmax of 1024", n, || softmax_rows(isa, &mut y, &x, 1024));
    line("softmax gradient of 1024", n, || softmax_rows_grad(isa, &mut y, &g, &x, 1024));
    line("sum of all", n, || {
        black_box(sum_all(isa, &x));
    });
    for inner in [1, 3, 8, 16, 64, 512] {
        let n = n / inner * inner;
        line(&format!("sum over (n, {inner})"), n, || {
            reduce(isa, Reduction::Sum, &mut y[..inner], &x[..n], 1, n / inner, inner, false);
        });
    }
    line("maximum of rows of 64", n, || {
        reduce(isa, Reduction::Max, &mut y[..n / 64], &x, n / 64, 64, 1, false);
    });
}

fn pictures(isa: Isa) {
    let window = Window { size: [2, 2], stride: [2, 2], dilation: [1, 1], before: [0, 0] };
    let wide = Window { size: [3, 3], ..window };
    let global = Window { size: [64, 64], ..window };
    for channels in [8, 64] {
        let halo = Halo::default();
        let from = Planes::new(channels, 64, 64, halo);
        let to = Planes::new(channels, 32, 32, halo);
        let (x, mut y) = (filled(from.len()), filled(to.len()));
        let (mut dx, n) = (filled(from.len()), channels * 64 * 64);
        line(&format!("max pool 2x2, {channels} planes of 64x64"), n, || {
            max_pool_planes(isa, &mut y, &to, &x, &from, &window);
        });
        line(&format!("its gradient, {channels} planes"), n, || {
            max_pool_grad_planes(isa, &mut dx, &x, &from, &y, &to, &window);
        });
        let from = Pixels { channels, height: 64, width: 64, halo };
        let to = Pixels { height: 32, width: 32, ..from };
        line(&format!("max pool 2x2, 64x64 pixels of {channels}"), n, || {
            max_pool_pixels(isa, &mut y, &to, &x, &from, &window);
        });
        line(&format!("its gradient, pixels of {channels}"), n, || {
            max_pool_grad_pixels(isa, &mut dx, &x, &from, &y, &to, &window);
        });
        let to = Pixels { height: 31, width: 31, ..from };
        line(&format!("max pool 3x3, 64x64 pixels of {channels}"), n, || {
            max_pool_pixels(isa, &mut y, &to, &x, &from, &wide);
        });
        let to = Pixels { height: 1, width: 1, ..from };
        line(&format!("global average, 64x64 pixels of {channels}"), n, || {
            average_pool_pixels(isa, &mut y, &to, &x, &from, &global);
        });
        let planes = Planes::new(channels, 64, 64, halo);
        line(&format!("pixels of {channels} to planes"), n, || {
            pixels_to_planes(isa, &mut dx, &planes, &x, &from);
        });
    }
    let (x, mut y) = (filled(512 * 512), filled(512 * 512));
    line("transpose 512x512", 512 * 512, || {
        let axes = [Axis { len: 512, y: 512, x: 1 }, Axis { len: 512, y: 1, x: 512 }];
        copy_strided(isa, &mut y, 0, &x, 0, &axes);
    });
    let (sin, cos) = 0.3_f32.sin_cos();
    let turn = |c: f32| [cos, -sin, c - c * cos + c * sin, sin, cos, c - c * sin - c * cos];
    for channels in [1, 3] {
        let size = Size { height: 256, width: 256, channels };
        let n = size.len();
        for (what, matrix) in [
            ("rotate", turn(127.5)),
            ("zoom", [0.8, 0.0, 25.5, 0.0, 0.8, 25.5]),
            ("shift", [1.0, 0.0, 10.3, 0.0, 1.0, -20.7]),
        ] {
            let (x, mut y) = (filled(n), filled(n));
            line(&format!("{what} 256x256x{channels}"), n, || {
                let fill = FillMode::Reflect;
                let how = Interpolation::Bilinear;
                affine_transform(isa, &mut y, &x, size, matrix, how, fill, 0.0);
            });
        }
        let (x, mut y) = (filled(n), filled(n));
        let small = Size { height: 100, width: 100, channels };
        line(&format!("resize 100x100x{channels} to 256x256"), n, || {
            resize(isa, &mut y, size, &x[..small.len()], small, Interpolation::Bilinear);
        });
    }
}

fn main() {
    let chosen = std::env::args().nth(1);
    for isa in Isa::available() {
        // Portable code only where it is asked for.
        if chosen.as_ref().map_or(isa == Isa::SCALAR, |name| name != isa.name()) {
            continue;
        }
        println!("{isa}");
        products(isa);
        adam(isa);
        functions(isa);
        rows(isa);
        pictures(isa);
    }
}
