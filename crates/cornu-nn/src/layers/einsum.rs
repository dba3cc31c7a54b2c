//! Products of a tensor of samples with a weight, in Einstein's notation.

use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};

use crate::LayerError;

/// `input,weight->output`, each axis a letter; ellipses are letters of their own by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Equation {
    pub(super) input: Vec<char>,
    pub(super) weight: Vec<char>,
    pub(super) output: Vec<char>,
    /// Number of axes that an ellipsis on the right stands for.
    pub(super) elided_right: usize,
}

impl Equation {
    /// Reads Keras's forms `abc,cd->abd`, `...c,cd->...d` and `ab...,bc->ac...` for inputs of
    /// `rank` axes.
    pub(super) fn parse(text: &str, rank: usize) -> Result<Self, LayerError> {
        let wrong = || {
            let expected = format!(
                "`ab,bc->ac`, `...b,bc->...c` or `ab...,bc->ac...` for inputs of {rank} axes"
            );
            LayerError::config("equation", expected, text)
        };
        let plain = text.replace(' ', "");
        let (left, output) = plain.split_once("->").ok_or_else(wrong)?;
        let (input, weight) = left.split_once(',').ok_or_else(wrong)?;
        let free: Vec<char> =
            ('a'..='z').chain('A'..='Z').filter(|&letter| !plain.contains(letter)).collect();
        let n_named = input.trim_matches('.').len();
        let n_elided = rank.checked_sub(n_named).ok_or_else(wrong)?;
        let elided = free.get(..n_elided).ok_or_else(wrong)?;
        let expand = |spec: &str| -> Option<Vec<char>> {
            let letters: Vec<char> = match (spec.strip_prefix("..."), spec.strip_suffix("...")) {
                (Some(named), None) => elided.iter().copied().chain(named.chars()).collect(),
                (None, Some(named)) => named.chars().chain(elided.iter().copied()).collect(),
                (None, None) if n_elided == 0 => spec.chars().collect(),
                _ => return None,
            };
            letters.iter().all(char::is_ascii_alphabetic).then_some(letters)
        };
        let left_elided = input.starts_with("...") && output.starts_with("...");
        let right_elided = input.ends_with("...") && output.ends_with("...");
        let elides = input.contains('.') || output.contains('.');
        if weight.contains('.') || weight.is_empty() || (elides && left_elided == right_elided) {
            return Err(wrong());
        }
        let equation = Self {
            input: expand(input).ok_or_else(wrong)?,
            weight: weight.chars().collect(),
            output: expand(output).ok_or_else(wrong)?,
            elided_right: if right_elided { n_elided } else { 0 },
        };
        if equation.fits() { Ok(equation) } else { Err(wrong()) }
    }

    /// Letters stand once in each operand, every axis of the output and of the weight comes from
    /// somewhere or goes somewhere, and the samples stay in front.
    fn fits(&self) -> bool {
        let once = |letters: &[char]| {
            letters
                .iter()
                .all(|letter| letters.iter().filter(|other| *other == letter).count() == 1)
        };
        once(&self.input)
            && once(&self.weight)
            && once(&self.output)
            && self.output.iter().all(|l| self.input.contains(l) || self.weight.contains(l))
            && self.weight.iter().all(|l| self.input.contains(l) || self.output.contains(l))
            && self.input.first() == self.output.first()
            && self.input.first().is_some_and(|samples| !self.weight.contains(samples))
    }

    /// Adds the product of `x` and `weight`.
    pub(super) fn lower(
        &self,
        g: &mut Graph,
        x: ValueId,
        weight: ValueId,
    ) -> Result<ValueId, GraphError> {
        let summed: Vec<usize> = (0..self.input.len())
            .filter(|&axis| {
                let letter = &self.input[axis];
                !self.output.contains(letter) && !self.weight.contains(letter)
            })
            .collect();
        let x = if summed.is_empty() { x } else { g.sum(x, &summed, false)? };
        let input: Vec<char> = self
            .input
            .iter()
            .copied()
            .filter(|letter| self.output.contains(letter) || self.weight.contains(letter))
            .collect();
        let is_shared =
            |letter: &char| self.weight.contains(letter) && self.output.contains(letter);
        if input.iter().any(is_shared) {
            self.lower_by_broadcast(g, x, &input, weight)
        } else {
            self.lower_by_matmul(g, x, &input, weight)
        }
    }

