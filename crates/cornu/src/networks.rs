//! Networks ready to be trained.

use cornu_model::{Input, KerasTensor, LayerExt, Model, ModelError};
use cornu_nn::Activation;
use cornu_nn::layers::{Conv2D, Dense, Dropout, GlobalAveragePooling2D, MaxPooling2D, Padding};

/// What the last layer of a classifier answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// One number: the probability of class 1 of two (`sigmoid`).
    Binary,
    /// One probability for each of so many classes (`softmax`).
    Classes(usize),
}

impl Head {
    /// The usual head for `n` classes: one number for two classes, else one for each.
    pub fn for_classes(n: usize) -> Self {
        if n == 2 { Self::Binary } else { Self::Classes(n) }
    }

    fn layer(self) -> Dense {
        match self {
            Self::Binary => Dense::new(1).activation(Activation::Sigmoid),
            Self::Classes(n) => Dense::new(n).activation(Activation::Softmax),
        }
    }
}

/// Height, width and channels of the pictures that [`lesson_cnn`] takes.
pub const LESSON_CNN_INPUT: [usize; 3] = [256, 256, 1];

/// Filters and kernel sizes of the convolutions that a pooling layer follows.
const LESSON_CNN_BLOCKS: [(usize, usize); 6] = [(8, 3), (8, 3), (12, 3), (12, 3), (20, 5), (20, 5)];

/// The small CNN that tells effusion from normal in 256 x 256 grey chest X-rays: 54,627 parameters.
///
/// Six times convolution (`same`, ReLU) and 2 x 2 max pooling, a seventh convolution, the mean over
/// what is left of the picture, and three dense layers with dropout 0.6 in between.
///
/// # Errors
///
/// None in practice; the layers' own.
pub fn lesson_cnn() -> Result<Model, ModelError> {
    let inputs = Input::new(LESSON_CNN_INPUT);
    let outputs = lesson_cnn_on(&inputs, Head::Binary)?;
    Model::new(&inputs, &outputs)
}

/// The layers of [`lesson_cnn`] on a tensor, pictures of at least 64 x 64, with another head if
/// wanted.
///
/// # Errors
///
/// [`ModelError::Layer`] if `x` is not a batch of such pictures.
pub fn lesson_cnn_on(x: &KerasTensor, head: Head) -> Result<KerasTensor, ModelError> {
    let conv = |filters: usize, kernel_size: usize| {
        Conv2D::new(filters, kernel_size).padding(Padding::Same).activation(Activation::Relu)
    };
    let mut x = x.clone();
    for (filters, kernel_size) in LESSON_CNN_BLOCKS {
        x = conv(filters, kernel_size).apply(&x)?;
        x = MaxPooling2D::new().apply(&x)?;
    }
    x = conv(50, 5).apply(&x)?;
    x = GlobalAveragePooling2D::new().apply(&x)?;
    x = Dense::new(128).activation(Activation::Relu).apply(&x)?;
    x = Dropout::new(0.6).apply(&x)?;
    x = Dense::new(32).activation(Activation::Relu).apply(&x)?;
    head.layer().apply(&x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lessons_network_has_the_lessons_size() {
        let model = lesson_cnn().unwrap();
        assert_eq!(model.count_params(), 54_627);
        assert_eq!(model.layers().len(), 19);
        assert_eq!(model.name(), "functional");
        assert_eq!(model.output_shapes()[0].to_string(), "(None, 1)");
    }

    #[test]
    fn more_classes_get_one_output_each() {
        let inputs = Input::new([64, 64, 3]);
        let outputs = lesson_cnn_on(&inputs, Head::for_classes(3)).unwrap();
        assert_eq!(outputs.shape().to_string(), "(None, 3)");
        assert_eq!(Head::for_classes(2), Head::Binary);
    }
}
