use crate::ExplainError;

/// How a map is made, with its settings. `x` is the picture, `S` the score of the class.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// `max over channels |dS/dx|`.
    ///
    /// Simonyan, Vedaldi, Zisserman: "Deep Inside Convolutional Networks", 2013, arXiv 1312.6034.
    Saliency,
    /// `max over channels |mean over n of dS/dx at x + noise|`.
    ///
    /// Smilkov et al.: "SmoothGrad: removing noise by adding noise", 2017, arXiv 1706.03825.
    SmoothGrad(SmoothGrad),
    /// `(x - baseline) * mean over the way from baseline to x of dS/dx`, summed over channels.
    ///
    /// Sundararajan, Taly, Yan: "Axiomatic Attribution for Deep Networks", 2017, arXiv 1703.01365.
    IntegratedGradients(IntegratedGradients),
    /// `relu(sum over k of a_k * A_k)` of the layer's feature maps `A_k`, where
    /// `a_k = mean over places of dS/dA_k`.
    ///
    /// Selvaraju et al.: "Grad-CAM", 2017, arXiv 1610.02391.
    GradCam {
        /// Path of the layer. Default: the last convolution.
        layer: Option<String>,
    },
    /// The same with `a_k = sum over places of w * relu(g)`, where `g = dS/dA_k` and
    /// `w = g^2 / (2 g^2 + g^3 * sum over places of A_k)` (a denominator of 0 counts as 1).
    ///
    /// This is the paper's closed form for `Y = exp(S)`, whose second and third derivatives are powers
    /// of `g` (exactly so where the network is piecewise linear above the layer). The factor `exp(S)`,
    /// common to the whole map, is left out.
    ///
    /// Chattopadhay et al.: "Grad-CAM++", 2018, arXiv 1710.11063.
    GradCamPlusPlus {
        /// Path of the layer. Default: the last convolution.
        layer: Option<String>,
    },
    /// `relu(sum over k of a_k * A_k)` with `a = softmax over k of S(x * H_k)`, where `H_k` is `A_k` at
    /// the picture's size, scaled to 0..1 (a map of one number counts as 0). As in the paper's
    /// algorithm 1; its baseline, a black picture, is the same for all `k` and falls out of the softmax.
    ///
    /// One prediction per feature map.
    ///
    /// Wang et al.: "Score-CAM", 2020, arXiv 1910.01279.
    ScoreCam {
        /// Path of the layer. Default: the last convolution.
        layer: Option<String>,
    },
    /// For each pixel the mean of `S(x) - S(x with a window covered)` over the windows it lies in.
    ///
    /// Zeiler, Fergus: "Visualizing and Understanding Convolutional Networks", 2014, arXiv 1311.2901.
    Occlusion(Occlusion),
}

impl Method {
    /// Names of all methods, as [`Method::named`] takes them.
    pub const NAMES: [&'static str; 7] = [
        "saliency",
        "smoothgrad",
        "integrated-gradients",
        "grad-cam",
        "grad-cam++",
        "score-cam",
        "occlusion",
    ];

    /// [`Method::GradCam`] at the last convolution.
    pub fn grad_cam() -> Self {
        Self::GradCam { layer: None }
    }

    /// [`Method::GradCamPlusPlus`] at the last convolution.
    pub fn grad_cam_plus_plus() -> Self {
        Self::GradCamPlusPlus { layer: None }
    }

    /// [`Method::ScoreCam`] at the last convolution.
    pub fn score_cam() -> Self {
        Self::ScoreCam { layer: None }
    }

    /// The method of this name with its defaults.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Setting`] if there is none.
    pub fn named(name: &str) -> Result<Self, ExplainError> {
        Ok(match name {
            "saliency" => Self::Saliency,
            "smoothgrad" => Self::SmoothGrad(SmoothGrad::default()),
            "integrated-gradients" => Self::IntegratedGradients(IntegratedGradients::default()),
            "grad-cam" => Self::grad_cam(),
            "grad-cam++" => Self::grad_cam_plus_plus(),
            "score-cam" => Self::score_cam(),
            "occlusion" => Self::Occlusion(Occlusion::default()),
            _ => {
                let expected = format!("one of {}", Self::NAMES.join(", "));
                return Err(ExplainError::setting("method", expected, name));
            }
        })
    }

    /// The same method at `layer`; methods that look at no layer stay as they are.
    pub fn at_layer(mut self, path: &str) -> Self {
        if let Self::GradCam { layer }
        | Self::GradCamPlusPlus { layer }
        | Self::ScoreCam { layer } = &mut self
        {
            *layer = Some(path.to_owned());
        }
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        Self::NAMES[match self {
            Self::Saliency => 0,
            Self::SmoothGrad(_) => 1,
            Self::IntegratedGradients(_) => 2,
            Self::GradCam { .. } => 3,
            Self::GradCamPlusPlus { .. } => 4,
            Self::ScoreCam { .. } => 5,
            Self::Occlusion(_) => 6,
        }]
    }

    /// Whether its maps have a sign.
    pub fn is_signed(&self) -> bool {
        matches!(self, Self::IntegratedGradients(_) | Self::Occlusion(_))
    }
}

/// Settings of [`Method::SmoothGrad`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothGrad {
    /// Noisy copies; at least 1. Default: 50.
    pub samples: usize,
    /// Standard deviation of the normal noise, as a share of the picture's range (its greatest number
    /// less its least). Default: 0.15, the middle of what the paper advises.
    pub noise: f64,
    /// Of the noise. Default: 0.
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> Self {
        Self { samples: 50, noise: 0.15, seed: 0 }
    }
}

/// Settings of [`Method::IntegratedGradients`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntegratedGradients {
    /// The number in every pixel of the baseline. Default: 0, black.
    pub baseline: f32,
    /// Steps of the midpoint rule to begin with; at least 1. Default: 64.
    pub steps: usize,
    /// Steps are doubled until the shares sum to the difference of scores up to this share of it, ...
    /// Default: 0.01.
    pub tolerance: f64,
    /// ... or until there would be more than this many. Default: 1024.
    pub max_steps: usize,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self { baseline: 0.0, steps: 64, tolerance: 0.01, max_steps: 1024 }
    }
}

/// Settings of [`Method::Occlusion`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Occlusion {
    /// Pixels a side of the window. Default: an eighth of the picture's shorter side, at least 1.
    pub window: Option<usize>,
    /// Pixels from window to window, at most `window`. Default: half of it, at least 1. The last
    /// window of a row or column ends at the picture's edge.
    pub stride: Option<usize>,
    /// The number that covers. Default: the picture's mean, channel by channel.
    pub fill: Option<f32>,
}
