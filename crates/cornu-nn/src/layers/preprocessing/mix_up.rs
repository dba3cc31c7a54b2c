use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value};

use super::change;
use super::draw;
use super::mixing::{Mixing, mix_labels};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, each picture mixed with another of the batch: `w x + (1 - w) other` with `w` from the
/// beta distribution of `alpha` and `alpha` for each picture, and an order of the batch drawn for
/// `other`; else the identity.
///
/// As a layer of a model it changes pictures and leaves the labels alone, as in Keras. To mix labels
/// alike, give the layer to `Fit::mixing` instead; see [`Mixing`]. Zhang et al. 2017, "mixup: beyond empirical
/// risk minimization"; Keras 3, keras/src/layers/preprocessing/image_preprocessing/mix_up.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixUp {
    /// Of the beta distribution, above 0: small numbers mix less. Default 0.2.
    pub alpha: f64,
    /// Kept for the configuration.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for MixUp {
    fn default() -> Self {
        Self::new(0.2)
    }
}

impl MixUp {
    /// With this `alpha`.
    pub fn new(alpha: f64) -> Self {
        Self { alpha, data_format: DataFormat::ChannelsLast, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            alpha: config.number_or("alpha", 0.2)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(MixUp { data_format: DataFormat, seed: Option<u64> });

/// Draws the share of the picture itself, `(samples, 1, 1, 1)`.
impl Mixing for MixUp {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let alpha = cx.graph.scalar(self.alpha)?;
        let one = Dim::Fixed(1);
        let shape = Shape::new([cx.graph.shape(x).dims()[0], one, one, one]);
        Ok(vec![draw::beta(cx, alpha, &shape)?])
    }

    fn mix_pictures(
        &self,
        g: &mut Graph,
        x: ValueId,
        others: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        let rest = g.scalar_sub(1.0, drawn[0])?;
        let own = g.mul(drawn[0], x)?;
        let other = g.mul(rest, others)?;
        g.add(own, other)
    }

    fn mix_labels(
        &self,
        g: &mut Graph,
        labels: ValueId,
        others: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        mix_labels(g, labels, others, drawn[0])
    }
}

impl Layer for MixUp {
    fn class_name(&self) -> &'static str {
        "MixUp"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("alpha", self.alpha)
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check_alpha(self.alpha)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        if !cx.training {
            return Ok(inputs[0]);
        }
        Ok(self.mix(cx, inputs[0], &[])?.0)
    }
}
