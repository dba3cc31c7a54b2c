use cornu_graph::{Feed, Graph, gradient};
use cornu_model::{LayerCall, Model, ModelError};
use cornu_nn::Activation;
use cornu_plot::figure::{ActivationCurve, FeatureMaps, Kernels, SlidingKernel};
use cornu_tensor::{Array, Shape, Tensor};

/// The kernels of a layer of `model`: a convolution of pictures or sequences, also a depthwise one, or a
/// dense layer. [`cornu_plot::figure::filters`] draws them.
///
/// # Errors
///
/// [`ModelError::Structure`] if there is no such layer, or it has no such kernels.
pub fn kernels(model: &Model, layer: &str) -> Result<Kernels, ModelError> {
    let calls = model.structure()?.calls;
    let problem = |text: String| Err(ModelError::Structure(text));
    let Some(call) = calls.iter().find(|call| call.name == layer) else {
        return problem(format!(
            "there is no layer `{layer}`; those with kernels are {}",
            with_kernels(model, &calls).join(", ")
        ));
    };
    let Some((_, kernel)) = kernel_of(model, layer) else {
        return problem(format!(
            "layer `{layer}` is a {} and has no kernels to draw; those with kernels are {}",
            call.class_name,
            with_kernels(model, &calls).join(", ")
        ));
    };
    let [height, width, inputs, filters] = match *kernel.dims() {
        [inputs, filters] => [1, 1, inputs, filters],
        [size, inputs, filters] => [1, size, inputs, filters],
        [height, width, inputs, filters] => [height, width, inputs, filters],
        _ => {
            return problem(format!(
                "layer `{layer}`: kernels of shape {:?} cannot be drawn; only those of up to two axes \
                 beside the channels can",
                kernel.dims()
            ));
        }
    };
    Ok(Kernels {
        layer: layer.to_owned(),
        class_name: call.class_name.to_owned(),
        height,
        width,
        inputs,
        filters,
        values: kernel.into_data(),
    })
}

/// The weight of a layer that is its kernel, and where it lies among all weights.
fn kernel_of(model: &Model, layer: &str) -> Option<(usize, Tensor)> {
    let names = ["kernel", "depthwise_kernel"].map(|name| format!("{layer}/{name}"));
    let position = model.weight_infos().iter().position(|info| names.contains(&info.path))?;
    Some((position, model.get_weights().swap_remove(position)))
}

fn with_kernels(model: &Model, calls: &[LayerCall]) -> Vec<String> {
    let has = |call: &&LayerCall| kernel_of(model, &call.name).is_some();
    calls.iter().filter(has).map(|call| call.name.clone()).collect()
}

/// What every layer of `model` makes of the sample `x` (one sample, its axis of samples included):
/// feature maps of layers of pictures, numbers of others. [`cornu_plot::figure::features`] draws them.
///
/// # Errors
///
/// As for [`Model::layer_outputs`].
pub fn feature_maps(model: &mut Model, x: &Tensor) -> Result<Vec<FeatureMaps>, ModelError> {
    let layers = model.layer_outputs(std::slice::from_ref(x))?;
    let maps = layers.into_iter().filter_map(|layer| {
        let output = layer.outputs.into_iter().next()?;
        let output = output.rows(0, 1);
        let (layer, class_name) = (layer.name, layer.class_name.to_owned());
        let dims = output.dims().get(1..).unwrap_or_default().to_vec();
        Some(FeatureMaps { layer, class_name, dims, values: output.into_data() })
    });
    Ok(maps.collect())
}

/// Largest side of the picture that a kernel is shown sliding over.
const SLIDING_SIDE: usize = 24;

