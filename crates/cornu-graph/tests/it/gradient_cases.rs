//! One or more cases for each op; sizes are drawn, so that each seed is another case.

use cornu_graph::ValueId;
use cornu_graph::ops::{
    AveragePool, BinaryKind, CircleRemainder, CircleSums, CircleSumsGrad, Conv, Distribution,
    FillMode, Interpolation, MaxPool, ReduceKind, Sampling, UnaryKind, conv_output_size,
    same_padding,
};
use cornu_tensor::{Array, Shape};

use crate::gradient_check::Numbers::{Distinct, Normal, Uniform};
use crate::gradient_check::{Case, Draw, Gradient, Numbers};

pub(crate) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    leaves(&mut all);
    unary(&mut all);
    binary(&mut all);
    shapes(&mut all);
    reductions(&mut all);
    products(&mut all);
    convolutions(&mut all);
    pooling(&mut all);
    classes_and_tables(&mut all);
    pictures(&mut all);
    all
}

fn case(
    all: &mut Vec<Case>,
    name: impl Into<String>,
    build: impl Fn(&mut Draw) -> ValueId + 'static,
) {
    let (name, build) = (name.into(), Box::new(build));
    all.push(Case { name, gradient: Gradient::Checked, build });
}

fn case_without(
    all: &mut Vec<Case>,
    gradient: Gradient,
    name: impl Into<String>,
    build: impl Fn(&mut Draw) -> ValueId + 'static,
) {
    all.push(Case { name: name.into(), gradient, build: Box::new(build) });
}

fn leaves(all: &mut Vec<Case>) {
    case(all, "leaves", |d| {
        let x = d.input(Shape::batched([3]), Normal);
        let id = d.graph.add_variable("w", [3]);
        let w = d.graph.variable(id).unwrap();
        let x = d.graph.mul(x, w).unwrap();
        let samples = d.graph.batch_size().unwrap();
        let x = d.graph.div(x, samples).unwrap();
        d.graph.add_scalar(x, 2.0).unwrap()
    });
    case_without(all, Gradient::Stopped, "stop_gradient", |d| {
        let x = d.input(Shape::batched([3]), Normal);
        d.graph.stop_gradient(x).unwrap()
    });
    case_without(all, Gradient::Stopped, "random", |d| {
        d.input(Shape::batched([3]), Normal);
        d.graph.random(Distribution::Normal, 0, Shape::batched([3])).unwrap()
    });
}

/// Where the function is smooth.
fn domain(kind: UnaryKind) -> Numbers {
    use UnaryKind as K;
    match kind {
        K::Log | K::Sqrt | K::Rsqrt | K::Reciprocal => Uniform(0.3, 3.0),
        K::Log1p => Uniform(-0.6, 2.0),
        // Kinks and jumps are at whole numbers and halves.
        K::Abs | K::Sign | K::Relu | K::Floor | K::Ceil | K::Round | K::Not => Distinct,
        K::Neg
        | K::Exp
        | K::Expm1
        | K::Square
        | K::Tanh
        | K::Sigmoid
        | K::Softplus
        | K::Erf
        | K::Sin
        | K::Cos
        | K::IsNan
        | K::IsFinite => Normal,
    }
}

fn unary(all: &mut Vec<Case>) {
    use UnaryKind as K;
    let kinds = [
        K::Neg,
        K::Abs,
        K::Sign,
        K::Exp,
        K::Expm1,
        K::Log,
        K::Log1p,
        K::Sqrt,
        K::Rsqrt,
        K::Reciprocal,
        K::Square,
        K::Tanh,
        K::Sigmoid,
        K::Softplus,
        K::Relu,
        K::Erf,
        K::Floor,
        K::Ceil,
        K::Round,
        K::Sin,
        K::Cos,
        K::Not,
        K::IsNan,
        K::IsFinite,
    ];
    for kind in kinds {
        case(all, kind.name(), move |d| {
            let size = d.size(1, 6);
            let x = d.input(Shape::batched([size]), domain(kind));
            d.graph.unary(kind, x).unwrap()
        });
    }
}

/// Two numbers at least 0.03 apart and not whole: neither an equality nor a jump is near.
fn binary_domains(kind: BinaryKind) -> (Numbers, Numbers) {
    use BinaryKind as K;
    match kind {
        K::Pow => (Uniform(0.3, 2.0), Normal),
        K::Div => (Normal, Uniform(0.5, 2.0)),
        K::Add | K::Sub | K::Mul => (Normal, Normal),
        // No gradient with respect to the divisor: see the case below.
        K::Mod => (Uniform(0.1, 0.9), Uniform(1.0, 2.0)),
        K::Max
        | K::Min
        | K::Less
        | K::LessEqual
        | K::Greater
        | K::GreaterEqual
        | K::Equal
        | K::NotEqual
        | K::And
        | K::Or => (Distinct, Distinct),
    }
}

