use cornu_tensor::Tensor;

/// Which pixels count, for one picture and one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Name of the method, such as `grad-cam++`.
    pub method: &'static str,
    /// The map at the size of the picture: `(height, width)`.
    pub values: Tensor,
    /// The map as the layer has it, `(rows, columns)`, for methods that look at a layer; `values` is
    /// made of it by bilinear interpolation, as in `tf.image.resize`.
    pub coarse: Option<Tensor>,
    /// Path of that layer.
    pub layer: Option<String>,
    /// Whether negative numbers speak against the class. Other maps hold none.
    pub signed: bool,
    /// The class that is explained.
    pub class: usize,
    /// Its score (before the activation or after it, as the explainer was told).
    pub score: f64,
    /// The model's outputs for the picture.
    pub outputs: Vec<f32>,
    /// For integrated gradients: whether the shares sum to the score.
    pub completeness: Option<Completeness>,
}

impl Map {
    /// Row and column of the greatest number; the first one of several.
    pub fn peak(&self) -> (usize, usize) {
        let width = self.values.dims()[1].max(1);
        let mut best = 0;
        for (i, &x) in self.values.data().iter().enumerate() {
            if self.values.data()[best] < x {
                best = i;
            }
        }
        (best / width, best % width)
    }
}

/// What the shares of all pixels sum to, and what they should.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Completeness {
    /// Sum of the map.
    pub sum: f64,
    /// Score of the picture less that of the baseline.
    pub difference: f64,
    /// Steps that were taken on the way from one to the other.
    pub steps: usize,
}

impl Completeness {
    /// `|sum - difference| / |difference|`: 0 is perfect.
    pub fn gap(&self) -> f64 {
        (self.sum - self.difference).abs() / self.difference.abs()
    }
}
