/// Why a JPEG file is not whole, if it is not.
///
/// Decoders fill what is missing with grey, so that a file cut short looks like a picture. A whole
/// file is a chain of segments from the start (`FF D8`) to the end marker (`FF D9`); this walks
/// along it without decoding. Anything may follow the end.
pub(crate) fn what_is_missing(bytes: &[u8]) -> Option<&'static str> {
    let mut at = 2;
    let mut scans = 0;
    loop {
        // To the next marker. Within a scan it may be anywhere; `FF 00` is a stuffed byte there.
        let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF))
        else {
            return Some("the end marker is missing");
        };
        at += step + 1;
        let Some(&marker) = bytes.get(at) else {
            return Some("the end marker is missing");
        };
        match marker {
            // A fill byte: the next one may be the marker.
            0xFF => {}
            // Stuffing, restarts, start of picture, TEM: no length follows.
            0x00 | 0x01 | 0xD0..=0xD8 => at += 1,
            0xD9 if scans == 0 => return Some("there is no picture before the end marker"),
            0xD9 => return None,
            _ => {
                scans += usize::from(marker == 0xDA);
                let Some(&[high, low]) = bytes.get(at + 1..at + 3) else {
                    return Some("it ends within a segment");
                };
                at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
}
