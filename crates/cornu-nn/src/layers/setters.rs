/// Numbers for the spatial axes of a layer: one for all of them, such as `3`, or one for each,
/// outermost first: `(3, 5)`, `(2, 3, 3)` or `[3, 5]`.
pub trait IntoSizes<const N: usize> {
    /// One number for each axis.
    fn into_sizes(self) -> [usize; N];
}

impl<const N: usize> IntoSizes<N> for usize {
    fn into_sizes(self) -> [usize; N] {
        [self; N]
    }
}

impl<const N: usize> IntoSizes<N> for [usize; N] {
    fn into_sizes(self) -> [usize; N] {
        self
    }
}

impl IntoSizes<2> for (usize, usize) {
    fn into_sizes(self) -> [usize; 2] {
        [self.0, self.1]
    }
}

impl IntoSizes<3> for (usize, usize, usize) {
    fn into_sizes(self) -> [usize; 3] {
        [self.0, self.1, self.2]
    }
}

/// Chained setters of a layer's public fields: `field: Type` takes anything that becomes the type,
/// `sizes field` one number for all of the layer's `RANK` axes or one for each, `rules field { .. }`
/// the three rules of a weight. A layer of any rank is named with `<RANK>`.
macro_rules! setters {
    ($layer:ident<RANK> { $($tokens:tt)* }) => {
        /// Chained setters; each is documented at the field of the same name.
        impl<const RANK: usize> $layer<RANK> {
            $crate::layers::setters::setter! { $($tokens)* }
        }
    };
    ($layer:ident { $($tokens:tt)* }) => {
        /// Chained setters; each is documented at the field of the same name.
        impl $layer {
            $crate::layers::setters::setter! { $($tokens)* }
        }
    };
}

macro_rules! setter {
    () => {};
    (sizes $field:ident $(, $($rest:tt)*)?) => {
        #[doc = concat!("Sets `", stringify!($field), "`: one number for all axes, or one for each.")]
        pub fn $field(mut self, $field: impl $crate::layers::IntoSizes<RANK>) -> Self {
            self.$field = $field.into_sizes().into();
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
    // A plain number would not tell its type to a generic argument.
    ($field:ident: usize $(, $($rest:tt)*)?) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        pub fn $field(mut self, $field: usize) -> Self {
            self.$field = $field;
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
