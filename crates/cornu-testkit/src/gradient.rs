//! Derivatives by central differences.

use cornu_tensor::Array;

/// The gradient of `f` with respect to `inputs[which]`, element by element:
/// `(f(x + eps) - f(x - eps)) / (2 eps)`.
///
/// With `eps` about `1e-5` and values about 1 the result is good to some `1e-9`. Stay away from
/// kinks: at `x = 0` of a ReLU the result is one half.
///
/// # Panics
///
/// If there is no input number `which`.
pub fn finite_difference(
    f: impl Fn(&[Array<f64>]) -> f64,
    inputs: &[Array<f64>],
    which: usize,
    eps: f64,
) -> Array<f64> {
    let mut inputs = inputs.to_vec();
    Array::from_fn(inputs[which].dims().to_vec(), |i| {
        let x = inputs[which].data()[i];
        inputs[which].data_mut()[i] = x + eps;
        let above = f(&inputs);
        inputs[which].data_mut()[i] = x - eps;
        let below = f(&inputs);
        inputs[which].data_mut()[i] = x;
        (above - below) / (2.0 * eps)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, assert_close};

    #[test]
    fn the_gradient_of_a_product() {
        let mut random = Random::new(3);
        let inputs = [random.array_f64([2, 3]), random.array_f64([2, 3])];
        let f = |x: &[Array<f64>]| {
            x[0].data().iter().zip(x[1].data()).map(|(a, b)| a * a * b).sum::<f64>()
        };
        let expected = Array::from_fn([2, 3], |i| 2.0 * inputs[0].data()[i] * inputs[1].data()[i]);
        assert_close(&finite_difference(f, &inputs, 0, 1e-5), &expected, 1e-9, 1e-9);
        let expected = inputs[0].map(|a| a * a);
        assert_close(&finite_difference(f, &inputs, 1, 1e-5), &expected, 1e-9, 1e-9);
    }

    #[test]
    fn a_scalar_and_an_empty_array() {
        let scalar = [Array::scalar(3.0)];
        let slope = finite_difference(|x| x[0].data()[0].powi(3), &scalar, 0, 1e-5);
        assert_close(&slope, &Array::scalar(27.0), 1e-6, 0.0);
        assert!(finite_difference(|_| 1.0, &[Array::zeros([0, 2])], 0, 1e-5).is_empty());
    }
}
