//! Sequences, volumes and tables.

use cornu_engine::{Options, Program};
use cornu_graph::ops::{AveragePool, Conv, MaxPool};
use cornu_graph::{Graph, GraphError, ValueId, gradient};
use cornu_tensor::Shape;

use crate::runtimes::check;

/// A graph whose loss is the mean square of what `make` makes of an input and, for each of `weights`,
/// a variable of these sizes; with a step of gradient descent on all of them.
fn trained(
    sample: &[usize],
    weights: &[&[usize]],
    make: impl Fn(&mut Graph, ValueId, &[ValueId]) -> Result<ValueId, GraphError>,
) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(sample)).unwrap();
    // A weight before the first layer, so that the gradient of its input is asked for.
    let id = graph.add_variable("scale", [*sample.last().unwrap()]);
    let scale = graph.variable(id).unwrap();
    let x = graph.mul(x, scale).unwrap();
    let (mut ids, mut values) = (vec![id], vec![scale]);
    for (i, dims) in weights.iter().enumerate() {
        ids.push(graph.add_variable(format!("w{i}"), dims.to_vec()));
        values.push(graph.variable(ids[i + 1]).unwrap());
    }
    let y = make(&mut graph, x, &values[1..]).unwrap();
    let squared = graph.square(y).unwrap();
    let axes: Vec<usize> = (0..graph.shape(y).rank()).collect();
    let loss = graph.mean(squared, &axes, false).unwrap();
    let gradients = gradient(&mut graph, loss, &values).unwrap();
    for ((id, value), gradient) in ids.into_iter().zip(values).zip(gradients) {
        let step = graph.mul_scalar(gradient.unwrap(), 0.1).unwrap();
        let next = graph.sub(value, step).unwrap();
        graph.set_update(id, next).unwrap();
    }
    graph.set_output("y", y);
    graph
}

/// Compares all runtimes, and fails if an op runs by its definition.
#[track_caller]
fn check_kernels(graph: &Graph, samples: &[usize]) {
    let program = Program::compile(graph.clone(), &Options::from_environment().unwrap());
    let plan = program.unwrap().plan_text(4);
    assert!(!plan.contains("(slow)"), "{plan}");
    for &samples in samples {
        check(graph, samples);
    }
}

/// Strides, dilations, zeros before and after, groups.
type Walk = (usize, usize, (usize, usize), usize);

fn conv(rank: usize, (stride, dilation, padding, groups): Walk) -> Conv {
    Conv {
        strides: vec![stride; rank],
        dilations: vec![dilation; rank],
        padding: vec![padding; rank],
        groups,
    }
}

#[test]
fn sequences_are_pictures_of_one_row() {
    let walks: [Walk; 6] = [
        (1, 1, (1, 1), 1),
        (1, 2, (4, 0), 1),
        (2, 1, (0, 1), 1),
        (3, 1, (2, 2), 1),
        (1, 1, (1, 1), 2),
        (1, 1, (0, 0), 4),
    ];
    for (steps, channels, filters) in [(37, 4, 8), (20, 12, 20), (64, 16, 32), (5, 4, 4)] {
        for walk in walks {
            let groups = walk.3;
            let kernels: [&[usize]; 4] =
                [&[3, channels / groups, filters], &[filters], &[1, filters, 5], &[5]];
            let graph = trained(&[steps, channels], &kernels, |g, x, w| {
                let y = g.conv(x, w[0], conv(1, walk))?;
                let y = g.add(y, w[1])?;
                let y = g.relu(y)?;
                let y = g.conv(y, w[2], Conv::plain(1))?;
                let y = g.add(y, w[3])?;
                // One number for each step.
                let means = g.mean(y, &[2], true)?;
                g.mul(y, means)
            });
            check_kernels(&graph, &[1, 5]);
        }
    }
}

#[test]
fn sequences_are_pooled() {
    for (window, stride, padding) in
        [(2, 2, (0, 0)), (3, 2, (1, 1)), (4, 1, (0, 3)), (9, 9, (0, 0))]
    {
        for average in [false, true] {
            for channels in [1, 3, 17] {
                let kernel: &[usize] = &[3, channels, channels];
                let graph = trained(&[21, channels], &[kernel], |g, x, w| {
                    let y = g.conv(x, w[0], conv(1, (1, 1, (1, 1), 1)))?;
                    let (window, strides) = (vec![window], vec![stride]);
                    let padding = vec![padding];
                    if average {
                        g.add_node(AveragePool { window, strides, padding }.into(), &[y])
                    } else {
                        g.add_node(MaxPool { window, strides, padding }.into(), &[y])
                    }
                });
                check_kernels(&graph, &[1, 4]);
            }
        }
    }
}

