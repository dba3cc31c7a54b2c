use std::fmt;

use cornu_tensor::{Dim, Shape};

/// Shape of a symbolic tensor as Keras shows it: axis 0 is the samples, `None` an unknown size.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolicShape(Vec<Option<usize>>);

impl SymbolicShape {
    /// All axes, the samples' first.
    pub fn new(dims: impl Into<Vec<Option<usize>>>) -> Self {
        Self(dims.into())
    }

    /// `(None, sample...)`.
    pub fn batched(sample: impl AsRef<[usize]>) -> Self {
        Self(std::iter::once(None).chain(sample.as_ref().iter().map(|&n| Some(n))).collect())
    }

    /// All axes.
    pub fn dims(&self) -> &[Option<usize>] {
        &self.0
    }

    /// Number of axes, the samples' included.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Size of the last axis, if known.
    pub fn last(&self) -> Option<usize> {
        self.0.last().copied().flatten()
    }

    /// The same with another last axis.
    pub fn with_last(&self, size: Option<usize>) -> Self {
        let mut dims = self.0.clone();
        if let Some(last) = dims.last_mut() {
            *last = size;
        }
        Self(dims)
    }

    /// Sizes of one sample, if all are known.
    pub fn sample(&self) -> Option<Vec<usize>> {
        self.0.get(1..)?.iter().copied().collect()
    }

    /// Whether samples of these sizes are such; an unknown size may be any but 0.
    pub fn takes_sample(&self, sizes: &[usize]) -> bool {
        let axes = self.0.get(1..).unwrap_or_default();
        let fits = |(axis, &size): (&Option<usize>, &usize)| axis.map_or(0 < size, |n| n == size);
        axes.len() == sizes.len() && axes.iter().zip(sizes).all(fits)
    }

    /// The shape a graph works with, if all sizes but the samples' are known.
    pub fn to_graph(&self) -> Option<Shape> {
        self.sample().map(Shape::batched)
    }

    /// What Keras shows of a value in a graph.
    pub fn from_graph(shape: &Shape) -> Self {
        Self(
            shape
                .dims()
                .iter()
                .map(|dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None })
                .collect(),
        )
    }
}

/// `(None, 8, 8, 3)`; Python writes a single axis as `(None,)`.
impl fmt::Display for SymbolicShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> =
            self.0.iter().map(|dim| dim.map_or("None".to_owned(), |n| n.to_string())).collect();
        write!(f, "({}{})", dims.join(", "), if dims.len() == 1 { "," } else { "" })
    }
}

/// `axis` of `rank` axes counted from the front; a negative one counts from the end.
pub(crate) fn resolve_axis(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let from_front = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&from_front) { usize::try_from(from_front).ok() } else { None }
}
