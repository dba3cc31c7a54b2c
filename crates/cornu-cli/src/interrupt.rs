//! Ctrl-C and SIGTERM: the first one asks to stop, the second one stops at once.
//!
//! SIGHUP is left as it is: `nohup` has a run survive its terminal.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::output;

/// What shells report for a program that Ctrl-C ended: 128 and the number of the signal.
const BY_CTRL_C: u8 = 130;

/// The same for SIGTERM: `kill`, a batch system, a machine that shuts down.
#[cfg(unix)]
const BY_SIGTERM: u8 = 143;

/// The exit code of who asked to stop; 0: nobody did.
static ASKED: AtomicU8 = AtomicU8::new(0);

/// Takes over Ctrl-C and SIGTERM, from now on.
pub(crate) fn watch() {
    // Where the system refuses, both end the program as always.
    let _ = ctrlc::set_handler(|| {
        ask(BY_CTRL_C, "\nstopping as soon as all is saved; press Ctrl-C again to stop at once");
    });
    #[cfg(unix)]
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]) {
        std::thread::spawn(move || {
            for _ in signals.forever() {
                ask(
                    BY_SIGTERM,
                    "\nSIGTERM: stopping as soon as all is saved; another one stops at once",
                );
            }
        });
    }
}

fn ask(exit_code: u8, answer: &str) {
    if ASKED.swap(exit_code, Ordering::SeqCst) != 0 {
        std::process::exit(i32::from(exit_code));
    }
    output::message(answer);
}

/// Whether somebody asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst) != 0
}

/// The exit code of a program that was asked to stop.
pub(crate) fn exit_code() -> u8 {
    match ASKED.load(Ordering::SeqCst) {
        0 => BY_CTRL_C,
        code => code,
    }
}
