//! Runs cases, counts what became of them, and prints it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::thread;

use cornu_graph::GraphError;
use cornu_model::ModelError;
use cornu_nn::LayerError;
use cornu_testkit::{Case, Cases};

/// Nothing, or why a case did not pass.
pub(crate) type Verdict = Result<(), Failure>;

/// Why a case did not pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is wrong, one text for each number, name or text.
    Wrong(Vec<String>),
    /// The case needs something that is not supported, and was refused with this message.
    Refused(String),
}

impl Failure {
    pub(crate) fn wrong(text: impl Into<String>) -> Self {
        Self::Wrong(vec![text.into()])
    }

    /// The same with the place in front.
    pub(crate) fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Wrong(mut texts) => {
                texts.iter_mut().for_each(|text| *text = format!("{place}: {text}"));
                Self::Wrong(texts)
            }
            Self::Refused(text) => Self::Refused(format!("{place}: {text}")),
        }
    }
}

/// A verdict with all that is wrong.
pub(crate) fn verdict(wrong: Vec<String>) -> Verdict {
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Wrong(wrong)) }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::wrong(text)
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::wrong(error.to_string())
    }
}

impl From<LayerError> for Failure {
    fn from(error: LayerError) -> Self {
        match &error {
            LayerError::UnknownClass { .. }
            | LayerError::Unsupported { .. }
            | LayerError::UnknownKeys(_) => Self::Refused(error.to_string()),
            _ => Self::wrong(error.to_string()),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let text = error.to_string();
        match error {
            ModelError::Layer { source, .. } => match Self::from(source) {
                Self::Refused(_) => Self::Refused(text),
                Self::Wrong(_) => Self::wrong(text),
            },
            _ if text.contains("not supported") => Self::Refused(text),
            _ => Self::wrong(text),
        }
    }
}

/// Passed, failed and refused.
#[derive(Default, Clone, Copy)]
struct Counts([usize; 3]);

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [passed, failed, refused] = self.0;
        write!(f, "{passed} passed, {failed} failed, {refused} refused")
    }
}

/// What became of the cases of a folder.
pub(crate) struct Tally {
    kinds: BTreeMap<String, Counts>,
    lines: Vec<String>,
}

impl Tally {
    /// Runs all cases, several at a time. A panic counts against its case only.
    pub(crate) fn of(cases: &Cases, check: fn(&Cases, &Case) -> Verdict) -> Self {
        keep_panics_quiet();
        let entries: Vec<(&str, &str)> = cases.entries().collect();
        let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((id, _)) = entries.get(index) else { break };
                        let verdict = guarded(|| check(cases, &cases.read(id)?));
                        verdicts.lock().unwrap().push((index, verdict));
                    }
                });
            }
        });
        let mut verdicts = verdicts.into_inner().unwrap();
        verdicts.sort_by_key(|(index, _)| *index);
        let (mut kinds, mut lines) = (BTreeMap::<String, Counts>::new(), Vec::new());
        for (index, verdict) in verdicts {
            let (id, kind) = entries[index];
            let counts = kinds.entry(kind.to_owned()).or_default();
            let (column, line) = match verdict {
                Ok(()) => (0, None),
                Err(Failure::Wrong(texts)) => (1, Some(format!("FAILED {id}: {}", joined(&texts)))),
                Err(Failure::Refused(why)) => (2, Some(format!("refused {id}: {why}"))),
            };
            counts.0[column] += 1;
            lines.extend(line);
        }
        Self { kinds, lines }
    }

    /// Prints a line for each kind and each case that did not pass, then the sum. Fails if a case
    /// failed, or if there was none.
    #[track_caller]
    pub(crate) fn finish(self, name: &str) {
        let mut sum = Counts::default();
        for (kind, counts) in &self.kinds {
            println!("  {kind}: {counts}");
            sum.0.iter_mut().zip(counts.0).for_each(|(sum, count)| *sum += count);
        }
        for line in &self.lines {
            println!("{}", line.replace('\n', "\\n"));
        }
        println!("{name}: {sum}");
        let [passed, failed, refused] = sum.0;
        assert!(failed == 0, "{failed} cases failed");
        assert!(0 < passed + refused, "there are no cases");
    }
}

/// The first texts, and how many more there are.
fn joined(texts: &[String]) -> String {
    let shown = texts.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = texts.len().saturating_sub(3);
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}

thread_local! {
    /// What the last panic of this thread said, if the thread runs a case.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static IS_GUARDED: RefCell<bool> = const { RefCell::new(false) };
}

/// Panics inside of [`guarded`] are kept, not printed.
fn keep_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_GUARDED.with_borrow(|guarded| *guarded) {
                LAST_PANIC.set(Some(info.to_string()));
            } else {
                usual(info);
            }
        }));
    });
}

fn guarded(run: impl FnOnce() -> Verdict) -> Verdict {
    IS_GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_GUARDED.set(false);
    result.unwrap_or_else(|_| {
        let text = LAST_PANIC.take().unwrap_or_default();
        Err(Failure::wrong(format!("panic: {text}")))
    })
}
