//! Graphs of the kinds that models make, with their gradients.

use cornu_engine::{Options, Program};
use cornu_graph::ops::Distribution;
use cornu_graph::{Graph, GraphError, ValueId, VariableId, gradient};
use cornu_tensor::{Dim, Shape};

use crate::runtimes::check;

type Built = Result<ValueId, GraphError>;

/// A graph with variables and, at the end, a step of gradient descent on them.
struct Net {
    graph: Graph,
    weights: Vec<(VariableId, ValueId)>,
}

impl Net {
    fn new() -> Self {
        Self { graph: Graph::new(), weights: Vec::new() }
    }

    fn weight(&mut self, dims: &[usize]) -> Built {
        let id = self.graph.add_variable(format!("w{}", self.weights.len()), dims);
        let value = self.graph.variable(id)?;
        self.weights.push((id, value));
        Ok(value)
    }

    fn conv(
        &mut self,
        x: ValueId,
        filters: usize,
        size: usize,
        stride: usize,
        dilation: usize,
    ) -> Built {
        let channels = self.graph.shape(x).dims()[3].size(1);
        let kernel = self.weight(&[size, size, channels, filters])?;
        let bias = self.weight(&[filters])?;
        let pad = (size - 1) * dilation;
        let padding = vec![(pad / 2, pad - pad / 2); 2];
        let op = cornu_graph::ops::Conv {
            strides: vec![stride; 2],
            dilations: vec![dilation; 2],
            padding,
            groups: 1,
        };
        let y = self.graph.add_node(op.into(), &[x, kernel])?;
        self.graph.add(y, bias)
    }

    /// `(x - mean) / sqrt(variance + 1e-3) * gamma + beta` with the batch's own mean and variance.
    fn normalized(&mut self, x: ValueId) -> Built {
        let channels = self.graph.shape(x).dims()[3].size(1);
        let (gamma, beta) = (self.weight(&[channels])?, self.weight(&[channels])?);
        let g = &mut self.graph;
        let (mean, variance) = (g.mean(x, &[0, 1, 2], false)?, g.variance(x, &[0, 1, 2])?);
        let raised = g.add_scalar(variance, 1e-3)?;
        let inverse = g.rsqrt(raised)?;
        let factor = g.mul(inverse, gamma)?;
        let centred = g.sub(x, mean)?;
        let y = g.mul(centred, factor)?;
        g.add(y, beta)
    }

    fn pool(&mut self, x: ValueId, size: usize) -> Built {
        let op = cornu_graph::ops::MaxPool {
            window: vec![size; 2],
            strides: vec![size; 2],
            padding: vec![(0, 0); 2],
        };
        self.graph.add_node(op.into(), &[x])
    }

    fn dense(&mut self, x: ValueId, units: usize) -> Built {
        let features = self.graph.shape(x).dims()[1].size(1);
        let kernel = self.weight(&[features, units])?;
        let bias = self.weight(&[units])?;
        let y = self.graph.matmul(x, kernel, false, false)?;
        self.graph.add(y, bias)
    }

    /// Mean square of `y` as loss, and one step of gradient descent.
    fn train(mut self, y: ValueId) -> Result<Graph, GraphError> {
        let squared = self.graph.square(y)?;
        let axes: Vec<usize> = (0..self.graph.shape(y).rank()).collect();
        let loss = self.graph.mean(squared, &axes, false)?;
        let values: Vec<ValueId> = self.weights.iter().map(|(_, value)| *value).collect();
        let gradients = gradient(&mut self.graph, loss, &values)?;
        for ((id, value), gradient) in self.weights.iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let step = self.graph.mul_scalar(gradient, 0.1)?;
            let next = self.graph.sub(*value, step)?;
            self.graph.set_update(*id, next)?;
        }
        self.graph.set_output("y", y);
        self.graph.set_output("loss", loss);
        Ok(self.graph)
    }
}

