//! Prints how fast the base kernels run on this machine, in a few seconds:
//! `cargo run --release -p cornu-kernels --example base_speed`.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::hint::black_box;
use std::time::Instant;

use cornu_kernels::elementwise::{Access, Binary, Program, Step, Unary, run_in_place};
use cornu_kernels::matmul::{
    matmul, matmul_packed, matmul_packed_scratch_len, matmul_scratch_len, pack_b, packed_b_len,
};
use cornu_kernels::random::{Counter, normal, uniform};
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
        (128, 512, 512, false, false),
        (128, 512, 512, false, true),
        (512, 512, 128, true, false),
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

fn main() {
    let chosen = std::env::args().nth(1);
    for isa in Isa::available() {
        if chosen.as_ref().is_some_and(|name| name != isa.name()) || isa == Isa::SCALAR {
            continue;
        }
        println!("{isa}");
        products(isa);
        adam(isa);
        functions(isa);
    }
}
