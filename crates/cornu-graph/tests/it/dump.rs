//! The text form of a small network with its gradient: a change of it is a change of meaning.

use cornu_graph::ops::{Conv, MaxPool};
use cornu_graph::{Graph, GraphError, gradient, verify};
use cornu_tensor::Shape;
use expect_test::expect;

fn network() -> Result<Graph, GraphError> {
    let mut g = Graph::new();
    let kernel = g.add_variable("conv/kernel", [3, 3, 1, 4]);
    let weight = g.add_variable("dense/kernel", [36, 10]);
    let x = g.input("x", Shape::batched([6, 6, 1]))?;
    let labels = g.input("labels", Shape::batched([10]))?;

    g.set_scope("conv");
    let kernel_value = g.variable(kernel)?;
    let conv = Conv { padding: vec![(1, 1), (1, 1)], ..Conv::plain(2) };
    let x = g.conv(x, kernel_value, conv)?;
    let x = g.relu(x)?;
    g.set_scope("pool");
    let pool = MaxPool { window: vec![2, 2], strides: vec![2, 2], padding: vec![(0, 0); 2] };
    let x = g.max_pool(x, pool)?;
    g.set_scope("dense");
    let x = g.reshape(x, Shape::batched([36]))?;
    let weight_value = g.variable(weight)?;
    let logits = g.matmul(x, weight_value, false, false)?;
    g.set_scope("loss");
    let log = g.log_softmax(logits, 1)?;
    let products = g.mul(labels, log)?;
    let sum = g.sum_all(products)?;
    let loss = g.neg(sum)?;
    g.set_output("loss", loss);

    let gradients = gradient(&mut g, loss, &[kernel_value, weight_value])?;
    g.set_scope("optimizer");
    for (variable, value, gradient) in
        [(kernel, kernel_value, gradients[0]), (weight, weight_value, gradients[1])]
    {
        let gradient = gradient.ok_or(GraphError::Missing("gradient".to_owned()))?;
        let step = g.mul_scalar(gradient, 0.1)?;
        let next = g.sub(value, step)?;
        g.set_update(variable, next)?;
    }
    Ok(g)
}

#[test]
fn a_training_step_of_a_small_convolution_network() {
    let graph = network().unwrap().without_dead_nodes();
    verify("building", &graph).unwrap();
    expect![[r#"
        variable $0 conv/kernel [3, 3, 1, 4]
        variable $1 dense/kernel [36, 10]
        %0 = input() {name=x} : (N,6,6,1)
        %1 = input() {name=labels} : (N,10)
        %2 = variable() {id=$0} : (3,3,1,4)  # conv
        %3 = conv(%0, %2) {strides=[1, 1] dilations=[1, 1] padding=[(1, 1), (1, 1)] groups=1} : (N,6,6,4)  # conv
        %4 = relu(%3) : (N,6,6,4)  # conv
        %5 = max_pool(%4) {window=[2, 2] strides=[2, 2] padding=[(0, 0), (0, 0)]} : (N,3,3,4)  # pool
        %6 = reshape(%5) : (N,36)  # dense
        %7 = variable() {id=$1} : (36,10)  # dense
        %8 = matmul(%6, %7) {transpose_a=false transpose_b=false} : (N,10)  # dense
        %9 = log_softmax(%8) {axis=1} : (N,10)  # loss
        %10 = mul(%1, %9) : (N,10)  # loss
        %11 = reduce_sum(%10) {axes=[0, 1] keep_dims=false} : ()  # loss
        %12 = neg(%11) : ()  # loss
        %13 = constant() {1} : ()  # loss
        %14 = neg(%13) : ()  # loss
        %15 = reshape(%14) : (1,1)  # loss
        %16 = broadcast_to(%15) : (N,10)  # loss
        %17 = mul(%16, %1) : (N,10)  # loss
        %18 = reduce_sum(%17) {axes=[1] keep_dims=true} : (N,1)  # loss
        %19 = exp(%9) : (N,10)  # loss
        %20 = mul(%19, %18) : (N,10)  # loss
        %21 = sub(%17, %20) : (N,10)  # loss
        %22 = matmul(%21, %7) {transpose_a=false transpose_b=true} : (N,36)  # dense
        %23 = matmul(%6, %21) {transpose_a=true transpose_b=false} : (36,10)  # dense
        %24 = reshape(%22) : (N,3,3,4)  # dense
        %25 = max_pool_grad(%4, %24) {window=[2, 2] strides=[2, 2] padding=[(0, 0), (0, 0)]} : (N,6,6,4)  # pool
        %26 = constant() {0} : ()  # conv
        %27 = greater(%4, %26) : (N,6,6,4)  # conv
        %28 = select(%27, %25, %26) : (N,6,6,4)  # conv
        %29 = conv_kernel_grad(%0, %28) {strides=[1, 1] dilations=[1, 1] padding=[(1, 1), (1, 1)] groups=1 kernel=[3, 3]} : (3,3,1,4)  # conv
        %30 = constant() {0.1} : ()  # optimizer
        %31 = mul(%29, %30) : (3,3,1,4)  # optimizer
        %32 = sub(%2, %31) : (3,3,1,4)  # optimizer
        %33 = constant() {0.1} : ()  # optimizer
        %34 = mul(%23, %33) : (36,10)  # optimizer
        %35 = sub(%7, %34) : (36,10)  # optimizer
        output loss %12
        update $0 %32
        update $1 %35
    "#]].assert_eq(&graph.to_string());
}
