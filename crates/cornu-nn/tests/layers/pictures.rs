//! Picture layers that there are no golden cases for: their definite part against numbers that Keras
//! computes, their draws by what follows from Keras's definition.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::ops::{FillMode, Interpolation, Sampling};
use cornu_graph::{Feed, Graph, ValueId, evaluate};
use cornu_nn::layers::{
    AugMix, CallArguments, ContrastLimitedAdaptiveHistogramEqualization as Clahe, CutMix,
    DataFormat, Masking, MixUp, Mixing, Nested, Pipeline, RandAugment, RandomBrightness,
    RandomChange, RandomColorJitter, RandomContrast, RandomElasticTransform, Rescaling,
};
use cornu_nn::{Layer, LayerError, LowerCx, SymbolicShape};
use cornu_tensor::{Array, Shape, Tensor};

/// Adds to a graph what `build` makes of an input `x`, and runs it in training.
fn in_training<T>(
    sample: &[usize],
    build: impl FnOnce(&mut LowerCx<'_>, ValueId) -> Result<T, LayerError>,
) -> (Graph, T) {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(sample)).unwrap();
    let built = build(
        &mut LowerCx {
            graph: &mut graph,
            training: true,
            trainable: true,
            weights: &[],
            weight_updates: &mut Vec::new(),
            losses: &mut Vec::new(),
            next_stream: &mut 0,
            call: &CallArguments::default(),
        },
        x,
    )
    .unwrap();
    (graph, built)
}

fn layer_graph(layer: &dyn Layer, sample: &[usize]) -> Graph {
    let (mut graph, y) = in_training(sample, |cx, x| layer.lower(cx, &[x]));
    graph.set_output("y", y);
    graph
}

/// Outputs by the reference runtime, in `f64`.
fn outputs(
    graph: &Graph,
    x: &Array<f64>,
    step: u64,
) -> std::collections::BTreeMap<String, Array<f64>> {
    let mut feed = Feed { samples: x.dims()[0], seed: 3, step, ..Feed::default() };
    feed.inputs.insert("x".to_owned(), x.clone());
    evaluate(graph, &mut feed).unwrap()
}

fn output(graph: &Graph, x: &Array<f64>, step: u64) -> Array<f64> {
    outputs(graph, x, step).remove("y").unwrap()
}

/// The engine gives the same, whatever the number of threads.
#[track_caller]
fn check_engine(graph: &Graph, x: &Array<f64>, step: u64) {
    let expected = output(graph, x, step);
    let x = x.to_f32();
    let mut first: Option<Vec<f32>> = None;
    for (runtime, threads) in [(Runtime::Unfused, 1), (Runtime::Fused, 1), (Runtime::Fused, 2)] {
        let options = Options::from_environment().unwrap().runtime(runtime).threads(threads);
        let mut program = Program::compile(graph.clone(), &options).unwrap();
        let outputs: Vec<Tensor> = program
            .run(&mut Run {
                inputs: &[("x", x.data())],
                variables: &mut Variables::new(),
                binding: &[],
                samples: x.dims()[0],
                seed: 3,
                step,
            })
            .unwrap();
        let y = outputs[0].data();
        // A number that rounding takes to another whole one moves single pixels.
        let far = y.iter().zip(expected.data()).filter(|(a, b)| (f64::from(**a) - *b).abs() > 0.05);
        let far = far.count();
        assert!(far * 100 <= y.len(), "{runtime:?}: {far} of {} numbers are others", y.len());
        if runtime == Runtime::Fused {
            assert_eq!(*first.get_or_insert_with(|| y.to_vec()), y, "on {threads} threads");
        }
    }
}

/// Numbers below `n` that follow no simple rule.
fn pictures(dims: &[usize], factor: usize, n: usize) -> Array<f64> {
    Array::from_fn(dims, |i| (i * i * factor % n) as f64)
}

/// One number that depends on all of them and on their places.
fn weighted_sum(y: &Array<f64>) -> f64 {
    y.data().iter().enumerate().map(|(i, y)| y * (i % 17 + 1) as f64).sum()
}

#[track_caller]
fn close(got: f64, expected: f64, relative: f64) {
    assert!((got - expected).abs() <= relative * expected.abs(), "{got} instead of {expected}");
}

