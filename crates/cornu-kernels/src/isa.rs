//! Which instruction set a kernel may use.

use std::fmt;

/// Proof that this processor has an instruction set. Only detection makes one, so whoever holds
/// an `Isa` may call the kernels compiled for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Isa(Level);

/// The instruction sets kernels are written for, slowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Portable Rust, four numbers at a time.
    Scalar,
    /// 64-bit ARM with NEON: 4 lanes.
    Neon,
    /// x86-64 with AVX2 and FMA: 8 lanes.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
}

impl Isa {
    /// Portable code, which every machine can run.
    pub const SCALAR: Self = Self(Level::Scalar);

    /// Every instruction set this processor has, slowest first.
    pub fn available() -> Vec<Self> {
        [Level::Scalar, Level::Neon, Level::Avx2, Level::Avx512]
            .into_iter()
            .filter(|&level| has(level))
            .map(Self)
            .collect()
    }

    /// The fastest instruction set this processor has.
    pub fn best() -> Self {
        *Self::available().last().unwrap_or(&Self::SCALAR)
    }

    /// The instruction set called `name` (`scalar`, `neon`, `avx2`, `avx512`), if this processor has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// Its name: `scalar`, `neon`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Scalar => "scalar",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// How many `f32` one vector holds.
    pub fn lanes(self) -> usize {
        match self.0 {
            Level::Scalar | Level::Neon => 4,
            Level::Avx2 => 8,
            Level::Avx512 => 16,
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(target_arch = "x86_64")]
fn has(level: Level) -> bool {
    match level {
        Level::Scalar => true,
        Level::Neon => false,
        Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
        Level::Avx512 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && has(Level::Avx2)
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn has(level: Level) -> bool {
    match level {
        Level::Scalar => true,
        Level::Neon => std::arch::is_aarch64_feature_detected!("neon"),
        Level::Avx2 | Level::Avx512 => false,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has(level: Level) -> bool {
    level == Level::Scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_code_is_always_there_and_names_find_their_set() {
        assert_eq!(Isa::available()[0], Isa::SCALAR);
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Some(isa));
        }
        assert_eq!(Isa::named("abacus"), None);
    }

    #[test]
    fn processors_have_no_instruction_sets_of_others() {
        let arm = cfg!(target_arch = "aarch64");
        assert_eq!(Isa::named("neon").is_some(), arm);
        if !cfg!(target_arch = "x86_64") {
            assert_eq!((Isa::named("avx2"), Isa::named("avx512")), (None, None));
        }
    }
}
