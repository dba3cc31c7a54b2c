use std::fmt;

/// A dense array: dimensions and row-major elements, the last axis contiguous.
///
/// An array without dimensions is a scalar and has one element.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array<T> {
    dims: Vec<usize>,
    data: Vec<T>,
}

/// An array of 32-bit floats: what the engine computes in.
pub type Tensor = Array<f32>;

/// The number of elements does not fit the dimensions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shape {dims:?} holds {expected} elements, got {got}")]
pub struct ShapeMismatch {
    /// The dimensions asked for.
    pub dims: Vec<usize>,
    /// Elements that the dimensions hold.
    pub expected: usize,
    /// Elements that were given.
    pub got: usize,
}

impl<T> Array<T> {
    /// An array of `dims` with the row-major elements `data`.
    ///
    /// # Errors
    ///
    /// [`ShapeMismatch`] if the product of `dims` is not `data.len()`.
    pub fn new(dims: impl Into<Vec<usize>>, data: Vec<T>) -> Result<Self, ShapeMismatch> {
        let dims = dims.into();
        let expected =
            dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)).unwrap_or(usize::MAX);
        if expected != data.len() {
            return Err(ShapeMismatch { dims, expected, got: data.len() });
        }
        Ok(Self { dims, data })
    }

    /// A scalar.
    pub fn scalar(value: T) -> Self {
        Self { dims: Vec::new(), data: vec![value] }
    }

    /// Element `i` (row-major) is `element(i)`.
    pub fn from_fn(dims: impl Into<Vec<usize>>, element: impl FnMut(usize) -> T) -> Self {
        let dims = dims.into();
        let n = dims.iter().product();
        Self { dims, data: (0..n).map(element).collect() }
    }

    /// As [`Array::from_fn`], for sizes that somebody typed: `None` if there is no memory for them.
    pub fn try_from_fn(
        dims: impl Into<Vec<usize>>,
        element: impl FnMut(usize) -> T,
    ) -> Option<Self> {
        let dims = dims.into();
        let n = dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim))?;
        let mut data = Vec::new();
        data.try_reserve_exact(n).ok()?;
        data.extend((0..n).map(element));
        Some(Self { dims, data })
    }

    /// Size of each axis.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Elements in row-major order.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// Elements in row-major order, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// Elements in row-major order, without the shape.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The same elements with other dimensions.
    ///
    /// # Errors
    ///
    /// [`ShapeMismatch`] if the number of elements would change.
    pub fn reshaped(self, dims: impl Into<Vec<usize>>) -> Result<Self, ShapeMismatch> {
        Self::new(dims, self.data)
    }

    /// Every element through `f`, same shape.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Array<U> {
        Array { dims: self.dims.clone(), data: self.data.iter().map(f).collect() }
    }
}

impl<T: Clone> Array<T> {
    /// `value` everywhere.
    pub fn full(dims: impl Into<Vec<usize>>, value: T) -> Self {
        let dims = dims.into();
        let n = dims.iter().product();
        Self { dims, data: vec![value; n] }
    }

    /// Rows `start..end` of the first axis.
    ///
    /// # Panics
    ///
    /// If the array is a scalar or the range lies outside of the first axis.
    pub fn rows(&self, start: usize, end: usize) -> Self {
        let row: usize = self.dims[1..].iter().product();
        let mut dims = self.dims.clone();
        dims[0] = end - start;
        Self { dims, data: self.data[start * row..end * row].to_vec() }
    }
}

impl<T: Clone + Default> Array<T> {
    /// Zeros (for numbers; the default value otherwise).
    pub fn zeros(dims: impl Into<Vec<usize>>) -> Self {
        Self::full(dims, T::default())
    }
}

impl Array<f32> {
    /// Each element widened.
    pub fn to_f64(&self) -> Array<f64> {
        self.map(|&x| f64::from(x))
    }
}

impl Array<f64> {
    /// Each element rounded to the nearest `f32`.
    pub fn to_f32(&self) -> Array<f32> {
        self.map(|&x| x as f32)
    }
}

/// How many elements apart neighbours along each axis are.
pub fn row_major_strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

impl<T: fmt::Display> fmt::Display for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} [", self.dims)?;
        for (i, x) in self.data.iter().take(8).enumerate() {
            write!(f, "{}{x}", if i == 0 { "" } else { ", " })?;
        }
        write!(f, "{}]", if 8 < self.data.len() { ", …" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_number_of_elements_is_an_error() {
        let error = Array::new([2, 3], vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 3] holds 6 elements, got 5");
    }

    #[test]
    fn too_many_elements_are_no_array() {
        assert_eq!(Array::try_from_fn([2, 2], |i| i), Some(Array::from_fn([2, 2], |i| i)));
        for dims in [[usize::MAX, 2], [usize::MAX, 1], [usize::MAX / 32, 1]] {
            assert_eq!(Array::try_from_fn(dims, |i| i), None);
        }
    }

    #[test]
    fn a_scalar_has_one_element() {
        assert_eq!(Array::scalar(3.0).len(), 1);
        assert_eq!(Array::<f32>::zeros([]).data(), [0.0]);
    }

    #[test]
    fn rows_are_cut_from_the_first_axis() {
        let a = Array::from_fn([3, 2], |i| i);
        assert_eq!(a.rows(1, 3).data(), [2, 3, 4, 5]);
        assert_eq!(row_major_strides(&[2, 3, 4]), [12, 4, 1]);
    }
}
