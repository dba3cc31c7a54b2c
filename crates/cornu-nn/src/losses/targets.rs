//! What targets may be. Their values are looked at before a step: in the graph a label that is no
//! class would just count for nothing.

/// Resampled or mixed labels miss 0 and 1 by a few roundings.
const ROUNDING: f32 = 1e-5;

/// A target that a loss cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("expected {expected}, got {value}: {hint}")]
pub struct WrongTarget {
    /// Which element of the targets, counted through all samples.
    pub index: usize,
    /// The element.
    pub value: f32,
    /// What the loss takes.
    pub expected: String,
    /// What to do.
    pub hint: String,
}

/// All targets must be at least 0 and at most 1; `hint` says what to do about others.
///
/// # Errors
///
/// The first target that is not.
pub fn check_within_0_and_1(targets: &[f32], hint: &str) -> Result<(), WrongTarget> {
    let is_right = |y: f32| (-ROUNDING..=1.0 + ROUNDING).contains(&y);
    check_each(targets, is_right, || ("at least 0 and at most 1".to_owned(), hint.to_owned()))
}

/// All targets must be classes `0..classes` or `ignore_class`.
///
/// # Errors
///
/// The first target that is not.
pub fn check_classes(
    targets: &[f32],
    classes: usize,
    ignore_class: Option<i64>,
) -> Result<(), WrongTarget> {
    let n = classes as f32;
    // No label equals NaN.
    let ignored = ignore_class.map_or(f32::NAN, |class| class as f32);
    let is_right = |y: f32| ((0.0 <= y) & (y < n) & (y as i32 as f32 == y)) | (y == ignored);
    check_each(targets, is_right, || {
        let but = ignore_class.map_or(String::new(), |class| format!(" (or {class}, ignored)"));
        let last = classes.saturating_sub(1);
        (
            format!("a whole number from 0 to {last}{but}, as the model has {classes} classes"),
            "correct the label, give the last layer as many units as there are classes, or set \
             `ignore_class`"
                .to_owned(),
        )
    })
}

/// All targets must be whole numbers; `hint` says what to do about others.
///
/// # Errors
///
/// The first target that is not.
pub(crate) fn check_whole(targets: &[f32], hint: &str) -> Result<(), WrongTarget> {
    check_each(targets, |y| y.trunc() == y, || ("a whole number".to_owned(), hint.to_owned()))
}

/// Position of the first of `values` that is not right. Costs next to nothing if all are.
pub fn first_wrong(values: &[f32], is_right: impl Fn(f32) -> bool) -> Option<usize> {
    // All are looked at before it is asked for the result: that is vectorized, a search is not.
    let any_wrong = values.iter().fold(0, |any, &value| any | u32::from(!is_right(value)));
    if any_wrong == 0 { None } else { values.iter().position(|&value| !is_right(value)) }
}

/// The first target that is not right; `explain` answers what is expected and what to do.
fn check_each(
    targets: &[f32],
    is_right: impl Fn(f32) -> bool,
    explain: impl FnOnce() -> (String, String),
) -> Result<(), WrongTarget> {
    let Some(index) = first_wrong(targets, is_right) else { return Ok(()) };
    let (expected, hint) = explain();
    Err(WrongTarget { index, value: targets[index], expected, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_label_that_is_no_class_is_named() {
        let wrong = |y: &[f32], ignore| check_classes(y, 3, ignore).unwrap_err().index;
        assert_eq!(check_classes(&[], 3, None), Ok(()));
        assert_eq!(check_classes(&[0.0, 2.0, -0.0, 1.0], 3, None), Ok(()));
        assert_eq!(wrong(&[0.0, 3.0, 4.0], None), 1);
        assert_eq!(wrong(&[-1.0], None), 0);
        assert_eq!(wrong(&[0.0, 1.0, 2.0, 1.5], None), 3);
        assert_eq!(wrong(&[f32::NAN], None), 0);
        assert_eq!(check_classes(&[255.0, -1.0], 3, Some(255)).unwrap_err().index, 1);
        assert_eq!(check_classes(&[-1.0, 2.0], 3, Some(-1)), Ok(()));
        assert_eq!(
            check_classes(&[7.0], 3, Some(255)).unwrap_err().to_string(),
            "expected a whole number from 0 to 2 (or 255, ignored), as the model has 3 classes, \
             got 7: correct the label, give the last layer as many units as there are classes, or \
             set `ignore_class`"
        );
    }

    #[test]
    fn targets_may_be_0_and_1_and_between() {
        let check = |y: &[f32]| check_within_0_and_1(y, "scale");
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0.0, 1.0, 0.5, 1.0 + f32::EPSILON, -f32::EPSILON]), Ok(()));
        assert_eq!(check(&[0.0, 1.0, 255.0]).unwrap_err().index, 2);
        assert_eq!(check(&[-0.1]).unwrap_err().index, 0);
        assert_eq!(
            check(&[f32::NAN]).unwrap_err().to_string(),
            "expected at least 0 and at most 1, got NaN: scale"
        );
    }
}
