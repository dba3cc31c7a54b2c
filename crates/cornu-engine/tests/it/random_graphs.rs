//! Networks drawn at random, trained and used for prediction in turns, with batches of any size.

use cornu_engine::{Options, Program, Run, Runtime, Variables};
use cornu_graph::ops::{AveragePool, Conv, Distribution, Interpolation, MaxPool};
use cornu_graph::{Graph, GraphError, Op, ValueId, VariableId, gradient};
use cornu_tensor::{Dim, Shape, Tensor};
use cornu_testkit::Random;

type Built = Result<ValueId, GraphError>;

/// A network that is drawn; the same seed draws the same one for training and for prediction.
struct Net {
    rng: Random,
    graph: Graph,
    training: bool,
    weights: Vec<(VariableId, ValueId)>,
    /// Pictures that may be read again.
    made: Vec<ValueId>,
    /// Kernels that may be used again, with what they do.
    kernels: Vec<(ValueId, Conv)>,
    /// Next values of what is no weight.
    averages: Vec<(VariableId, ValueId)>,
}

impl Net {
    fn variable(&mut self, dims: &[usize]) -> Result<(VariableId, ValueId), GraphError> {
        let name = format!("v{}", self.graph.variables().len());
        let id = self.graph.add_variable(name, dims);
        Ok((id, self.graph.variable(id)?))
    }

    fn weight(&mut self, dims: &[usize]) -> Built {
        let weight = self.variable(dims)?;
        self.weights.push(weight);
        Ok(weight.1)
    }

