use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::mixing::{Mixing, mix_labels};
use super::{Factor, change, draw};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// In training, a rectangle of each picture replaced by that of another picture of the batch; else
/// the identity.
///
/// A number `a` within the factor is drawn for the batch, `w` from the beta distribution of `a` and
/// `a` for each picture, and an order of the batch. The rectangle's sides are `sqrt(1 - w)` of the
/// picture's; labels are mixed by its area.
///
/// As a layer of a model it changes pictures and leaves the labels alone, as in Keras. To mix labels
/// alike, give the layer to `Fit::mixing` instead; see [`Mixing`]. Yun et al. 2019, "CutMix: regularization
/// strategy to train strong classifiers with localizable features"; Keras 3,
/// keras/src/layers/preprocessing/image_preprocessing/cut_mix.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutMix {
    /// What `a` lies within, within 0 to 1; a number is the upper end. Default 1.
    pub factor: Factor,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for CutMix {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl CutMix {
    const BOUNDS: [f64; 2] = [0.0, 1.0];

    /// Within this factor.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self { factor: factor.into(), data_format: DataFormat::ChannelsLast, seed: None }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            factor: change::read_limits(config, "factor", Factor::Symmetric(1.0), Self::BOUNDS)?,
            data_format: DataFormat::read(config)?,
            seed: config.seed()?,
        })
    }
}

setters!(CutMix { data_format: DataFormat, seed: Option<u64> });

/// Draws the share of a picture that stays, `(samples, 1, 1, 1)`, and 1 for the cells that are
/// replaced, of one channel.
impl Mixing for CutMix {
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError> {
        let [low, high] = change::limits(self.factor, Self::BOUNDS);
        let unit = change::one_for_all(cx, 1)?;
        let alpha = cx.graph.mul_scalar(unit, high - low)?;
        let alpha = cx.graph.add_scalar(alpha, low + 1e-6)?;
        let one = Dim::Fixed(1);
        let shape = Shape::new([cx.graph.shape(x).dims()[0], one, one, one]);
        let share = draw::beta(cx, alpha, &shape)?;
        let area = cx.graph.scalar_sub(1.0, share)?;
        let ratio = cx.graph.sqrt(area)?;
        let [rows, columns] = self.data_format.spatial::<2>();
        let along_columns = change::side(cx, x, columns, ratio)?;
        let along_rows = change::side(cx, x, rows, ratio)?;
        Ok(vec![share, cx.graph.and(along_rows, along_columns)?])
    }

    fn mix_pictures(
        &self,
        g: &mut Graph,
        x: ValueId,
        others: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        g.select(drawn[1], others, x)
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

impl Layer for CutMix {
    fn class_name(&self) -> &'static str {
        "CutMix"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("factor", json!(change::limits(self.factor, Self::BOUNDS)))
            .set("seed", self.seed)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        change::check("factor", self.factor, Self::BOUNDS)?;
        Ok(self.data_format.picture::<2>(inputs)?.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        if !cx.training {
            return Ok(inputs[0]);
        }
        Ok(self.mix(cx, inputs[0], &[])?.0)
    }
}
