use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{self, RandomChange, colour_layer};
use super::draw;
use crate::LayerError;
use crate::layers::LowerCx;

colour_layer! {
    /// In training, pictures of fewer grey values: of the 8 bits of a value as many of the highest are
    /// kept as the whole number drawn within the factor, its upper end excluded; else the identity.
    /// Keras 3, keras/src/layers/preprocessing/image_preprocessing/random_posterization.py.
    RandomPosterization within [1.0, 8.0], channels []
}

/// Draws how many bits are lost.
impl RandomChange for RandomPosterization {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [low, high] = self.limits();
        if low.fract() != 0.0 || high.fract() != 0.0 {
            let got = self.factor.to_config();
            return Err(LayerError::config("factor", "whole numbers of bits", got));
        }
        let kept = draw::uniform(cx, x, 4, [low, high])?;
        let kept = cx.graph.floor(kept)?;
        // Rounding must not reach the upper end.
        let kept = cx.graph.min_scalar(kept, (high - 1.0).max(low))?;
        Ok(vec![cx.graph.scalar_sub(8.0, kept)?])
    }

    fn transform(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let bytes = change::to_range(g, x, self.value_range, [0.0, 255.0])?;
        let bytes = g.floor(bytes)?;
        // 2 to the power of what is drawn, without rounding.
        let mut step = g.scalar(1.0)?;
        for bits in 1..=8 {
            let bits_drawn = g.scalar(f64::from(bits))?;
            let is_it = g.equal(drawn[0], bits_drawn)?;
            let power = g.scalar(f64::from(1 << bits))?;
            step = g.select(is_it, power, step)?;
        }
        let steps = g.div(bytes, step)?;
        let steps = g.floor(steps)?;
        let y = g.mul(steps, step)?;
        change::to_range(g, y, [0.0, 255.0], self.value_range)
    }
}
