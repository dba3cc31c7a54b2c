use std::ops::Range;

use super::Flaw;
use super::bits::Bits;
use super::block::{Kind, read_block};
use super::frame::Frame;
use super::huffman::Table;

/// The Huffman tables of mean values and those of the other coefficients.
pub(super) type Tables = [[Option<Table>; 4]; 2];

/// What a scan header (SOS) says.
#[derive(Debug)]
pub(super) struct Scan {
    components: Vec<Part>,
    kind: Kind,
}

/// A component in a scan.
#[derive(Debug)]
struct Part {
    /// Which one of the frame's.
    index: usize,
    /// Which tables it uses, as in [`Tables`].
    tables: [usize; 2],
}

impl Scan {
    /// `None` if the header is not understood, or a table is not there.
    pub(super) fn parse(segment: &[u8], frame: &Frame, tables: &Tables) -> Option<Self> {
        let (&n, rest) = segment.split_first()?;
        let n = usize::from(n);
        let &[first, last, bits] = rest.get(2 * n..2 * n + 3)? else { return None };
        let kind = match (frame.is_progressive, bits >> 4 != 0) {
            (false, _) => Kind::Whole,
            (true, refines) if first == 0 && last == 0 => Kind::Means { refines },
            (true, refines) if 0 < first && first <= last && last < 64 && n == 1 => {
                Kind::Band { first: u32::from(first), last: u32::from(last), refines }
            }
            _ => return None,
        };
        let (parts, _) = rest[..2 * n].as_chunks::<2>();
        let part = |&[id, chosen]: &[u8; 2]| {
            let index = frame.components.iter().position(|component| component.id == id)?;
            let chosen = [usize::from(chosen >> 4), usize::from(chosen & 15)];
            let is_there = |of: usize| tables[of].get(chosen[of]).is_some_and(Option::is_some);
            let needed = kind.tables();
            (0..2).all(|of| !needed[of] || is_there(of)).then_some(Part { index, tables: chosen })
        };
        let components = parts.iter().map(part).collect::<Option<Vec<_>>>()?;
        (!components.is_empty()).then_some(Self { components, kind })
    }

    /// The components whose mean values it brings.
    pub(super) fn brings(&self) -> impl Iterator<Item = usize> {
        let has_means = !matches!(self.kind, Kind::Band { .. });
        self.components.iter().filter(move |_| has_means).map(|part| part.index)
    }

    /// Units of the scan: blocks if it is of one component only.
    pub(super) fn n_units(&self, frame: &Frame) -> usize {
        match &self.components[..] {
            [part] => frame.components[part.index].blocks.iter().product(),
            _ => frame.units.iter().product(),
        }
    }

    /// Reads the units `units`, which lie between two restarts. Answers how many were read, and what
    /// ended that early, if anything did.
    pub(super) fn read(
        &self,
        frame: &mut Frame,
        units: Range<usize>,
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> (usize, Option<Flaw>) {
        let mut run = 0;
        let start = units.start;
        for unit in units {
            if let Err(flaw) = self.read_unit(frame, unit, tables, &mut run, bits) {
                return (unit - start, Some(flaw));
            }
        }
        // Blocks that are said to have nothing more must be there.
        (0, (run != 0).then_some(Flaw::Damaged))
    }

    fn read_unit(
        &self,
        frame: &mut Frame,
        unit: usize,
        tables: &Tables,
        run: &mut u32,
        bits: &mut Bits<'_>,
    ) -> Result<(), Flaw> {
        let in_row = frame.units[0];
        for part in &self.components {
            let component = &mut frame.components[part.index];
            let [means, others] = [0, 1].map(|of| tables[of].get(part.tables[of])?.as_ref());
            let stride = component.stride;
            let (top, left, [across, down]) = if self.components.len() == 1 {
                let in_row = component.blocks[0];
                (unit / in_row, unit % in_row, [1, 1])
            } else {
                let [across, down] = component.sampling;
                (unit / in_row * down, unit % in_row * across, [across, down])
            };
            for row in top..top + down {
                for block in row * stride + left..row * stride + left + across {
                    let not_zero = component.not_zero.get_mut(block);
                    read_block(self.kind, means, others, not_zero, run, bits)?;
                }
            }
        }
        Ok(())
    }
}
