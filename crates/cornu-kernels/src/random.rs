//! Random numbers by counting: Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy as
//! 1, 2, 3*, SC 2011).
//!
//! A number depends on nothing but the seed, the stream, the step and its index, so a value can be
//! filled in pieces, in any order, by any number of threads, and comes out the same.

use crate::math::vector;
use crate::simd::{Simd, simd_fn};

/// Which random numbers to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Counter {
    /// The user's seed.
    pub seed: u64,
    /// Tells consumers apart, say two dropout layers.
    pub stream: u32,
    /// Tells draws of one consumer apart, say training steps.
    pub step: u64,
}

/// Blocks of 4 words that are computed together, one per lane.
const BLOCKS: usize = 16;
/// Numbers of one group. Number `i` is word `i % 64 / 16` of block `i / 64 * 16 + i % 16`: the
/// lanes of a vector are different blocks, so nothing has to be shuffled.
const GROUP: usize = 4 * BLOCKS;

/// Ten rounds of Philox on [`BLOCKS`] counters `(c0 + lane, c1, c2, c3)`.
#[inline(always)]
fn philox<S: Simd>(s: S, counter: [u32; 4], key: [u32; 2]) -> [[u32; BLOCKS]; 4] {
    let lane: [u32; BLOCKS] = std::array::from_fn(|i| i as u32);
    let mut c = [lane, [counter[1]; BLOCKS], [counter[2]; BLOCKS], [counter[3]; BLOCKS]];
    for i in 0..BLOCKS {
        c[0][i] = c[0][i].wrapping_add(counter[0]);
    }
    s.philox(&mut c, key);
    c
}

impl Counter {
    /// The words of group `group`.
    #[inline(always)]
    fn group<S: Simd>(self, s: S, group: u64) -> [[u32; BLOCKS]; 4] {
        let counter = [
            (group * BLOCKS as u64) as u32,
            self.stream,
            self.step as u32,
            (self.step >> 32) as u32,
        ];
        philox(s, counter, [self.seed as u32, (self.seed >> 32) as u32])
    }
}

/// `2^-24`: the upper 24 bits of a word fill an `f32`'s precision.
const STEP: f32 = 1.0 / 16_777_216.0;

/// Writes elements `first..` of the uniform or the normal distribution to y, group by group.
///
/// A flag rather than a function: closures are not compiled for the instruction set.
#[inline(always)]
fn fill<S: Simd>(s: S, y: &mut [f32], counter: Counter, first: u64, is_normal: bool) {
    assert!(
        first.checked_add(y.len() as u64).is_some_and(|end| end <= 1 << 34),
        "a stream has 2^34 numbers"
    );
    let mut numbers = [0.0; GROUP];
    let mut done = 0;
    while done < y.len() {
        let at = first + done as u64;
        let offset = (at % GROUP as u64) as usize;
        let n = (GROUP - offset).min(y.len() - done);
        let words = counter.group(s, at / GROUP as u64);
        if is_normal {
            normal_group(s, &mut numbers, &words);
        } else {
            for (number, word) in numbers.iter_mut().zip(words.as_flattened()) {
                *number = (word >> 8) as i32 as f32 * STEP;
            }
        }
        y[done..done + n].copy_from_slice(&numbers[offset..offset + n]);
        done += n;
    }
}

/// Box and Muller: words 0 and 1 give a radius and an angle, and these two normal numbers; so do
/// words 2 and 3.
#[inline(always)]
fn normal_group<S: Simd>(s: S, numbers: &mut [f32; GROUP], words: &[[u32; BLOCKS]; 4]) {
    for (numbers, words) in numbers.chunks_exact_mut(2 * BLOCKS).zip(words.chunks_exact(2)) {
        let (radius, angle) = numbers.split_at_mut(BLOCKS);
        for i in 0..BLOCKS {
            // (0, 1], so that the logarithm is finite.
            radius[i] = ((words[0][i] >> 8) + 1) as i32 as f32 * STEP;
            angle[i] = (words[1][i] >> 8) as i32 as f32 * (STEP * std::f32::consts::TAU);
        }
        for i in (0..BLOCKS).step_by(S::LANES) {
            // SAFETY: LANES divides 16, so both vectors lie inside of their halves.
            unsafe {
                let log = vector::log(s, s.load(radius.as_ptr().add(i)));
                let r = s.sqrt(s.mul(log, s.splat(-2.0)));
                let (sin, cos) = vector::sin_cos(s, s.load(angle.as_ptr().add(i)));
                s.store(radius.as_mut_ptr().add(i), s.mul(r, cos));
                s.store(angle.as_mut_ptr().add(i), s.mul(r, sin));
            }
        }
    }
}