fn binary(all: &mut Vec<Case>) {
    use BinaryKind as K;
    let kinds = [
        K::Add,
        K::Sub,
        K::Mul,
        K::Div,
        K::Max,
        K::Min,
        K::Pow,
        K::Mod,
        K::Less,
        K::LessEqual,
        K::Greater,
        K::GreaterEqual,
        K::Equal,
        K::NotEqual,
        K::And,
        K::Or,
    ];
    for kind in kinds {
        for layout in 0..6 {
            case(all, format!("{} layout {layout}", kind.name()), move |d| {
                let (h, w) = (d.size(2, 3), d.size(2, 4));
                let (a, b) = match layout {
                    0 => (Shape::batched([h, w]), Shape::batched([h, w])),
                    1 => (Shape::batched([h, w]), Shape::fixed([w])),
                    2 => (Shape::scalar(), Shape::batched([h, w])),
                    3 => (Shape::batched([h, 1]), Shape::batched([1, w])),
                    4 => (Shape::fixed([h, 1]), Shape::batched([1, w])),
                    _ => (Shape::batched([1, w]), Shape::fixed([1, h, 1])),
                };
                let (a_numbers, b_numbers) = binary_domains(kind);
                let a = d.input(a, a_numbers);
                let b = if kind == K::Mod {
                    d.undifferentiated(b, b_numbers)
                } else {
                    d.input(b, b_numbers)
                };
                // Keeps equal numbers of the two `Distinct` operands apart.
                let b = match b_numbers {
                    Distinct => d.graph.add_scalar(b, 0.05).unwrap(),
                    _ => b,
                };
                d.graph.binary(kind, a, b).unwrap()
            });
        }
    }
    case_without(all, Gradient::Refused, "mod by a divisor that is learned", |d| {
        let a = d.input(Shape::scalar(), Uniform(0.1, 0.9));
        let b = d.input(Shape::scalar(), Uniform(1.0, 2.0));
        d.graph.binary(K::Mod, a, b).unwrap()
    });
    case(all, "select", |d| {
        let (h, w) = (d.size(1, 3), d.size(1, 4));
        let condition = d.whole(Shape::batched([h, w]), 2);
        let a = d.input(Shape::batched([1, w]), Normal);
        let b = d.input(Shape::fixed([h, 1]), Normal);
        d.graph.select(condition, a, b).unwrap()
    });
    case(all, "select by one number per sample", |d| {
        let size = d.size(1, 4);
        let condition = d.whole(Shape::batched([1]), 2);
        let a = d.input(Shape::scalar(), Normal);
        let b = d.input(Shape::batched([size]), Normal);
        d.graph.select(condition, a, b).unwrap()
    });
    case(all, "one operand twice", |d| {
        let x = d.input(Shape::batched([3]), Normal);
        let product = d.graph.mul(x, x).unwrap();
        d.graph.sub(product, x).unwrap()
    });
}

