//! The symbolic API: layers applied to [`KerasTensor`]s, which remember where they come from.

mod call_options;
mod keras_tensor;
mod layer_handle;

pub use call_options::CallOptions;
pub use keras_tensor::{Input, KerasTensor, Tensors};
pub use layer_handle::{LayerExt, LayerHandle};

pub(crate) use keras_tensor::{ArgumentForm, Call, Keyword};
pub(crate) use layer_handle::{FORGETS_QUERY_MASK, LayerKind, TAKES_ATTENTION_MASK};

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no layer, call or model of this process had before. It rises, so it also says what
/// was created first.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