    fn sizes(&self, x: ValueId) -> [usize; 3] {
        let dims = self.graph.shape(x).dims();
        [1, 2, 3].map(|axis| dims[axis].size(1))
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.below(from.len())]
    }

    /// A picture made before, mostly the last.
    fn picture(&mut self) -> ValueId {
        let n = self.made.len();
        let back = if self.rng.below(3) > 0 { 0 } else { self.rng.below(n) };
        self.made[n - 1 - back]
    }

    fn conv(&mut self, x: ValueId) -> Built {
        let [h, w, c] = self.sizes(x);
        if self.rng.below(4) == 0 {
            let fitting = self.kernels.iter().find(|(kernel, conv)| {
                conv.groups == 1 && self.graph.shape(*kernel).dims()[2].size(1) == c
            });
            if let Some((kernel, conv)) = fitting.cloned()
                && let Ok(y) = self.graph.conv(x, kernel, conv)
            {
                return Ok(y);
            }
        }
        let size = self.pick(&[1, 2, 3, 3, 3, 3, 5]);
        let stride = self.pick(&[1, 1, 1, 2, 3]);
        let dilation = self.pick(&[1, 1, 1, 2]);
        let reach = (size - 1) * dilation;
        let mut pad = || {
            if self.rng.below(3) > 0 {
                return (reach / 2, reach - reach / 2);
            }
            (self.rng.below(reach + 2), self.rng.below(reach + 2))
        };
        let mut padding = vec![pad(), pad()];
        for (axis, n) in [h, w].into_iter().enumerate() {
            let (before, after) = padding[axis];
            padding[axis].1 = after.max((reach + 1).saturating_sub(n + before));
        }
        let divisors: Vec<usize> = (1..=c).filter(|&n| c % n == 0).collect();
        let groups = if self.rng.below(5) == 0 { self.pick(&divisors) } else { 1 };
        let filters = if self.rng.below(3) == 0 { c } else { self.pick(&[1, 3, 8, 12, 16, 33]) };
        let filters = filters.next_multiple_of(groups).min(8 * groups.max(8));
        let filters = filters / groups * groups;
        let kernel = self.weight(&[size, size, c / groups, filters])?;
        let conv = Conv { strides: vec![stride; 2], dilations: vec![dilation; 2], padding, groups };
        self.kernels.push((kernel, conv.clone()));
        let y = self.graph.conv(x, kernel, conv)?;
        if self.rng.below(2) == 0 {
            return Ok(y);
        }
        let bias = self.weight(&[filters])?;
        let y = self.graph.add(y, bias)?;
        if self.rng.below(2) == 0 { self.graph.relu(y) } else { Ok(y) }
    }

    fn normalized(&mut self, x: ValueId) -> Built {
        let [.., c] = self.sizes(x);
        let (gamma, beta) = (self.weight(&[c])?, self.weight(&[c])?);
        let (average_id, average) = self.variable(&[c])?;
        let (spread_id, spread) = self.variable(&[c])?;
        let g = &mut self.graph;
        let (mean, variance) = if self.training {
            (g.mean(x, &[0, 1, 2], false)?, g.variance(x, &[0, 1, 2])?)
        } else {
            (average, g.square(spread)?)
        };
        if self.training {
            let kept = g.mul_scalar(average, 0.9)?;
            let new = g.mul_scalar(mean, 0.1)?;
            self.averages.push((average_id, g.add(kept, new)?));
            let kept = g.mul_scalar(spread, 0.9)?;
            let new = g.mul_scalar(variance, 0.1)?;
            self.averages.push((spread_id, g.add(kept, new)?));
        }
        let raised = g.add_scalar(variance, 0.1)?;
        let inverse = g.rsqrt(raised)?;
        let centred = g.sub(x, mean)?;
        let y = g.mul(centred, inverse)?;
        let y = g.mul(y, gamma)?;
        g.add(y, beta)
    }

    fn layer(&mut self) -> Built {
        let x = self.picture();
        let [h, w, c] = self.sizes(x);
        match self.rng.below(18) {
            0..=3 => self.conv(x),
            4 | 5 => self.normalized(x),
            6 => self.graph.relu(x),
            7 => self.graph.tanh(x),
            8 => {
                let alike: Vec<ValueId> = self
                    .made
                    .iter()
                    .copied()
                    .filter(|&other| self.graph.shape(other) == self.graph.shape(x))
                    .collect();
                let other = self.pick(&alike);
                let sum = self.graph.add(x, other)?;
                self.graph.relu(sum)
            }
            9 => {
                let beside: Vec<ValueId> = self
                    .made
                    .iter()
                    .copied()
                    .filter(|&other| self.sizes(other)[..2] == [h, w])
                    .collect();
                let other = self.pick(&beside);
                if c + self.sizes(other)[2] > 48 {
                    return self.graph.tanh(x);
                }
                self.graph.concat(&[x, other], 3)
            }
            10 => {
                let size = self.pick(&[2, 2, 3]).min(h).min(w);
                let stride = self.pick(&[size, size, 1]);
                let (window, strides) = (vec![size; 2], vec![stride; 2]);
                let before = self.rng.below(size);
                let padding = vec![(before, 0); 2];
                if self.rng.below(3) == 0 {
                    self.graph.average_pool(x, AveragePool { window, strides, padding })
                } else {
                    self.graph.max_pool(x, MaxPool { window, strides, padding })
                }
            }
            11 => {
                // A dense layer on the last axis.
                let units = self.pick(&[1, 7, 130]);
                let kernel = self.weight(&[c, units])?;
                let rows = Shape::new([Dim::Batch(h * w), Dim::Fixed(c)]);
                let y = self.graph.reshape(x, rows)?;
                let y = self.graph.matmul(y, kernel, false, false)?;
                self.graph.reshape(y, Shape::batched([h, w, units]))
            }
            12 => {
                let axis = 1 + self.rng.below(3);
                self.graph.softmax(x, axis)
            }
            13 => {
                // A transposed convolution.
                let (stride, size) = (self.pick(&[1, 2]), self.pick(&[2, 3]));
                if h * w > 300 {
                    return self.conv(x);
                }
                let filters = self.pick(&[2, 16]);
                let kernel = self.weight(&[size, size, filters, c])?;
                let conv = Conv {
                    strides: vec![stride; 2],
                    dilations: vec![1; 2],
                    padding: vec![(0, 0); 2],
                    groups: 1,
                };
                let larger = [h, w].map(|n| (n - 1) * stride + size);
                self.graph.conv_input_grad(x, kernel, conv, &larger)
            }
            14 => {
                let interpolation = self.pick(&[Interpolation::Nearest, Interpolation::Bilinear]);
                let (h, w) = (self.pick(&[1, 4, 11]), self.pick(&[1, 6, 13]));
                self.graph.resize(x, h, w, interpolation)
            }
            15 => {
                let axis = 1 + self.rng.below(3);
                let (before, after) = (self.rng.below(2), self.rng.below(3));
                self.graph.pad(x, axis, before, after, 0)
            }
            16 => {
                let axis = 1 + self.rng.below(2);
                let n = [h, w][axis - 1];
                let start = self.rng.below(n);
                let y = self.graph.slice(x, axis, start, (n - start).div_ceil(2), 2)?;
                self.graph.reverse(y, axis)
            }
            _ => {
                // Squeeze and excitation.
                let mean = self.graph.mean(x, &[1, 2], true)?;
                let gate = self.graph.sigmoid(mean)?;
                self.graph.mul(x, gate)
            }
        }
    }

    fn dropout(&mut self, x: ValueId) -> Built {
        let g = &mut self.graph;
        let shape = g.shape(x).clone();
        let u = g.random(Distribution::Uniform, 3, shape)?;
        let limit = g.scalar(0.7)?;
        let kept = g.less(u, limit)?;
        let zero = g.scalar(0.0)?;
        g.select(kept, x, zero)
    }

    fn build(seed: u64, training: bool) -> Result<Graph, GraphError> {
        let mut net = Self {
            rng: Random::new(seed),
            graph: Graph::new(),
            training,
            weights: Vec::new(),
            made: Vec::new(),
            kernels: Vec::new(),
            averages: Vec::new(),
        };
        let small = [1, 2, 5, 7, 9, 12, 16, 21];
        let sizes = if seed % 3 == 2 { &[30, 33, 64][..] } else { &small };
        let (h, w) = (net.pick(sizes), net.pick(sizes));
        let c = net.pick(&[1, 3, 8, 16, 17, 40]);
        let x = net.graph.input("x", Shape::batched([h, w, c]))?;
        net.made.push(x);
        for _ in 0..3 + net.rng.below(8) {
            let y = net.layer()?;
            net.made.push(y);
        }
        // All that nobody has read takes part in the result.
        let mut features = Vec::new();
        let users = net.graph.users();
        let made = net.made.clone();
        for &value in made.iter().filter(|value| users[value.index()].is_empty()) {
            let flat = if net.rng.below(2) == 0 && net.graph.shape(value).n_per_sample() < 3000 {
                let n = net.graph.shape(value).n_per_sample();
                net.graph.reshape(value, Shape::batched([n]))?
            } else {
                net.graph.mean(value, &[1, 2], false)?
            };
            features.push(flat);
        }
        let joined = net.graph.concat(&features, 1)?;
        let n = net.graph.shape(joined).n_per_sample();
        let units = net.pick(&[3, 40, 150]);
        let kernel = net.weight(&[n, units])?;
        let mut y = net.graph.matmul(joined, kernel, false, false)?;
        y = net.graph.mul_scalar(y, 1.0 / (n as f64).sqrt())?;
        y = net.graph.tanh(y)?;
        if training && net.rng.below(2) == 0 {
            y = net.dropout(y)?;
        }
        net.graph.set_output("y", y);
        let extra = net.picture();
        net.graph.set_output("extra", extra);
        if training {
            net.train(y)?;
        }
        Ok(net.graph)
    }

    /// A step of gradient descent with momentum and with an average of the weights, or without.
    fn train(&mut self, y: ValueId) -> Result<(), GraphError> {
        let squared = self.graph.square(y)?;
        let loss = self.graph.mean(squared, &[0, 1], false)?;
        let values: Vec<ValueId> = self.weights.iter().map(|(_, value)| *value).collect();
        let gradients = gradient(&mut self.graph, loss, &values)?;
        let mut rng = self.rng.clone();
        let (momentum, average) = (rng.below(2) == 0, rng.below(2) == 0);
        for ((id, value), gradient) in self.weights.clone().into_iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let dims: Vec<usize> =
                self.graph.shape(value).dims().iter().map(|dim| dim.size(1)).collect();
            let mut step = self.graph.mul_scalar(gradient, 0.05)?;
            if momentum {
                let (m_id, m) = self.variable(&dims)?;
                let m = self.graph.mul_scalar(m, 0.5)?;
                step = self.graph.add(m, step)?;
                self.averages.push((m_id, step));
            }
            let next = self.graph.sub(value, step)?;
            self.graph.set_update(id, next)?;
            if average {
                // Of the weights before, or of those after the step.
                let (a_id, a) = self.variable(&dims)?;
                let from = if rng.below(2) == 0 { value } else { next };
                let apart = self.graph.sub(from, a)?;
                let apart = self.graph.mul_scalar(apart, 0.3)?;
                self.averages.push((a_id, self.graph.add(a, apart)?));
            }
        }
        for (id, next) in std::mem::take(&mut self.averages) {
            self.graph.set_update(id, next)?;
        }
        self.graph.set_output("loss", loss);
        Ok(())
    }
}

