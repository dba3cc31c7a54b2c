//! Waves for short-time Fourier transforms. Source: Keras 3,
//! `keras/src/initializers/constant_initializers.py`, and SciPy's `scipy.signal.windows`.

use std::f64::consts::PI;

use cornu_tensor::Tensor;
use serde_json::{Map, Value, json};

use crate::{ConfigReader, LayerError};

/// The waves of a short-time Fourier transform, as the kernel of a convolution
/// `(frame_length, 1, fft_length / 2 + 1)`: `cos` or `sin` of `-2 pi time frequency / fft_length`,
/// times a window along the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Stft {
    /// Sines in place of cosines: Keras's `side="imag"`. Default: false.
    pub imaginary: bool,
    /// Default: Hann's.
    pub window: StftWindow,
    /// What the window is divided by. Default: its density.
    pub scaling: StftScaling,
    /// Whether a named window is one period of a periodic one. Default: false.
    pub periodic: bool,
}

/// What an [`Stft`] is weighted with along the time.
#[derive(Debug, Clone, PartialEq)]
pub enum StftWindow {
    /// Nothing.
    None,
    /// One of SciPy's windows, by its name; [`STFT_WINDOWS`] lists them.
    Named(String),
    /// These numbers, one for each step.
    Given(Vec<f64>),
}

/// What the window of an [`Stft`] is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StftScaling {
    /// Nothing.
    None,
    /// The root of the sum of its squares.
    Density,
    /// The sum of its magnitudes.
    Spectrum,
}

/// Sums of cosines: a window's names and its coefficients.
type Cosines = (&'static [&'static str], &'static [f64]);

const COSINES: &[Cosines] = &[
    (&["boxcar", "box", "ones", "rect", "rectangular"], &[1.0]),
    (&["hann", "han", "hanning"], &[0.5, 0.5]),
    (&["hamming", "ham", "hamm"], &[0.54, 0.46]),
    (&["blackman", "black", "blk"], &[0.42, 0.5, 0.08]),
    (&["nuttall", "nutl", "nut"], &[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1]),
    (&["blackmanharris", "blackharr", "bkh"], &[0.358_75, 0.488_29, 0.141_28, 0.011_68]),
    (
        &["flattop", "flat", "flt"],
        &[0.215_578_95, 0.416_631_58, 0.277_263_158, 0.083_578_947, 0.006_947_368],
    ),
];

/// The windows that go by their names.
pub const STFT_WINDOWS: &[&str] = &[
    "boxcar",
    "hann",
    "hamming",
    "blackman",
    "nuttall",
    "blackmanharris",
    "flattop",
    "bartlett",
    "cosine",
];

impl Default for Stft {
    fn default() -> Self {
        Self {
            imaginary: false,
            window: StftWindow::Named("hann".to_owned()),
            scaling: StftScaling::Density,
            periodic: false,
        }
    }
}

