//! Matrix products against three plain loops.

use super::*;
use crate::Isa;

fn data(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

fn check_shape(isa: Isa, m: usize, n: usize, k: usize) {
    let (a, b, c0, bias) = (data(m * k, 1), data(n * k, 2), data(m * n, 3), data(n, 4));
    for flags in 0..32 {
        let on = |bit: usize| flags >> bit & 1 == 1;
        let (a_transposed, b_transposed, accumulate) = (on(0), on(1), on(2));
        let (relu, bias) = (on(3), on(4).then_some(&bias[..]));
        let mut want = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                let mut sum = if accumulate { f64::from(c0[i * n + j]) } else { 0.0 };
                for p in 0..k {
                    let x = a[if a_transposed { p * m + i } else { i * k + p }];
                    let y = b[if b_transposed { j * k + p } else { p * n + j }];
                    sum += f64::from(x) * f64::from(y);
                }
                sum += bias.map_or(0.0, |bias| f64::from(bias[j]));
                want[i * n + j] = if relu { sum.max(0.0) } else { sum };
            }
        }
        let start = if accumulate { c0.clone() } else { vec![f32::NAN; m * n] };
        let check = |c: &[f32], what: &str| {
            for (i, (&c, &want)) in c.iter().zip(&want).enumerate() {
                let error = (f64::from(c) - want).abs();
                let allowed = 1e-6 * (k as f64 + 1.0);
                assert!(
                    error <= allowed,
                    "{what} {m}x{n}x{k} flags {flags} on {isa}: element {i} {c} != {want}"
                );
            }
        };
        let mut c = start.clone();
        let mut scratch = vec![f32::NAN; matmul_scratch_len(m, n, k)];
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
            accumulate,
            bias,
            relu,
            &mut scratch,
        );
        check(&c, "matmul");
        let mut packed = vec![f32::NAN; packed_b_len(n, k)];
        pack_b(isa, &mut packed, &b, n, k, b_transposed);
        let mut c = start;
        let mut scratch = vec![f32::NAN; matmul_packed_scratch_len(m, n, k)];
        matmul_packed(
            isa,
            &mut c,
            &a,
            &packed,
            m,
            n,
            k,
            a_transposed,
            accumulate,
            bias,
            relu,
            &mut scratch,
        );
        check(&c, "matmul_packed");
    }
}

#[test]
fn agrees_with_the_plain_product_for_all_small_shapes() {
    for isa in Isa::available() {
        for m in [0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 29] {
            for n in [0, 1, 2, 10, 15, 16, 17, 33, 65] {
                for k in [0, 1, 3, 8, 17, 40] {
                    check_shape(isa, m, n, k);
                }
            }
        }
    }
}

#[test]
fn agrees_with_the_plain_product_across_blocks() {
    for isa in Isa::available() {
        for (m, n, k) in [(1, 600, 300), (4, 40, 513), (33, 530, 300), (17, 31, 257), (5, 5, 600)] {
            check_shape(isa, m, n, k);
        }
    }
}