    /// No axis of both operands is left in the output: a product of matrices.
    fn lower_by_matmul(
        &self,
        g: &mut Graph,
        x: ValueId,
        input: &[char],
        weight: ValueId,
    ) -> Result<ValueId, GraphError> {
        let (contracted, kept): (Vec<char>, Vec<char>) =
            input.iter().partition(|letter| self.weight.contains(letter));
        let added: Vec<char> =
            self.weight.iter().copied().filter(|letter| !contracted.contains(letter)).collect();
        let x = arrange(g, x, input, &[&kept[..], &contracted[..]].concat())?;
        let weight = arrange(g, weight, &self.weight, &[&contracted[..], &added[..]].concat())?;
        let y = contract(g, x, weight, contracted.len())?;
        arrange(g, y, &[&kept[..], &added[..]].concat(), &self.output)
    }

    /// All axes next to one another, then the sum over those that go.
    fn lower_by_broadcast(
        &self,
        g: &mut Graph,
        x: ValueId,
        input: &[char],
        weight: ValueId,
    ) -> Result<ValueId, GraphError> {
        let contracted: Vec<char> =
            self.weight.iter().copied().filter(|letter| !self.output.contains(letter)).collect();
        let all = [&self.output[..], &contracted[..]].concat();
        let spread = |g: &mut Graph, value: ValueId, letters: &[char]| {
            let order: Vec<char> =
                all.iter().copied().filter(|letter| letters.contains(letter)).collect();
            let value = arrange(g, value, letters, &order)?;
            let mut own = g.shape(value).dims().to_vec().into_iter();
            let dims: Vec<Dim> = all
                .iter()
                .map(|letter| {
                    letters.contains(letter).then(|| own.next()).flatten().unwrap_or(Dim::Fixed(1))
                })
                .collect();
            g.reshape(value, Shape::new(dims))
        };
        let x = spread(g, x, input)?;
        let weight = spread(g, weight, &self.weight)?;
        let y = g.mul(x, weight)?;
        let axes: Vec<usize> = (self.output.len()..all.len()).collect();
        if axes.is_empty() { Ok(y) } else { g.sum(y, &axes, false) }
    }
}

/// Axes in another order.
fn arrange(
    g: &mut Graph,
    value: ValueId,
    from: &[char],
    to: &[char],
) -> Result<ValueId, GraphError> {
    let axes: Vec<usize> =
        to.iter().filter_map(|letter| from.iter().position(|other| other == letter)).collect();
    if axes.iter().enumerate().all(|(i, &axis)| i == axis) {
        return Ok(value);
    }
    g.transpose(value, &axes)
}

/// The sum over the last `n` axes of `x`, samples in front, times the first `n` of `weight`:
/// `(..., *k)` and `(*k, *out)` to `(..., *out)`.
pub(super) fn contract(
    g: &mut Graph,
    x: ValueId,
    weight: ValueId,
    n: usize,
) -> Result<ValueId, GraphError> {
    let shape = g.shape(x).clone();
    let (kept, contracted) = shape.dims().split_at(shape.rank() - n);
    let inner: usize = contracted.iter().map(|dim| dim.size(1)).product();
    let rows = kept.iter().map(|dim| dim.size(1)).product();
    let rows = if shape.is_batched() { Dim::Batch(rows) } else { Dim::Fixed(rows) };
    let out = g.shape(weight).dims()[n..].to_vec();
    let columns = out.iter().map(|dim| dim.size(1)).product();
    let x = g.reshape(x, Shape::new([rows, Dim::Fixed(inner)]))?;
    let weight = g.reshape(weight, Shape::fixed([inner, columns]))?;
    let y = g.matmul(x, weight, false, false)?;
    g.reshape(y, Shape::new([kept, &out[..]].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ellipses_stand_for_letters_that_are_not_used() {
        let left = Equation::parse("...x,xy->...y", 3).unwrap();
        assert_eq!(left.input, ['a', 'b', 'x']);
        assert_eq!(left.output, ['a', 'b', 'y']);
        let right = Equation::parse("ab...,bc->ac...", 4).unwrap();
        assert_eq!((right.output.len(), right.elided_right), (4, 2));
        for wrong in ["ab,bc", "ab->ac", "ab,bc->dc", "ab,bcd->ac", "aab,b->a", "...ab...,b->a"] {
            assert!(Equation::parse(wrong, 2).is_err(), "{wrong}");
        }
    }
}