/// Fails if an op of `graph` runs by its definition.
#[track_caller]
fn all_have_kernels(graph: &Graph) {
    let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
    let plan = program.unwrap().plan_text(4);
    assert!(!plan.contains("(slow)"), "{plan}");
}

fn lesson_like(h: usize, w: usize, channels: &[usize]) -> Result<Graph, GraphError> {
    let mut net = Net::new();
    let mut x = net.graph.input("x", Shape::batched([h, w, channels[0]]))?;
    for (i, &filters) in channels[1..].iter().enumerate() {
        let size = if i % 2 == 0 { 3 } else { 5 };
        x = net.conv(x, filters, size, 1, 1)?;
        x = net.graph.relu(x)?;
        if i + 2 < channels.len() {
            x = net.pool(x, 2)?;
        }
    }
    x = net.graph.mean(x, &[1, 2], false)?;
    x = net.dense(x, 9)?;
    x = net.graph.relu(x)?;
    // Dropout.
    let shape = net.graph.shape(x).clone();
    let u = net.graph.random(Distribution::Uniform, 0, shape)?;
    let keep = net.graph.scalar(0.6)?;
    let kept = net.graph.less(u, keep)?;
    let scaled = net.graph.mul_scalar(x, 1.0 / 0.6)?;
    let zero = net.graph.scalar(0.0)?;
    x = net.graph.select(kept, scaled, zero)?;
    x = net.dense(x, 1)?;
    x = net.graph.sigmoid(x)?;
    net.train(x)
}

#[test]
fn a_small_lesson_network_trains_alike() {
    let graph = lesson_like(32, 48, &[1, 4, 6, 5]).unwrap();
    for samples in [1, 2, 5, 9, 33] {
        check(&graph, samples);
    }
}

#[test]
fn odd_sizes_and_many_channels() {
    for (h, w, channels) in
        [(17, 19, vec![3, 5, 7, 2]), (5, 40, vec![2, 33, 3]), (9, 7, vec![20, 17, 40])]
    {
        check(&lesson_like(h, w, &channels).unwrap(), 3);
    }
}

#[test]
fn threads_share_a_single_sample() {
    // Planes and pixels, minimal filtering and not, with strides and few rows; a wide dense layer.
    let predict = |shape: [usize; 3], convs: &[(usize, usize, usize, bool)], units| {
        let mut net = Net::new();
        let mut x = net.graph.input("x", Shape::batched(shape))?;
        for &(filters, size, stride, pool) in convs {
            x = net.conv(x, filters, size, stride, 1)?;
            x = net.graph.relu(x)?;
            if pool {
                x = net.pool(x, 2)?;
            }
        }
        let features = net.graph.shape(x).n_per_sample();
        x = net.graph.reshape(x, Shape::batched([features]))?;
        x = net.dense(x, units)?;
        net.graph.set_output("y", x);
        Ok::<_, GraphError>(net.graph)
    };
    let planes = [(6, 3, 1, true), (8, 3, 1, true), (9, 5, 1, false)];
    let pixels = [(32, 3, 1, false), (64, 3, 2, false), (64, 3, 1, false), (130, 3, 2, true)];
    for samples in [1, 3] {
        check(&predict([61, 67, 3], &planes, 40).unwrap(), samples);
        check(&predict([19, 21, 16], &pixels, 700).unwrap(), samples);
    }
}

#[test]
fn strides_and_dilations() {
    for (stride, dilation, size) in [(2, 1, 3), (3, 1, 2), (1, 2, 3), (1, 3, 2), (2, 2, 3)] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([13, 18, 3])).unwrap();
        let y = net.conv(x, 6, size, stride, dilation).unwrap();
        let y = net.graph.tanh(y).unwrap();
        let y = net.conv(y, 4, 3, 1, 1).unwrap();
        check(&net.train(y).unwrap(), 4);
    }
}

