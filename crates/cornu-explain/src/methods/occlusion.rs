use cornu_tensor::Tensor;

use super::Found;
use crate::explainer::{BATCH, Case, Explainer};
use crate::{ExplainError, Occlusion};

/// What the score loses when a window is covered.
pub(super) fn occlusion(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
    settings: &Occlusion,
) -> Result<Vec<Found>, ExplainError> {
    let [height, width, channels] = explainer.picture;
    let shorter = height.min(width);
    let window = settings.window.unwrap_or((shorter / 8).max(1));
    if window == 0 || shorter < window {
        return Err(ExplainError::setting("window", format!("1 to {shorter}"), window));
    }
    let stride = settings.stride.unwrap_or((window / 2).max(1));
    if stride == 0 || window < stride {
        return Err(ExplainError::setting("stride", format!("1 to {window}"), stride));
    }
    if settings.fill.is_some_and(|fill| !fill.is_finite()) {
        return Err(ExplainError::setting("fill", "a finite number", settings.fill.unwrap_or(0.0)));
    }
    let (rows, columns) = (starts(height, window, stride), starts(width, window, stride));
    let corners: Vec<(usize, usize)> =
        rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y, x))).collect();
    let size = height * width * channels;
    let mut found = Vec::with_capacity(cases.len());
    for (picture, case) in batch.data().chunks(size.max(1)).zip(cases) {
        let fill = match settings.fill {
            Some(fill) => vec![fill; channels],
            None => means(picture, channels),
        };
        let mut sum = vec![0.0f64; height * width];
        let mut times = vec![0u32; height * width];
        for corners in corners.chunks(BATCH) {
            let mut pictures = picture.repeat(corners.len());
            for (picture, &(top, left)) in pictures.chunks_mut(size).zip(corners) {
                for y in top..top + window {
                    let row = &mut picture[(y * width + left) * channels..][..window * channels];
                    row.chunks_mut(channels).for_each(|pixel| pixel.copy_from_slice(&fill));
                }
            }
            let scores = explainer.scores(&pictures, case)?;
            for (&(top, left), score) in corners.iter().zip(scores) {
                for y in top..top + window {
                    for at in y * width + left..y * width + left + window {
                        sum[at] += case.score - score;
                        times[at] += 1;
                    }
                }
            }
        }
        let mean = |(sum, &times): (f64, &u32)| (sum / f64::from(times.max(1))) as f32;
        found.push(Found::pixels(sum.into_iter().zip(&times).map(mean).collect()));
    }
    Ok(found)
}

/// Where windows begin; the last one ends at the edge.
fn starts(size: usize, window: usize, stride: usize) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..=size - window).step_by(stride).collect();
    if starts.last() != Some(&(size - window)) {
        starts.push(size - window);
    }
    starts
}

fn means(picture: &[f32], channels: usize) -> Vec<f32> {
    let n = (picture.len() / channels.max(1)).max(1) as f64;
    let mean = |k: usize| {
        let values = picture.iter().skip(k).step_by(channels.max(1));
        (values.map(|&x| f64::from(x)).sum::<f64>() / n) as f32
    };
    (0..channels).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_picture() {
        assert_eq!(starts(10, 4, 2), [0, 2, 4, 6]);
        assert_eq!(starts(11, 4, 2), [0, 2, 4, 6, 7]);
        assert_eq!(starts(4, 4, 3), [0]);
        assert_eq!(means(&[1.0, 10.0, 3.0, 20.0], 2), [2.0, 15.0]);
    }
}
