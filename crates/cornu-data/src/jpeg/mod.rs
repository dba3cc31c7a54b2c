//! Whether a JPEG file is whole.
//!
//! Decoders fill what is missing with grey, so that a file cut short looks like a picture. Here the
//! file is read once more, without making pixels of it: along its segments, and through the code
//! words of each scan, which must be as many as the picture has blocks.
//!
//! There is no checksum in the format, so not all damage can be found. Found is what leaves too few
//! blocks or too many, a code word that does not exist, or more than 64 coefficients in a block.
//! Huffman codes fall into step again soon after a changed bit; where the number of blocks is right
//! by chance then, or only the bits of a number have changed, the file is a sound one of another
//! picture. The same holds for a progressive file that ends neatly between two scans.

mod bits;
mod block;
mod frame;
mod huffman;
mod scan;

use bits::Bits;
use frame::Frame;
use huffman::Table;
use scan::{Scan, Tables};

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Defect {
    /// It ends too early.
    Missing(String),
    /// It is not what was written once.
    Damaged(String),
}

/// Why the code words of a scan end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// There are no more bits.
    Missing,
    /// There is no such code word, or it makes no sense here.
    Damaged,
}

/// Bytes that may be left over at the end of a scan: some cameras write a few too many, which does
/// no harm to the picture.
const LEFT_OVER: usize = 2;

/// Why a JPEG file is not whole, if it is not.
///
/// A whole file is a chain of segments from the start (`FF D8`) to the end marker (`FF D9`), with all
/// blocks of all components in the scans between. The marker may be missing where nothing can follow. Anything may follow the end. What is not understood
/// here, arithmetic coding for example, is left to the decoder to judge.
pub(crate) fn defect(bytes: &[u8]) -> Option<Defect> {
    let missing = |what: &str| Some(Defect::Missing(what.to_owned()));
    let mut file = File::default();
    let mut at = 2;
    loop {
        let Some((marker, after)) = next_marker(bytes, at) else {
            return match file.is_complete() {
                true => None,
                false => missing("the end marker is missing"),
            };
        };
        at = after;
        match marker {
            // Restarts, start of picture, TEM: no length follows.
            0x01 | 0xD0..=0xD8 => continue,
            0xD9 if file.scans == 0 => return missing("there is no picture before the end marker"),
            0xD9 => return file.missing_component(),
            _ => {}
        }
        let Some(&[high, low]) = bytes.get(at..at + 2) else {
            return missing("it ends within a segment");
        };
        let end = at + usize::from(u16::from_be_bytes([high, low])).max(2);
        let Some(segment) = bytes.get(at + 2..end) else {
            return missing("it ends within a segment");
        };
        at = end;
        match marker {
            0xC4 => file.take_tables(segment),
            0xC0..=0xC2 => file.take_frame(segment, marker == 0xC2),
            // Other frames: lossless, hierarchical, arithmetic; and a height that comes later.
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xDC => file.is_understood = false,
            0xDD => {
                let interval = segment.first_chunk().map(|&bytes| u16::from_be_bytes(bytes));
                file.restart_interval = usize::from(interval.unwrap_or(0));
            }
            0xDA => {
                if let Some(defect) = file.read_scan(segment, bytes, at) {
                    return Some(defect);
                }
            }
            _ => {}
        }
    }
}

/// What the file has said so far.
#[derive(Debug)]
struct File {
    frame: Option<Frame>,
    tables: Tables,
    /// Units between restarts; 0: there are none.
    restart_interval: usize,
    scans: usize,
    /// Whether the code words can be read here.
    is_understood: bool,
}

impl Default for File {
    fn default() -> Self {
        Self {
            frame: None,
            tables: Tables::default(),
            restart_interval: 0,
            scans: 0,
            is_understood: true,
        }
    }
}

impl File {
    fn take_frame(&mut self, segment: &[u8], is_progressive: bool) {
        // A second frame is hierarchical.
        self.is_understood &= self.frame.is_none();
        if self.is_understood {
            self.frame = Frame::parse(segment, is_progressive);
        }
        self.is_understood &= self.frame.is_some();
    }

