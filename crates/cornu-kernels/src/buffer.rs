//! Memory for kernels.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A zeroed buffer of `f32` whose first element lies on a cache line (64 bytes), so that no vector
/// load from a multiple of 16 straddles two lines.
pub struct AlignedBuf {
    data: NonNull<f32>,
    len: usize,
}

/// The memory for an [`AlignedBuf`] could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot allocate {len} numbers of 4 bytes; use smaller batches or a smaller model")]
pub struct OutOfMemory {
    /// The numbers asked for.
    pub len: usize,
}

// SAFETY: the buffer owns its memory alone, like a `Vec<f32>`.
unsafe impl Send for AlignedBuf {}
// SAFETY: shared references only read.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// Bytes that the address is a multiple of.
    pub const ALIGNMENT: usize = 64;

    /// `len` zeros. Ends the program, as `Vec` does, if there is no memory; see [`Self::try_new`].
    pub fn new(len: usize) -> Self {
        Self::try_new(len).unwrap_or_else(|_| {
            handle_alloc_error(Self::layout(len).unwrap_or(Layout::new::<f32>()))
        })
    }

    /// `len` zeros.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the system has not that much.
    pub fn try_new(len: usize) -> Result<Self, OutOfMemory> {
        if len == 0 {
            return Ok(Self::default());
        }
        let layout = Self::layout(len).ok_or(OutOfMemory { len })?;
        // SAFETY: the layout's size is not zero.
        let data = unsafe { alloc_zeroed(layout) };
        let data = NonNull::new(data.cast()).ok_or(OutOfMemory { len })?;
        Ok(Self { data, len })
    }

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len.checked_mul(size_of::<f32>())?, Self::ALIGNMENT).ok()
    }
}

impl Default for AlignedBuf {
    fn default() -> Self {
        // A well-aligned address that is never read: the slice is empty.
        let data = NonNull::without_provenance(const { nonzero(Self::ALIGNMENT) });
        Self { data, len: 0 }
    }
}

const fn nonzero(n: usize) -> std::num::NonZeroUsize {
    match std::num::NonZeroUsize::new(n) {
        Some(n) => n,
        None => std::num::NonZeroUsize::MIN,
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        if let (1.., Some(layout)) = (self.len, Self::layout(self.len)) {
            // SAFETY: `try_new` allocated it with this layout.
            unsafe { dealloc(self.data.as_ptr().cast(), layout) }
        }
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `len` initialized numbers lie at `data`.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `len` initialized numbers lie at `data`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

impl Clone for AlignedBuf {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The memory of `data` as bytes, for small whole numbers such as the positions of maxima.
pub fn as_bytes(data: &[f32]) -> &[u8] {
    // SAFETY: the same memory, alive as long as `data`; any bits are valid bytes, and bytes need no
    // alignment.
    unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), size_of_val(data)) }
}

/// As [`as_bytes`], to be changed in place.
pub fn as_bytes_mut(data: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above; any bytes are valid bits of an `f32`, and the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast(), size_of_val(data)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_zeroed_and_aligned() {
        for len in [0, 1, 15, 16, 1000] {
            let mut buffer = AlignedBuf::new(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr() as usize % AlignedBuf::ALIGNMENT, 0);
            assert!(buffer.iter().all(|&x| x == 0.0));
            buffer.fill(2.0);
            assert_eq!(&*buffer.clone(), &*buffer);
        }
        assert_eq!(format!("{:?}", AlignedBuf::new(2)), "[0.0, 0.0]");
    }

    #[test]
    fn too_much_memory_is_an_error() {
        assert_eq!(AlignedBuf::try_new(usize::MAX).err(), Some(OutOfMemory { len: usize::MAX }));
        assert!(AlignedBuf::try_new(isize::MAX as usize / 8).is_err());
    }
}
