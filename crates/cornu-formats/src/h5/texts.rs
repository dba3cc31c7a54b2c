//! How much text a file claims to hold.
//!
//! A text of variable length is a reference of 16 bytes: its length, the address of a heap, and the
//! number of an object in it. Many references to one text would unpack to far more than the file's
//! own size before anything could be counted, so they are counted in the bytes.

use std::collections::BTreeMap;

/// Signature of a heap for texts.
const HEAP: &[u8] = b"GCOL";

/// Bytes of the header of a heap, and of each object in it.
const HEADER: usize = 16;

/// Sum of the lengths in everything in `bytes` that looks like a reference to a text: at least what
/// reading each text once gives. Addresses have 8 bytes and count from `base`.
pub(super) fn claimed(bytes: &[u8], base: u64) -> u64 {
    let mut heaps = BTreeMap::new();
    let mut n_objects = 0;
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(HEAP.len()).position(|window| window == HEAP) {
        at += found;
        if let Some(address) = (at as u64).checked_sub(base) {
            let objects = objects(&bytes[at..]);
            n_objects += objects.len();
            heaps.insert(address, objects);
        }
        // Sound heaps do not overlap.
        if bytes.len() < HEADER * n_objects {
            return u64::MAX;
        }
        at += HEAP.len();
    }
    let (Some((&first, _)), Some((&last, _))) = (heaps.first_key_value(), heaps.last_key_value())
    else {
        return 0;
    };
    let mut sum = 0u64;
    for at in 4..bytes.len().saturating_sub(11) {
        let address = u64_at(bytes, at);
        if address < first || last < address {
            continue;
        }
        let Some(objects) = heaps.get(&address) else { continue };
        let length = u64::from(u32_at(bytes, at - 4));
        let holds =
            objects.get(&(u32_at(bytes, at + 8) & 0xffff)).is_some_and(|size| length <= *size);
        if holds {
            sum = sum.saturating_add(length);
        }
    }
    sum
}

/// Sizes of the objects of a heap by their numbers.
fn objects(heap: &[u8]) -> BTreeMap<u32, u64> {
    let mut objects = BTreeMap::new();
    let size = usize::try_from(u64_at(heap, 8)).unwrap_or(usize::MAX);
    let heap = &heap[..size.min(heap.len())];
    let mut at = HEADER;
    while at + HEADER <= heap.len() {
        let number = u32_at(heap, at) & 0xffff;
        let size = u64_at(heap, at + 8);
        // The number 0 is the space that is left.
        if number == 0 {
            break;
        }
        objects.insert(number, size);
        let padded = usize::try_from(size).ok().and_then(|size| size.checked_next_multiple_of(8));
        let Some(next) = padded.and_then(|size| size.checked_add(at + HEADER)) else { break };
        at = next;
    }
    objects
}

/// Zeros behind the end.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
