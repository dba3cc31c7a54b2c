//! Even splits and the step from a run-time count to a compile-time one.

/// Splits `total` into the fewest blocks of at most `largest`, as even as possible, bigger ones
/// first; yields `(start, length)`.
pub(super) fn even_blocks(total: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let n_blocks = total.div_ceil(largest).max(1);
    let (size, bigger) = (total / n_blocks, total % n_blocks);
    (0..n_blocks)
        .map(move |block| (block * size + block.min(bigger), size + usize::from(block < bigger)))
        .filter(|&(_, length)| length > 0)
}

/// Evaluates `$body` with the constant `$name` equal to the run-time `$value`, which must be in
/// `1..=12`.
macro_rules! with_constant {
    ($value:expr, $name:ident => $body:expr) => {
        with_constant!(@ $value, $name => $body, 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    (@ $value:expr, $name:ident => $body:expr, $($count:literal)*) => {
        match $value {
            $($count => { const $name: usize = $count; $body })*
            count => unreachable!("blocks have 1 to 12 elements, not {count}"),
        }
    };
}
pub(super) use with_constant;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_even_and_cover_everything() {
        assert_eq!(even_blocks(13, 12).collect::<Vec<_>>(), [(0, 7), (7, 6)]);
        assert_eq!(
            even_blocks(50, 12).collect::<Vec<_>>(),
            [(0, 10), (10, 10), (20, 10), (30, 10), (40, 10)]
        );
        assert_eq!(even_blocks(0, 12).count(), 0);
    }
}
