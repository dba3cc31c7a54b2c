use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{self, RandomChange, colour_layer};
use super::draw;
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, colours turned by a number drawn for each picture: half of one within the factor,
    /// to either side, of the full circle; else the identity.
    ///
    /// Pictures of three channels. Keras 3,
    /// keras/src/layers/preprocessing/image_preprocessing/random_hue.py.
    RandomHue within [0.0, 1.0], channels [3]
}

/// Draws the turn, of a full circle.
impl RandomChange for RandomHue {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let coin = draw::uniform(cx, x, 4, [0.0, 1.0])?;
        let turn = draw::uniform(cx, x, 4, self.limits())?;
        let g = &mut *cx.graph;
        let half = g.scalar(0.5)?;
        let is_left = g.greater(coin, half)?;
        let right = g.mul_scalar(turn, 0.5)?;
        let left = g.neg(right)?;
        Ok(vec![g.select(is_left, left, right)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let x = self.data_format.channels_last(g, x)?;
        let x = change::to_range(g, x, self.value_range, [0.0, 1.0])?;
        let colours = change::channels(g, x)?;
        let [hue, saturation, value] = change::to_hsv(g, colours)?;
        let turned = g.add(hue, drawn[0])?;
        let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
        let is_above = g.greater(turned, one)?;
        let below = g.sub(turned, one)?;
        let turned = g.select(is_above, below, turned)?;
        let is_below = g.less(turned, zero)?;
        let above = g.add(turned, one)?;
        let turned = g.select(is_below, above, turned)?;
        let y = change::from_hsv(g, [turned, saturation, value])?;
        let y = g.clip(y, 0.0, 1.0)?;
        let y = change::to_range(g, y, [0.0, 1.0], self.value_range)?;
        self.data_format.in_own_format(g, y)
    }
}