/// Outputs of all runs, and the variables in the end.
fn run(graphs: &[Graph; 2], options: &Options, seed: u64) -> Vec<Tensor> {
    let mut rng = Random::new(seed);
    let mut variables = Variables::new();
    for info in graphs[0].variables() {
        let n: usize = info.dims.iter().product();
        let size = 0.5 / (n as f64 / *info.dims.last().unwrap() as f64).sqrt().max(1.0);
        let data = (0..n).map(|_| (rng.normal() * size) as f32).collect();
        variables.push(Tensor::new(info.dims.clone(), data).unwrap());
    }
    let binding: Vec<usize> = (0..variables.len()).collect();
    let mut programs = graphs.clone().map(|graph| Program::compile(graph, options).unwrap());
    let mut results = Vec::new();
    let few = if seed.is_multiple_of(5) { [1, 4, 16, 37, 70] } else { [1, 2, 3, 5, 11] };
    for step in 0..5 {
        let which = if step < 3 { step as usize % 2 } else { rng.below(2) };
        let samples = few[rng.below(few.len())];
        let graph = &graphs[which];
        let shape = graph
            .nodes()
            .iter()
            .find_map(|node| matches!(node.op, Op::Input(_)).then_some(&node.shape))
            .unwrap();
        let n = shape.n_elements(samples);
        let x: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
        let inputs = [("x", &x[..])];
        if rng.below(4) == 0 {
            programs[which].release_memory();
        }
        let binding = &binding[..graph.variables().len()];
        let variables = &mut variables;
        let mut run = Run { inputs: &inputs, variables, binding, samples, seed: 5, step };
        results.extend(programs[which].run(&mut run).unwrap());
    }
    results.extend(binding.iter().map(|&index| variables.get(index).clone()));
    results
}

