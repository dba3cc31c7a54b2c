use super::KerasTensor;
use super::keras_tensor::Keyword;

/// What a call of a layer is given besides its inputs.
///
/// ```
/// use cornu_model::{CallOptions, Input, LayerExt, Model};
/// use cornu_nn::layers::MultiHeadAttention;
///
/// let (words, seen) = (Input::new([5, 8]), Input::new([5, 5]));
/// let options = CallOptions::new().attention_mask(&seen).return_attention_scores(true);
/// let attention = MultiHeadAttention::new(2, 4).handle();
/// let outputs = attention.apply_with(&[&words, &words], &options)?;
/// assert_eq!(outputs[1].shape().to_string(), "(None, 2, 5, 5)");
/// let model = Model::new([&words, &seen], outputs)?;
/// # let _ = model;
/// # Ok::<(), cornu_model::ModelError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// By keyword, at most one of each.
    tensors: Vec<(Keyword, KerasTensor)>,
    use_causal_mask: bool,
    return_attention_scores: bool,
}

impl CallOptions {
    /// Nothing more than the inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which keys each query may see: not 0 where it may, `(samples, queries, keys)` or with an axis
    /// of heads before the queries.
    pub fn attention_mask(self, mask: &KerasTensor) -> Self {
        self.with(Keyword::AttentionMask, mask)
    }

    /// Not 0 where input number `input` is to be looked at, `(samples, steps)`; in place of the mask
    /// that came with it.
    pub fn mask(self, input: usize, mask: &KerasTensor) -> Self {
        self.with(Keyword::Mask(input), mask)
    }

    /// How much each category counts, of the shape of the input; for a `CategoryEncoding` that counts.
    pub fn count_weights(self, weights: &KerasTensor) -> Self {
        self.with(Keyword::CountWeights, weights)
    }

    /// Whether each query sees only the keys up to its own position. Default: false.
    pub fn use_causal_mask(mut self, causal: bool) -> Self {
        self.use_causal_mask = causal;
        self
    }

    /// Whether the attention's softmax is an output, too, after the usual one. Default: false.
    pub fn return_attention_scores(mut self, scores: bool) -> Self {
        self.return_attention_scores = scores;
        self
    }

    pub(crate) fn with(mut self, keyword: Keyword, tensor: &KerasTensor) -> Self {
        self.tensors.retain(|(known, _)| *known != keyword);
        self.tensors.push((keyword, tensor.clone()));
        self
    }

    pub(crate) fn tensors(&self) -> &[(Keyword, KerasTensor)] {
        &self.tensors
    }

    /// Keras's names of the switches that are on.
    pub(crate) fn switches(&self) -> impl Iterator<Item = &'static str> {
        let switches = [
            (self.use_causal_mask, "use_causal_mask"),
            (self.return_attention_scores, "return_attention_scores"),
        ];
        switches.into_iter().filter(|(is_on, _)| *is_on).map(|(_, key)| key)
    }
}
