//! Losses without arguments of their own, and what all constructors share.

/// Adds `new`, `name`, `reduction`, `Default` to a loss with the field `settings`.
macro_rules! loss_settings {
    ($class:ident) => {
        impl $class {
            /// Another name in logs.
            pub fn name(mut self, name: &str) -> Self {
                self.settings.name = name.to_owned();
                self
            }

            /// Another reduction.
            pub fn reduction(mut self, reduction: $crate::losses::Reduction) -> Self {
                self.settings.reduction = reduction;
                self
            }
        }

        impl Default for $class {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

/// A loss whose only arguments are `reduction` and `name`.
macro_rules! simple_loss {
    ($(#[$doc:meta])* $class:ident, $name:literal, $losses:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $class {
            settings: $crate::losses::LossSettings,
        }

        impl $class {
            /// With Keras's defaults.
            pub fn new() -> Self {
                Self { settings: $crate::losses::LossSettings::named($name) }
            }
        }

        $crate::losses::simple::loss_settings!($class);

        impl $crate::losses::Loss for $class {
            fn class_name(&self) -> &'static str {
                stringify!($class)
            }

            fn settings(&self) -> &$crate::losses::LossSettings {
                &self.settings
            }

            fn losses(
                &self,
                graph: &mut cornu_graph::Graph,
                y_true: cornu_graph::ValueId,
                y_pred: cornu_graph::ValueId,
            ) -> $crate::losses::Built {
                let losses: fn(
                    &mut cornu_graph::Graph,
                    cornu_graph::ValueId,
                    cornu_graph::ValueId,
                ) -> $crate::losses::Built = $losses;
                losses(graph, y_true, y_pred)
            }
        }
    };
}

pub(super) use {loss_settings, simple_loss};