fn shapes(all: &mut Vec<Case>) {
    case(all, "reshape", |d| {
        let (h, w) = (d.size(1, 3), d.size(1, 4));
        let x = d.input(Shape::batched([h, w]), Normal);
        let x = d.graph.square(x).unwrap();
        d.graph.reshape(x, Shape::batched([h * w])).unwrap()
    });
    for axes in [[0, 3, 1, 2], [0, 2, 3, 1], [0, 1, 3, 2]] {
        case(all, format!("transpose {axes:?}"), move |d| {
            let sizes = [d.size(1, 3), d.size(1, 3), d.size(1, 4)];
            let x = d.input(Shape::batched(sizes), Normal);
            d.graph.transpose(x, &axes).unwrap()
        });
    }
    case(all, "transpose without samples", |d| {
        let sizes = [d.size(1, 3), d.size(1, 4)];
        let x = d.input(Shape::fixed(sizes), Normal);
        d.graph.transpose(x, &[1, 0]).unwrap()
    });
    case(all, "broadcast_to the samples", |d| {
        let size = d.size(1, 4);
        let x = d.input(Shape::fixed([size]), Normal);
        d.graph.broadcast_to(x, Shape::batched([3, size])).unwrap()
    });
    case(all, "broadcast_to along axes of 1", |d| {
        let size = d.size(1, 4);
        let x = d.input(Shape::batched([1, size, 1]), Normal);
        d.graph.broadcast_to(x, Shape::batched([3, size, 2])).unwrap()
    });
    for axis in [1, 2] {
        case(all, format!("concat axis {axis}"), move |d| {
            let parts: Vec<ValueId> = (0..3)
                .map(|_| {
                    let mut sizes = [2, 3];
                    sizes[axis - 1] = d.size(1, 3);
                    d.input(Shape::batched(sizes), Normal)
                })
                .collect();
            d.graph.concat(&parts, axis).unwrap()
        });
        for step in [1, 2, 3] {
            case(all, format!("slice axis {axis} step {step}"), move |d| {
                let x = d.input(Shape::batched([8, 9]), Normal);
                let (start, size) = (d.size(0, 1), d.size(1, 3));
                d.graph.slice(x, axis, start, size, step).unwrap()
            });
        }
        for between in [0, 1, 2] {
            case(all, format!("pad axis {axis} between {between}"), move |d| {
                let sizes = [d.size(1, 3), d.size(1, 3)];
                let x = d.input(Shape::batched(sizes), Normal);
                let (before, after) = (d.size(0, 2), d.size(1, 2));
                d.graph.pad(x, axis, before, after, between).unwrap()
            });
        }
        case(all, format!("reverse axis {axis}"), move |d| {
            let sizes = [d.size(1, 4), d.size(1, 4)];
            let x = d.input(Shape::batched(sizes), Normal);
            d.graph.reverse(x, axis).unwrap()
        });
    }
}

fn reductions(all: &mut Vec<Case>) {
    let axes: [&[usize]; 7] = [&[], &[0], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2]];
    for kind in [ReduceKind::Sum, ReduceKind::Max, ReduceKind::Min] {
        for axes in axes {
            for keep_dims in [false, true] {
                case(all, format!("{kind:?} over {axes:?} keep {keep_dims}"), move |d| {
                    let sizes = [d.size(1, 3), d.size(1, 4)];
                    let x = d.input(Shape::batched(sizes), Distinct);
                    d.graph.reduce(kind, x, axes, keep_dims).unwrap()
                });
            }
        }
    }
    for axes in axes {
        case(all, format!("variance over {axes:?}"), move |d| {
            let sizes = [d.size(1, 3), d.size(1, 4)];
            let x = d.input(Shape::batched(sizes), Normal);
            d.graph.variance(x, axes).unwrap()
        });
    }
    case(all, "mean over samples and rows", |d| {
        let sizes = [d.size(1, 3), d.size(1, 4)];
        let x = d.input(Shape::batched(sizes), Normal);
        d.graph.mean(x, &[0, 1], false).unwrap()
    });
}

fn products(all: &mut Vec<Case>) {
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let transposed = |rows: usize, columns: usize, transpose: bool| {
            if transpose { [columns, rows] } else { [rows, columns] }
        };
        let label = format!("transpose_a={ta} transpose_b={tb}");
        case(all, format!("matmul {label}"), move |d| {
            let (m, k, n) = (d.size(1, 4), d.size(1, 4), d.size(1, 4));
            let a = d.input(Shape::fixed(transposed(m, k, ta)), Normal);
            let b = d.input(Shape::fixed(transposed(k, n, tb)), Normal);
            d.graph.matmul(a, b, ta, tb).unwrap()
        });
        case(all, format!("matmul of stacks {label}"), move |d| {
            let (m, k, n) = (d.size(1, 4), d.size(1, 4), d.size(1, 4));
            let a = d.input(Shape::batched(transposed(m, k, ta)), Normal);
            let b = d.input(Shape::batched(transposed(k, n, tb)), Normal);
            d.graph.matmul(a, b, ta, tb).unwrap()
        });
        if !ta {
            case(all, format!("matmul with samples as rows {label}"), move |d| {
                let (k, n) = (d.size(1, 4), d.size(1, 4));
                let a = d.input(Shape::batched([k]), Normal);
                let b = d.input(Shape::fixed(transposed(k, n, tb)), Normal);
                d.graph.matmul(a, b, false, tb).unwrap()
            });
        } else if !tb {
            case(all, "matmul summed over samples", move |d| {
                let (m, n) = (d.size(1, 4), d.size(1, 4));
                let a = d.input(Shape::batched([m]), Normal);
                let b = d.input(Shape::batched([n]), Normal);
                d.graph.matmul(a, b, true, false).unwrap()
            });
        }
    }
}