/// Wide 3x3 convolutions: what minimal filtering is made for, and beside them shapes that it is not.
#[test]
fn minimal_filtering() {
    // Height, width, channels, rows and columns of zeros on each side; whether it is chosen.
    for (h, w, channels, padding, chosen) in [
        (13, 13, vec![16, 33, 17], 0, true),
        (8, 9, vec![3, 32, 16, 64], 1, true),
        (5, 17, vec![17, 40], 1, true),
        (7, 6, vec![32, 16], 2, true),
        (4, 4, vec![16, 17], 1, true),
        // Packed in parts, and so many weights that the slots' gradients are combined in parts.
        (8, 8, vec![64, 65], 1, true),
        (2, 2, vec![16, 16], 1, false),
        (3, 3, vec![32, 32], 0, false),
        (12, 12, vec![15, 64], 1, false),
    ] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([h, w, channels[0]])).unwrap();
        // A weight before the first layer, so that the gradient of its input is asked for.
        let scale = net.weight(&[channels[0]]).unwrap();
        let mut x = net.graph.mul(x, scale).unwrap();
        for pair in channels.windows(2) {
            let kernel = net.weight(&[3, 3, pair[0], pair[1]]).unwrap();
            let bias = net.weight(&[pair[1]]).unwrap();
            let op = cornu_graph::ops::Conv {
                strides: vec![1; 2],
                dilations: vec![1; 2],
                padding: vec![(padding, padding); 2],
                groups: 1,
            };
            let y = net.graph.add_node(op.into(), &[x, kernel]).unwrap();
            let y = net.graph.add(y, bias).unwrap();
            x = net.graph.relu(y).unwrap();
        }
        let graph = net.train(x).unwrap();
        let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
        let plan = program.unwrap().plan_text(4);
        assert_eq!(plan.contains("(winograd)"), chosen, "{h}x{w} {channels:?}\n{plan}");
        for samples in [1, 5] {
            check(&graph, samples);
        }
    }
}

/// The same for wide pictures of few channels, with pooling and without, and shapes that are too
/// narrow for it or have too few channels.
#[test]
fn minimal_filtering_on_planes() {
    for (h, w, channels, chosen) in [
        (16, 64, vec![8, 8, 12], true),
        (21, 61, vec![9, 13], true),
        (21, 67, vec![9, 13], false),
        (34, 32, vec![12, 12], true),
        (16, 64, vec![1, 8], false),
        (9, 17, vec![8, 8], false),
    ] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([h, w, channels[0]])).unwrap();
        // A weight before the first layer, so that the gradient of its input is asked for.
        let scale = net.weight(&[channels[0]]).unwrap();
        let x = net.graph.mul(x, scale).unwrap();
        let op = cornu_graph::ops::Conv {
            strides: vec![1; 2],
            dilations: vec![1; 2],
            padding: vec![(1, 1); 2],
            groups: 1,
        };
        let mut y = x;
        for pair in channels.windows(2) {
            let kernel = net.weight(&[3, 3, pair[0], pair[1]]).unwrap();
            y = net.graph.add_node(op.clone().into(), &[y, kernel]).unwrap();
            y = net.graph.tanh(y).unwrap();
        }
        let graph = net.train(y).unwrap();
        let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
        let plan = program.unwrap().plan_text(4);
        assert_eq!(plan.contains("(planes, winograd)"), chosen, "{h}x{w} {channels:?}\n{plan}");
        for samples in [1, 5] {
            check(&graph, samples);
        }
    }
    for (h, w, channels) in [(32, 128, vec![8, 8, 4]), (38, 125, vec![7, 11, 9])] {
        let graph = lesson_like(h, w, &channels).unwrap();
        let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
        let plan = program.unwrap().plan_text(4);
        assert!(plan.contains("(planes, winograd)"), "{plan}");
        check(&graph, 3);
    }
}

