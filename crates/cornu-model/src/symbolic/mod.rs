//! The symbolic API: layers applied to [`KerasTensor`]s, which remember where they come from.

mod keras_tensor;
mod layer_handle;

pub use keras_tensor::{Input, KerasTensor, Tensors};
pub use layer_handle::{LayerExt, LayerHandle};

pub(crate) use keras_tensor::{ArgumentForm, Call};
pub(crate) use layer_handle::LayerKind;

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no layer, call or model of this process had before. It rises, so it also says what
/// was created first.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
