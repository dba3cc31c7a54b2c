use std::fmt;

/// Size of one axis of a value in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// Known when the graph is made.
    Fixed(usize),
    /// So many times the number of samples, which is known when the plan runs.
    Batch(usize),
}

impl Dim {
    /// The size with `samples` samples; `usize::MAX` if it is more than that.
    pub fn size(self, samples: usize) -> usize {
        match self {
            Self::Fixed(size) => size,
            Self::Batch(times) => times.saturating_mul(samples),
        }
    }

    /// The size, if it does not depend on the number of samples.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(size),
            Self::Batch(_) => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Batch(1) => write!(f, "N"),
            Self::Batch(times) => write!(f, "{times}N"),
        }
    }
}

/// Shape of a value in a graph. Axis 0 may be the samples; no other axis may.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// A shape of the given axes.
    pub fn new(dims: impl Into<Vec<Dim>>) -> Self {
        Self(dims.into())
    }

    /// A shape that does not depend on the number of samples.
    pub fn fixed(dims: impl AsRef<[usize]>) -> Self {
        Self(dims.as_ref().iter().map(|&dim| Dim::Fixed(dim)).collect())
    }

    /// `(N, sample...)`.
    pub fn batched(sample: impl AsRef<[usize]>) -> Self {
        let sample = sample.as_ref().iter().map(|&dim| Dim::Fixed(dim));
        Self(std::iter::once(Dim::Batch(1)).chain(sample).collect())
    }

    /// A scalar.
    pub fn scalar() -> Self {
        Self(Vec::new())
    }

    /// The axes.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Whether the first axis counts samples.
    pub fn is_batched(&self) -> bool {
        matches!(self.0.first(), Some(Dim::Batch(_)))
    }

    /// Sizes with `samples` samples.
    pub fn sizes(&self, samples: usize) -> Vec<usize> {
        self.0.iter().map(|dim| dim.size(samples)).collect()
    }

    /// Elements with `samples` samples; `usize::MAX` if there are more than that.
    pub fn n_elements(&self, samples: usize) -> usize {
        let sizes = self.0.iter().map(|dim| dim.size(samples));
        // An axis without elements empties the largest shape.
        if sizes.clone().any(|size| size == 0) { 0 } else { sizes.fold(1, usize::saturating_mul) }
    }

    /// Elements of one sample; of the whole value if it has no samples axis.
    pub fn n_per_sample(&self) -> usize {
        self.n_elements(1)
    }

    /// The same shape with axis `axis` replaced.
    pub fn with(&self, axis: usize, dim: Dim) -> Self {
        let mut dims = self.0.clone();
        dims[axis] = dim;
        Self(dims)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(")?;
        for (axis, dim) in self.0.iter().enumerate() {
            write!(f, "{}{dim}", if axis == 0 { "" } else { "," })?;
        }
        write!(f, ")")
    }
}
