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

#[test]
fn parts_are_those_of_the_whole() {
    for isa in Isa::available() {
        for (m, n, k) in
            [(33, 70, 40), (9, 97, 513), (6, 32, 257), (5, 1, 1), (3, 40, 0), (2, 0, 7)]
        {
            for flags in 0..4 {
                let (a_transposed, b_transposed) = (flags & 1 == 1, flags & 2 == 2);
                let (a, b) = (data(m * k, 1), data(n * k, 2));
                let mut scratch = vec![f32::NAN; matmul_scratch_len(m, n, k)];
                let mut packed = vec![-1.0; packed_b_len(n, k)];
                pack_b(isa, &mut packed, &b, n, k, b_transposed);
                for len in [1, 1000, usize::MAX / 2] {
                    let mut parts = vec![-1.0; packed.len()];
                    let mut start = 0;
                    while start < parts.len() {
                        let end = next_packed_part(n, k, start, len);
                        pack_b_part(isa, &mut parts[start..end], start, &b, n, k, b_transposed);
                        start = end;
                    }
                    assert_eq!(packed, parts, "packed {n}x{k} in parts of {len} on {isa}");
                }
                let run = |c: &mut [f32], rows, scratch: &mut [f32]| {
                    matmul_rows(isa, c, &a, &b, rows, m, n, k, a_transposed, b_transposed, scratch);
                };
                let mut whole = vec![f32::NAN; m * n];
                run(&mut whole, 0..m, &mut scratch);
                for rows in [1, 2, 20] {
                    let mut parts = vec![f32::NAN; m * n];
                    for start in (0..m).step_by(rows) {
                        let end = (start + rows).min(m);
                        run(&mut parts[start * n..end * n], start..end, &mut scratch);
                    }
                    assert_eq!(whole, parts, "{m}x{n}x{k} flags {flags} by {rows} rows on {isa}");
                }
            }
        }
    }
}

#[test]
fn columns_are_those_of_the_whole() {
    for isa in Isa::available() {
        for (m, n, k) in [(1, 200, 40), (4, 97, 513), (2, 5, 3), (1, 64, 0), (3, 1, 7)] {
            let (a, b, bias) = (data(m * k, 1), data(n * k, 2), data(n, 3));
            let mut whole = vec![f32::NAN; m * n];
            let scratch = &mut vec![f32::NAN; matmul_scratch_len(m, n, k)];
            let bias = &bias[..];
            matmul(
                isa,
                &mut whole,
                &a,
                &b,
                m,
                n,
                k,
                false,
                false,
                false,
                Some(bias),
                true,
                scratch,
            );
            for width in [1, 16, 64, 99] {
                for start in (0..n).step_by(width) {
                    let columns = start..(start + width).min(n);
                    let mut part = vec![f32::NAN; m * columns.len()];
                    let own = Some(&bias[columns.clone()]);
                    matmul_columns(isa, &mut part, &a, &b, columns.clone(), m, n, k, own, true);
                    for (row, part) in part.chunks(columns.len()).enumerate() {
                        let whole = &whole[row * n..][columns.clone()];
                        assert_eq!(part, whole, "{m}x{n}x{k} row {row} {columns:?} on {isa}");
                    }
                }
            }
        }
    }
}
