use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{self, RandomChange, colour_layer};
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, pictures turned into negatives, `value_range[1] - x`, each with a probability drawn
    /// within the factor, by default always; else the identity. Keras 3,
    /// keras/src/layers/preprocessing/image_preprocessing/random_invert.py.
    RandomInvert within [0.0, 1.0], channels [], factor 1.0
}

/// Draws 1 for the pictures that are inverted.
impl RandomChange for RandomInvert {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        Ok(vec![change::with_probability(cx, x, self.limits())?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let negative = g.scalar_sub(self.value_range[1], x)?;
        g.select(drawn[0], negative, x)
    }
}