impl Stft {
    pub(super) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let imaginary = match config.string_or("side", "real")?.as_str() {
            "real" => false,
            "imag" => true,
            other => return Err(LayerError::config("side", "real or imag", other)),
        };
        let expected = || format!("null, a list of numbers, or one of {}", STFT_WINDOWS.join(", "));
        let window = match config.value("window") {
            None => Self::default().window,
            Some(Value::Null) => StftWindow::None,
            Some(Value::String(name)) if named(name, 2, false).is_some() => {
                StftWindow::Named(name.clone())
            }
            Some(value) => value
                .as_array()
                .and_then(|list| list.iter().map(Value::as_f64).collect::<Option<_>>())
                .map(StftWindow::Given)
                .ok_or_else(|| LayerError::config("window", expected(), value))?,
        };
        let scaling = match config.value("scaling") {
            Some(Value::Null) => StftScaling::None,
            None => StftScaling::Density,
            Some(value) => match value.as_str() {
                Some("density") => StftScaling::Density,
                Some("spectrum") => StftScaling::Spectrum,
                _ => {
                    return Err(LayerError::config("scaling", "density, spectrum or null", value));
                }
            },
        };
        Ok(Self { imaginary, window, scaling, periodic: config.bool_or("periodic", false)? })
    }

    pub(super) fn own_config(&self) -> Map<String, Value> {
        let config = json!({
            "side": if self.imaginary { "imag" } else { "real" },
            "window": match &self.window {
                StftWindow::None => Value::Null,
                StftWindow::Named(name) => json!(name),
                StftWindow::Given(numbers) => json!(numbers),
            },
            "periodic": self.periodic,
            "scaling": match self.scaling {
                StftScaling::None => Value::Null,
                StftScaling::Density => json!("density"),
                StftScaling::Spectrum => json!("spectrum"),
            },
        });
        config.as_object().cloned().unwrap_or_default()
    }

    /// Whether a weight of these sizes is a row of frequencies for each step.
    pub(super) fn fits(&self, dims: &[usize]) -> bool {
        let fits_window = |steps: usize| match &self.window {
            StftWindow::Given(numbers) => numbers.len() == steps,
            _ => true,
        };
        matches!(dims, [steps, 1, bands] if 2 <= *bands && fits_window(*steps))
    }

    /// The waves; of other sizes than [`Stft::fits`] takes, as far as there are steps and bands.
    pub(super) fn values(&self, dims: &[usize]) -> Tensor {
        let steps = dims.first().copied().unwrap_or(1);
        let bands = dims.last().copied().unwrap_or(1).max(1);
        let window = match &self.window {
            StftWindow::None => None,
            StftWindow::Named(name) => named(name, steps, self.periodic),
            StftWindow::Given(numbers) => Some(numbers.clone()),
        };
        let divisor = match (&window, self.scaling) {
            (None, _) | (_, StftScaling::None) => 1.0,
            (Some(w), StftScaling::Density) => w.iter().map(|x| x * x).sum::<f64>().sqrt(),
            (Some(w), StftScaling::Spectrum) => w.iter().map(|x| x.abs()).sum(),
        };
        let fft_length = (2 * (bands - 1)).max(1) as f32;
        Tensor::from_fn(dims, |i| {
            let (time, band) = (i / bands, i % bands);
            // The angle is rounded where Keras rounds it: it may be large.
            let frequency = band as f32 / fft_length;
            let angle = f64::from(-2.0 * time as f32 * frequency * std::f32::consts::PI);
            let wave = if self.imaginary { angle.sin() } else { angle.cos() };
            let weight = window.as_ref().and_then(|w| w.get(time)).copied().unwrap_or(1.0);
            (wave * weight / divisor) as f32
        })
    }
}

/// A window of SciPy of `n` steps; `None` if there is none of this name.
fn named(name: &str, n: usize, periodic: bool) -> Option<Vec<f64>> {
    let length = if periodic { n + 1 } else { n };
    let last = length as f64 - 1.0;
    let at: Box<dyn Fn(f64) -> f64> = match name {
        "bartlett" | "bart" | "brt" => {
            Box::new(move |t| if t <= last / 2.0 { 2.0 * t / last } else { 2.0 - 2.0 * t / last })
        }
        "cosine" | "halfcosine" => Box::new(move |t| (PI / length as f64 * (t + 0.5)).sin()),
        _ => {
            let (_, cosines) = COSINES.iter().find(|(names, _)| names.contains(&name))?;
            Box::new(move |t| {
                let angle = |k: usize| k as f64 * (2.0 * PI * t / last - PI);
                cosines.iter().enumerate().map(|(k, a)| a * angle(k).cos()).sum()
            })
        }
    };
    if n <= 1 {
        return Some(vec![1.0; n]);
    }
    Some((0..n).map(|t| at(t as f64)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_scipy() {
        let close = |name: &str, periodic, expected: &[f64]| {
            let got = named(name, expected.len(), periodic).unwrap();
            let is_close = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(is_close, "{name}: {got:?}");
        };
        close("hann", false, &[0.0, 0.5, 1.0, 0.5, 0.0]);
        close("hann", true, &[0.0, 0.5, 1.0, 0.5]);
        close("hamming", false, &[0.08, 0.54, 1.0, 0.54, 0.08]);
        close("blackman", false, &[0.0, 0.34, 1.0, 0.34, 0.0]);
        close("bartlett", false, &[0.0, 0.5, 1.0, 0.5, 0.0]);
        close("boxcar", true, &[1.0; 3]);
        close("hann", false, &[1.0]);
        assert_eq!(named("kaiser", 4, false), None);
        for name in STFT_WINDOWS {
            assert!(named(name, 4, false).is_some(), "{name}");
        }
    }

    #[test]
    fn a_weight_of_other_sizes_does_not_fit() {
        let stft = Stft { window: StftWindow::Given(vec![1.0, 2.0]), ..Stft::default() };
        assert!(stft.fits(&[2, 1, 3]));
        for dims in [&[3, 1, 3][..], &[2, 2, 3], &[2, 1, 1], &[2, 3]] {
            assert!(!stft.fits(dims), "{dims:?}");
        }
    }
}
