//! Ctrl-C: the first one asks to stop, the second one stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::output;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Takes over Ctrl-C, from now on.
pub(crate) fn watch() {
    // Where the system refuses, Ctrl-C ends the program as always.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        output::message("\nstopping after this batch; press Ctrl-C again to stop at once");
    });
}

/// Whether somebody asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