/// Batch normalization: statistics over the batch cut the work into phases.
#[test]
fn reductions_over_the_batch_cut_phases() {
    let mut net = Net::new();
    let x = net.graph.input("x", Shape::batched([16, 16, 3])).unwrap();
    let mut y = net.conv(x, 8, 3, 1, 1).unwrap();
    for _ in 0..2 {
        let g = &mut net.graph;
        let mean = g.mean(y, &[0, 1, 2], true).unwrap();
        let centered = g.sub(y, mean).unwrap();
        let squared = g.square(centered).unwrap();
        let variance = g.mean(squared, &[0, 1, 2], true).unwrap();
        let safe = g.add_scalar(variance, 1e-3).unwrap();
        let scale = g.rsqrt(safe).unwrap();
        let normed = g.mul(centered, scale).unwrap();
        let gamma = net.weight(&[8]).unwrap();
        let scaled = net.graph.mul(normed, gamma).unwrap();
        let alive = net.graph.relu(scaled).unwrap();
        let next = net.conv(alive, 8, 3, 1, 1).unwrap();
        y = net.graph.add(next, y).unwrap();
    }
    let graph = net.train(y).unwrap();
    for samples in [1, 6, 17] {
        check(&graph, samples);
    }
}

/// Residual blocks with batch normalization: cheap values are computed again in later phases, and
/// kept values follow in each other's memory.
#[test]
fn normalized_residual_blocks_train_alike() {
    for (h, w, channels) in [(6, 5, 16), (7, 18, 3), (3, 3, 40), (1, 1, 2)] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([h, w, channels])).unwrap();
        let mut y = x;
        for _ in 0..3 {
            let inner = net.conv(y, channels, 3, 1, 1).unwrap();
            let inner = net.normalized(inner).unwrap();
            let inner = net.graph.relu(inner).unwrap();
            let inner = net.conv(inner, channels, 3, 1, 1).unwrap();
            let inner = net.normalized(inner).unwrap();
            let sum = net.graph.add(inner, y).unwrap();
            y = net.graph.relu(sum).unwrap();
        }
        let y = net.graph.mean(y, &[1, 2], false).unwrap();
        let y = net.dense(y, 3).unwrap();
        let graph = net.train(y).unwrap();
        for samples in [1, 5, 18] {
            check(&graph, samples);
        }
    }
}

#[test]
fn variances_of_every_kind() {
    let cases: [&[usize]; 9] =
        [&[0, 1, 2, 3], &[0, 1, 2], &[1, 2], &[1], &[1, 3], &[0, 1, 3], &[2], &[0, 2], &[]];
    for axes in cases {
        for (h, w, c) in [(4, 5, 3), (1, 1, 1), (3, 17, 20)] {
            let mut net = Net::new();
            let x = net.graph.input("x", Shape::batched([h, w, c])).unwrap();
            let scale = net.weight(&[c]).unwrap();
            let x = net.graph.mul(x, scale).unwrap();
            let y = net.graph.variance(x, axes).unwrap();
            let graph = net.train(y).unwrap();
            all_have_kernels(&graph);
            for samples in [1, 6] {
                check(&graph, samples);
            }
        }
    }
}

#[test]
fn broadcasts_of_every_kind() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([3, 4, 5])).unwrap();
    let mut sum = x;
    for (i, dims) in [
        vec![5],
        vec![4, 1],
        vec![3, 1, 1],
        vec![3, 1, 5],
        vec![3, 4, 5],
        vec![1, 1, 1, 1],
        vec![1, 3, 4, 1],
    ]
    .into_iter()
    .enumerate()
    {
        let id = graph.add_variable(format!("v{i}"), dims);
        let v = graph.variable(id).unwrap();
        let scaled = graph.mul(sum, v).unwrap();
        sum = graph.add(scaled, v).unwrap();
    }
    for (i, sample) in
        [vec![1, 1, 5], vec![3, 1, 1], vec![1, 4, 1], vec![3, 1, 5]].iter().enumerate()
    {
        let v = graph.input(format!("b{i}"), Shape::batched(sample)).unwrap();
        sum = graph.mul(sum, v).unwrap();
    }
    graph.set_output("sum", sum);
    for samples in [1, 3, 70] {
        check(&graph, samples);
    }
}

