use cornu_tensor::Tensor;

use super::Found;
use crate::explainer::{BATCH, Case, Explainer};
use crate::programs::{ProgramKey, SELECTOR};
use crate::{Completeness, ExplainError, IntegratedGradients};

/// Gradients along the straight way from the baseline to the picture, by the midpoint rule.
pub(super) fn integrated_gradients(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
    settings: &IntegratedGradients,
) -> Result<Vec<Found>, ExplainError> {
    if settings.steps == 0 {
        return Err(ExplainError::setting("steps", "at least 1", 0));
    }
    if !settings.baseline.is_finite() {
        return Err(ExplainError::setting("baseline", "a finite number", settings.baseline));
    }
    if !(0.0 < settings.tolerance) {
        return Err(ExplainError::setting("tolerance", "a number above 0", settings.tolerance));
    }
    let size: usize = explainer.picture.iter().product();
    let baseline = vec![settings.baseline; size];
    let mut found = Vec::with_capacity(cases.len());
    for (picture, case) in batch.data().chunks(size.max(1)).zip(cases) {
        let difference = case.score - explainer.scores(&baseline, case)?[0];
        let mut steps = settings.steps;
        loop {
            let shares = shares(explainer, picture, settings.baseline, case, steps)?;
            let sum: f64 = shares.iter().sum();
            let completeness = Completeness { sum, difference, steps };
            if completeness.gap() <= settings.tolerance || settings.max_steps < 2 * steps {
                let of_pixel = |pixel: &[f64]| pixel.iter().sum::<f64>() as f32;
                let values = shares.chunks(explainer.picture[2].max(1)).map(of_pixel).collect();
                let completeness = Some(completeness);
                found.push(Found { values, coarse: None, completeness });
                break;
            }
            steps *= 2;
        }
    }
    Ok(found)
}

/// The share of each number of the picture in the score.
fn shares(
    explainer: &mut Explainer<'_>,
    picture: &[f32],
    baseline: f32,
    case: &Case,
    steps: usize,
) -> Result<Vec<f64>, ExplainError> {
    let mut sum = vec![0.0f64; picture.len()];
    for start in (0..steps).step_by(BATCH) {
        let n = BATCH.min(steps - start);
        let mut points = Vec::with_capacity(n * picture.len());
        for step in start..start + n {
            let way = ((step as f64 + 0.5) / steps as f64) as f32;
            points.extend(picture.iter().map(|x| baseline + way * (x - baseline)));
        }
        let selectors = case.selector.repeat(n);
        let inputs = [(SELECTOR, &selectors[..])];
        let results = explainer.run(&ProgramKey::InputGradient, &points, &inputs, n)?;
        for gradient in results[1].data().chunks(picture.len().max(1)) {
            for (sum, &x) in sum.iter_mut().zip(gradient) {
                *sum += f64::from(x);
            }
        }
    }
    let share = |(sum, &x): (&f64, &f32)| f64::from(x - baseline) * sum / steps as f64;
    Ok(sum.iter().zip(picture).map(share).collect())
}