#[test]
fn tiles_are_equalized_as_keras_does() {
    let x = pictures(&[1, 10, 9, 1], 7, 256);
    let graph = layer_graph(&Clahe::new().tile_grid_size([2, 3]), &[10, 9, 1]);
    let expected = [
        0.0, 9.611, 29.574, 61.639, 111.692, 179.086, 252.645, 85.002, 188.8, 55.796, 181.567,
        78.679, 239.164, 162.55, 91.36, 36.707, 0.0, 227.847, 211.004, 217.443, 239.084, 15.836,
        55.582, 119.18, 193.361, 22.238, 118.634, 234.851, 112.624, 255.0, 154.6, 70.93, 0.0,
        200.075, 155.476, 124.465, 111.515, 107.852, 124.207, 148.473, 193.956, 247.045, 58.472,
        138.957, 237.898, 90.023, 217.453, 99.177, 0.0, 166.489, 91.849, 30.427, 237.472, 203.107,
        185.613, 177.253, 191.836, 213.511, 252.396, 46.945, 109.648, 183.103, 25.952, 132.467,
        0.0, 132.324, 25.821, 188.663, 112.018, 48.469, 252.658, 211.672, 194.963, 178.843,
        186.384, 206.523, 239.483, 32.621, 90.495, 159.315, 0.0, 99.639, 223.902, 89.664, 240.359,
        141.392, 62.985, 244.659, 186.252, 141.702,
    ];
    for (got, expected) in output(&graph, &x, 0).data().iter().zip(expected) {
        assert!((got - expected).abs() < 1e-3, "{got} instead of {expected}");
    }
    check_engine(&graph, &x, 0);
}

#[test]
fn tiles_of_any_size_and_limit_are_equalized_as_keras_does() {
    let numbers = pictures(&[2, 16, 16, 2], 3, 251);
    // As Keras sees them.
    let x = Array::from_fn([2, 16, 16, 2], |i| f64::from(numbers.data()[i] as f32 / 255.0));
    let layer = Clahe::new().value_range([0.0, 1.0]);
    for (layer, expected) in [
        (layer.tile_grid_size([2, 2]).clip_limit(2.0), 4438.347233244684),
        (layer.tile_grid_size([4, 3]).clip_limit(0.0), 4780.644165050238),
        (layer, 4326.629831061233),
    ] {
        let y = output(&layer_graph(&layer, &[16, 16, 2]), &x, 0);
        close(weighted_sum(&y), expected, 1e-5);
    }
    let layer = layer.tile_grid_size([2, 2]).data_format(DataFormat::ChannelsFirst);
    let x = Array::from_fn([2, 2, 16, 16], |i| {
        let (picture, channel, pixel) = (i / 512, i / 256 % 2, i % 256);
        x.data()[picture * 512 + pixel * 2 + channel]
    });
    close(
        weighted_sum(&output(&layer_graph(&layer, &[2, 16, 16]), &x, 0)),
        4639.996370177716,
        1e-5,
    );
    let small = [SymbolicShape::batched([3, 16, 1])];
    assert!(Clahe::new().output_shape(&small).is_err(), "reflecting cannot fill that up");
}

#[test]
fn bent_pictures_are_read_as_keras_reads_them() {
    let x = pictures(&[1, 5, 6, 2], 7, 256);
    for (fill_mode, interpolation, expected) in [
        (FillMode::Reflect, Interpolation::Nearest, 68982.0),
        (FillMode::Reflect, Interpolation::Bilinear, 69980.64176940918),
        (FillMode::Wrap, Interpolation::Nearest, 73818.0),
        (FillMode::Wrap, Interpolation::Bilinear, 72496.23932647705),
        (FillMode::Constant, Interpolation::Nearest, 23276.0),
        (FillMode::Constant, Interpolation::Bilinear, 26282.19030570984),
        (FillMode::Nearest, Interpolation::Nearest, 49374.0),
        (FillMode::Nearest, Interpolation::Bilinear, 52588.32108879089),
    ] {
        let layer = RandomElasticTransform::new().sampling(Sampling {
            fill_mode,
            fill_value: 9.0,
            interpolation,
        });
        let (mut graph, y) = in_training(&[5, 6, 2], |cx, x| {
            let moves =
                Array::from_fn([1, 5, 6, 1], |i| f64::from((i * i * 13 % 101) as f32 / 10.0 - 5.0));
            let moves = cx.graph.constant(moves)?;
            let all = Shape::batched([5, 6, 1]);
            let moves = cx.graph.broadcast_to(moves, all)?;
            let one = cx.graph.scalar(1.0)?;
            Ok(layer.transform(cx.graph, x, &[one, moves])?)
        });
        graph.set_output("y", y);
        close(weighted_sum(&output(&graph, &x, 0)), expected, 1e-5);
        check_engine(&graph, &x, 0);
    }
}

