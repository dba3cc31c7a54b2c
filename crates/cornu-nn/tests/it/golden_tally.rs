//! Counts golden cases.

use cornu_nn::LayerError;
use cornu_testkit::{Case, Cases};

/// How one case went.
pub(crate) enum Outcome {
    /// All numbers agree.
    Passed,
    /// Lines that say what does not.
    Failed(Vec<String>),
    /// The class or a setting is not supported.
    Refused(String),
}

impl Outcome {
    /// Passed if there are no lines.
    pub(crate) fn of(failures: Vec<String>) -> Self {
        if failures.is_empty() { Self::Passed } else { Self::Failed(failures) }
    }

    /// What a constructor's error means.
    pub(crate) fn of_error(error: &LayerError) -> Self {
        match error {
            LayerError::UnknownClass { .. } | LayerError::Unsupported { .. } => {
                Self::Refused(error.to_string())
            }
            other => Self::Failed(vec![other.to_string()]),
        }
    }
}

/// Runs all cases of a kind, prints the sums and fails if one failed.
pub(crate) fn run_kind(kind: &str, run: impl Fn(&Case) -> Outcome) {
    let Some(cases) = Cases::find() else {
        eprintln!("skipped: no golden cases");
        return;
    };
    let (mut n_passed, mut n_failed, mut n_refused) = (0, 0, 0);
    for case in cases.of_kind(kind) {
        match run(&case) {
            Outcome::Passed => n_passed += 1,
            Outcome::Failed(lines) => {
                n_failed += 1;
                let more = if 1 < lines.len() {
                    format!(" (and {} more)", lines.len() - 1)
                } else {
                    String::new()
                };
                eprintln!("failed {} {}{more}", case.id, lines[0]);
            }
            Outcome::Refused(why) => {
                n_refused += 1;
                eprintln!("refused {}: {why}", case.id);
            }
        }
    }
    eprintln!("golden: {n_passed} passed, {n_failed} failed, {n_refused} refused ({kind})");
    assert!(n_failed == 0, "{n_failed} golden cases failed");
    assert!(0 < n_passed, "no golden case passed");
}
