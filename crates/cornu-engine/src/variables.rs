use std::sync::atomic::{AtomicU64, Ordering};

use cornu_tensor::{Array, Tensor};

/// The values of a model's variables: weights, optimizer slots, moving statistics. Several programs
/// (training, evaluation, prediction) work on the same ones.
///
/// The reference runtime keeps its `f64` results beside the rounded ones, so that a long training
/// run in `f64` is not rounded at each step.
#[derive(Debug)]
pub struct Variables {
    values: Vec<Tensor>,
    exact: Vec<Option<Array<f64>>>,
    /// Tells these variables from all others of the process.
    id: u64,
    /// Rises with every change.
    version: u64,
}

/// Numbers for [`Variables::id`].
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Default for Variables {
    fn default() -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self { values: Vec::new(), exact: Vec::new(), id, version: 0 }
    }
}

impl Clone for Variables {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), exact: self.exact.clone(), ..Self::default() }
    }
}

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a variable and gives its number.
    pub fn push(&mut self, value: Tensor) -> usize {
        self.version += 1;
        self.values.push(value);
        self.exact.push(None);
        self.values.len() - 1
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Value of variable `index`.
    pub fn get(&self, index: usize) -> &Tensor {
        &self.values[index]
    }

    /// Replaces the value of variable `index`.
    pub fn set(&mut self, index: usize, value: Tensor) {
        self.version += 1;
        self.values[index] = value;
        self.exact[index] = None;
    }

    /// Elements of variable `index`, to be changed in place.
    pub fn data_mut(&mut self, index: usize) -> &mut [f32] {
        self.version += 1;
        self.exact[index] = None;
        self.values[index].data_mut()
    }

    /// Takes the value of variable `index` away, until it is [set](Self::set) again.
    pub(crate) fn take(&mut self, index: usize) -> Tensor {
        std::mem::replace(&mut self.values[index], Tensor::zeros([0]))
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Takes over all values of `other`, in the memory that is there where shapes agree.
    pub fn copy_from(&mut self, other: &Self) {
        self.version += 1;
        let n = other.len();
        self.values.resize(n, Tensor::zeros([0]));
        self.exact.resize(n, None);
        for (to, from) in self.values.iter_mut().zip(&other.values) {
            copy_array(to, from);
        }
        for (to, from) in self.exact.iter_mut().zip(&other.exact) {
            match (to, from) {
                (Some(to), Some(from)) => copy_array(to, from),
                (to, from) => to.clone_from(from),
            }
        }
    }

    /// Value of variable `index` as the reference runtime knows it.
    pub fn exact(&self, index: usize) -> Array<f64> {
        self.exact[index].clone().unwrap_or_else(|| self.values[index].to_f64())
    }

    /// Exchanges two variables of one shape.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.version += 1;
        self.values.swap(a, b);
        self.exact.swap(a, b);
    }

    /// Stores a result of the reference runtime.
    pub fn set_exact(&mut self, index: usize, value: Array<f64>) {
        self.version += 1;
        self.values[index] = value.to_f32();
        self.exact[index] = Some(value);
    }
}

fn copy_array<T: Copy>(to: &mut Array<T>, from: &Array<T>) {
    if to.dims() == from.dims() {
        to.data_mut().copy_from_slice(from.data());
    } else {
        *to = from.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Tensor]) -> Variables {
        let mut variables = Variables::new();
        for value in values {
            variables.push(value.clone());
        }
        variables
    }

    #[test]
    fn a_copy_has_all_values_and_keeps_its_memory() {
        let mut from = of(&[Tensor::full([2, 3], 1.5), Tensor::scalar(4.0), Tensor::zeros([0])]);
        from.set_exact(1, Array::scalar(0.1));
        for mut to in [of(&[]), of(&[Tensor::zeros([2, 3])]), of(&vec![Tensor::zeros([7]); 5])] {
            let version = to.version();
            to.copy_from(&from);
            let memory = to.get(0).data().as_ptr();
            to.copy_from(&from);
            assert_eq!(to.len(), 3);
            for i in 0..3 {
                assert_eq!((to.get(i), to.exact(i)), (from.get(i), from.exact(i)));
            }
            assert_eq!(to.get(0).data().as_ptr(), memory);
            assert!(version < to.version() && to.id() != from.id());
        }
        // A value in `f64` that is gone must not linger in the copy.
        let mut to = of(&[]);
        to.copy_from(&from);
        from.set(1, Tensor::scalar(2.0));
        to.copy_from(&from);
        assert_eq!(to.exact(1), Array::scalar(2.0));
    }
}
