//! Functions of `keras.ops` that no layer stands for, as nodes of a graph.
//!
//! Pictures are `(N, H, W, C)`. Keras 3, keras/src/ops/image.py, nn.py and math.py.

use cornu_graph::ops::{Conv, ReduceKind, conv_output_size, same_padding};
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Array, Dim, Shape};

use crate::layers::Padding;
use crate::layers::preprocessing::change;
use crate::{LayerError, SymbolicShape};

/// One grey channel of pictures of three: `0.2989 red + 0.587 green + 0.114 blue`.
///
/// # Errors
///
/// [`LayerError::InputShape`] for another number of channels.
pub fn rgb_to_grayscale(g: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
    three_channels(g, x)?;
    Ok(change::grey(g, x)?)
}

/// Hue, saturation and value, all within 0 to 1, of red, green and blue within 0 to 1. Where the
/// three are equal, hue and saturation are 0.
///
/// # Errors
///
/// [`LayerError::InputShape`] for another number of channels than three.
pub fn rgb_to_hsv(g: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
    three_channels(g, x)?;
    let channels = change::channels(g, x)?;
    let hsv = change::to_hsv(g, channels)?;
    Ok(g.concat(&hsv, 3)?)
}

/// Red, green and blue of hue, saturation and value.
///
/// # Errors
///
/// As for [`rgb_to_hsv`].
pub fn hsv_to_rgb(g: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
    three_channels(g, x)?;
    let channels = change::channels(g, x)?;
    Ok(change::from_hsv(g, channels)?)
}

fn three_channels(g: &Graph, x: ValueId) -> Result<(), LayerError> {
    let dims = g.shape(x).dims();
    if dims.len() == 4 && dims[3] == Dim::Fixed(3) {
        return Ok(());
    }
    let got = SymbolicShape::from_graph(g.shape(x));
    Err(LayerError::input_shape("pictures of three channels", &[got]))
}

/// Height and width.
fn spatial_sizes(g: &Graph, x: ValueId) -> Result<[usize; 2], LayerError> {
    match *g.shape(x).dims() {
        [_, Dim::Fixed(height), Dim::Fixed(width), _] => Ok([height, width]),
        _ => Err(LayerError::input_shape("pictures", &[SymbolicShape::from_graph(g.shape(x))])),
    }
}

/// The windows of a picture, each as one position with `height * width * C` channels: row by row of
/// the window, the picture's channels last.
///
/// # Errors
///
/// If a size or stride is 0, or no window fits in.
pub fn extract_patches(
    g: &mut Graph,
    x: ValueId,
    size: [usize; 2],
    strides: [usize; 2],
    dilation_rate: [usize; 2],
    padding: Padding,
) -> Result<ValueId, LayerError> {
    if size.contains(&0) || strides.contains(&0) || dilation_rate.contains(&0) {
        let got = format!("{size:?}, {strides:?}, {dilation_rate:?}");
        return Err(LayerError::config("size, strides and dilation_rate", "at least 1", got));
    }
    let Some(Dim::Fixed(channels)) = g.shape(x).dims().get(3).copied() else {
        let got = SymbolicShape::from_graph(g.shape(x));
        return Err(LayerError::input_shape("pictures", &[got]));
    };
    let sizes = spatial_sizes(g, x)?;
    let padding: Vec<(usize, usize)> = (0..2)
        .map(|axis| match padding {
            Padding::Same => {
                same_padding(sizes[axis], size[axis], strides[axis], dilation_rate[axis])
            }
            _ => (0, 0),
        })
        .collect();
    for axis in 0..2 {
        let (n, around) = (sizes[axis], padding[axis]);
        if conv_output_size(n, size[axis], strides[axis], dilation_rate[axis], around).is_none() {
            let expected = format!("pictures that a window of {size:?} fits in");
            return Err(LayerError::input_shape(
                expected,
                &[SymbolicShape::from_graph(g.shape(x))],
            ));
        }
    }
    // One filter for each cell and channel of the window.
    let n = size[0] * size[1] * channels;
    let kernel =
        Array::from_fn([size[0], size[1], channels, n], |i| f64::from(u8::from(i / n == i % n)));
    let kernel = g.constant(kernel)?;
    let conv = Conv {
        strides: strides.to_vec(),
        dilations: dilation_rate.to_vec(),
        padding,
        ..Conv::plain(2)
    };
    Ok(g.conv(x, kernel, conv)?)
}