/// How the edges of a case are padded.
#[derive(Debug, Clone, Copy)]
enum Edges {
    Valid,
    Same,
    Uneven,
}

/// A convolution, the spatial sizes and channels of its picture and the sizes of its kernel.
struct DrawnConv {
    conv: Conv,
    input: Vec<usize>,
    channels: usize,
    kernel: Vec<usize>,
}

impl DrawnConv {
    fn new(
        d: &mut Draw,
        rank: usize,
        stride: usize,
        dilation: usize,
        edges: Edges,
        groups: usize,
    ) -> Self {
        let (mut input, mut kernel, mut padding) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rank {
            let (k, n) = (d.size(1, 3), d.size(6, 7) - rank);
            // With a dilation, only the padding may make room for the kernel.
            let n = n.max((k - 1) * dilation + 1);
            padding.push(match edges {
                Edges::Valid => (0, 0),
                Edges::Same => same_padding(n, k, stride, dilation),
                Edges::Uneven => (d.size(0, 2), d.size(0, 2)),
            });
            input.push(n);
            kernel.push(k);
        }
        let (per_group, filters) = (d.size(1, 2), groups * d.size(1, 2));
        kernel.extend([per_group, filters]);
        let (strides, dilations) = (vec![stride; rank], vec![dilation; rank]);
        let conv = Conv { strides, dilations, padding, groups };
        Self { conv, input, channels: per_group * groups, kernel }
    }

    fn x(&self) -> Shape {
        Shape::batched([&self.input[..], &[self.channels]].concat())
    }

    fn y(&self) -> Shape {
        let rank = self.input.len();
        let conv = &self.conv;
        let mut sizes: Vec<usize> = (0..rank)
            .map(|axis| {
                let (stride, dilation) = (conv.strides[axis], conv.dilations[axis]);
                let (input, kernel) = (self.input[axis], self.kernel[axis]);
                conv_output_size(input, kernel, stride, dilation, conv.padding[axis]).unwrap()
            })
            .collect();
        sizes.push(self.kernel[rank + 1]);
        Shape::batched(sizes)
    }
}

fn convolutions(all: &mut Vec<Case>) {
    for rank in 1..=3 {
        for stride in [1, 2] {
            for dilation in [1, 2] {
                for edges in [Edges::Valid, Edges::Same, Edges::Uneven] {
                    for groups in [1, 3] {
                        if rank == 3 && (stride, dilation) == (2, 2) {
                            continue; // nothing new, and slow
                        }
                        let label = format!(
                            "rank {rank} stride {stride} dilation {dilation} {edges:?} \
                             groups {groups}"
                        );
                        convolution(all, &label, move |d| {
                            DrawnConv::new(d, rank, stride, dilation, edges, groups)
                        });
                    }
                }
            }
        }
    }
}

/// A convolution and its two transposes.
fn convolution(
    all: &mut Vec<Case>,
    label: &str,
    drawn: impl Fn(&mut Draw) -> DrawnConv + Copy + 'static,
) {
    case(all, format!("conv {label}"), move |d| {
        let drawn = drawn(d);
        let x = d.input(drawn.x(), Normal);
        let kernel = d.input(Shape::fixed(&drawn.kernel), Normal);
        d.graph.conv(x, kernel, drawn.conv).unwrap()
    });
    case(all, format!("conv_input_grad {label}"), move |d| {
        let drawn = drawn(d);
        let dy = d.input(drawn.y(), Normal);
        let kernel = d.input(Shape::fixed(&drawn.kernel), Normal);
        d.graph.conv_input_grad(dy, kernel, drawn.conv, &drawn.input).unwrap()
    });
    case(all, format!("conv_kernel_grad {label}"), move |d| {
        let drawn = drawn(d);
        let x = d.input(drawn.x(), Normal);
        let dy = d.input(drawn.y(), Normal);
        let kernel = &drawn.kernel[..drawn.input.len()];
        d.graph.conv_kernel_grad(x, dy, drawn.conv, kernel).unwrap()
    });
}