#[test]
fn wide_dense_layers() {
    let mut net = Net::new();
    let x = net.graph.input("x", Shape::batched([50])).unwrap();
    let h = net.dense(x, 65).unwrap();
    let h = net.graph.relu(h).unwrap();
    let h = net.dense(h, 33).unwrap();
    let h = net.graph.softplus(h).unwrap();
    let y = net.dense(h, 3).unwrap();
    let y = net.graph.softmax(y, 1).unwrap();
    let graph = net.train(y).unwrap();
    for samples in [1, 2, 17, 100] {
        check(&graph, samples);
    }
}

/// Layers so wide that weights are packed, and that kernel gradients are taken from the whole batch.
#[test]
fn very_wide_dense_layers() {
    for (features, units) in [([300, 270], 230), ([131, 513], 150)] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([features[0]])).unwrap();
        // Small numbers: large ones would blow up rounding errors from step to step.
        let x = net.graph.mul_scalar(x, 0.1).unwrap();
        let h = net.dense(x, features[1]).unwrap();
        let h = net.graph.softplus(h).unwrap();
        let h = net.graph.mul_scalar(h, 0.1).unwrap();
        let h = net.dense(h, units).unwrap();
        let h = net.graph.tanh(h).unwrap();
        let y = net.dense(h, 3).unwrap();
        let graph = net.train(y).unwrap();
        let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
        let plan = program.unwrap().plan_text(100);
        assert_eq!(plan.matches("matmul over whole batch").count(), 2, "{plan}");
        assert_eq!(plan.matches("pack transposed").count(), 1, "{plan}");
        for samples in [1, 2, 17, 70] {
            check(&graph, samples);
        }
    }
}

/// Products that sum over the samples, also over none.
#[test]
fn products_over_the_whole_batch() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([301])).unwrap();
    let y = graph.input("y", Shape::batched([203])).unwrap();
    let z = graph.tanh(y).unwrap();
    let product = graph.matmul(x, z, true, false).unwrap();
    let total = graph.sum(product, &[0], false).unwrap();
    graph.set_output("product", product);
    graph.set_output("total", total);
    for samples in [0, 1, 5, 300] {
        check(&graph, samples);
    }
}

/// Momentum, decay that differs by row and by column, and a copy of what the weights were: shared
/// work on so many elements that several threads share it.
#[test]
fn large_updates() {
    for dims in [[230, 217], [1, 40_000], [40_001, 1]] {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([3])).unwrap();
        let mut variable = |dims: &[usize]| {
            let id = graph.add_variable(format!("v{}", graph.variables().len()), dims.to_vec());
            (id, graph.variable(id).unwrap())
        };
        let ((w_id, w), (m_id, m)) = (variable(&dims), variable(&dims));
        let ((row_id, row), (_, column)) = (variable(&[1, dims[1]]), variable(&[dims[0], 1]));
        let (before_id, before) = variable(&dims);
        let mean = graph.mean(x, &[0, 1], false).unwrap();
        let gradient = graph.mul(w, mean).unwrap();
        let slow = graph.mul_scalar(m, 0.9).unwrap();
        let next_m = graph.add(slow, gradient).unwrap();
        let decay = graph.mul(row, column).unwrap();
        let kept = graph.mul(w, decay).unwrap();
        let moved = graph.add(kept, before).unwrap();
        let next_w = graph.sub(moved, next_m).unwrap();
        let next_row = graph.add(row, mean).unwrap();
        graph.set_update(m_id, next_m).unwrap();
        graph.set_update(w_id, next_w).unwrap();
        graph.set_update(before_id, w).unwrap();
        graph.set_update(row_id, next_row).unwrap();
        let total = graph.sum(next_w, &[0, 1], false).unwrap();
        graph.set_output("total", total);
        graph.set_output("row", row);
        let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
        let plan = program.unwrap().plan_text(5);
        // The momentum is written in its place; the weights are still read, and must not be.
        let update = plan.lines().find(|line| line.contains(" $1") && line.contains("parts"));
        let (results, _) = update.expect(&plan).split_once("<-").unwrap();
        assert!(!results.contains("$0"), "{plan}");
        for samples in [1, 5] {
            check(&graph, samples);
        }
    }
}

