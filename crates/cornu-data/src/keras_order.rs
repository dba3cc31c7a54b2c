use crate::Split;

/// The order in which Keras's `image_dataset_from_directory` takes `n` samples: as they lie, or with
/// a seed as NumPy's `RandomState(seed).shuffle` leaves them; of them the last
/// `floor(validation_split * n)` are for validation and the others for training.
///
/// `subset` is the part that is wanted, with its share for validation; `None` stands for all. There
/// is no test part, so for [`Split::Test`] the answer is empty.
///
/// Source: `keras/src/utils/dataset_utils.py`; NumPy, `numpy/random/mtrand.pyx`.
///
/// ```
/// use cornu_data::{Split, keras_order};
///
/// assert_eq!(keras_order(5, None, Some((Split::Val, 0.4))), [3, 4]);
/// assert_eq!(keras_order(5, Some(0), None), [2, 0, 1, 3, 4]);
/// ```
pub fn keras_order(n: usize, seed: Option<u32>, subset: Option<(Split, f64)>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    if let Some(seed) = seed {
        let mut random = MersenneTwister::new(seed);
        for i in (1..n).rev() {
            order.swap(i, random.up_to(i));
        }
    }
    let Some((split, validation_split)) = subset else { return order };
    let n_train = n - ((validation_split.clamp(0.0, 1.0) * n as f64) as usize).min(n);
    match split {
        Split::Train => order.truncate(n_train),
        Split::Val => drop(order.drain(..n_train)),
        Split::Test => order.clear(),
    }
    order
}

const N: usize = 624;
const M: usize = 397;

/// MT19937, seeded as NumPy's `RandomState` is by a whole number.
///
/// Source: Matsumoto, Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), and their mt19937ar.c.
struct MersenneTwister {
    state: [u32; N],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [0; N];
        state[0] = seed;
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == N {
            for i in 0..N {
                let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let twist = if mixed & 1 == 0 { 0 } else { 0x9908_b0df };
                self.state[i] = self.state[(i + M) % N] ^ (mixed >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Uniform in `0..=max`: the low bits of as many draws as it takes.
    fn up_to(&mut self, max: usize) -> usize {
        let mask = max.checked_ilog2().map_or(0, |bits| (2usize << bits) - 1);
        loop {
            let mut value = self.next_u32() as usize;
            if u32::try_from(max).is_err() {
                value = (value << 32) | self.next_u32() as usize;
            }
            if value & mask <= max {
                return value & mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_authors() {
        // The standard's test of std::mt19937: the 10,000th number of the seed 5489.
        let mut random = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| random.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn parts_are_disjoint_and_make_up_the_whole() {
        for (n, share) in [(15, 0.2), (3, 0.2), (10, 1.0), (10, 0.0), (0, 0.5)] {
            let part = |split| keras_order(n, Some(7), Some((split, share)));
            let both = [part(Split::Train), part(Split::Val)].concat();
            assert_eq!(both, keras_order(n, Some(7), None));
            assert_eq!(part(Split::Val).len(), (n as f64 * share) as usize);
        }
    }
}