fn pooling(all: &mut Vec<Case>) {
    for rank in 1..=3 {
        for stride in 1..=3 {
            for padded in [false, true] {
                let label = format!("rank {rank} stride {stride} padded {padded}");
                let drawn = move |d: &mut Draw| {
                    let input: Vec<usize> = (0..rank).map(|_| d.size(3, 5)).collect();
                    let window: Vec<usize> = (0..rank).map(|_| d.size(2, 3)).collect();
                    let padding: Vec<_> = (0..rank)
                        .map(|axis| match padded {
                            true => same_padding(input[axis], window[axis], stride, 1),
                            false => (0, 0),
                        })
                        .collect();
                    let pool = MaxPool { window, strides: vec![stride; rank], padding };
                    (pool, input, d.size(1, 2))
                };
                let average =
                    |MaxPool { window, strides, padding }| AveragePool { window, strides, padding };
                case(all, format!("max_pool {label}"), move |d| {
                    let (pool, input, channels) = drawn(d);
                    let x = d.input(Shape::batched([&input[..], &[channels]].concat()), Distinct);
                    d.graph.max_pool(x, pool).unwrap()
                });
                case(all, format!("average_pool {label}"), move |d| {
                    let (pool, input, channels) = drawn(d);
                    let x = d.input(Shape::batched([&input[..], &[channels]].concat()), Normal);
                    d.graph.average_pool(x, average(pool)).unwrap()
                });
                case(all, format!("average_pool_grad {label}"), move |d| {
                    let (pool, input, channels) = drawn(d);
                    let mut sizes: Vec<usize> = (0..rank)
                        .map(|axis| {
                            let (window, padding) = (pool.window[axis], pool.padding[axis]);
                            conv_output_size(input[axis], window, stride, 1, padding).unwrap()
                        })
                        .collect();
                    sizes.push(channels);
                    let dy = d.input(Shape::batched(sizes), Normal);
                    d.graph.average_pool_grad(dy, average(pool), &input).unwrap()
                });
            }
        }
    }
    case_without(all, Gradient::Refused, "max_pool_grad", |d| {
        let x = d.input(Shape::batched([4, 1]), Distinct);
        let dy = d.input(Shape::batched([2, 1]), Normal);
        let pool = MaxPool { window: vec![2], strides: vec![2], padding: vec![(0, 0)] };
        d.graph.max_pool_grad(x, dy, pool).unwrap()
    });
}

fn classes_and_tables(all: &mut Vec<Case>) {
    for axis in [1, 2] {
        let drawn = |d: &mut Draw| {
            let sizes = [d.size(1, 4), d.size(1, 4)];
            d.input(Shape::batched(sizes), Normal)
        };
        case(all, format!("softmax axis {axis}"), move |d| {
            let x = drawn(d);
            d.graph.softmax(x, axis).unwrap()
        });
        case(all, format!("log_softmax axis {axis}"), move |d| {
            let x = drawn(d);
            d.graph.log_softmax(x, axis).unwrap()
        });
        case_without(all, Gradient::Stopped, format!("arg_max axis {axis}"), move |d| {
            let x = drawn(d);
            d.graph.arg_max(x, axis).unwrap()
        });
    }
    for rank in [0, 1, 2] {
        case(all, format!("gather rows of rank {rank}"), move |d| {
            let (rows, size) = (d.size(1, 4), d.size(1, 3));
            let table = d.input(Shape::fixed([&[rows], &[2, size][..rank]].concat()), Normal);
            let indices = d.whole(Shape::batched([3]), rows);
            d.graph.gather(table, indices).unwrap()
        });
        case(all, format!("scatter_add rows of rank {rank}"), move |d| {
            let (rows, size) = (d.size(1, 4), d.size(1, 3));
            let indices = d.whole(Shape::batched([3]), rows);
            let sizes = [&[3], &[2, size][..rank]].concat();
            let values = d.input(Shape::batched(sizes), Normal);
            d.graph.scatter_add(indices, values, rows).unwrap()
        });
        case(all, format!("batch_gather rows of rank {rank}"), move |d| {
            let (rows, size) = (d.size(1, 4), d.size(1, 3));
            let table = d.input(Shape::batched([&[rows], &[2, size][..rank]].concat()), Normal);
            let indices = d.whole(Shape::batched([3]), rows);
            d.graph.batch_gather(table, indices).unwrap()
        });
        case(all, format!("batch_scatter_add rows of rank {rank}"), move |d| {
            let (rows, size) = (d.size(1, 4), d.size(1, 3));
            let indices = d.whole(Shape::batched([2, 3]), rows);
            let sizes = [&[2, 3], &[2, size][..rank]].concat();
            let values = d.input(Shape::batched(sizes), Normal);
            d.graph.batch_scatter_add(indices, values, rows).unwrap()
        });
    }
    case(all, "shuffle", |d| {
        let x = d.input(Shape::batched([3]), Normal);
        d.graph.shuffle(x, 4).unwrap()
    });
    for remove_diagonal in [true, false] {
        let op = CircleSums { gamma: 2.0, margin: 0.4, remove_diagonal };
        case(all, format!("{op:?}"), move |d| {
            let (x, classes) = pairs(d);
            d.graph.circle_sums(x, classes, op).unwrap()
        });
    }
    case_without(all, Gradient::Stopped, "circle_remainder", |d| {
        let (x, classes) = pairs(d);
        let op = CircleSums { gamma: 2.0, margin: 0.4, remove_diagonal: true };
        d.graph.add_node(CircleRemainder(op).into(), &[x, classes]).unwrap()
    });
    case_without(all, Gradient::Refused, "circle_sums_grad", |d| {
        let (x, classes) = pairs(d);
        let op = CircleSums { gamma: 2.0, margin: 0.4, remove_diagonal: true };
        let sums = d.graph.circle_sums(x, classes, op).unwrap();
        d.graph.add_node(CircleSumsGrad(op).into(), &[x, classes, sums, sums, sums]).unwrap()
    });
    case(all, "ctc", |d| {
        let (steps, classes, length) = (d.size(5, 7), d.size(1, 4), d.size(1, 3));
        let logits = d.input(Shape::batched([steps, classes]), Normal);
        let labels = d.whole(Shape::batched([length]), classes);
        d.graph.ctc(logits, labels).unwrap()
    });
    case_without(all, Gradient::Refused, "ctc_grad", |d| {
        let logits = d.input(Shape::batched([3, 2]), Normal);
        let labels = d.whole(Shape::batched([2]), 2);
        d.graph.ctc_grad(logits, labels).unwrap()
    });
}