/// Variables whose next value may, or must not, be written in their place.
#[test]
fn updates_see_the_values_before() {
    let mut graph = Graph::new();
    let mut ids = Vec::new();
    for i in 0..6 {
        let id = graph.add_variable(format!("v{i}"), [7]);
        ids.push((id, graph.variable(id).unwrap()));
    }
    let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|i: usize| ids[i].1);
    // Crosswise, by itself, and to the same value.
    let next_a = graph.add(b, c).unwrap();
    let next_b = graph.sub(a, b).unwrap();
    let next_c = graph.exp(c).unwrap();
    let sum = graph.sum(d, &[0], true).unwrap();
    let next_d = graph.mul(d, sum).unwrap();
    for ((id, _), next) in ids.iter().zip([next_a, next_b, next_c, next_d, f, e]) {
        graph.set_update(*id, next).unwrap();
    }
    let late = graph.reverse(a, 0).unwrap();
    graph.set_output("late", late);
    graph.set_output("c", c);
    check(&graph, 1);
}

/// Ops that move elements, pool or reduce, each followed by its gradient.
#[test]
fn moving_pooling_and_reducing() {
    let sample = [9, 10, 3];
    type Make = fn(&mut Graph, ValueId) -> Built;
    let makes: [(&str, Make); 18] = [
        ("transpose", |g, x| g.transpose(x, &[0, 3, 1, 2])),
        ("slice", |g, x| g.slice(x, 2, 1, 4, 2)),
        ("pad", |g, x| g.pad(x, 1, 2, 1, 1)),
        ("reverse", |g, x| g.reverse(x, 2)),
        ("concat", |g, x| {
            let y = g.tanh(x)?;
            g.concat(&[x, y, x], 3)
        }),
        ("reshape", |g, x| g.reshape(x, Shape::batched([90, 3]))),
        ("max over height", |g, x| g.reduce(cornu_graph::ops::ReduceKind::Max, x, &[1], true)),
        ("max over pixels", |g, x| g.reduce(cornu_graph::ops::ReduceKind::Max, x, &[1, 2], false)),
        ("sum over two apart", |g, x| g.sum(x, &[1, 3], false)),
        ("sum over the batch", |g, x| g.sum(x, &[0], true)),
        ("max over the batch", |g, x| {
            g.reduce(cornu_graph::ops::ReduceKind::Max, x, &[0, 2], false)
        }),
        ("log softmax", |g, x| g.log_softmax(x, 3)),
        ("softmax on axis 1", |g, x| g.softmax(x, 1)),
        ("log softmax on axis 2", |g, x| g.log_softmax(x, 2)),
        ("sum over batch and two apart", |g, x| g.sum(x, &[0, 1, 3], false)),
        ("min over two apart", |g, x| {
            g.reduce(cornu_graph::ops::ReduceKind::Min, x, &[1, 3], true)
        }),
        ("arg max over height", |g, x| {
            let best = g.arg_max(x, 1)?;
            let y = g.mean(x, &[1], false)?;
            g.mul(y, best)
        }),
        ("arg max", |g, x| {
            let best = g.arg_max(x, 3)?;
            g.sum(best, &[1], false)
        }),
    ];
    for (name, make) in makes {
        for conv_first in [false, true] {
            let mut net = Net::new();
            let x = net.graph.input("x", Shape::batched(sample)).unwrap();
            let x = if conv_first { net.conv(x, 3, 3, 1, 1).unwrap() } else { x };
            let w = net.weight(&[3]).unwrap();
            let x = net.graph.mul(x, w).unwrap();
            let y = make(&mut net.graph, x).unwrap_or_else(|error| panic!("{name}: {error}"));
            let graph = net.train(y).unwrap();
            all_have_kernels(&graph);
            check(&graph, 5);
        }
    }
}

