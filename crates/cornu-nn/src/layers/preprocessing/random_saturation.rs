use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{self, RandomChange, colour_layer};
use super::draw;
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, the saturation of each picture multiplied by `f / (1 - f + 1e-7)` with `f` drawn
    /// within the factor, and clipped to the value range as in Keras; else the identity.
    ///
    /// Pictures of three channels. Keras 3,
    /// keras/src/layers/preprocessing/image_preprocessing/random_saturation.py.
    RandomSaturation within [-1.0, 1.0], channels [3]
}

/// Draws what the saturation is multiplied by.
impl RandomChange for RandomSaturation {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let factor = draw::uniform(cx, x, 4, self.limits())?;
        let rest = cx.graph.scalar_sub(1.0 + 1e-7, factor)?;
        Ok(vec![cx.graph.div(factor, rest)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let colours = change::channels(g, x)?;
        let [hue, saturation, value] = change::to_hsv(g, colours)?;
        let changed = g.mul(saturation, drawn[0])?;
        let [low, high] = self.value_range;
        let changed = g.clip(changed, low, high)?;
        let y = change::from_hsv(g, [hue, changed, value])?;
        self.data_format.in_own_format(g, y)
    }
}