/// Embeddings of four samples, two of each class: no sum over them is over nobody.
fn pairs(d: &mut Draw) -> (ValueId, ValueId) {
    d.take_samples(4);
    let x = d.input(Shape::batched([3]), Normal);
    let classes = Array::new([4], vec![0.0, 1.0, 1.0, 0.0]).unwrap();
    (x, d.fed(Shape::batched([]), classes))
}

fn pictures(all: &mut Vec<Case>) {
    for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
        case(all, format!("resize {interpolation:?}"), move |d| {
            let sizes = [d.size(1, 5), d.size(1, 5), d.size(1, 2)];
            let x = d.input(Shape::batched(sizes), Normal);
            let (height, width) = (d.size(1, 7), d.size(1, 7));
            d.graph.resize(x, height, width, interpolation).unwrap()
        });
        case(all, format!("resize_grad {interpolation:?}"), move |d| {
            let sizes = [d.size(1, 5), d.size(1, 5), d.size(1, 2)];
            let dy = d.input(Shape::batched(sizes), Normal);
            let (height, width) = (d.size(1, 7), d.size(1, 7));
            d.graph.resize_grad(dy, height, width, interpolation).unwrap()
        });
        for fill_mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest]
        {
            let sampling = Sampling { fill_mode, fill_value: 3.0, interpolation };
            let drawn = |d: &mut Draw| {
                let sizes = [d.size(1, 5), d.size(1, 5), d.size(1, 2)];
                (d.input(Shape::batched(sizes), Normal), transforms(d))
            };
            case(all, format!("affine_transform {sampling:?}"), move |d| {
                let (x, transforms) = drawn(d);
                d.graph.affine_transform(x, transforms, sampling).unwrap()
            });
            case(all, format!("affine_transform_grad {sampling:?}"), move |d| {
                let (dy, transforms) = drawn(d);
                d.graph.affine_transform_grad(dy, transforms, sampling).unwrap()
            });
        }
    }
    case_without(all, Gradient::Refused, "affine_transform that is learned", |d| {
        let x = d.input(Shape::batched([3, 3, 1]), Normal);
        let transforms = d.input(Shape::batched([6]), Normal);
        let sampling = Sampling {
            fill_mode: FillMode::Reflect,
            fill_value: 0.0,
            interpolation: Interpolation::Bilinear,
        };
        d.graph.affine_transform(x, transforms, sampling).unwrap()
    });
}

/// Transforms that stretch, turn and shift beyond the edges.
fn transforms(d: &mut Draw) -> ValueId {
    let random = d.undifferentiated(Shape::batched([6]), Normal);
    let identity = Array::new([6], vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0]).unwrap();
    let identity = d.graph.constant(identity).unwrap();
    d.graph.add(random, identity).unwrap()
}
