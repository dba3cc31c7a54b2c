use cornu_graph::ops::Conv;
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Array;

use super::change::{RandomChange, colour_layer};
use super::draw;
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, pictures mixed with a smoothed copy: `x + (1 - 2 f) (smoothed - x)` with `f` drawn
    /// within the factor for each picture, clipped to the value range; else the identity.
    ///
    /// The copy is smoothed by a 3x3 kernel of 1/13 with 5/13 in the middle. Keras 3,
    /// keras/src/layers/preprocessing/image_preprocessing/random_sharpness.py.
    RandomSharpness within [0.0, 1.0], channels []
}

/// Draws `f`.
impl RandomChange for RandomSharpness {
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
        let n = g.shape(x).dims()[3].size(1);
        let kernel = g.constant(Array::from_fn([3, 3, 1, n], |at| {
            if at / n == 4 { 5.0 / 13.0 } else { 1.0 / 13.0 }
        }))?;
        let conv = Conv { padding: vec![(1, 1); 2], groups: n, ..Conv::plain(2) };
        let smoothed = g.conv(x, kernel, conv)?;
        let twice = g.mul_scalar(drawn[0], 2.0)?;
        let share = g.scalar_sub(1.0, twice)?;
        let difference = g.sub(smoothed, x)?;
        let change = g.mul(share, difference)?;
        let y = g.add(x, change)?;
        let [low, high] = self.value_range;
        let y = g.clip(y, low, high)?;
        self.data_format.in_own_format(g, y)
    }
}
