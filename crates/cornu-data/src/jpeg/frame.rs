use crate::{MAX_PIXELS, MAX_SIDE};

/// What a frame header (SOF0, SOF1 or SOF2) says.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) is_progressive: bool,
    /// Units of a scan of several components, in a row and in a column.
    pub(super) units: [usize; 2],
    pub(super) components: Vec<Component>,
}

/// One colour of a frame.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of one unit, in a row and in a column.
    pub(super) sampling: [usize; 2],
    /// Blocks of a scan of this component alone, in a row and in a column.
    pub(super) blocks: [usize; 2],
    /// Blocks in memory in a row: those of whole units.
    pub(super) stride: usize,
    /// Bit `k` of a block: whether its coefficient `k` is known not to be 0. Kept only for
    /// progressive files, where the meaning of later scans depends on it.
    pub(super) not_zero: Vec<u64>,
    /// Whether a scan brought its mean values.
    pub(super) is_there: bool,
}

impl Frame {
    /// `None` if the header is not understood, or the picture is larger than the limits.
    pub(super) fn parse(segment: &[u8], is_progressive: bool) -> Option<Self> {
        let &[_, y1, y0, x1, x0, n, ref rest @ ..] = segment else { return None };
        let size = [[x1, x0], [y1, y0]].map(|bytes| usize::from(u16::from_be_bytes(bytes)));
        if MAX_SIDE < size[0].max(size[1]) || MAX_PIXELS < size[0] * size[1] {
            return None;
        }
        let (given, _) = rest.as_chunks::<3>();
        let given = given.get(..usize::from(n)).filter(|given| !given.is_empty())?;
        let sampling = |hv: u8| [usize::from(hv >> 4), usize::from(hv & 15)];
        if given.iter().any(|&[_, hv, _]| sampling(hv).iter().any(|s| !(1..=4).contains(s))) {
            return None;
        }
        let most = [0, 1].map(|axis| given.iter().map(|c| sampling(c[1])[axis]).max().unwrap_or(1));
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis]));
        if units.contains(&0) {
            return None;
        }
        let component = |&[id, hv, _]: &[u8; 3]| {
            let sampling = sampling(hv);
            let kept = units[0] * sampling[0] * units[1] * sampling[1];
            Component {
                id,
                sampling,
                blocks: [0, 1]
                    .map(|axis| (size[axis] * sampling[axis]).div_ceil(most[axis]).div_ceil(8)),
                stride: units[0] * sampling[0],
                not_zero: vec![0; if is_progressive { kept } else { 0 }],
                is_there: false,
            }
        };
        Some(Self { is_progressive, units, components: given.iter().map(component).collect() })
    }
}
