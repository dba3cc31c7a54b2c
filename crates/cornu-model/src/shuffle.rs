//! The order of samples.

use cornu_graph::ops::philox;

use crate::seeds::{Purpose, derived};

/// `0..n` in the order of epoch `epoch`: a Fisher-Yates shuffle with draws from Philox4x32-10. They
/// depend only on the seed, the epoch and the position, so that any epoch's order can be made
/// without the ones before.
///
/// For `i` from `n - 1` down to 1, element `i` changes places with element `j` of `0..=i`, where `j`
/// is the high half of `bits(i) * (i + 1)` (Lemire 2019: its bias is below `n / 2^64`). `bits(i)` are
/// the first two words of block `i`.
pub(crate) fn shuffled(n: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let key = derived(seed, Purpose::Shuffle, epoch as u64);
    let key = [key as u32, (key >> 32) as u32];
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        let [low, high, ..] = philox([i as u32, (i as u64 >> 32) as u32, 0, 0], key);
        let bits = u128::from(low) | u128::from(high) << 32;
        let j = (bits * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_sample_once_and_follows_from_seed_and_epoch() {
        let order = shuffled(101, 7, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..101).collect::<Vec<_>>());
        assert_eq!(order, shuffled(101, 7, 3));
        assert_ne!(order, shuffled(101, 7, 4));
        assert_ne!(order, shuffled(101, 8, 3));
        assert!(shuffled(0, 1, 1).is_empty());
        assert_eq!(shuffled(1, 1, 1), [0]);
    }

    #[test]
    fn every_sample_comes_first_about_equally_often() {
        let mut counts = [0; 5];
        for epoch in 0..5000 {
            counts[shuffled(5, 1, epoch)[0]] += 1;
        }
        assert!(counts.iter().all(|&n| (900..1100).contains(&n)), "{counts:?}");
    }
}
