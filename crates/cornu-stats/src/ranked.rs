use crate::StatsError;

/// Samples from the highest score to the lowest.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    /// Sample indices; of equal scores the lower index first.
    pub(crate) order: Vec<usize>,
    /// Ends of the runs of equal scores in `order`.
    pub(crate) ends: Vec<usize>,
    pub(crate) positives: usize,
    pub(crate) negatives: usize,
}

impl Ranked {
    /// # Errors
    ///
    /// [`StatsError::Lengths`], [`StatsError::NotFinite`], or [`StatsError::OneClass`].
    pub(crate) fn new(scores: &[f64], positive: &[bool]) -> Result<Self, StatsError> {
        check(scores, positive)?;
        let positives = positive.iter().filter(|&&positive| positive).count();
        let negatives = positive.len() - positives;
        if positives == 0 || negatives == 0 {
            return Err(StatsError::OneClass { positives, negatives });
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let last = order.len() - 1;
        let is_end = |i: &usize| *i == last || scores[order[*i]] != scores[order[*i + 1]];
        let ends = (0..order.len()).filter(is_end).map(|i| i + 1).collect();
        Ok(Self { order, ends, positives, negatives })
    }

    /// The runs of equal scores, from the highest.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &[usize]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.order[start..end])
    }
}

/// A label for each score, and no score that is not finite.
pub(crate) fn check(scores: &[f64], positive: &[bool]) -> Result<(), StatsError> {
    if scores.len() != positive.len() {
        return Err(StatsError::Lengths { scores: scores.len(), labels: positive.len() });
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { index, value: scores[index] }),
        None => Ok(()),
    }
}

/// As [`check`], and every score from 0 to 1.
pub(crate) fn check_probabilities(scores: &[f64], positive: &[bool]) -> Result<(), StatsError> {
    check(scores, positive)?;
    match scores.iter().position(|score| !(0.0..=1.0).contains(score)) {
        Some(index) => Err(StatsError::NotProbability { index, value: scores[index] }),
        None => Ok(()),
    }
}
