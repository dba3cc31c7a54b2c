//! One picture computed by several threads, each a band of its rows or some of its filters.
//!
//! Every output pixel is the same sum whichever part it belongs to, so the result does not depend on
//! the number of threads.

use std::ops::Range;

use super::PANEL;
use crate::helpers::{Helpers, even_parts};
use crate::layout::Pixels;

/// Elements of packed weights from which on each thread had better read some of them only: half of
/// a common second cache.
const MANY_WEIGHTS: usize = 128 * 1024;

/// How a picture may be divided.
pub(super) struct Division {
    /// Output.
    pub(super) yl: Pixels,
    /// Bands begin at multiples of so many rows.
    pub(super) row_unit: usize,
    /// Elements of the weights if they may be divided by filters, else 0.
    pub(super) weights: usize,
}

/// What one thread computes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    /// They begin with a panel.
    pub(super) filters: Range<usize>,
}

impl Division {
    fn parts(&self, threads: usize) -> Vec<Part> {
        let Self { yl, row_unit, weights } = *self;
        let bands = even_parts(yl.height, row_unit, threads);
        let by_filters = bands.len() < threads || weights >= MANY_WEIGHTS;
        let panels = even_parts(yl.channels, PANEL, threads);
        if weights > 0 && by_filters && bands.len() <= panels.len() {
            let part = |filters| Part { rows: 0..yl.height, filters };
            return panels.into_iter().map(part).collect();
        }
        bands.into_iter().map(|rows| Part { rows, filters: 0..yl.channels }).collect()
    }
}

/// The first element of a picture that several threads write to, each its own rows or filters.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: `for_parts` gives it to threads that write to elements of their own.
unsafe impl Sync for Shared {}

impl Shared {
    fn pointer(&self) -> *mut f32 {
        self.0
    }
}

/// Calls `f(scratch, y, part)` for all parts of `y`, on all threads. The halo of `y` becomes zero.
///
/// # Panics
/// If `y` is shorter than its layout says.
pub(super) fn for_parts(
    (helpers, scratch): (&mut Helpers<'_>, &mut [f32]),
    y: &mut [f32],
    division: &Division,
    f: impl Fn(&mut [f32], *mut f32, &Part) + Sync,
) {
    let yl = division.yl;
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    yl.zero_halo(y);
    let y = Shared(y.as_mut_ptr());
    let mut parts = division.parts(helpers.threads());
    helpers.for_each(scratch, &mut parts, |scratch, part| f(scratch, y.pointer(), part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Halo;

    #[test]
    fn few_rows_or_many_weights_are_divided_by_filters() {
        let picture =
            |height, channels| Pixels { channels, height, width: 4, halo: Halo::default() };
        let parts = |height, channels, weights| {
            let division = Division { yl: picture(height, channels), row_unit: 4, weights };
            let parts = division.parts(2);
            parts.iter().map(|part| (part.rows.len(), part.filters.clone())).collect::<Vec<_>>()
        };
        assert_eq!(parts(8, 64, 1000), [(4, 0..64), (4, 0..64)]);
        assert_eq!(parts(4, 64, 1000), [(4, 0..32), (4, 32..64)]);
        assert_eq!(parts(8, 64, MANY_WEIGHTS), [(8, 0..32), (8, 32..64)]);
        // Too few filters for both threads, or groups.
        assert_eq!(parts(8, 20, MANY_WEIGHTS), [(4, 0..20), (4, 0..20)]);
        assert_eq!(parts(4, 64, 0), [(4, 0..64)]);
    }
}