simd_fn! {
    /// `y[i]` = number `first + i` of the uniform distribution on `[0, 1)`, with 24 random bits.
    /// The same for every instruction set.
    ///
    /// # Panics
    ///
    /// If `first + y.len()` exceeds `2^34`.
    pub fn uniform(s, y: &mut [f32], counter: Counter, first: u64) {
        fill(s, y, counter, first, false);
    }
}

simd_fn! {
    /// `y[i]` = number `first + i` of the normal distribution with mean 0 and deviation 1, by the
    /// method of Box and Muller (1958). Instruction sets differ by rounding only.
    ///
    /// # Panics
    ///
    /// If `first + y.len()` exceeds `2^34`.
    pub fn normal(s, y: &mut [f32], counter: Counter, first: u64) {
        fill(s, y, counter, first, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    simd_fn! {
        fn first_block(s, counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
            philox(s, counter, key).map(|word| word[0])
        }
    }

    /// From the authors' `kat_vectors` (Random123): counter, key, result.
    #[test]
    fn philox_gives_the_published_answers() {
        let known = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, want) in known {
            for isa in Isa::available() {
                assert_eq!(first_block(isa, counter, key), want);
            }
        }
    }

    #[test]
    fn numbers_do_not_depend_on_the_chunks() {
        let counter = Counter { seed: 1 << 40 | 7, stream: 3, step: 1 << 33 };
        for isa in Isa::available() {
            for draw in [uniform, normal] {
                let mut whole = vec![0.0; 500];
                draw(isa, &mut whole, counter, 0);
                for first in [0, 1, 15, 16, 63, 64, 65, 200, 499] {
                    for n in [0, 1, 2, 17, 64, 130] {
                        let n = n.min(500 - first);
                        let mut part = vec![0.0; n];
                        draw(isa, &mut part, counter, first as u64);
                        assert_eq!(part, whole[first..first + n]);
                    }
                }
            }
        }
    }

    #[test]
    fn instruction_sets_agree_and_counters_differ() {
        let draw = |isa, counter| {
            let mut y = vec![0.0; 1000];
            uniform(isa, &mut y, counter, 0);
            y
        };
        let base = Counter { seed: 5, stream: 6, step: 7 };
        let want = draw(Isa::SCALAR, base);
        for isa in Isa::available() {
            assert_eq!(draw(isa, base), want);
        }
        for other in [
            Counter { seed: 6, ..base },
            Counter { seed: 5 | 1 << 32, ..base },
            Counter { stream: 7, ..base },
            Counter { step: 8, ..base },
            Counter { step: 7 | 1 << 32, ..base },
        ] {
            let y = draw(Isa::SCALAR, other);
            assert!(y.iter().zip(&want).filter(|(a, b)| a == b).count() < 5);
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let n = 200_000;
        let counter = Counter { seed: 42, stream: 0, step: 0 };
        for isa in Isa::available() {
            let mut y = vec![0.0; n];
            let moment = |y: &[f32], power| {
                y.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / n as f64
            };
            uniform(isa, &mut y, counter, 0);
            assert!(y.iter().all(|x| (0.0..1.0).contains(x)));
            assert!((moment(&y, 1) - 0.5).abs() < 4e-3 && (moment(&y, 2) - 1.0 / 3.0).abs() < 4e-3);
            normal(isa, &mut y, counter, 0);
            assert!(y.iter().all(|x| x.abs() < 6.0));
            for (power, want) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)] {
                assert!((moment(&y, power) - want).abs() < 0.06, "moment {power}");
            }
            let lag = y.windows(17).map(|w| f64::from(w[0] * w[16])).sum::<f64>() / n as f64;
            assert!(lag.abs() < 0.02, "cosine and sine halves are independent: {lag}");
        }
    }
}
