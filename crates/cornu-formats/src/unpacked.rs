//! How much a compressed file may unpack to.

/// Compressed parts of a small file may unpack to so many bytes (256 MiB).
pub const MAX_UNPACKED: u64 = 256 << 20;

/// Trained weights hardly get smaller by compression; states of optimizers that are still zero do.
const MAX_RATIO: u64 = 4;

/// Bytes that all compressed parts of a file of `len` bytes may unpack to: [`MAX_UNPACKED`], or four
/// times its own size if that is more. What is stored as it is needs no limit but the file's size.
pub fn unpacked_limit(len: u64) -> u64 {
    len.saturating_mul(MAX_RATIO).max(MAX_UNPACKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_unpack_to_a_quarter_of_a_gibibyte() {
        assert_eq!(unpacked_limit(0), MAX_UNPACKED);
        assert_eq!(unpacked_limit(100_000_000), 400_000_000);
        assert_eq!(unpacked_limit(u64::MAX), u64::MAX);
    }
}
