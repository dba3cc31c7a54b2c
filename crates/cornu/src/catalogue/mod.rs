//! Every public name of Keras, and whether Cornu has it: what `docs/catalogue.md` is made of.
//!
//! ```
//! use cornu::catalogue::{State, state};
//!
//! assert!(matches!(state("keras.layers", "Conv2D"), Some(State::Done(_))));
//! let Some(State::Refused(why)) = state("keras.layers", "Lambda") else { unreachable!() };
//! assert!(why.contains("Python"));
//! assert_eq!(state("keras.layers", "Conv9D"), None);
//! ```

mod done;
mod refused;

use std::collections::BTreeMap;
use std::fmt::Write;

use cornu_nn::{Activation, Constraint, Initializer, Regularizer, layers, losses, metrics};
use cornu_nn::{optimizers, refusals, schedules};

/// The version of Keras whose names these are.
pub const KERAS_VERSION: &str = "3.15.1";

/// What has become of a name of Keras.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Cornu has it; the text says under which name if that is another one.
    Done(Option<String>),
    /// It has not, and why.
    Refused(&'static str),
}

/// Names of a module with their states.
pub type Module = BTreeMap<String, State>;

/// All modules of Keras by their names.
pub fn modules() -> BTreeMap<&'static str, Module> {
    let mut modules: BTreeMap<&'static str, Module> = BTreeMap::new();
    // What is done goes last and thus before what is refused.
    for refusal in refusals::REFUSALS.iter().chain(refused::REFUSALS) {
        for name in refusal.names {
            let state = State::Refused(refusal.reason);
            modules.entry(refusal.module).or_default().insert((*name).to_owned(), state);
        }
    }
    for (module, name, rust) in done::DONE {
        let state = State::Done(Some((*rust).to_owned()));
        modules.entry(module).or_default().insert((*name).to_owned(), state);
    }
    for (module, name, other) in registered() {
        modules.entry(module).or_default().insert(name, State::Done(other));
    }
    modules
}

/// What has become of `name` of `module`; `None` if Keras has no such name.
pub fn state(module: &str, name: &str) -> Option<State> {
    modules().get(module)?.get(name).cloned()
}

/// What registries list: module, name, and what it is if that is not the same.
fn registered() -> Vec<(&'static str, String, Option<String>)> {
    let mut all = Vec::new();
    let mut add = |module, name: &str, other: Option<String>| {
        all.push((module, name.to_owned(), other));
    };
    let of = |class: &str| Some(format!("`{class}`"));
    for entry in layers::LAYERS {
        if !layers::PRIVATE.iter().any(|(class_name, _)| *class_name == entry.class_name) {
            add("keras.layers", entry.class_name, None);
        }
    }
    for (alias, class) in layers::ALIASES {
        // Files write this one, but it is no public name.
        if *alias != "GroupedQueryAttention" {
            add("keras.layers", alias, of(class));
        }
    }
    for activation in Activation::ALL {
        add("keras.activations", activation.name(), None);
    }
    for (alias, name) in Activation::ALIASES {
        add("keras.activations", alias, of(name));
    }
    for entry in losses::LOSSES {
        add("keras.losses", entry.class_name, None);
        if let Some(function) = entry.names.first() {
            add("keras.losses", function, of(entry.class_name));
        }
    }
    for entry in metrics::METRICS {
        add("keras.metrics", entry.class_name, None);
    }
    for name in METRIC_FUNCTIONS {
        let class = metrics::METRICS.iter().find(|entry| entry.names.contains(name));
        let loss = losses::LOSSES.iter().find(|entry| entry.names.contains(name));
        match (class, loss) {
            (Some(metric), _) => add("keras.metrics", name, of(metric.class_name)),
            (None, Some(loss)) => {
                let text = format!("the mean of the loss `{}`", loss.class_name);
                add("keras.metrics", name, Some(text));
            }
            (None, None) => {}
        }
    }
    for entry in optimizers::OPTIMIZERS {
        add("keras.optimizers", entry.class_name, None);
    }
    for name in schedules::SCHEDULES {
        add("keras.optimizers.schedules", name, None);
    }
    for (module, classes) in [
        ("keras.initializers", Initializer::CLASSES),
        ("keras.regularizers", Regularizer::CLASSES),
        ("keras.constraints", Constraint::CLASSES),
    ] {
        for (class, names) in classes {
            add(module, class, None);
            for name in *names {
                add(module, name, of(class));
            }
        }
    }
    for name in cornu_model::callbacks::CALLBACKS {
        add("keras.callbacks", name, None);
    }
    for (module, class) in cornu_model::operation_classes() {
        let public = module.replace("keras.src.ops", "keras.ops");
        let text = "in models of files";
        for module in ["keras.ops", "keras.ops.numpy", "keras.ops.nn"] {
            if module == "keras.ops" || module == public {
                add(module, &snake_case(class), Some(text.to_owned()));
            }
        }
    }
    all
}

/// Keras's functions in `keras.metrics`: metrics and losses by these names.
const METRIC_FUNCTIONS: &[&str] = &[
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
];

/// `LogicalAnd` as `logical_and`.
fn snake_case(class_name: &str) -> String {
    let mut text = String::new();
    for letter in class_name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// The whole catalogue as a document.
pub fn to_markdown() -> String {
    let modules = modules();
    let mut text = format!(
        "# Catalogue\n\n\
         Every public name of Keras {KERAS_VERSION}, and whether Cornu has it. Made from the code by \
         `cargo run -p cornu --example catalogue > docs/catalogue.md`; a test says when it is out of \
         date.\n\n\
         What is not built is an error that names it. A class that is there takes all of Keras's \
         arguments with Keras's defaults; a value of one that it cannot work with is an error, too.\n"
    );
    for (module, names) in &modules {
        let _ = write!(text, "\n## {module}\n");
        let (mut same, mut other) = (Vec::new(), Vec::new());
        let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, state) in names {
            match state {
                State::Done(None) => same.push(format!("`{name}`")),
                State::Done(Some(rust)) => other.push((name, rust)),
                State::Refused(why) => refused.entry(*why).or_default().push(name),
            }
        }
        if !same.is_empty() {
            let _ = write!(text, "\nDone: {}.\n", same.join(", "));
        }
        if !other.is_empty() {
            text.push_str("\nDone under another name:\n\n| Keras | Cornu |\n|---|---|\n");
        }
        for (name, rust) in other {
            let _ = writeln!(text, "| `{name}` | {rust} |");
        }
        if !refused.is_empty() {
            text.push_str("\nRefused:\n\n");
        }
        for (why, names) in refused {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "- {}: {why}.", names.join(", "));
        }
    }
    text.push_str("\n## Counts\n\n| module | done | refused |\n|---|---|---|\n");
    let mut sums = [0, 0];
    for (module, names) in &modules {
        let done = names.values().filter(|state| matches!(state, State::Done(_))).count();
        let refused = names.len() - done;
        sums = [sums[0] + done, sums[1] + refused];
        let _ = writeln!(text, "| {module} | {done} | {refused} |");
    }
    let _ = writeln!(text, "| all | {} | {} |", sums[0], sums[1]);
    text
}