#[test]
fn poolings_of_every_window() {
    for (window, stride, before) in
        [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (5, 5, 2), (2, 2, 1)]
    {
        for average in [false, true] {
            let mut net = Net::new();
            let x = net.graph.input("x", Shape::batched([11, 20, 3])).unwrap();
            let x = net.conv(x, 5, 3, 1, 1).unwrap();
            let window = vec![window; 2];
            let strides = vec![stride; 2];
            let padding = vec![(before, before); 2];
            let op = if average {
                cornu_graph::ops::AveragePool { window, strides, padding }.into()
            } else {
                cornu_graph::ops::MaxPool { window, strides, padding }.into()
            };
            let y = net.graph.add_node(op, &[x]).unwrap();
            check(&net.train(y).unwrap(), 3);
        }
    }
}

#[test]
fn pictures_are_moved_and_resized() {
    use cornu_graph::ops::{FillMode, Interpolation, Sampling};
    for fill_mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest] {
        for interpolation in [Interpolation::Bilinear, Interpolation::Nearest] {
            let mut graph = Graph::new();
            let x = graph.input("x", Shape::batched([13, 21, 2])).unwrap();
            let maps = graph.input("maps", Shape::batched([6])).unwrap();
            let sampling = Sampling { fill_mode, fill_value: 0.3, interpolation };
            let moved = graph.affine_transform(x, maps, sampling).unwrap();
            let smaller = graph.resize(x, 7, 30, interpolation).unwrap();
            graph.set_output("moved", moved);
            graph.set_output("smaller", smaller);
            check(&graph, 4);
        }
    }
}

/// The same behind a layer that learns.
#[test]
fn gradients_pass_through_moved_and_resized_pictures() {
    use cornu_graph::ops::{FillMode, Interpolation, Sampling};
    for (fill_mode, interpolation) in [
        (FillMode::Reflect, Interpolation::Bilinear),
        (FillMode::Constant, Interpolation::Nearest),
        (FillMode::Constant, Interpolation::Bilinear),
    ] {
        for channels in [1, 3, 18] {
            let mut net = Net::new();
            let x = net.graph.input("x", Shape::batched([7, 10, channels])).unwrap();
            let maps = net.graph.input("maps", Shape::batched([6])).unwrap();
            let y = net.conv(x, channels, 3, 1, 1).unwrap();
            let sampling = Sampling { fill_mode, fill_value: 0.3, interpolation };
            let y = net.graph.affine_transform(y, maps, sampling).unwrap();
            let y = net.graph.resize(y, 14, 9, interpolation).unwrap();
            let y = net.conv(y, 4, 3, 1, 1).unwrap();
            let y = net.graph.resize(y, 5, 27, interpolation).unwrap();
            let graph = net.train(y).unwrap();
            all_have_kernels(&graph);
            for samples in [1, 5] {
                check(&graph, samples);
            }
        }
    }
}

/// A dense layer on sequences: each sample has several rows, also where few samples go together.
#[test]
fn dense_layers_on_rows_of_samples() {
    for (rows, units) in [(3, 64), (5, 64), (7, 80), (40, 66)] {
        let mut net = Net::new();
        let x = net.graph.input("x", Shape::batched([rows, 64])).unwrap();
        let x = net.graph.reshape(x, Shape::new([Dim::Batch(rows), Dim::Fixed(64)])).unwrap();
        let y = net.dense(x, units).unwrap();
        let y = net.graph.relu(y).unwrap();
        let y = net.graph.reshape(y, Shape::batched([rows, units])).unwrap();
        let y = net.graph.mean(y, &[1], false).unwrap();
        let y = net.dense(y, 3).unwrap();
        let graph = net.train(y).unwrap();
        for samples in [1, 2, 6, 20] {
            check(&graph, samples);
        }
    }
}
