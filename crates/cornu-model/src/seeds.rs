//! Where random numbers come from: one seed, from which each use derives its own.

use std::sync::atomic::{AtomicU64, Ordering};

static GLOBAL: AtomicU64 = AtomicU64::new(0);

/// Seed of all models made from now on: their initial weights, the order of samples and dropout.
/// Without it the seed is 0, so that a program always does the same. [`crate::Model::seed`] gives
/// one model another seed.
pub fn set_random_seed(seed: u64) {
    GLOBAL.store(seed, Ordering::Relaxed);
}

pub(crate) fn global_seed() -> u64 {
    GLOBAL.load(Ordering::Relaxed)
}

/// A seed for use number `index` of `purpose`, unrelated to that of any other.
pub(crate) fn derived(seed: u64, purpose: Purpose, index: u64) -> u64 {
    mixed(mixed(seed ^ (purpose as u64) << 56).wrapping_add(index))
}

/// What random numbers are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Weight = 1,
    Shuffle = 2,
    Step = 3,
    Mixing = 4,
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014): every bit of the result depends
/// on every bit of `x`.
pub(crate) fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