/// A kernel of a convolution of `model` at work on what the layer sees of the sample `x`. `layer` is by
/// default the first convolution; the filter is the one with the largest weights, unless `filter` says
/// another, and of several input channels the one that the filter weighs most. What the layer sees is
/// made smaller, so that single pixels can be seen. [`cornu_plot::figure::convolution`] draws it.
///
/// # Errors
///
/// [`ModelError::Structure`] if there is no such layer or filter.
pub fn sliding_kernel(
    model: &mut Model,
    x: &Tensor,
    layer: Option<&str>,
    filter: Option<usize>,
) -> Result<SlidingKernel, ModelError> {
    let problem = |text: String| ModelError::Structure(text);
    let calls = model.structure()?.calls;
    let is_conv = |call: &&LayerCall| {
        let kernel = kernel_of(model, &call.name);
        call.class_name.contains("Conv") && kernel.is_some_and(|(_, kernel)| kernel.rank() == 4)
    };
    let convs: Vec<&LayerCall> = calls.iter().filter(is_conv).collect();
    let names = || convs.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", ");
    let call = match layer {
        Some(layer) => convs.iter().find(|call| call.name == layer).ok_or_else(|| {
            problem(format!(
                "there is no convolution of pictures `{layer}`; there are {}",
                if convs.is_empty() { "none".to_owned() } else { names() }
            ))
        })?,
        None => convs
            .first()
            .ok_or_else(|| problem("the model has no convolution of pictures".to_owned()))?,
    };
    let (name, source) = (call.name.clone(), call.inputs.first().map_or(0, |input| input.0));
    let source = calls[source].name.clone();
    let kernels = kernels(model, &name)?;
    let size = |input: usize, filter: usize| -> f32 {
        kernels.kernel(input, filter).iter().map(|weight| weight * weight).sum()
    };
    let all = |filter: usize| (0..kernels.inputs).map(|input| size(input, filter)).sum::<f32>();
    let filter = match filter {
        Some(filter) if filter < kernels.filters => filter,
        Some(filter) => {
            return Err(problem(format!(
                "layer `{name}` has {} filters, numbered from 0; got {filter}",
                kernels.filters
            )));
        }
        None => {
            let best = (0..kernels.filters).max_by(|&a, &b| all(a).total_cmp(&all(b)));
            best.unwrap_or_default()
        }
    };
    let channel = (0..kernels.inputs).max_by(|&a, &b| size(a, filter).total_cmp(&size(b, filter)));
    let channel = channel.unwrap_or_default();
    let maps = feature_maps(model, x)?;
    let seen = maps.iter().find(|maps| maps.layer == source);
    let seen = seen.and_then(|maps| Some((maps.map(channel)?, maps.dims[0], maps.dims[1])));
    let Some((map, height, width)) = seen else {
        return Err(problem(format!("layer `{name}` sees no picture")));
    };
    let (picture, size) = smaller(&map, height, width, SLIDING_SIDE);
    let mut of = String::new();
    if 1 < kernels.inputs {
        of = format!(" on channel {channel} of {}", kernels.inputs);
    }
    Ok(SlidingKernel {
        name: format!("filter {filter} of {name}{of}"),
        over: format!("what {name} sees"),
        size,
        picture,
        kernel_size: [kernels.height, kernels.width],
        kernel: kernels.kernel(channel, filter),
        bias: 0.0,
    })
}

/// A picture of at most `side` pixels a side, each the mean of those it stands for; and its size.
fn smaller(map: &[f32], height: usize, width: usize, side: usize) -> (Vec<f32>, [usize; 2]) {
    let longest = height.max(width).max(1);
    let shrunk = |size: usize| (size * side / longest).clamp(1, size.max(1));
    let [rows, columns] =
        if longest <= side { [height, width] } else { [shrunk(height), shrunk(width)] };
    let mut out = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let of_row = row * height / rows..((row + 1) * height / rows).max(row * height / rows + 1);
        for column in 0..columns {
            let start = column * width / columns;
            let of_column = start..((column + 1) * width / columns).max(start + 1);
            let n = of_row.len() * of_column.len();
            let sum: f32 = of_row
                .clone()
                .map(|y| of_column.clone().map(|x| map[y * width + x]).sum::<f32>())
                .sum();
            out.push(sum / n as f32);
        }
    }
    (out, [rows, columns])
}

