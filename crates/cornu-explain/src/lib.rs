//! Maps of attribution: which pixels of a picture a network's answer comes from.
//!
//! | method | map | resolution | paper |
//! |---|---|---|---|
//! | [`Method::Saliency`] | size of the gradient of the score with respect to the picture | pixels | Simonyan et al. 2013 |
//! | [`Method::SmoothGrad`] | the same, averaged over noisy copies | pixels | Smilkov et al. 2017 |
//! | [`Method::IntegratedGradients`] | share of each pixel in the score, with its sign | pixels | Sundararajan et al. 2017 |
//! | [`Method::GradCam`] | feature maps weighted by their mean gradients | layer | Selvaraju et al. 2017 |
//! | [`Method::GradCamPlusPlus`] | the same, weighted place by place | layer | Chattopadhay et al. 2018 |
//! | [`Method::ScoreCam`] | feature maps weighted by the score of what they show | layer | Wang et al. 2020 |
//! | [`Method::Occlusion`] | what the score loses when a window is covered | window | Zeiler and Fergus 2014 |
//!
//! An [`Explainer`] compiles what a method needs once and then explains any number of pictures of any
//! class. [`Explainer::sanity_check`] tells whether a method's maps depend on what the network has learnt.
//!
//! ```
//! use cornu_explain::{Explainer, Method, Target};
//! use cornu_model::{Input, LayerExt, Model};
//! use cornu_nn::Activation;
//! use cornu_nn::layers::{Conv2D, Dense, GlobalAveragePooling2D};
//! use cornu_tensor::Tensor;
//!
//! let inputs = Input::new([16, 16, 1]);
//! let x = Conv2D::new(4, 3).activation(Activation::Relu).apply(&inputs)?;
//! let x = GlobalAveragePooling2D::new().apply(&x)?;
//! let outputs = Dense::new(3).activation(Activation::Softmax).apply(&x)?;
//! let model = Model::new(&inputs, &outputs)?;
//!
//! let mut explainer = Explainer::new(&model)?;
//! let picture = Tensor::from_fn([16, 16, 1], |i| (i % 7) as f32);
//! let map = explainer.explain(&picture, &Method::grad_cam(), Target::Predicted)?;
//! assert_eq!(map.values.dims(), [16, 16]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod explainer;
mod map;
mod method;
mod methods;
mod programs;
mod resize;
mod sanity;
mod score;
mod similarity;

pub use error::ExplainError;
pub use explainer::Explainer;
pub use map::{Completeness, Map};
pub use method::{IntegratedGradients, Method, Occlusion, SmoothGrad};
pub use sanity::{SanityReport, SanityStep};
pub use score::{ScoreKind, Target};
pub use similarity::{spearman, ssim};
