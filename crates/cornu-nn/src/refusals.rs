//! Classes of Keras that Cornu does not have, and why.
//!
//! Errors about an unknown class give the reason from here, and so does the catalogue that the
//! documentation is made of. Whatever a registry such as [`crate::layers::LAYERS`] lists is there,
//! even if a line here has not gone yet.

/// Names of a module that are missing for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// Keras's public module, such as `keras.layers`.
    pub module: &'static str,
    /// Public names in it.
    pub names: &'static [&'static str],
    /// Why, and what there is instead.
    pub reason: &'static str,
}

/// All of the modules of this crate.
pub const REFUSALS: &[Refusal] = &[
    Refusal {
        module: "keras.layers",
        names: &["Lambda"],
        reason: "it holds a Python function; use layers, or implement `Layer` in Rust",
    },
    Refusal {
        module: "keras.layers",
        names: &["FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"],
        reason: "it runs the code of a Python framework; build the model of Keras's own layers",
    },
    Refusal {
        module: "keras.layers",
        names: &["HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"],
        reason: "words and vocabularies are not built, image classifiers come first; give the model \
                 numbers",
    },
    Refusal {
        module: "keras.layers",
        names: &["MelSpectrogram", "STFTSpectrogram"],
        reason: "sound is not built, image classifiers come first; give the model spectrograms",
    },
    Refusal {
        module: "keras.layers",
        names: &["InputSpec"],
        reason: "`Layer::output_shape` checks the inputs",
    },
    Refusal {
        module: "keras.layers",
        names: &["Wrapper"],
        reason: "a base of Python classes; the wrappers themselves are there",
    },
    Refusal {
        module: "keras.optimizers",
        names: &["LossScaleOptimizer"],
        reason: "gradients are computed in float32 and need no scaled loss; use the optimizer that \
                 it wraps",
    },
    Refusal {
        module: "keras.optimizers",
        names: &["MultiOptimizer", "OptimizerMap"],
        reason: "one optimizer trains all weights of a model; layers that are to stay as they are \
                 take `trainable=false`",
    },
    Refusal {
        module: "keras.optimizers",
        names: &["legacy"],
        reason: "optimizers of Keras 2, which Keras 3 refuses, too",
    },
];

/// Why Cornu has no `name` of `module`; `None` if nothing is known of it.
pub fn reason(module: &str, name: &str) -> Option<&'static str> {
    let names = |refusal: &&Refusal| refusal.module == module && refusal.names.contains(&name);
    REFUSALS.iter().find(names).map(|refusal| refusal.reason)
}

/// The end of the text of an error about a class of a kind that is not known.
pub(crate) fn because(kind: &str, name: &str) -> String {
    let module = match kind {
        "layer" if name.ends_with("Cell") || name.ends_with("Cells") => {
            return ": it is a part of an `RNN` layer, not a layer of a model".to_owned();
        }
        "layer" => "keras.layers",
        "loss" => "keras.losses",
        "optimizer" => "keras.optimizers",
        "initializer" => "keras.initializers",
        _ => return String::new(),
    };
    reason(module, name).map_or_else(String::new, |reason| format!(": {reason}"))
}
