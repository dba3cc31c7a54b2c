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
        let text = error.to_string();
        if error.is_refusal() { Self::Refused(text) } else { Self::wrong(text) }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let text = error.to_string();
        let is_refusal = match error {
            ModelError::Layer { source, .. } | ModelError::Metric { source, .. } => {
                source.is_refusal()
            }
            ModelError::Unsupported { .. } => true,
            _ => false,
        };
        if is_refusal { Self::Refused(text) } else { Self::wrong(text) }
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

/// Which cases may be refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusals {
    /// Any: of vectors that somebody else chose.
    Any,
    /// These, each with the reason.
    Only(&'static [(&'static str, &'static str)]),
}

/// What became of the cases of a folder.
pub(crate) struct Tally {
    kinds: BTreeMap<String, Counts>,
    /// Ids of the cases that were refused.
    refused: Vec<String>,
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
        let mut refused = Vec::new();
        for (index, verdict) in verdicts {
            let (id, kind) = entries[index];
            let counts = kinds.entry(kind.to_owned()).or_default();
            let (column, line) = match verdict {
                Ok(()) => (0, None),
                Err(Failure::Wrong(texts)) => (1, Some(format!("FAILED {id}: {}", joined(&texts)))),
                Err(Failure::Refused(why)) => {
                    refused.push(id.to_owned());
                    (2, Some(format!("refused {id}: {why}")))
                }
            };
            counts.0[column] += 1;
            lines.extend(line);
        }
        Self { kinds, refused, lines }
    }

    /// Prints a line for each kind and each case that did not pass, then the sum. Fails if a case
    /// failed, if there was none, or if one was refused that `may_be_refused` does not name.
    #[track_caller]
    pub(crate) fn finish(self, name: &str, may_be_refused: Refusals) {
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
        if let Refusals::Only(known) = may_be_refused {
            let unknown: Vec<&String> =
                self.refused.iter().filter(|id| !known.iter().any(|(k, _)| k == id)).collect();
            assert!(unknown.is_empty(), "refused without a reason: {unknown:?}");
        }
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

#[test]
fn a_case_that_is_refused_without_a_reason_is_a_failure() {
    let tally = |verdict: &str| {
        let counts = Counts(if verdict == "passed" { [1, 0, 0] } else { [0, 0, 1] });
        let refused = if verdict == "passed" { vec![] } else { vec!["layer/a".to_owned()] };
        Tally { kinds: [("layer".to_owned(), counts)].into(), refused, lines: Vec::new() }
    };
    let fails = |verdict: &str, allowed: Refusals| {
        let finish = || tally(verdict).finish("test", allowed);
        IS_GUARDED.set(true);
        let result = panic::catch_unwind(AssertUnwindSafe(finish));
        IS_GUARDED.set(false);
        result.is_err()
    };
    assert!(!fails("passed", Refusals::Only(&[])));
    assert!(!fails("refused", Refusals::Any));
    assert!(!fails("refused", Refusals::Only(&[("layer/a", "it is not built")])));
    assert!(fails("refused", Refusals::Only(&[])));
    assert!(fails("refused", Refusals::Only(&[("layer/b", "it is not built")])));
}

#[test]
fn what_is_refused_and_what_is_wrong_differ_by_the_kind_of_error() {
    let is_refused = |failure: Failure| matches!(failure, Failure::Refused(_));
    let of_input = |key: &str, layer: serde_json::Value| {
        let mut input = serde_json::json!({"class_name": "InputLayer",
            "config": {"name": "x", "batch_shape": [null, 3]}});
        input["config"][key] = true.into();
        let config = serde_json::json!({"name": "m", "layers": [input, layer]});
        let object = serde_json::json!({"class_name": "Sequential", "config": config});
        Failure::from(cornu_model::Model::from_config(&object).unwrap_err())
    };
    let config = |layer: serde_json::Value| of_input("is_any", layer);
    let layer = |class: &str, config: serde_json::Value| {
        let mut layer = serde_json::json!({"class_name": class, "config": config});
        layer["config"]["name"] = serde_json::json!("l");
        layer
    };
    assert!(is_refused(config(layer("NoSuchLayer", serde_json::json!({})))));
    assert!(is_refused(config(layer("Dense", serde_json::json!({"units": 2, "colour": 1})))));
    assert!(is_refused(of_input("sparse", layer("Flatten", serde_json::json!({})))));
    assert!(!is_refused(config(layer("Dense", serde_json::json!({"units": 0})))));
    // A value that only reads like a refusal.
    let rate = serde_json::json!({"rate": "not supported"});
    assert!(!is_refused(config(layer("Dropout", rate))));
}
