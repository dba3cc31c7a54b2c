//! Which pixels answers come from, laid over the pictures.

use cornu::explain::{ExplainError, Explainer, Map, Method, Target};
use cornu::model::Model;
use cornu::plot::raster::Raster;
use cornu::plot::{ColourMap, laid_over, map_in_words};
use cornu::tensor::Tensor;

use super::html::Shown;
use super::pictures;
use crate::error::CliError;
use crate::machine::Machine;

/// A picture whose answer is explained.
pub(super) struct Answered<'a> {
    pub(super) pixels: &'a [f32],
    /// What the picture is called.
    pub(super) name: &'a str,
    /// What the model takes it for.
    pub(super) class: &'a str,
}

/// Maps over pictures of one shape, each for the answer of the model.
pub(super) struct Explained {
    /// The maps of each picture.
    pub(super) maps: Vec<Vec<Shown>>,
    /// What the colours mean: HTML.
    pub(super) key: String,
}

/// Maps of Grad-CAM++ and of SmoothGrad; only of the second for a network without convolutions.
pub(super) fn explained(
    model: &Model,
    machine: Machine,
    answers: &[Answered<'_>],
    shape: [usize; 3],
) -> Result<Explained, CliError> {
    let [height, width, channels] = shape;
    let mut explainer = Explainer::new(model)?.options(machine.options()?);
    let pixels: Vec<f32> = answers.iter().flat_map(|answer| answer.pixels).copied().collect();
    let batch = Tensor::new([answers.len(), height, width, channels], pixels)
        .map_err(|error| CliError::message(error.to_string()))?;
    let targets = vec![Target::Predicted; answers.len()];
    let (mut names, mut all) = (Vec::new(), Vec::<Vec<Map>>::new());
    for (name, method) in
        [("Grad-CAM++", Method::grad_cam_plus_plus()), ("SmoothGrad", Method::named("smoothgrad")?)]
    {
        match explainer.explain_batch(&batch, &method, &targets) {
            Ok(maps) => {
                names.push(name);
                all.push(maps);
            }
            // There is no layer to look at.
            Err(ExplainError::Structure { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut shown = Vec::with_capacity(answers.len());
    for (i, answer) in answers.iter().enumerate() {
        let picture = Raster::from_numbers(width, height, answer.pixels)?;
        let of_picture = all.iter().map(|maps| {
            let laid = laid_over(&picture, &maps[i])?;
            let numbers: Vec<f32> = laid.pixels().iter().map(|&byte| f32::from(byte)).collect();
            let alt = map_in_words(&maps[i], answer.name, answer.class);
            pictures::shown(&numbers, [height, width, 3], pictures::SMALL, alt)
        });
        shown.push(of_picture.collect::<Result<Vec<Shown>, CliError>>()?);
    }
    Ok(Explained { maps: shown, key: key(&names) })
}

fn key(names: &[&str]) -> String {
    let coarse = match names {
        [_, _] => {
            " The first sees where a layer deep in the network looked, the second single pixels."
        }
        _ => "",
    };
    format!(
        "<p class=\"soft key\">Beside each picture {} where the answer comes from: little \
         <span style=\"background:{}\"></span> much.{coarse}</p>\n",
        match names {
            [first, second] => format!("{first} and {second} show"),
            _ => format!("{} shows", names.concat()),
        },
        ColourMap::default().css()
    )
}
