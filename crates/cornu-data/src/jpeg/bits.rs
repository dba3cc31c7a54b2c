use super::Flaw;
use super::huffman::{LONGEST, Table};

/// Reads bits, the highest of a byte first.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to go into the buffer.
    at: usize,
    /// Its highest `n` bits are those that come next, the others 0.
    buffer: u64,
    n: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, n: 0 }
    }

    /// Whole bytes that were not read.
    pub(super) fn bytes_left(&self) -> usize {
        self.bytes.len() - self.at + (self.n / 8) as usize
    }

    /// The next symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Flaw> {
        self.fill();
        let next = (self.buffer >> (64 - LONGEST)) as usize;
        let Some((length, symbol)) = table.find(next) else {
            // With fewer bits than a code may have, nobody knows what the code would have been.
            return Err(if self.n < LONGEST { Flaw::Missing } else { Flaw::Damaged });
        };
        self.drop(length)?;
        Ok(symbol)
    }

    /// The next `n` bits as a number; `n` is at most 16.
    pub(super) fn number(&mut self, n: u32) -> Result<u32, Flaw> {
        self.fill();
        let number = self.buffer.checked_shr(64 - n).unwrap_or(0) as u32;
        self.drop(n)?;
        Ok(number)
    }

    /// Goes past `n` bits.
    pub(super) fn skip(&mut self, mut n: u32) -> Result<(), Flaw> {
        while 0 < n {
            self.fill();
            let now = n.min(16);
            self.drop(now)?;
            n -= now;
        }
        Ok(())
    }

    fn drop(&mut self, n: u32) -> Result<(), Flaw> {
        self.n = self.n.checked_sub(n).ok_or(Flaw::Missing)?;
        self.buffer <<= n;
        Ok(())
    }

    /// Makes sure that there are 16 bits, or all that are left.
    fn fill(&mut self) {
        if 16 <= self.n {
            return;
        }
        while self.n <= 56
            && let Some(&byte) = self.bytes.get(self.at)
        {
            self.buffer |= u64::from(byte) << (56 - self.n);
            self.n += 8;
            self.at += 1;
        }
    }
}