#[test]
fn pixels_move_as_far_as_in_keras() {
    let noise = Array::from_fn([1, 44, 40, 1], |i| (i * i * 13 % 101) as f64 / 50.0 - 1.0);
    let layer = RandomElasticTransform::new();
    let (mut graph, y) = in_training(&[44, 40, 1], |cx, x| {
        let scale = cx.graph.constant(Array::full([1], 0.9))?;
        Ok(layer.moves(cx.graph, x, scale)?)
    });
    graph.set_output("y", y);
    let y = output(&graph, &noise, 0);
    for (row, column, expected) in [
        (0, 0, -0.4081541895866394),
        (20, 20, 0.7913569808006287),
        (43, 39, -0.371922105550766),
        (7, 1, -0.36282142996788025),
    ] {
        close(y.data()[row * 40 + column], expected, 1e-5);
    }
}

#[test]
fn a_scale_of_nothing_bends_nothing_and_clips_nothing() {
    let x = Array::full([2, 6, 6, 1], 300.0);
    let layer = RandomElasticTransform::new();
    assert_eq!(output(&layer_graph(&layer.scale(0.0), &[6, 6, 1]), &x, 0), x);
    assert_eq!(output(&layer_graph(&layer.factor(0.0), &[6, 6, 1]), &x, 0), x);
    assert_eq!(output(&layer_graph(&layer, &[6, 6, 1]), &x, 0), Array::full([2, 6, 6, 1], 255.0));
}

/// Each sample's own number in its own channel: what a picture is mixed from can be read off.
fn marked(n: usize) -> Array<f64> {
    Array::from_fn([n, 4, 6, n], |i| f64::from(u8::from(i % n == i / (24 * n))))
}

#[test]
fn pictures_and_labels_are_mixed_alike() {
    let n = 16;
    let mixup = MixUp::new(0.2);
    let cutmix = CutMix::new((0.3, 1.0));
    for (name, mixing) in [("MixUp", &mixup as &dyn Mixing), ("CutMix", &cutmix)] {
        let (mut graph, (pictures, labels)) = in_training(&[4, 6, n], |cx, x| {
            // The same marks as labels, twice as large.
            let labels = cx.graph.mean(x, &[1, 2], false)?;
            let labels = cx.graph.mul_scalar(labels, 2.0)?;
            let (y, labels) = mixing.mix(cx, x, &[labels])?;
            Ok((y, labels[0]))
        });
        graph.set_output("y", pictures);
        graph.set_output("labels", labels);
        let mut shares = Vec::new();
        for step in 0..1000 {
            let results = outputs(&graph, &marked(n), step);
            let (y, labels) = (&results["y"], &results["labels"]);
            let mut partners = Vec::new();
            for sample in 0..n {
                let label = &labels.data()[sample * n..(sample + 1) * n];
                close(label.iter().sum(), 2.0, 1e-9);
                let mean = |channel: usize| {
                    (0..24).map(|pixel| y.data()[(sample * 24 + pixel) * n + channel]).sum::<f64>()
                        / 24.0
                };
                let others: Vec<usize> = (0..n).filter(|&c| c != sample && 0.0 < mean(c)).collect();
                assert!(others.len() <= 1, "{name}: one other picture at most");
                partners.extend(others);
                if name == "MixUp" {
                    for (channel, label) in label.iter().enumerate() {
                        assert!((label - 2.0 * mean(channel)).abs() < 1e-9);
                    }
                    if label[sample] < 2.0 {
                        shares.push(label[sample] / 2.0);
                    }
                } else if label[sample] < 2.0 {
                    shares.push(label[sample] / 2.0 - mean(sample));
                }
            }
            partners.sort_unstable();
            assert!(partners.is_sorted_by(|a, b| a < b), "{name}: each picture goes to one");
        }
        let m = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / m;
        if name == "MixUp" {
            // Of the beta distribution.
            let variance = shares.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / m;
            assert!((mean - 0.5).abs() < 0.03 && (variance - 1.0 / 5.6).abs() < 0.015);
        } else {
            // Cells are whole, areas are not: so much more stays of a picture in Keras, too.
            assert!((mean + 0.101).abs() < 0.012, "{mean}");
        }
        check_engine(&graph, &marked(n), 1);
    }
    let labels_stay = layer_graph(&mixup, &[4, 6, n]);
    check_engine(&labels_stay, &marked(n), 2);
    assert!(MixUp::new(0.0).output_shape(&[SymbolicShape::batched([4, 6, n])]).is_err());
}

