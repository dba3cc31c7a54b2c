//! Comparing arrays.

use cornu_tensor::Array;

/// Asserts that `|got - expected| <= atol + rtol * |expected|` for every element.
///
/// NaN equals NaN, and an infinity equals the infinity of the same sign.
///
/// # Panics
///
/// If the shapes differ or an element is further off; the message shows the worst element.
#[track_caller]
pub fn assert_close<T: Copy + Into<f64>>(
    got: &Array<T>,
    expected: &Array<T>,
    atol: f64,
    rtol: f64,
) {
    if let Err(message) = close(got, expected, atol, rtol) {
        panic!("{message}");
    }
}

/// What [`assert_close`] asserts, as a result.
///
/// # Errors
///
/// The message of the failed assertion.
pub fn close<T: Copy + Into<f64>>(
    got: &Array<T>,
    expected: &Array<T>,
    atol: f64,
    rtol: f64,
) -> Result<(), String> {
    close_where(got, expected, |expected| atol + rtol * expected.abs(), |_| true)
}

/// Whether `|got - expected| <= tolerance(expected)` for the elements whose row-major position is
/// `counted`.
///
/// # Errors
///
/// A message with the number of elements that are off and the worst of them.
pub fn close_where<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    got: &Array<A>,
    expected: &Array<B>,
    tolerance: impl Fn(f64) -> f64,
    counted: impl Fn(usize) -> bool,
) -> Result<(), String> {
    if got.dims() != expected.dims() {
        return Err(format!("shape: expected {:?}, got {:?}", expected.dims(), got.dims()));
    }
    let mut n_off = 0;
    let mut worst: Option<Worst> = None;
    for (position, (&got, &expected)) in got.data().iter().zip(expected.data()).enumerate() {
        let (got, expected): (f64, f64) = (got.into(), expected.into());
        let off = distance(got, expected);
        // A tolerance relative to an infinity or NaN would allow anything or nothing.
        let allowed = if expected.is_finite() { tolerance(expected) } else { 0.0 };
        if off <= allowed || !counted(position) {
            continue;
        }
        n_off += 1;
        if worst.as_ref().is_none_or(|worst| worst.excess() < off - allowed) {
            worst = Some(Worst { position, got, expected, off, allowed });
        }
    }
    match worst {
        None => Ok(()),
        Some(worst) => Err(format!(
            "{n_off} of {} elements differ; worst at {:?} of {:?}: expected {:e}, got {:e}, off by {:e}, \
             allowed {:e}",
            got.len(),
            index_of(worst.position, got.dims()),
            got.dims(),
            worst.expected,
            worst.got,
            worst.off,
            worst.allowed,
        )),
    }
}

struct Worst {
    position: usize,
    got: f64,
    expected: f64,
    off: f64,
    allowed: f64,
}

impl Worst {
    fn excess(&self) -> f64 {
        self.off - self.allowed
    }
}

/// Zero for equal values (NaN and NaN too), infinite if only one of them is finite.
fn distance(got: f64, expected: f64) -> f64 {
    if got == expected || (got.is_nan() && expected.is_nan()) {
        0.0
    } else if got.is_finite() && expected.is_finite() {
        (got - expected).abs()
    } else {
        f64::INFINITY
    }
}

/// The index along each axis of the element at a row-major position.
fn index_of(mut position: usize, dims: &[usize]) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for axis in (0..dims.len()).rev() {
        index[axis] = position % dims[axis];
        position /= dims[axis];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: &[f32]) -> Array<f32> {
        Array::new([values.len()], values.to_vec()).unwrap()
    }

    #[test]
    fn equal_arrays_are_close_even_with_no_tolerance() {
        let a = array(&[1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0]);
        assert_close(&a, &array(&[1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0]), 0.0, 0.0);
        assert_close(&Array::<f32>::zeros([0, 3]), &Array::zeros([0, 3]), 0.0, 0.0);
    }

    #[test]
    fn non_finite_values_are_never_within_a_tolerance() {
        for (got, expected) in [
            (f32::NAN, 0.0),
            (0.0, f32::NAN),
            (f32::INFINITY, f32::NEG_INFINITY),
            (f32::MAX, f32::INFINITY),
            (f32::INFINITY, f32::MAX),
            (f32::INFINITY, f32::NAN),
        ] {
            assert!(
                close(&array(&[got]), &array(&[expected]), 1e30, 1.0).is_err(),
                "{got} {expected}"
            );
        }
    }

    #[test]
    fn the_message_shows_the_worst_element() {
        let expected = Array::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let got = Array::new([2, 3], vec![1.0, 2.5, 3.0, 4.0, 7.0, 6.0]).unwrap();
        let message = close(&got, &expected, 0.1, 0.0).unwrap_err();
        assert_eq!(
            message,
            "2 of 6 elements differ; worst at [1, 1] of [2, 3]: expected 5e0, got 7e0, off by 2e0, \
             allowed 1e-1"
        );
    }

    #[test]
    fn shapes_must_agree() {
        let message =
            close(&Array::<f32>::zeros([2, 3]), &Array::zeros([3, 2]), 1.0, 0.0).unwrap_err();
        assert_eq!(message, "shape: expected [3, 2], got [2, 3]");
    }

    #[test]
    fn tolerance_is_relative_to_what_is_expected() {
        assert!(close(&array(&[101.0]), &array(&[100.0]), 0.0, 0.0101).is_ok());
        assert!(close(&array(&[101.0]), &array(&[100.0]), 0.0, 0.0099).is_err());
    }
}
