use cornu_tensor::Tensor;

use super::Found;
use crate::ExplainError;
use crate::explainer::{BATCH, Case, Explainer};
use crate::programs::{MASK, ProgramKey, SELECTOR};

/// Feature maps weighted by the scores of the picture seen through each of them.
pub(super) fn score_cam(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
    layer: &str,
) -> Result<Vec<Found>, ExplainError> {
    let key = ProgramKey::Features(layer.to_owned());
    let features = explainer.run(&key, batch.data(), &[], cases.len())?.remove(0);
    let (rows, columns, channels) = (features.dims()[1], features.dims()[2], features.dims()[3]);
    let places = rows * columns;
    let size: usize = explainer.picture.iter().product();
    let key = ProgramKey::MaskedScore([rows, columns]);
    let mut found = Vec::with_capacity(cases.len());
    let pictures = batch.data().chunks(size.max(1));
    let features = features.data().chunks((places * channels).max(1));
    for ((picture, features), case) in pictures.zip(features).zip(cases) {
        // Channel after channel.
        let masks: Vec<f32> = (0..channels)
            .flat_map(|k| features.iter().skip(k).step_by(channels).copied())
            .collect();
        let mut scores = Vec::with_capacity(channels);
        for masks in masks.chunks((BATCH * places).max(1)) {
            let n = masks.len() / places.max(1);
            let (copies, selectors) = (picture.repeat(n), case.selector.repeat(n));
            let inputs = [(SELECTOR, &selectors[..]), (MASK, masks)];
            let results = explainer.run(&key, &copies, &inputs, n)?;
            scores.extend(results[0].data().iter().map(|&score| f64::from(score)));
        }
        let weights = softmax(&scores);
        let mut map = vec![0.0f64; places];
        for (mask, weight) in masks.chunks(places.max(1)).zip(weights) {
            for (sum, &x) in map.iter_mut().zip(mask) {
                *sum += weight * f64::from(x);
            }
        }
        let map = map.into_iter().map(|x| x.max(0.0) as f32).collect();
        found.push(Found::coarse(map, [rows, columns]));
    }
    Ok(found)
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
