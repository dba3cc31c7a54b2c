use cornu_testkit::{Case, Cases};

/// What became of a case.
pub(crate) enum Outcome {
    Passed,
    Failed(Vec<String>),
    /// Its class or a setting of it is not supported, and says so.
    Refused(String),
}

/// Runs all cases of a kind, prints the counts and a line for each failure, and fails if there is
/// one or if fewer than `at_least` passed.
pub(crate) fn run(kind: &str, at_least: usize, check: impl Fn(&Case) -> Outcome) {
    let Some(cases) = Cases::find() else {
        eprintln!("skipped: no golden cases");
        return;
    };
    let (mut passed, mut failed, mut refused) = (0, Vec::new(), Vec::new());
    for case in cases.of_kind(kind) {
        match check(&case) {
            Outcome::Passed => passed += 1,
            Outcome::Failed(messages) => {
                failed.push(format!("{}: {}", case.id, messages.join("; ")));
            }
            Outcome::Refused(why) => refused.push(format!("{}: {why}", case.id)),
        }
    }
    for line in &refused {
        eprintln!("refused {line}");
    }
    for line in &failed {
        eprintln!("failed {line}");
    }
    eprintln!("{kind} golden: {passed} passed, {} failed, {} refused", failed.len(), refused.len());
    assert!(failed.is_empty(), "{} golden cases of kind {kind} failed", failed.len());
    assert!(at_least <= passed, "{kind}: expected at least {at_least} cases to pass");
}

impl Outcome {
    /// Passed unless there are messages.
    pub(crate) fn of(messages: Vec<String>) -> Self {
        if messages.is_empty() { Self::Passed } else { Self::Failed(messages) }
    }
}
