use cornu_tensor::Tensor;

use crate::{ExplainError, Explainer, Map, Method, Target, spearman, ssim};

/// Whether a method's maps depend on what the network has learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct SanityReport {
    /// The method's name.
    pub method: &'static str,
    /// The maps of the network as it is.
    pub maps: Vec<Map>,
    /// What is left of them: first with the last layer's weights drawn anew, then also with those of
    /// the layer before, and so on until nothing is left that was learnt.
    pub steps: Vec<SanityStep>,
}

/// One step of a [`SanityReport`].
#[derive(Debug, Clone, PartialEq)]
pub struct SanityStep {
    /// Path of the layer whose weights were drawn anew in this step.
    pub layer: String,
    /// The maps with these weights, of the same classes.
    pub maps: Vec<Map>,
    /// Spearman's rank correlation with the maps of the network as it is, mean over the pictures. NaN
    /// if no map has two different numbers any more; such pictures are left out of the mean.
    pub rank_correlation: f64,
    /// The same of the sizes of the numbers, without their signs.
    pub rank_correlation_of_sizes: f64,
    /// Structural similarity ([`ssim`]), mean over all pictures.
    pub ssim: f64,
}

impl SanityReport {
    /// Above this rank correlation (of sizes) with nothing left that was learnt, a map shows the
    /// picture more than the network. The paper draws no line; this one is ours.
    pub const LIMIT: f64 = 0.5;

    /// Whether the maps changed enough for a person to believe them: `false` says that they look much
    /// the same for a network that has learnt nothing. `true` is no proof that they are right.
    pub fn depends_on_weights(&self) -> bool {
        self.steps.last().is_none_or(|last| {
            last.rank_correlation_of_sizes.is_nan() || last.rank_correlation_of_sizes < Self::LIMIT
        })
    }
}

impl Explainer<'_> {
    /// The cascading randomization of Adebayo et al., "Sanity Checks for Saliency Maps", 2018, arXiv
    /// 1810.03292: from the last layer to the first, weights are drawn anew by their initializers (with
    /// seeds that follow from `seed`), and the maps of `pictures` `(N, height, width, channels)` are
    /// compared with those of the network as it is. Afterwards the explainer has the weights as they
    /// were.
    ///
    /// Only what an optimizer changes is drawn anew, in frozen layers too: the statistics of
    /// `Normalization` and `BatchNormalization` stay. Weights whose initializer gives one number
    /// (biases) go back to it.
    ///
    /// # Errors
    ///
    /// As for [`Explainer::explain_batch`]; [`ExplainError::Structure`] if the model has no such weights.
    pub fn sanity_check(
        &mut self,
        pictures: &Tensor,
        method: &Method,
        targets: &[Target],
        seed: u64,
    ) -> Result<SanityReport, ExplainError> {
        let report = self.randomized(pictures, method, targets, seed);
        self.set_weights(&self.model().get_weights());
        report
    }

    fn randomized(
        &mut self,
        pictures: &Tensor,
        method: &Method,
        targets: &[Target],
        seed: u64,
    ) -> Result<SanityReport, ExplainError> {
        let maps = self.explain_batch(pictures, method, targets)?;
        let same: Vec<Target> = maps.iter().map(|map| Target::Class(map.class)).collect();
        let model = self.model();
        let (mut weights, infos) = (model.get_weights(), model.weight_infos());
        let layer_of = |i: usize| infos[i].path.rsplit_once('/').map_or("", |(layer, _)| layer);
        let learnt: Vec<usize> =
            (0..infos.len()).rev().filter(|&i| infos[i].spec.trainable).collect();
        if learnt.is_empty() {
            return Err(ExplainError::Structure {
                model: model.name().to_owned(),
                problem: "it has no weights to draw anew, so there is nothing to check".to_owned(),
            });
        }
        let mut steps = Vec::new();
        for layer in learnt.chunk_by(|&i, &j| layer_of(i) == layer_of(j)) {
            for &i in layer {
                // A large odd factor: seeds of neighbours have nothing in common.
                let seed =
                    seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(i as u64);
                weights[i] = infos[i].spec.values(seed);
            }
            self.set_weights(&weights);
            let changed = self.explain_batch(pictures, method, &same)?;
            steps.push(compare(layer_of(layer[0]), &maps, changed));
        }
        Ok(SanityReport { method: method.name(), maps, steps })
    }
}

fn compare(layer: &str, maps: &[Map], changed: Vec<Map>) -> SanityStep {
    let sizes = |map: &Map| map.values.data().iter().map(|x| x.abs()).collect::<Vec<f32>>();
    let mean = |of: &dyn Fn(&Map, &Map) -> f64| {
        let values: Vec<f64> =
            maps.iter().zip(&changed).map(|(a, b)| of(a, b)).filter(|x| !x.is_nan()).collect();
        if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / values.len() as f64 }
    };
    let rank_correlation = mean(&|a, b| spearman(a.values.data(), b.values.data()));
    let rank_correlation_of_sizes = mean(&|a, b| spearman(&sizes(a), &sizes(b)));
    let ssim = mean(&|a, b| ssim(a.values.data(), b.values.data(), a.values.dims()[1]));
    SanityStep {
        layer: layer.to_owned(),
        maps: changed,
        rank_correlation,
        rank_correlation_of_sizes,
        ssim,
    }
}
