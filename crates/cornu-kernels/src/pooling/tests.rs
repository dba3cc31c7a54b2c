//! Pooling against plain loops over windows, in both layouts.

use super::*;
use crate::Isa;
use crate::layout::Halo;
use crate::random::{Counter, uniform};

/// A picture `(C, H, W)` with many equal numbers.
fn picture(channels: usize, height: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut x = vec![0.0; channels * height * width];
    uniform(Isa::SCALAR, &mut x, Counter { seed, ..Counter::default() }, 0);
    x.iter().map(|x| (x * 9.0).floor() - 5.0).collect()
}

struct Case {
    channels: usize,
    input: [usize; 2],
    output: [usize; 2],
    window: Window,
}

/// Input pixels of a window, row by row.
fn cells(case: &Case, i: usize, j: usize) -> Vec<usize> {
    let mut cells = Vec::new();
    let w = &case.window;
    for a in 0..w.size[0] {
        for b in 0..w.size[1] {
            let y = (i * w.stride[0] + a * w.dilation[0]).checked_sub(w.before[0]);
            let x = (j * w.stride[1] + b * w.dilation[1]).checked_sub(w.before[1]);
            if let (Some(y), Some(x)) = (y, x)
                && y < case.input[0]
                && x < case.input[1]
            {
                cells.push(y * case.input[1] + x);
            }
        }
    }
    cells
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (size, stride, dilation, before, input) in [
        ([2, 2], [2, 2], [1, 1], [0, 0], [6, 8]),
        ([2, 2], [2, 2], [1, 1], [0, 0], [7, 67]),
        ([2, 2], [2, 2], [1, 1], [0, 0], [2, 33]),
        ([3, 3], [2, 2], [1, 1], [1, 1], [7, 9]),
        ([3, 3], [2, 2], [1, 1], [0, 0], [8, 9]),
        ([3, 3], [1, 1], [1, 1], [1, 1], [5, 70]),
        ([2, 3], [1, 1], [2, 2], [0, 0], [9, 40]),
        ([2, 3], [3, 1], [1, 1], [0, 2], [9, 4]),
        ([5, 7], [5, 7], [1, 1], [0, 0], [5, 7]),
        ([1, 1], [1, 1], [1, 1], [0, 0], [1, 1]),
        ([4, 37], [1, 1], [1, 1], [0, 0], [4, 37]),
        ([2, 2], [2, 2], [1, 1], [0, 0], [7, 7]),
        ([3, 3], [2, 2], [1, 1], [1, 1], [6, 81]),
        ([3, 2], [1, 3], [1, 2], [1, 0], [5, 90]),
        ([2, 5], [2, 4], [1, 1], [0, 4], [4, 130]),
    ] {
        let window = Window { size, stride, dilation, before };
        let out = |axis: usize| {
            let reach = (size[axis] - 1) * dilation[axis] + 1;
            (input[axis] + 2 * before[axis] - reach) / stride[axis] + 1
        };
        cases.push(Case { channels: 3, input, output: [out(0), out(1)], window });
    }
    // Same padding: the last window hangs over the edge.
    let window = Window { size: [2, 2], stride: [2, 2], dilation: [1, 1], before: [0, 0] };
    cases.push(Case { channels: 20, input: [7, 35], output: [4, 18], window });
    for channels in [1, 2, 8, 15, 16, 17, 33] {
        cases.push(Case { channels, input: [4, 6], output: [2, 3], window });
    }
    cases
}

const HALO: Halo = Halo { top: 1, left: 2, bottom: 3, right: 1 };

fn to_planes(x: &[f32], layout: &Planes, fill: f32) -> Vec<f32> {
    let mut data = vec![fill; layout.len()];
    for c in 0..layout.channels {
        for i in 0..layout.height {
            for j in 0..layout.width {
                data[row_of(layout, c, i) + j] = x[(c * layout.height + i) * layout.width + j];
            }
        }
    }
    data
}

