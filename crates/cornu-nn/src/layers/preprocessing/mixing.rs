use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};

use crate::LayerError;
use crate::layers::{Layer, LowerCx};

/// A layer that mixes pictures with others of the batch, and may do the same to their labels:
/// [`MixUp`](super::MixUp) and [`CutMix`](super::CutMix).
///
/// In Keras such a layer mixes labels if it is called on a dictionary in a data pipeline, before the
/// model. Here `cornu_model::Fit::mixing` does that to each batch of the training.
pub trait Mixing: Layer {
    /// Draws how pictures like `x` are mixed.
    ///
    /// # Errors
    ///
    /// If the graph refuses a node.
    fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Vec<ValueId>, LayerError>;

    /// Pictures mixed with `others` as `drawn` says.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    fn mix_pictures(
        &self,
        g: &mut Graph,
        x: ValueId,
        others: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError>;

    /// Labels `(samples, ...)` mixed with those of the others.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    fn mix_labels(
        &self,
        g: &mut Graph,
        labels: ValueId,
        others: ValueId,
        drawn: &[ValueId],
    ) -> Result<ValueId, GraphError>;

    /// Mixes pictures, and all labels, with those of the same other samples.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    fn mix(
        &self,
        cx: &mut LowerCx<'_>,
        x: ValueId,
        labels: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let drawn = self.draw(cx, x)?;
        let order = cx.random_stream();
        let others = cx.graph.shuffle(x, order)?;
        let pictures = self.mix_pictures(cx.graph, x, others, &drawn)?;
        let mut mixed = Vec::with_capacity(labels.len());
        for &labels in labels {
            let others = cx.graph.shuffle(labels, order)?;
            mixed.push(self.mix_labels(cx.graph, labels, others, &drawn)?);
        }
        Ok((pictures, mixed))
    }
}

/// `w labels + (1 - w) others` with a share `w` `(samples, 1, 1, 1)` for labels of any rank.
pub(super) fn mix_labels(
    g: &mut Graph,
    labels: ValueId,
    others: ValueId,
    share: ValueId,
) -> Result<ValueId, GraphError> {
    let mut dims = vec![Dim::Fixed(1); g.shape(labels).rank()];
    dims[0] = g.shape(labels).dims()[0];
    let share = g.reshape(share, Shape::new(dims))?;
    let rest = g.scalar_sub(1.0, share)?;
    let own = g.mul(share, labels)?;
    let other = g.mul(rest, others)?;
    g.add(own, other)
}
