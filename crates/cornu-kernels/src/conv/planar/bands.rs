//! One picture computed by several threads, each a band of its rows.
//!
//! Every output pixel is the same sum whichever band it belongs to, so the result does not depend on
//! the number of threads.

use crate::helpers::{Helpers, even_parts};
use crate::layout::Planes;

/// The first element of a picture that several threads write to, each its own rows.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: `for_bands` gives it to threads that write to rows of their own.
unsafe impl Sync for Shared {}

impl Shared {
    fn pointer(&self) -> *mut f32 {
        self.0
    }
}

/// Divides the rows of `y` among the threads, in bands that begin at multiples of `unit`, and calls
/// `f(scratch, y, yl, xl)` for each: with the layouts of that band and of the input that stands for
/// it, of which output row `r` reads from row `shrink * r` on. The halo of `y` becomes zero.
///
/// # Panics
/// If `y` is shorter than its layout says.
pub(super) fn for_bands(
    (helpers, scratch): (&mut Helpers<'_>, &mut [f32]),
    (y, yl): (&mut [f32], &Planes),
    (xl, shrink): (&Planes, usize),
    unit: usize,
    f: impl Fn(&mut [f32], *mut f32, &Planes, &Planes) + Sync,
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    yl.zero_above_and_below(y);
    let y = Shared(y.as_mut_ptr());
    let mut bands = even_parts(yl.height, unit, helpers.threads());
    helpers.for_each(scratch, &mut bands, |scratch, rows| {
        let yl = yl.band(rows.start, rows.len());
        let first = (shrink * rows.start).min(xl.height + xl.halo.bottom);
        let xl = xl.band(first, xl.height.saturating_sub(first));
        f(scratch, y.pointer(), &yl, &xl);
        // SAFETY: the length was checked, and no other band has these rows.
        unsafe { yl.zero_row_ends(y.pointer()) };
    });
}