#[test]
fn volumes_are_convolved() {
    let walks: [Walk; 5] = [
        (1, 1, (1, 1), 1),
        (2, 1, (0, 1), 1),
        (1, 2, (2, 2), 1),
        (1, 1, (1, 0), 2),
        (3, 1, (0, 0), 2),
    ];
    for (sample, filters) in [([4, 5, 6, 2], 6), ([3, 7, 3, 4], 18), ([5, 5, 5, 16], 8)] {
        for walk in walks {
            if sample[..3].iter().any(|n| n + walk.2.0 + walk.2.1 < 2 * walk.1 + 1) {
                continue;
            }
            let kernel: &[usize] = &[3, 3, 2, sample[3] / walk.3, filters];
            let graph = trained(&sample, &[kernel, &[filters]], |g, x, w| {
                let y = g.conv(x, w[0], conv(3, walk))?;
                let y = g.add(y, w[1])?;
                g.relu(y)
            });
            check_kernels(&graph, &[1, 3]);
        }
    }
}

#[test]
fn volumes_are_pooled() {
    for (window, stride, padding) in [(2, 2, (0, 0)), (3, 2, (1, 1)), (3, 1, (0, 2))] {
        for average in [false, true] {
            let graph = trained(&[5, 4, 7, 3], &[], |g, x, _| {
                let (window, strides) = (vec![window; 3], vec![stride; 3]);
                let padding = vec![padding; 3];
                if average {
                    g.add_node(AveragePool { window, strides, padding }.into(), &[x])
                } else {
                    g.add_node(MaxPool { window, strides, padding }.into(), &[x])
                }
            });
            check_kernels(&graph, &[1, 4]);
        }
    }
}

/// Small and large tables, some rows of which nobody asks for.
#[test]
fn rows_of_tables_are_learned() {
    for (rows, width, steps) in [(5, 3, 9), (700, 20, 4), (3000, 16, 2), (40, 1, 3), (2, 33, 1)] {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched([steps])).unwrap();
        let id = graph.add_variable("table", [rows, width]);
        let table = graph.variable(id).unwrap();
        // Whole numbers from 0 on, the same one often.
        let spread = graph.mul_scalar(x, 3.0).unwrap();
        let size = graph.abs(spread).unwrap();
        let index = graph.floor(size).unwrap();
        let index = graph.min_scalar(index, (rows - 1) as f64).unwrap();
        let y = graph.gather(table, index).unwrap();
        let squared = graph.square(y).unwrap();
        let loss = graph.mean(squared, &[0, 1, 2], false).unwrap();
        let d_table = gradient(&mut graph, loss, &[table]).unwrap()[0].unwrap();
        let step = graph.mul_scalar(d_table, 0.1).unwrap();
        let next = graph.sub(table, step).unwrap();
        graph.set_update(id, next).unwrap();
        graph.set_output("y", y);
        let wide = graph.gather(y, index);
        assert!(wide.is_err(), "a table of each sample");
        check_kernels(&graph, &[1, 6, 33]);
    }
}

#[test]
fn a_row_that_is_not_there_shows() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched([3])).unwrap();
    let id = graph.add_variable("table", [2, 4]);
    let table = graph.variable(id).unwrap();
    // Random numbers are no whole ones.
    let y = graph.gather(table, x).unwrap();
    graph.set_output("y", y);
    check_kernels(&graph, &[3]);
}

#[test]
fn groups_of_every_size() {
    for (groups, inputs, outputs) in
        [(5, 1, 1), (7, 1, 3), (6, 2, 2), (3, 4, 1), (4, 8, 8), (2, 9, 5), (3, 1, 20)]
    {
        for (stride, dilation) in [(1, 1), (2, 1), (1, 2)] {
            let walk = (stride, dilation, (1, 1), groups);
            let kernel: &[usize] = &[3, 3, inputs, groups * outputs];
            let weights = [kernel, &[groups * outputs]];
            let graph = trained(&[9, 11, groups * inputs], &weights, |g, x, w| {
                let y = g.conv(x, w[0], conv(2, walk))?;
                let y = g.add(y, w[1])?;
                g.relu(y)
            });
            check_kernels(&graph, &[1, 5]);
        }
    }
}