/// Values and derivatives of activation functions from -8 to 8, as layers compute them: the function by
/// its graph in `f64`, the derivative by the graph's gradient. [`cornu_plot::figure::activations`] draws
/// them. Functions of whole rows (`softmax`, `log_softmax`, `sparsemax`, `glu`) are no
/// curves and left out.
///
/// # Errors
///
/// What the graph answers: none in practice.
pub fn activation_curves(
    activations: &[Activation],
) -> Result<Vec<ActivationCurve>, cornu_graph::GraphError> {
    let x: Vec<f64> = (-320..=320).map(|i| f64::from(i) / 40.0).collect();
    let of_rows =
        [Activation::Softmax, Activation::LogSoftmax, Activation::Sparsemax, Activation::Glu];
    let curves = activations.iter().filter(|activation| !of_rows.contains(activation));
    let curves = curves.map(|activation| {
        let mut graph = Graph::new();
        let input = graph.input("x", Shape::fixed([x.len()]))?;
        let y = activation.lower(&mut graph, input)?;
        let loss = graph.sum_all(y)?;
        let derivative = gradient(&mut graph, loss, &[input])?;
        graph.set_output("y", y);
        if let Some(derivative) = derivative[0] {
            graph.set_output("derivative", derivative);
        }
        let mut feed = Feed { samples: 1, ..Feed::default() };
        let fed = Array::from_fn([x.len()], |i| x[i]);
        feed.inputs.insert("x".to_owned(), fed);
        let mut outputs = cornu_graph::evaluate(&graph, &mut feed)?;
        let mut values =
            |name: &str| outputs.remove(name).map(Array::into_data).unwrap_or_default();
        let (y, derivative) = (values("y"), values("derivative"));
        Ok(ActivationCurve { name: activation.name().to_owned(), x: x.clone(), y, derivative })
    });
    curves.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn model() -> Model {
        let inputs = Input::new([8, 8, 1]);
        let x = Conv2D::new(3, 3).named("first").apply(&inputs).unwrap();
        let x = Conv2D::new(2, 3).named("second").apply(&x).unwrap();
        let x = Flatten::new().apply(&x).unwrap();
        Model::new(&inputs, Dense::new(2).named("head").apply(&x).unwrap()).unwrap()
    }

    #[test]
    fn kernels_are_those_of_the_model() {
        let model = model();
        let first = kernels(&model, "first").unwrap();
        assert_eq!((first.height, first.width, first.inputs, first.filters), (3, 3, 1, 3));
        assert_eq!(first.values, model.get_weights()[0].data());
        assert_eq!(kernels(&model, "head").unwrap().inputs, 32);
        let error = kernels(&model, "flatten").unwrap_err().to_string();
        assert!(error.contains("is a Flatten") && error.contains("first, second, head"), "{error}");
        assert!(kernels(&model, "third").unwrap_err().to_string().contains("no layer `third`"));
    }

    #[test]
    fn the_sliding_kernel_makes_the_layers_own_map() {
        let mut model = model();
        let picture = Tensor::from_fn([1, 8, 8, 1], |i| (i % 5) as f32);
        let sliding = sliding_kernel(&mut model, &picture, None, Some(2)).unwrap();
        let maps = feature_maps(&mut model, &picture).unwrap();
        let expected = maps[1].map(2).unwrap();
        for (map, expected) in sliding.map().iter().zip(&expected) {
            assert!((map - expected).abs() < 1e-5, "{map} {expected}");
        }
        let second = sliding_kernel(&mut model, &picture, Some("second"), None).unwrap();
        assert_eq!(second.size, [6, 6]);
        assert!(sliding_kernel(&mut model, &picture, Some("head"), None).is_err());
        let error = sliding_kernel(&mut model, &picture, None, Some(3)).unwrap_err().to_string();
        assert!(error.contains("has 3 filters"), "{error}");
    }

    #[test]
    fn derivatives_are_those_of_the_functions() {
        let curves = activation_curves(Activation::ALL).unwrap();
        assert_eq!(curves.len(), Activation::ALL.len() - 4);
        for curve in &curves {
            for i in 1..curve.x.len() - 1 {
                let slope = (curve.y[i + 1] - curve.y[i - 1]) / (curve.x[i + 1] - curve.x[i - 1]);
                let bend = (curve.y[i + 1] - 2.0 * curve.y[i] + curve.y[i - 1]).abs();
                // Corners and jumps have no slope.
                if bend < 1e-3 * curve.y[i].abs().max(1.0) {
                    let error = (slope - curve.derivative[i]).abs();
                    assert!(
                        error < 3e-2 * slope.abs().max(1.0),
                        "{} at {}",
                        curve.name,
                        curve.x[i]
                    );
                }
            }
        }
        let tanh = activation_curves(&[Activation::Tanh]).unwrap();
        assert_eq!(tanh[0].saturated().len(), 2);
    }

    #[test]
    fn pictures_shrink_by_their_means() {
        let (small, size) = smaller(&[1.0, 3.0, 5.0, 7.0], 2, 2, 1);
        assert_eq!((small, size), (vec![4.0], [1, 1]));
        let (same, size) = smaller(&[1.0, 2.0], 1, 2, 4);
        assert_eq!((same, size), (vec![1.0, 2.0], [1, 2]));
    }
}