    fn take_tables(&mut self, mut segment: &[u8]) {
        while let Some((&place, rest)) = segment.split_first() {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else { break };
            let n: usize = counts.iter().copied().map(usize::from).sum();
            let (of, index) = (usize::from(place >> 4), usize::from(place & 15));
            let (Some(symbols), Some(table)) =
                (rest.get(..n), self.tables.get_mut(of).and_then(|tables| tables.get_mut(index)))
            else {
                break;
            };
            *table = Table::new(counts, symbols);
            segment = &rest[n..];
        }
        // What is left is no table.
        self.is_understood &= segment.is_empty();
    }

    /// Reads a scan's code words, which begin at `at`.
    fn read_scan(&mut self, header: &[u8], bytes: &[u8], mut at: usize) -> Option<Defect> {
        self.scans += 1;
        let frame = self.frame.as_mut().filter(|_| self.is_understood)?;
        let Some(scan) = Scan::parse(header, frame, &self.tables) else {
            self.is_understood = false;
            return None;
        };
        let all = scan.n_units(frame);
        let interval = if self.restart_interval == 0 { all } else { self.restart_interval };
        let mut between = Vec::new();
        for (restart, start) in (0..all).step_by(interval).enumerate() {
            between.clear();
            let end = unstuffed(bytes, at, &mut between);
            let mut bits = Bits::new(&between);
            let units = start..all.min(start + interval);
            let (read, flaw) = scan.read(frame, units.clone(), &self.tables, &mut bits);
            let place = || format!("in scan {}", self.scans);
            match flaw {
                Some(Flaw::Missing) => {
                    let read = start + read;
                    let problem = format!("{} only {read} of {all} blocks are there", place());
                    return Some(Defect::Missing(problem));
                }
                Some(Flaw::Damaged) => {
                    let read = start + read;
                    let problem = format!("{} block {read} of {all} makes no sense", place());
                    return Some(Defect::Damaged(problem));
                }
                None if LEFT_OVER < bits.bytes_left() => {
                    let left = bits.bytes_left();
                    let problem = format!("{} {left} bytes are left over", place());
                    return Some(Defect::Damaged(problem));
                }
                None => {}
            }
            if units.end < all {
                let expected = 0xD0 + (restart % 8) as u8;
                match next_marker(bytes, end) {
                    Some((marker, after)) if marker == expected => at = after,
                    Some((0xD0..=0xD7, _)) => {
                        let problem = format!("{} a part is missing", place());
                        return Some(Defect::Damaged(problem));
                    }
                    _ => {
                        let read = units.end;
                        let problem = format!("{} only {read} of {all} blocks are there", place());
                        return Some(Defect::Missing(problem));
                    }
                }
            }
        }
        for index in scan.brings() {
            frame.components[index].is_there = true;
        }
        None
    }

    /// Whether all blocks are there for certain, end marker or not. Of a progressive file nobody knows
    /// how many scans are to come.
    fn is_complete(&self) -> bool {
        self.is_understood
            && self.frame.as_ref().is_some_and(|frame| !frame.is_progressive)
            && self.missing_component().is_none()
    }

    /// Whether a component has been in no scan.
    fn missing_component(&self) -> Option<Defect> {
        let frame = self.frame.as_ref().filter(|_| self.is_understood)?;
        let index = frame.components.iter().position(|component| !component.is_there)?;
        let n = frame.components.len();
        Some(Defect::Missing(format!("there is nothing of component {} of {n}", index + 1)))
    }
}

/// The next marker from `at` on, and what is behind it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)? + 1;
        match *bytes.get(at)? {
            // A fill byte: the next one may be the marker.
            0xFF => {}
            // A stuffed byte of a scan.
            0x00 => at += 1,
            marker => return Some((marker, at + 1)),
        }
    }
}

/// Appends the bytes from `at` to the next marker, without stuffing. Answers where that is.
fn unstuffed(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(n) = rest.iter().position(|&byte| byte == 0xFF) else {
            out.extend_from_slice(rest);
            return bytes.len();
        };
        out.extend_from_slice(&rest[..n]);
        at += n;
        if bytes.get(at + 1) != Some(&0) {
            return at;
        }
        out.push(0xFF);
        at += 2;
    }
}
