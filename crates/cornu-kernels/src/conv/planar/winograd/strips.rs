//! Which tiles share a vector.

use super::{GROUPS, OUT};

/// The strips of an output picture, in order.
#[derive(Clone, Copy)]
pub(super) struct Strips {
    /// Rows of tiles.
    rows: usize,
    /// Strips of a row of tiles.
    per_row: usize,
    /// Rows of tiles of each strip.
    pub(super) groups: usize,
    /// Output columns of a strip in each of its rows of tiles.
    columns: usize,
}

/// Where a strip's output pixels begin.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// The first row, for each row of tiles.
    pub(super) tops: [usize; GROUPS],
    /// The first column.
    pub(super) left: usize,
}

impl Strips {
    /// For vectors of `lanes` and `output` pixels, height and width.
    pub(super) fn new(lanes: usize, [height, width]: [usize; 2]) -> Self {
        let (rows, columns) = (height.div_ceil(OUT), width.div_ceil(OUT));
        let groups = if GROUPS * columns <= lanes && rows >= GROUPS { GROUPS } else { 1 };
        let per_group = lanes / groups;
        Self { rows, per_row: columns.div_ceil(per_group), groups, columns: per_group * OUT }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.div_ceil(self.groups) * self.per_row
    }

    /// The last strip may overlap the one before, and write the same again.
    pub(super) fn place(&self, strip: usize) -> Place {
        let row = (strip / self.per_row * self.groups).min(self.rows - self.groups);
        let mut tops = [0; GROUPS];
        for (group, top) in tops.iter_mut().enumerate() {
            *top = (row + group.min(self.groups - 1)) * OUT;
        }
        Place { tops, left: strip % self.per_row * self.columns }
    }
}
