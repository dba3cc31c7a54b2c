/// One number for both axes, or one for each: `3`, `(3, 5)` or `[3, 5]`, height first.
pub trait IntoPair {
    /// Height and width.
    fn into_pair(self) -> [usize; 2];
}

impl IntoPair for usize {
    fn into_pair(self) -> [usize; 2] {
        [self; 2]
    }
}

impl IntoPair for (usize, usize) {
    fn into_pair(self) -> [usize; 2] {
        [self.0, self.1]
    }
}

impl IntoPair for [usize; 2] {
    fn into_pair(self) -> [usize; 2] {
        self
    }
}

/// Chained setters of a layer's public fields: `field: Type` takes anything that becomes the type,
/// `pair field` one or two sizes, `rules field { .. }` the three rules of a weight.
macro_rules! setters {
    ($layer:ident { $($tokens:tt)* }) => {
        /// Chained setters; each is documented at the field of the same name.
        impl $layer {
            $crate::layers::setters::setter! { $($tokens)* }
        }
    };
}

macro_rules! setter {
    () => {};
    (pair $field:ident $(, $($rest:tt)*)?) => {
        #[doc = concat!("Sets `", stringify!($field), "`: one number for both axes, or one for each.")]
        pub fn $field(mut self, $field: impl $crate::layers::IntoPair) -> Self {
            self.$field = $field.into_pair().into();
            self
        }
        $crate::layers::setters::setter! { $($($rest)*)? }
    };
    (rules $field:ident { $initializer:ident, $regularizer:ident, $constraint:ident } $(, $($rest:tt)*)?) => {
        #[doc = concat!("Sets how the ", stringify!($field), " starts.")]
        pub fn $initializer(mut self, initializer: $crate::Initializer) -> Self {
            self.$field.initializer = initializer;
            self
        }

        #[doc = concat!("Sets the penalty on the ", stringify!($field), ".")]
        pub fn $regularizer(mut self, regularizer: impl Into<Option<$crate::Regularizer>>) -> Self {
            self.$field.regularizer = regularizer.into();
            self
        }

        #[doc = concat!("Sets what the ", stringify!($field), " is limited to.")]
        pub fn $constraint(mut self, constraint: impl Into<Option<$crate::Constraint>>) -> Self {
            self.$field.constraint = constraint.into();
            self
        }
        $crate::layers::setters::setter! { $($($rest)*)? }
    };
    ($field:ident: $type:ty $(, $($rest:tt)*)?) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$field = $field.into();
            self
        }
        $crate::layers::setters::setter! { $($($rest)*)? }
    };
}

pub(crate) use {setter, setters};
