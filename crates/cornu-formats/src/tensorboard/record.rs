//! Records with checksums: TensorFlow's `TFRecord`.

/// A record: its length in 8 bytes, their checksum, the data, its checksum.
pub fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(data);
    record.extend(masked(crc32c(data)).to_le_bytes());
    record
}

/// A checksum turned and shifted, so that one of data that holds checksums is none of them.
pub fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The checksum CRC-32C (Castagnoli): polynomial 0x1EDC6F41, bits reflected.
pub fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !data.iter().fold(!0, |crc, &byte| TABLE[((crc ^ u32::from(byte)) & 255) as usize] ^ (crc >> 8))
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            // The polynomial, reflected.
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_as_in_rfc_3720() {
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_record_is_framed() {
        let record = framed(b"abc");
        assert_eq!(record.len(), 19);
        assert_eq!(record[..8], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&record[12..15], b"abc");
        // TensorFlow's own test of the mask: unmasking gives the checksum back.
        let crc = crc32c(b"foo");
        let unmasked = masked(crc).wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked, crc);
        assert_ne!(masked(crc), crc);
    }
}
