/// Bits of the longest code.
pub(super) const LONGEST: u32 = 16;

/// Codes up to this length are looked up at once.
const SHORT: u32 = 9;

/// A Huffman table (ITU-T T.81, annex C).
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// By the next [`SHORT`] bits: length and symbol of the code they begin with; length 0 if it is
    /// longer, or none.
    short: Vec<(u8, u8)>,
    /// By length: the first number of 16 bits that does not begin with a code of this length or a
    /// shorter one.
    ends: [u32; LONGEST as usize + 1],
    /// By length: what turns a code into the index of its symbol.
    offsets: [i32; LONGEST as usize + 1],
    symbols: Vec<u8>,
}

impl Table {
    /// `counts[i]` is the number of codes of `i + 1` bits; `symbols` are in the order of the codes.
    /// `None` if there are more codes than such lengths allow.
    pub(super) fn new(counts: &[u8; LONGEST as usize], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: vec![(0, 0); 1 << SHORT],
            ends: [0; LONGEST as usize + 1],
            offsets: [0; LONGEST as usize + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1..=LONGEST).zip(counts) {
            table.offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index)?;
                if 1 << length <= code {
                    return None;
                }
                if length <= SHORT {
                    let first = (code << (SHORT - length)) as usize;
                    table.short[first..first + (1 << (SHORT - length))]
                        .fill((length as u8, symbol));
                }
                code += 1;
                index += 1;
            }
            table.ends[length as usize] = code << (LONGEST - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Length and symbol of the code that the 16 bits `next` begin with.
    pub(super) fn find(&self, next: usize) -> Option<(u32, u8)> {
        let (length, symbol) = self.short[next >> (LONGEST - SHORT)];
        if length != 0 {
            return Some((u32::from(length), symbol));
        }
        let length = (SHORT + 1..=LONGEST).find(|&n| (next as u32) < self.ends[n as usize])?;
        let code = (next >> (LONGEST - length)) as i32;
        let symbol = self.symbols.get((code + self.offsets[length as usize]) as usize)?;
        Some((length, *symbol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_lengths_are_found() {
        // One code of each length: 0, 10, 110, ... and none that is all ones.
        let symbols: Vec<u8> = (100..116).collect();
        let table = Table::new(&[1; 16], &symbols).unwrap();
        for length in 1..=16u32 {
            let code = (0xFFFF << (17 - length)) & 0xFFFF;
            for rest in [0, (1 << (16 - length)) - 1] {
                let found = table.find(code | rest).unwrap();
                assert_eq!(found, (length, 99 + length as u8));
            }
        }
        assert_eq!(table.find(0xFFFF), None);
    }

    #[test]
    fn more_codes_than_there_can_be_are_no_table() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Table::new(&counts, &[1, 2, 3]).is_some());
        assert!(Table::new(&counts, &[1]).is_none());
    }
}