fn to_pixels(x: &[f32], layout: &Pixels, fill: f32) -> Vec<f32> {
    let mut data = vec![fill; layout.len()];
    for c in 0..layout.channels {
        for i in 0..layout.height {
            for j in 0..layout.width {
                let at = layout.origin() + i * layout.row() + j * layout.channels + c;
                data[at] = x[(c * layout.height + i) * layout.width + j];
            }
        }
    }
    data
}

fn assert_close(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len());
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{what}: element {i}: {a} != {b}");
    }
}

#[test]
fn values_and_gradients_agree_with_plain_loops_in_both_layouts() {
    for case in cases() {
        let ([h, w], [oh, ow], channels) = (case.input, case.output, case.channels);
        let x = picture(channels, h, w, 1);
        let dy = picture(channels, oh, ow, 2);
        let mut max = Vec::new();
        let mut average = Vec::new();
        let mut max_grad = vec![0.0; x.len()];
        let mut average_grad = vec![0.0; x.len()];
        for o in 0..channels * oh * ow {
            let (c, i, j) = (o / (oh * ow), o / ow % oh, o % ow);
            let cells: Vec<usize> =
                cells(&case, i, j).iter().map(|cell| c * h * w + cell).collect();
            let mut best = cells[0];
            for &cell in &cells {
                if x[cell] > x[best] {
                    best = cell;
                }
                average_grad[cell] += dy[o] / cells.len() as f32;
            }
            max.push(x[best]);
            max_grad[best] += dy[o];
            average.push(cells.iter().map(|&cell| x[cell]).sum::<f32>() / cells.len() as f32);
        }
        for isa in Isa::available() {
            let what = format!("{:?} {:?} {channels} channels, {isa}", case.window, case.input);
            let window = &case.window;
            // 77 stands for what must not be read as a pixel, and must not be overwritten.
            let from = Planes::new(channels, h, w, HALO);
            let to = Planes::new(channels, oh, ow, Halo { left: 3, ..Halo::default() });
            let (x_data, dy_data) = (to_planes(&x, &from, 77.0), to_planes(&dy, &to, 77.0));
            let mut y = vec![77.0; to.len()];
            max_pool_planes(isa, &mut y, &to, &x_data, &from, window);
            assert_close(&y, &to_planes(&max, &to, 77.0), &format!("max planes {what}"));
            average_pool_planes(isa, &mut y, &to, &x_data, &from, window);
            assert_close(&y, &to_planes(&average, &to, 77.0), &format!("average planes {what}"));
            let mut dx = vec![77.0; from.len()];
            max_pool_grad_planes(isa, &mut dx, &x_data, &from, &dy_data, &to, window);
            assert_close(&dx, &to_planes(&max_grad, &from, 77.0), &format!("d max {what}"));
            average_pool_grad_planes(isa, &mut dx, &from, &dy_data, &to, window);
            assert_close(&dx, &to_planes(&average_grad, &from, 77.0), &format!("d av {what}"));

            let from = Pixels { channels, height: h, width: w, halo: HALO };
            let to = Pixels { channels, height: oh, width: ow, halo: Halo::default() };
            let (x_data, dy_data) = (to_pixels(&x, &from, 77.0), to_pixels(&dy, &to, 77.0));
            let mut y = vec![77.0; to.len()];
            max_pool_pixels(isa, &mut y, &to, &x_data, &from, window);
            assert_close(&y, &to_pixels(&max, &to, 77.0), &format!("max pixels {what}"));
            average_pool_pixels(isa, &mut y, &to, &x_data, &from, window);
            assert_close(&y, &to_pixels(&average, &to, 77.0), &format!("average pixels {what}"));
            let mut dx = vec![77.0; from.len()];
            max_pool_grad_pixels(isa, &mut dx, &x_data, &from, &dy_data, &to, window);
            assert_close(&dx, &to_pixels(&max_grad, &from, 77.0), &format!("d max {what}"));
            average_pool_grad_pixels(isa, &mut dx, &from, &dy_data, &to, window);
            assert_close(&dx, &to_pixels(&average_grad, &from, 77.0), &format!("d av {what}"));
        }
    }
}