/// Pictures in a frame of zeros: `top` rows above, `left` columns before, and as much after them as
/// `height` and `width` need.
///
/// # Errors
///
/// [`LayerError::Config`] if the picture does not fit in.
pub fn pad_images(
    g: &mut Graph,
    x: ValueId,
    [top, left]: [usize; 2],
    [height, width]: [usize; 2],
) -> Result<ValueId, LayerError> {
    let sizes = spatial_sizes(g, x)?;
    let mut y = x;
    for (axis, n, before, whole) in [(1, sizes[0], top, height), (2, sizes[1], left, width)] {
        let Some(after) = whole.checked_sub(before + n) else {
            let expected = format!("at least {before} + {n}");
            return Err(LayerError::config("target size", expected, whole));
        };
        y = g.pad(y, axis, before, after, 0)?;
    }
    Ok(y)
}

/// The part of pictures that begins at row `top` and column `left`.
///
/// # Errors
///
/// [`LayerError::Config`] if the part is not inside of the picture.
pub fn crop_images(
    g: &mut Graph,
    x: ValueId,
    [top, left]: [usize; 2],
    [height, width]: [usize; 2],
) -> Result<ValueId, LayerError> {
    let sizes = spatial_sizes(g, x)?;
    let mut y = x;
    for (axis, n, before, size) in [(1, sizes[0], top, height), (2, sizes[1], left, width)] {
        if size == 0 || n < before + size {
            let expected = format!("1 to {} from {before}", n.saturating_sub(before));
            return Err(LayerError::config("target size", expected, size));
        }
        y = g.slice(y, axis, before, size, 1)?;
    }
    Ok(y)
}

/// 1 at the class of each element along a new axis `axis` of `n_classes`; all 0 for an element that
/// is no class.
///
/// # Errors
///
/// If there is no such axis.
pub fn one_hot(
    g: &mut Graph,
    x: ValueId,
    n_classes: usize,
    axis: usize,
) -> Result<ValueId, GraphError> {
    let mut dims = g.shape(x).dims().to_vec();
    let axis = axis.min(dims.len());
    dims.insert(axis, Dim::Fixed(1));
    let labels = g.reshape(x, Shape::new(dims.clone()))?;
    let mut class_dims = vec![1; dims.len() - axis];
    class_dims[0] = n_classes;
    let classes = g.constant(Array::from_fn(class_dims, |class| class as f64))?;
    g.equal(labels, classes)
}

/// Mean and variance over `axes`; with `keep_dims` these stay as axes of size 1.
///
/// # Errors
///
/// If there is no such axis.
pub fn moments(
    g: &mut Graph,
    x: ValueId,
    axes: &[usize],
    keep_dims: bool,
) -> Result<[ValueId; 2], GraphError> {
    let mean = g.mean(x, axes, true)?;
    let difference = g.sub(x, mean)?;
    let square = g.square(difference)?;
    let variance = g.mean(square, axes, keep_dims)?;
    let mean = if keep_dims { mean } else { g.mean(x, axes, false)? };
    Ok([mean, variance])
}

/// `log(sum(exp(x)))` over `axes`, without overflow.
///
/// # Errors
///
/// If there is no such axis.
pub fn logsumexp(
    g: &mut Graph,
    x: ValueId,
    axes: &[usize],
    keep_dims: bool,
) -> Result<ValueId, GraphError> {
    let most = g.reduce(ReduceKind::Max, x, axes, true)?;
    let most = g.stop_gradient(most)?;
    let difference = g.sub(x, most)?;
    let exp = g.exp(difference)?;
    let sum = g.sum(exp, axes, true)?;
    let log = g.log(sum)?;
    let y = g.add(log, most)?;
    if keep_dims { Ok(y) } else { g.sum(y, axes, false) }
}
