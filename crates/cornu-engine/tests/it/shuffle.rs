//! Work that reads other samples of the batch.

use cornu_graph::ops::{CircleSums, Conv, MaxPool};
use cornu_graph::{Graph, gradient};
use cornu_tensor::Shape;

use crate::runtimes::check;

#[test]
fn fed_samples_are_mixed_with_others() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::batched([5, 3])).unwrap();
    let other = g.shuffle(x, 7).unwrap();
    let half = g.mul_scalar(other, 0.5).unwrap();
    let y = g.sub(x, half).unwrap();
    g.set_output("y", y);
    for samples in [1, 2, 9, 65] {
        check(&g, samples);
    }
}

#[test]
fn computed_samples_are_mixed_with_others_and_gradients_go_back() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::batched([8, 8, 3])).unwrap();
    let id = g.add_variable("kernel", [3, 3, 3, 20]);
    let kernel = g.variable(id).unwrap();
    // A cheap value, which would be computed again in the next phase if nobody read all of it.
    let scaled = g.mul_scalar(x, 0.25).unwrap();
    let moved = g.add_scalar(scaled, 1.0).unwrap();
    let mixed = g.shuffle(moved, 1).unwrap();
    let sum = g.add(mixed, moved).unwrap();
    let conv = Conv { padding: vec![(1, 1); 2], ..Conv::plain(2) };
    let y = g.conv(sum, kernel, conv).unwrap();
    // The result of a convolution lies in the layout of its kernels.
    let other = g.shuffle(y, 2).unwrap();
    let again = g.shuffle(other, 1).unwrap();
    let product = g.mul(other, y).unwrap();
    let sum = g.add(product, again).unwrap();
    let pool = MaxPool { window: vec![2, 2], strides: vec![2, 2], padding: vec![(0, 0); 2] };
    let pooled = g.max_pool(sum, pool).unwrap();
    let loss = g.mean(pooled, &[0, 1, 2, 3], false).unwrap();
    let d_kernel = gradient(&mut g, loss, &[kernel]).unwrap()[0].unwrap();
    g.set_output("loss", loss);
    g.set_output("other", other);
    g.set_update(id, d_kernel).unwrap();
    for samples in [1, 5, 32] {
        check(&g, samples);
    }
}

#[test]
fn samples_are_compared_with_all_others() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::batched([6])).unwrap();
    let id = g.add_variable("kernel", [6, 4]);
    let kernel = g.variable(id).unwrap();
    let small = g.mul_scalar(x, 0.1).unwrap();
    let embeddings = g.matmul(small, kernel, false, false).unwrap();
    // Classes that are computed, and cheaply so.
    let first = g.slice(x, 1, 0, 1, 1).unwrap();
    let sign = g.sign(first).unwrap();
    let classes = g.reshape(sign, Shape::batched([])).unwrap();
    let op = CircleSums { gamma: 0.5, margin: 0.4, remove_diagonal: true };
    let sums = g.circle_sums(embeddings, classes, op).unwrap();
    let sum = g.sum(sums, &[1], false).unwrap();
    let losses = g.softplus(sum).unwrap();
    let loss = g.mean(losses, &[0], false).unwrap();
    let d_kernel = gradient(&mut g, loss, &[kernel]).unwrap()[0].unwrap();
    g.set_output("losses", losses);
    g.set_update(id, d_kernel).unwrap();
    for samples in [1, 2, 9, 65] {
        check(&g, samples);
    }
}

#[test]
fn tables_of_each_sample_are_read_and_filled() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::batched([6, 5])).unwrap();
    let values = g.input("values", Shape::batched([6, 5, 2])).unwrap();
    let scaled = g.mul_scalar(x, 2.0).unwrap();
    // Some indices are outside of the tables: they add nothing.
    let indices = g.floor(scaled).unwrap();
    let sums = g.batch_scatter_add(indices, values, 3).unwrap();
    let within = g.clip(indices, 0.0, 2.0).unwrap();
    let read = g.batch_gather(sums, within).unwrap();
    g.set_output("sums", sums);
    g.set_output("read", read);
    for samples in [1, 4, 33] {
        check(&g, samples);
    }
}
