//! Pairs of steps that one walk over the block can do.

use super::program::Step;
use super::{Binary, Ternary};

/// Joins each step with one of its operands where there is an operation for both and nobody else
/// needs the operand, which is left behind unused.
pub(super) fn join_pairs(n_inputs: usize, steps: Vec<Step>, outputs: &[usize]) -> Vec<Step> {
    let mut uses = vec![0; n_inputs + steps.len()];
    for value in steps.iter().flat_map(|step| step.operands()).chain(outputs.iter().copied()) {
        uses[value] += 1;
    }
    let mut joined = steps;
    // Sums first: a product that becomes part of one is not there for a difference any more.
    for join in [product_and_sum, difference_and_product, comparison_and_choice] {
        for index in 0..joined.len() {
            let own = |value: usize| {
                let step = value.checked_sub(n_inputs).map(|index| joined[index]);
                step.filter(|_| uses[value] == 1)
            };
            let zero = |value: usize| {
                value.checked_sub(n_inputs).is_some_and(|index| joined[index] == Step::Const(0.0))
            };
            if let Some(step) = join(joined[index], &own, &zero) {
                joined[index] = step;
            }
        }
    }
    joined
}

/// The step that makes a value which is used once.
type Own<'a> = &'a dyn Fn(usize) -> Option<Step>;
/// Whether a value is the number 0.
type IsZero<'a> = &'a dyn Fn(usize) -> bool;

/// `a * b + c`
fn product_and_sum(step: Step, own: Own<'_>, _: IsZero<'_>) -> Option<Step> {
    let Step::Binary(Binary::Add, a, b) = step else { return None };
    [(a, b), (b, a)].into_iter().find_map(|(product, term)| match own(product) {
        Some(Step::Binary(Binary::Mul, u, v)) => Some(Step::Ternary(Ternary::MulAdd, u, v, term)),
        _ => None,
    })
}

/// `(a - b) * c`
fn difference_and_product(step: Step, own: Own<'_>, _: IsZero<'_>) -> Option<Step> {
    let Step::Binary(Binary::Mul, a, b) = step else { return None };
    [(a, b), (b, a)].into_iter().find_map(|(difference, factor)| match own(difference) {
        Some(Step::Binary(Binary::Sub, u, v)) => Some(Step::Ternary(Ternary::SubMul, u, v, factor)),
        _ => None,
    })
}

/// `a > 0 ? b : 0`
fn comparison_and_choice(step: Step, own: Own<'_>, zero: IsZero<'_>) -> Option<Step> {
    let Step::Select(condition, yes, no) = step else { return None };
    match own(condition) {
        Some(Step::Binary(Binary::Greater, x, limit)) if zero(limit) && zero(no) => {
            Some(Step::Binary(Binary::Gate, x, yes))
        }
        _ => None,
    }
}
