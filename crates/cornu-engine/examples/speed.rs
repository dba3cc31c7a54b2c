//! Times a training step and a prediction of a network like the lesson's, with the plan.
//!
//! `cargo run --release -p cornu-engine --example speed -- [threads] [batch] [scale]`
//!
//! All weights are multiplied by `scale`, 1 by default. With 1e-38 they are denormal numbers, with
//! 1e-12 the activations of later layers are: neither may take longer.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use cornu_engine::{Options, Program, Run, Variables};
use cornu_graph::{Graph, GraphError, ValueId, gradient, ops};
use cornu_tensor::{Shape, Tensor};

struct Net {
    graph: Graph,
    weights: Vec<(cornu_graph::VariableId, ValueId)>,
}

impl Net {
    fn weight(&mut self, dims: &[usize]) -> Result<ValueId, GraphError> {
        let id = self.graph.add_variable(format!("w{}", self.weights.len()), dims);
        let value = self.graph.variable(id)?;
        self.weights.push((id, value));
        Ok(value)
    }

    fn conv(&mut self, x: ValueId, filters: usize, size: usize) -> Result<ValueId, GraphError> {
        let channels = self.graph.shape(x).dims()[3].size(1);
        let kernel = self.weight(&[size, size, channels, filters])?;
        let bias = self.weight(&[filters])?;
        let padding = vec![(size / 2, size / 2); 2];
        let op = ops::Conv { strides: vec![1; 2], dilations: vec![1; 2], padding, groups: 1 };
        let y = self.graph.add_node(op.into(), &[x, kernel])?;
        let y = self.graph.add(y, bias)?;
        self.graph.relu(y)
    }

    fn dense(&mut self, x: ValueId, units: usize) -> Result<ValueId, GraphError> {
        let features = self.graph.shape(x).dims()[1].size(1);
        let kernel = self.weight(&[features, units])?;
        let bias = self.weight(&[units])?;
        let y = self.graph.matmul(x, kernel, false, false)?;
        self.graph.add(y, bias)
    }
}

fn lesson(train: bool) -> Result<Graph, GraphError> {
    let mut net = Net { graph: Graph::new(), weights: Vec::new() };
    let mut x = net.graph.input("x", Shape::batched([256, 256, 1]))?;
    for (filters, size) in [(8, 3), (8, 3), (12, 3), (12, 3), (20, 5), (20, 5), (50, 5)] {
        x = net.conv(x, filters, size)?;
        if filters < 50 {
            let (window, strides, padding) = (vec![2; 2], vec![2; 2], vec![(0, 0); 2]);
            x = net.graph.add_node(ops::MaxPool { window, strides, padding }.into(), &[x])?;
        }
    }
    x = net.graph.mean(x, &[1, 2], false)?;
    x = net.dense(x, 128)?;
    x = net.graph.relu(x)?;
    x = net.dense(x, 32)?;
    x = net.graph.relu(x)?;
    x = net.dense(x, 1)?;
    let y = net.graph.sigmoid(x)?;
    let mut g = net.graph;
    if train {
        let squared = g.square(y)?;
        let loss = g.mean(squared, &[0, 1], false)?;
        let values: Vec<ValueId> = net.weights.iter().map(|(_, value)| *value).collect();
        for ((id, value), d) in net.weights.iter().zip(gradient(&mut g, loss, &values)?) {
            let Some(d) = d else { continue };
            let d = g.mul_scalar(d, 1e-3)?;
            let next = g.sub(*value, d)?;
            g.set_update(*id, next)?;
        }
        g.set_output("loss", loss);
    } else {
        g.set_output("y", y);
    }
    Ok(g)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let batch = arguments.next().map_or(Ok(32), |text| text.parse())?;
    let scale: f32 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let options = Options::from_environment()?.threads(threads);
    for (what, train, batch) in [("train", true, batch), ("infer", false, batch), ("one", false, 1)]
    {
        let graph = lesson(train)?;
        let mut variables = Variables::new();
        let binding: Vec<usize> = graph
            .variables()
            .iter()
            .map(|info| {
                variables.push(Tensor::from_fn(info.dims.clone(), |i| {
                    ((i * 7919 % 101) as f32 - 50.0) / 400.0 * scale
                }))
            })
            .collect();
        let started = Instant::now();
        let mut program = Program::compile(graph, &options)?;
        if what == "train" {
            println!(
                "compiled in {:.1} ms\n{}",
                started.elapsed().as_secs_f64() * 1e3,
                program.plan_text(batch)
            );
        }
        let x: Vec<f32> = (0..batch * 256 * 256).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
        let mut times: Vec<f64> = (0..20)
            .map(|step| {
                let started = Instant::now();
                let run = program.run(&mut Run {
                    inputs: &[("x", &x)],
                    variables: &mut variables,
                    binding: &binding,
                    samples: batch,
                    seed: 1,
                    step,
                });
                run.map(|_| started.elapsed().as_secs_f64())
            })
            .collect::<Result<_, _>>()?;
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!("{what}: {:.3} ms, {:.0} images/s", median * 1e3, batch as f64 / median);
    }
    Ok(())
}