#[test]
fn jitter_is_its_layers_after_one_another() {
    let x = pictures(&[3, 4, 5, 3], 7, 256);
    let jitter = RandomColorJitter::new().brightness_factor(Some(0.3.into()));
    let jitter = jitter.contrast_factor(Some((0.2, 0.4).into()));
    let (mut graph, y) = in_training(&[4, 5, 3], |cx, x| {
        let y = RandomBrightness::new(0.3).lower(cx, &[x])?;
        RandomContrast::new((0.2, 0.4)).lower(cx, &[y])
    });
    graph.set_output("y", y);
    assert_eq!(output(&layer_graph(&jitter, &[4, 5, 3]), &x, 4), output(&graph, &x, 4));
    let nothing = RandomColorJitter::new();
    assert_eq!(output(&layer_graph(&nothing, &[4, 5, 3]), &x, 4), x);
    // Keras gives the layers no data format.
    let first = jitter.data_format(DataFormat::ChannelsFirst).hue_factor(Some(0.1.into()));
    assert!(first.output_shape(&[SymbolicShape::batched([3, 4, 5])]).is_err());
}

#[test]
fn a_pipeline_is_its_layers_after_one_another() {
    let x = pictures(&[3, 4, 5, 3], 7, 256);
    let pipeline = Pipeline::new([
        Nested::new(RandomBrightness::new(0.3)),
        Nested::new(Rescaling::new(0.5)),
        Nested::new(RandomBrightness::new(0.3)),
    ]);
    let (mut graph, y) = in_training(&[4, 5, 3], |cx, x| {
        let y = RandomBrightness::new(0.3).lower(cx, &[x])?;
        let y = Rescaling::new(0.5).lower(cx, &[y])?;
        RandomBrightness::new(0.3).lower(cx, &[y])
    });
    graph.set_output("y", y);
    assert_eq!(output(&layer_graph(&pipeline, &[4, 5, 3]), &x, 4), output(&graph, &x, 4));
    let shape = [SymbolicShape::batched([4, 5, 3])];
    assert!(Pipeline::new([]).output_shape(&shape).is_err());
    let (_, error) = in_training(&[3, 2], |cx, x| {
        Ok(Pipeline::new([Nested::new(Masking::new(0.0))]).lower(cx, &[x]).unwrap_err())
    });
    assert!(error.to_string().contains("mask"), "{error}");
}

#[test]
fn policies_apply_one_layer_after_the_other() {
    let x = pictures(&[4, 12, 10, 3], 7, 256);
    let sample = [12, 10, 3];
    let none = RandAugment::new().num_ops(0);
    assert_eq!(output(&layer_graph(&none, &sample), &x, 0), x);
    // Of strength 0 some layers change nothing: shear, shift and turn by 0, contrast by 1, ...
    let weak = layer_graph(&RandAugment::new().num_ops(1).factor(0.0), &sample);
    let same = |graph: &Graph| (0..200).filter(|&step| output(graph, &x, step) == x).count();
    let n = same(&weak);
    // ... 6 of 11; the others make negatives, smooth, or stretch and spread values.
    assert!((80..140).contains(&n), "{n} of 200 are unchanged");
    for graph in [
        layer_graph(&RandAugment::new(), &sample),
        layer_graph(&AugMix::new(), &sample),
        layer_graph(&AugMix::new().all_ops(false).num_chains(1).chain_depth(2), &sample),
    ] {
        let results: Vec<Array<f64>> = (0..4).map(|step| output(&graph, &x, step)).collect();
        assert!(results[1..].iter().any(|y| *y != results[0]), "each step draws anew");
        assert!(results.iter().all(|y| y.data().iter().all(|y| (0.0..=255.0).contains(y))));
        check_engine(&graph, &x, 1);
    }
    // Without chains a share of the picture is left.
    let nothing = layer_graph(&AugMix::new().num_chains(0), &sample);
    let share = output(&nothing, &x, 0).data()[1] / x.data()[1];
    assert!(0.0 < share && share < 1.0);
}
