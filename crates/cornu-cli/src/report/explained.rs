//! Which pixels answers come from, laid over the pictures.

use cornu::explain::{Explainer, Method, Target};
use cornu::model::Model;
use cornu::plot::raster::{Overlay, Raster, ValueRange, overlay};
use cornu::plot::{ColourMap, PlotError};
use cornu::tensor::Tensor;

use super::html::Shown;
use super::pictures;
use crate::error::CliError;
use crate::machine::Machine;

/// Maps of Grad-CAM++ over pictures, each for the answer of the model, which `alts` name; or why there
/// are none.
pub(super) fn explained(
    model: &Model,
    machine: Machine,
    samples: &[Vec<f32>],
    shape: [usize; 3],
    alts: Vec<String>,
) -> Result<Vec<Shown>, CliError> {
    let problem = |error: &dyn std::fmt::Display| CliError::message(error.to_string());
    let [height, width, channels] = shape;
    let dims = [samples.len(), height, width, channels];
    let batch = Tensor::new(dims, samples.concat()).map_err(|error| problem(&error))?;
    let mut explainer =
        Explainer::new(model).map_err(|error| problem(&error))?.options(machine.options()?);
    let targets = vec![Target::Predicted; samples.len()];
    let maps = explainer
        .explain_batch(&batch, &Method::grad_cam_plus_plus(), &targets)
        .map_err(|error| problem(&error))?;
    let mut shown = Vec::with_capacity(maps.len());
    for ((pixels, map), alt) in samples.iter().zip(&maps).zip(alts) {
        let laid = laid_over(pixels, map.values.data(), shape).map_err(|error| problem(&error))?;
        let numbers: Vec<f32> = laid.pixels().iter().map(|&byte| f32::from(byte)).collect();
        shown.push(pictures::shown(&numbers, [height, width, 3], alt)?);
    }
    Ok(shown)
}

fn laid_over(pixels: &[f32], map: &[f32], shape: [usize; 3]) -> Result<Raster, PlotError> {
    let [height, width, _] = shape;
    let picture = Raster::from_numbers(width, height, pixels)?;
    let range = ValueRange::of(map, ColourMap::default());
    overlay(&picture, map, width, range, Overlay::default())
}

/// What the colours mean: HTML.
pub(super) fn key() -> String {
    format!(
        "<p class=\"soft key\">Beside each picture Grad-CAM++ shows where the answer comes from: \
         little <span style=\"background:{}\"></span> much.</p>\n",
        ColourMap::default().css()
    )
}