#[track_caller]
fn check(seed: u64) {
    let graphs = [true, false].map(|training| {
        Net::build(seed, training).unwrap_or_else(|error| panic!("network {seed}: {error}"))
    });
    let options = Options::from_environment().unwrap();
    let exact = run(&graphs, &options.clone().runtime(Runtime::Reference), seed);
    for runtime in [Runtime::Unfused, Runtime::Fused] {
        let options = options.clone().runtime(runtime);
        let one = run(&graphs, &options.clone().threads(1), seed);
        for (i, (got, exact)) in one.iter().zip(&exact).enumerate() {
            assert_eq!(got.dims(), exact.dims());
            let scale = exact.data().iter().fold(1e-2_f32, |most, x| most.max(x.abs()));
            for (at, (a, b)) in got.data().iter().zip(exact.data()).enumerate() {
                assert!(
                    (a - b).abs() <= 1e-3 * scale,
                    "network {seed}, {runtime:?}, result {i} {:?}, element {at}: {a} instead of {b}\n{}",
                    got.dims(),
                    graphs[0]
                );
            }
        }
        for threads in [2, 3, 7] {
            let many = run(&graphs, &options.clone().threads(threads), seed);
            for (i, (one, many)) in one.iter().zip(&many).enumerate() {
                let bits = |t: &Tensor| t.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(
                    bits(one) == bits(many),
                    "network {seed}, {runtime:?}, {threads} threads: result {i} differs\n{}",
                    graphs[0]
                );
            }
        }
    }
}

/// In all runtimes alike, and on several threads equal to the bit.
#[test]
fn random_networks_train_alike() {
    let range = std::env::var("CORNU_RANDOM_NETWORKS").unwrap_or_else(|_| "0 12".to_owned());
    let mut range = range.split(' ').map(|n| n.parse::<u64>().unwrap());
    for seed in range.next().unwrap()..range.next().unwrap() {
        check(seed);
    }
}
