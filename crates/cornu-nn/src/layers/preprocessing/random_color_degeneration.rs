use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{self, RandomChange, colour_layer};
use super::draw;
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, pictures mixed with their grey: `x + f (grey - x)` with `f` drawn within the factor
    /// for each picture, clipped to the value range; else the identity.
    ///
    /// Pictures of three channels, or of one, which stay. Keras 3,
    /// keras/src/layers/preprocessing/image_preprocessing/random_color_degeneration.py.
    RandomColorDegeneration within [-1.0, 1.0], channels [1, 3]
}

/// Draws `f`.
impl RandomChange for RandomColorDegeneration {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        Ok(vec![draw::uniform(cx, x, 4, self.limits())?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let grey = change::grey(g, x)?;
        let difference = g.sub(grey, x)?;
        let change = g.mul(drawn[0], difference)?;
        let y = g.add(x, change)?;
        let [low, high] = self.value_range;
        let y = g.clip(y, low, high)?;
        self.data_format.in_own_format(g, y)
    }
}
