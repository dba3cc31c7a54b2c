use super::Flaw;
use super::bits::Bits;
use super::huffman::Table;

/// What a scan has of each block.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// All 64 coefficients.
    Whole,
    /// The mean value, or one more bit of it.
    Means { refines: bool },
    /// Coefficients `first..=last`, or one more bit of them.
    Band { first: u32, last: u32, refines: bool },
}

impl Kind {
    /// Whether such a scan needs a table for mean values, and one for the others.
    pub(super) fn tables(self) -> [bool; 2] {
        match self {
            Self::Whole => [true, true],
            Self::Means { refines } => [!refines, false],
            Self::Band { .. } => [false, true],
        }
    }
}

/// Goes past the bits of one block (ITU-T T.81, annexes F.2.2 and G.2).
///
/// `run` counts the blocks from here on whose band has no symbols any more. `not_zero` is kept for
/// the scans that refine: see [`Component`](super::frame::Component).
pub(super) fn read_block(
    kind: Kind,
    means: Option<&Table>,
    others: Option<&Table>,
    not_zero: Option<&mut u64>,
    run: &mut u32,
    bits: &mut Bits<'_>,
) -> Result<(), Flaw> {
    match (kind, means, others, not_zero) {
        (Kind::Whole, Some(means), Some(others), _) => {
            read_mean(means, bits)?;
            read_whole(others, bits)
        }
        (Kind::Means { refines: false }, Some(means), ..) => read_mean(means, bits),
        (Kind::Means { refines: true }, ..) => bits.skip(1),
        (Kind::Band { first, last, refines }, _, Some(others), Some(not_zero)) => {
            let read = if refines { refine_band } else { read_band };
            read(others, [first, last], not_zero, run, bits)
        }
        // `Scan::parse` has seen to it that the tables are there.
        _ => Ok(()),
    }
}

fn read_mean(table: &Table, bits: &mut Bits<'_>) -> Result<(), Flaw> {
    match bits.symbol(table)? {
        size @ 0..=16 => bits.skip(u32::from(size)),
        _ => Err(Flaw::Damaged),
    }
}

fn read_whole(table: &Table, bits: &mut Bits<'_>) -> Result<(), Flaw> {
    let mut k = 1;
    while k < 64 {
        let symbol = u32::from(bits.symbol(table)?);
        let (zeros, size) = (symbol >> 4, symbol & 15);
        match (zeros, size) {
            (0, 0) => return Ok(()),
            (15, 0) => k += 16,
            // Such symbols mean something in progressive files only.
            (_, 0) => return Err(Flaw::Damaged),
            _ => {
                k += zeros + 1;
                bits.skip(size)?;
            }
        }
    }
    if k == 64 { Ok(()) } else { Err(Flaw::Damaged) }
}

fn read_band(
    table: &Table,
    [first, last]: [u32; 2],
    not_zero: &mut u64,
    run: &mut u32,
    bits: &mut Bits<'_>,
) -> Result<(), Flaw> {
    if 0 < *run {
        *run -= 1;
        return Ok(());
    }
    let mut k = first;
    while k <= last {
        let symbol = u32::from(bits.symbol(table)?);
        let (zeros, size) = (symbol >> 4, symbol & 15);
        match (zeros, size) {
            (15, 0) => k += 16,
            (_, 0) => {
                *run = (1 << zeros) + bits.number(zeros)? - 1;
                return Ok(());
            }
            _ => {
                k += zeros;
                if last < k {
                    return Err(Flaw::Damaged);
                }
                bits.skip(size)?;
                *not_zero |= 1 << k;
                k += 1;
            }
        }
    }
    if k == last + 1 { Ok(()) } else { Err(Flaw::Damaged) }
}

fn refine_band(
    table: &Table,
    [first, last]: [u32; 2],
    not_zero: &mut u64,
    run: &mut u32,
    bits: &mut Bits<'_>,
) -> Result<(), Flaw> {
    let mut k = first;
    while *run == 0 && k <= last {
        let symbol = u32::from(bits.symbol(table)?);
        let (mut zeros, size) = (symbol >> 4, symbol & 15);
        match size {
            0 if zeros < 15 => {
                *run = (1 << zeros) + bits.number(zeros)?;
                break;
            }
            0 => {}
            1 => bits.skip(1)?,
            // A coefficient that becomes one now is 1 or -1.
            _ => return Err(Flaw::Damaged),
        }
        // Past as many zeros; each coefficient between them that is none has one more bit.
        while k <= last {
            if *not_zero >> k & 1 != 0 {
                bits.skip(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            k += 1;
        }
        if size != 0 {
            if last < k {
                return Err(Flaw::Damaged);
            }
            *not_zero |= 1 << k;
        }
        k += 1;
    }
    if 0 < *run {
        *run -= 1;
        if k <= last {
            let rest = (u64::MAX << k) & (u64::MAX >> (63 - last));
            bits.skip((*not_zero & rest).count_ones())?;
        }
    }
    Ok(())
}
