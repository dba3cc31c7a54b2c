use cornu_tensor::Tensor;

use super::{Found, selectors};
use crate::ExplainError;
use crate::explainer::{Case, Explainer};
use crate::programs::{ProgramKey, SELECTOR};

/// Grad-CAM and Grad-CAM++: the whole map is one graph.
pub(super) fn cam(
    explainer: &mut Explainer<'_>,
    batch: &Tensor,
    cases: &[Case],
    key: &ProgramKey,
) -> Result<Vec<Found>, ExplainError> {
    let selectors = selectors(cases);
    let maps = explainer.run(key, batch.data(), &[(SELECTOR, &selectors)], cases.len())?.remove(0);
    let size = [maps.dims()[1], maps.dims()[2]];
    let n = (size[0] * size[1]).max(1);
    Ok(maps.data().chunks(n).map(|map| Found::coarse(map.to_vec(), size)).collect())
}
