//! The methods: one file per family.

mod cam;
mod gradients;
mod integrated;
mod occlusion;
mod score_cam;

use cornu_tensor::Tensor;

use crate::explainer::{Case, Explainer};
use crate::programs::ProgramKey;
use crate::{Completeness, ExplainError, Map, Method, resize};

/// What a method finds out for one picture.
pub(crate) struct Found {
    /// At the picture's size, or at the layer's with its rows and columns.
    values: Vec<f32>,
    coarse: Option<[usize; 2]>,
    completeness: Option<Completeness>,
}

impl Found {
    fn pixels(values: Vec<f32>) -> Self {
        Self { values, coarse: None, completeness: None }
    }

    fn coarse(values: Vec<f32>, size: [usize; 2]) -> Self {
        Self { values, coarse: Some(size), completeness: None }
    }
}

/// The maps of a batch of pictures.
pub(crate) fn maps(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    method: &Method,
    cases: &[Case],
) -> Result<Vec<Map>, ExplainError> {
    let mut layer = None;
    let mut look_at = |name: &Option<String>| -> Result<String, ExplainError> {
        let path = explainer.layer(name.as_ref())?;
        layer = Some(path.clone());
        Ok(path)
    };
    let found = match method {
        Method::Saliency => gradients::saliency(explainer, batch, cases)?,
        Method::SmoothGrad(settings) => gradients::smooth_grad(explainer, batch, cases, settings)?,
        Method::IntegratedGradients(settings) => {
            integrated::integrated_gradients(explainer, batch, cases, settings)?
        }
        Method::GradCam { layer } => {
            let key = ProgramKey::GradCam(look_at(layer)?);
            cam::cam(explainer, batch, cases, &key)?
        }
        Method::GradCamPlusPlus { layer } => {
            let key = ProgramKey::GradCamPlusPlus(look_at(layer)?);
            cam::cam(explainer, batch, cases, &key)?
        }
        Method::ScoreCam { layer } => {
            let path = look_at(layer)?;
            score_cam::score_cam(explainer, batch, cases, &path)?
        }
        Method::Occlusion(settings) => occlusion::occlusion(explainer, batch, cases, settings)?,
    };
    let [height, width, _] = explainer.picture;
    let tensor = |dims: [usize; 2], values: Vec<f32>| {
        Tensor::new(dims, values).map_err(|error| ExplainError::Picture {
            expected: format!("a map of {} x {}", dims[0], dims[1]),
            got: error.to_string(),
        })
    };
    found
        .into_iter()
        .zip(cases)
        .map(|(found, case)| {
            let (values, coarse) = match found.coarse {
                None => (found.values, None),
                Some(size) => {
                    let large = resize::bilinear(&found.values, size, [height, width]);
                    (large, Some(tensor(size, found.values)?))
                }
            };
            Ok(Map {
                method: method.name(),
                values: tensor([height, width], values)?,
                coarse,
                layer: layer.clone(),
                signed: method.is_signed(),
                class: case.class,
                score: case.score,
                outputs: case.outputs.clone(),
                completeness: found.completeness,
            })
        })
        .collect()
}

/// The selectors of all pictures of a batch.
fn selectors(cases: &[Case]) -> Vec<f32> {
    cases.iter().flat_map(|case| &case.selector).copied().collect()
}
