use cornu_tensor::Tensor;

use super::{Found, selectors};
use crate::explainer::{BATCH, Case, Explainer};
use crate::programs::{ProgramKey, SELECTOR, SIGMA};
use crate::{ExplainError, SmoothGrad};

/// Size of the gradient: the greatest of the channels.
pub(super) fn saliency(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
) -> Result<Vec<Found>, ExplainError> {
    let selectors = selectors(cases);
    let inputs = [(SELECTOR, &selectors[..])];
    let results = explainer.run(&ProgramKey::InputGradient, batch.data(), &inputs, cases.len())?;
    let [height, width, channels] = explainer.picture;
    let pictures = results[1].data().chunks((height * width * channels).max(1));
    Ok(pictures.map(|gradient| Found::pixels(greatest(gradient, channels))).collect())
}

/// The same of the mean gradient of noisy copies.
pub(super) fn smooth_grad(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
    settings: &SmoothGrad,
) -> Result<Vec<Found>, ExplainError> {
    if settings.samples == 0 {
        return Err(ExplainError::setting("samples", "at least 1", 0));
    }
    if !(settings.noise.is_finite() && 0.0 <= settings.noise) {
        return Err(ExplainError::setting("noise", "a number from 0 on", settings.noise));
    }
    let size: usize = explainer.picture.iter().product();
    let mut found = Vec::with_capacity(cases.len());
    for (picture, case) in batch.data().chunks(size.max(1)).zip(cases) {
        let low = picture.iter().copied().fold(f32::INFINITY, f32::min);
        let high = picture.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sigma = [(settings.noise * f64::from(high - low)) as f32];
        let mut sum = vec![0.0f64; size];
        for (step, start) in (0..settings.samples).step_by(BATCH).enumerate() {
            let n = BATCH.min(settings.samples - start);
            let (copies, selectors) = (picture.repeat(n), case.selector.repeat(n));
            let inputs = [(SELECTOR, &selectors[..]), (SIGMA, &sigma[..])];
            let random = (settings.seed, step as u64);
            let key = ProgramKey::NoisyGradient;
            let results = explainer.run_seeded(&key, &copies, &inputs, n, random)?;
            for gradient in results[1].data().chunks(size.max(1)) {
                for (sum, &x) in sum.iter_mut().zip(gradient) {
                    *sum += f64::from(x);
                }
            }
        }
        let mean: Vec<f32> = sum.iter().map(|x| (x / settings.samples as f64) as f32).collect();
        found.push(Found::pixels(greatest(&mean, explainer.picture[2])));
    }
    Ok(found)
}

/// For each pixel the greatest size of its channels.
fn greatest(gradient: &[f32], channels: usize) -> Vec<f32> {
    let of_pixel = |pixel: &[f32]| pixel.iter().map(|x| x.abs()).fold(0.0, f32::max);
    gradient.chunks(channels.max(1)).map(of_pixel).collect()
}
