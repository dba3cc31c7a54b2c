//! Running programs.

use super::program::{Action, Place};
use super::{Access, BLOCK, Program, op};
use crate::Isa;
use crate::simd::simd_fn;

/// Runs a program: overwrites each output.
///
/// The run covers the elements `start..start + n` of the value that the program computes, where n
/// is the length of the output slices. Full inputs are slices of these n elements, all others are
/// whole.
///
/// # Panics
///
/// If the number or the lengths of the slices do not fit the program, or `scratch` is shorter than
/// [`Program::scratch_len`].
pub fn run(
    isa: Isa,
    program: &Program,
    outputs: &mut [&mut [f32]],
    inputs: &[&[f32]],
    start: usize,
    scratch: &mut [f32],
) {
    run_in_place(isa, program, &mut [], outputs, inputs, start, scratch);
}

/// As [`run`], where the first inputs are overwritten by the first outputs: input `i` and output
/// `i` are both `inout[i]`. The other outputs are `outputs`, the other inputs `inputs`.
///
/// # Panics
///
/// As [`run`]; also if an input of `inout` is not [`Access::Full`].
pub fn run_in_place(
    isa: Isa,
    program: &Program,
    inout: &mut [&mut [f32]],
    outputs: &mut [&mut [f32]],
    inputs: &[&[f32]],
    start: usize,
    scratch: &mut [f32],
) {
    let n_inout = inout.len();
    assert_eq!(program.inputs().len(), n_inout + inputs.len(), "inputs");
    assert_eq!(program.outputs().len(), n_inout + outputs.len(), "outputs");
    assert!(scratch.len() >= program.scratch_len(), "scratch");
    let n = inout.iter().chain(outputs.iter()).next().map_or(0, |slice| slice.len());
    assert!(inout.iter().chain(outputs.iter()).all(|slice| slice.len() == n), "output lengths");
    for (i, access) in program.inputs().iter().enumerate() {
        if i < n_inout {
            assert!(*access == Access::Full, "input {i} is overwritten and must be full");
        } else {
            let (len, needed) = (inputs[i - n_inout].len(), access.needed(start, n));
            let fits = if *access == Access::Full { len == n } else { len >= needed };
            assert!(fits, "input {i} has {len} elements and needs {needed}");
        }
    }
    for &(number, register) in &program.constants {
        scratch[register * BLOCK..][..BLOCK.min(n)].fill(number);
    }
    let mut done = 0;
    while done < n {
        let len = program.block.min(n - done);
        for &(input, register) in &program.spread {
            let access = &program.inputs()[input];
            let repeats =
                access.period().is_some_and(|period| program.block.is_multiple_of(period));
            if done == 0 || !repeats {
                let register = &mut scratch[register * BLOCK..][..len];
                access.fill(register, inputs[input - n_inout], start + done);
            }
        }
        let mut memory = Memory { inout, outputs, inputs, scratch };
        block(isa, &program.actions, &mut memory, done, len);
        done += len;
    }
}

/// The slices of a run.
struct Memory<'a, 'b, 'c> {
    inout: &'a mut [&'b mut [f32]],
    outputs: &'a mut [&'c mut [f32]],
    inputs: &'a [&'a [f32]],
    scratch: &'a mut [f32],
}

impl Memory<'_, '_, '_> {
    /// The slice of `place`, from element `at` of the run.
    #[inline(always)]
    fn slice_mut(&mut self, place: Place, at: usize) -> &mut [f32] {
        let n_inout = self.inout.len();
        match place {
            Place::Register(register) => &mut self.scratch[register * BLOCK..][..BLOCK],
            Place::Output(i) | Place::Input(i) if i < n_inout => &mut self.inout[i][at..],
            Place::Output(i) => &mut self.outputs[i - n_inout][at..],
            Place::Input(_) => unreachable!("an input of its own is never written"),
        }
    }

    /// The same for reading.
    #[inline(always)]
    fn slice(&self, place: Place, at: usize) -> &[f32] {
        let n_inout = self.inout.len();
        match place {
            Place::Register(register) => &self.scratch[register * BLOCK..][..BLOCK],
            Place::Output(i) | Place::Input(i) if i < n_inout => &self.inout[i][at..],
            Place::Output(i) => &self.outputs[i - n_inout][at..],
            Place::Input(i) => &self.inputs[i - n_inout][at..],
        }
    }

    /// Whether two places are the same memory.
    #[inline(always)]
    fn same(&self, a: Place, b: Place) -> bool {
        match (a, b) {
            (Place::Input(i), Place::Output(j)) => i == j && i < self.inout.len(),
            _ => a == b,
        }
    }
}

simd_fn! {
    /// Carries out all actions on `len` elements from element `at` of the run.
    fn block(s, actions: &[(Action, Place)], memory: &mut Memory<'_, '_, '_>, at: usize, len: usize) {
        for &(action, to) in actions {
            let y = &mut memory.slice_mut(to, at)[..len];
            let y = y.as_mut_ptr();
            // Where an operand is overwritten, both are one pointer; else the slices are disjoint:
            // registers, inputs and outputs each are memory of their own.
            macro_rules! operand {
                ($place:expr) => {
                    if memory.same($place, to) {
                        y.cast_const()
                    } else {
                        memory.slice($place, at)[..len].as_ptr()
                    }
                };
            }
            // SAFETY: all slices were cut to `len` elements, and overlap only where they are equal.
            unsafe {
                match action {
                    Action::Copy(x) => op::copy(s, y, operand!(x), len),
                    Action::Unary(op, x) => op::unary(s, op, y, operand!(x), len),
                    Action::Binary(op, a, b) => {
                        op::binary(s, op, y, operand!(a), operand!(b), len);
                    }
                    Action::Ternary(op, a, b, c) => {
                        let operands = [operand!(a), operand!(b), operand!(c)];
                        op::ternary(s, op, y, operands, len);
                    }
                    Action::Select(c, a, b) => {
                        op::select(s, y, operand!(c), operand!(a), operand!(b), len);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Binary, ProgramError, Step, Unary};
    use super::*;

    const LENGTHS: [usize; 17] =
        [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 511, 1000, 1600];

    fn data(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                (state >> 40) as f32 / 4_194_304.0 - 2.0
            })
            .collect()
    }

    fn scratch(program: &Program) -> Vec<f32> {
        vec![f32::NAN; program.scratch_len()]
    }

    fn close(a: f32, b: f32) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 2e-6 * b.abs().max(1e-3)
    }

    #[test]
    fn every_unary_operation_follows_its_formula() {
        let table: [(Unary, fn(f32) -> f32); 23] = [
            (Unary::Neg, |x| -x),
            (Unary::Abs, f32::abs),
            (Unary::Sign, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
            (Unary::Exp, f32::exp),
            (Unary::Expm1, f32::exp_m1),
            (Unary::Log, f32::ln),
            (Unary::Log1p, f32::ln_1p),
            (Unary::Sqrt, f32::sqrt),
            (Unary::Rsqrt, |x| 1.0 / x.sqrt()),
            (Unary::Reciprocal, |x| 1.0 / x),
            (Unary::Square, |x| x * x),
            (Unary::Tanh, f32::tanh),
            (Unary::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
            (Unary::Softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            (Unary::Relu, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 }),
            (Unary::Floor, f32::floor),
            (Unary::Ceil, f32::ceil),
            (Unary::Round, f32::round_ties_even),
            (Unary::Sin, f32::sin),
            (Unary::Cos, f32::cos),
            (Unary::Not, |x| f32::from(x == 0.0)),
            (Unary::IsNan, |x| f32::from(x.is_nan())),
            (Unary::IsFinite, |x| f32::from(x.is_finite())),
        ];
        for isa in Isa::available() {
            for (op, formula) in table {
                let program =
                    Program::new(vec![Access::Full], vec![Step::Unary(op, 0)], vec![1]).unwrap();
                for n in LENGTHS {
                    let mut x = data(n, n as u64);
                    for (x, odd) in x.iter_mut().zip([0.5, 0.0, f32::NAN, f32::INFINITY, 2.5]) {
                        *x = odd;
                    }
                    if let (5.., Unary::Sin | Unary::Cos) = (n, op) {
                        x[3] = 1.0;
                    }
                    let mut y = vec![9.0; n];
                    run(isa, &program, &mut [&mut y], &[&x], 0, &mut scratch(&program));
                    for i in 0..n {
                        assert!(
                            close(y[i], formula(x[i])) || (y[i] - formula(x[i])).abs() < 3e-7,
                            "{op:?}({}) = {} on {isa}",
                            x[i],
                            y[i]
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_binary_operation_follows_its_formula() {
        let nan_max = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) };
        let nan_min = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.min(b) };
        let table: [(Binary, fn(f32, f32) -> f32); 17] = [
            (Binary::Add, |a, b| a + b),
            (Binary::Sub, |a, b| a - b),
            (Binary::Mul, |a, b| a * b),
            (Binary::Div, |a, b| a / b),
            (Binary::Max, nan_max),
            (Binary::Min, nan_min),
            (Binary::Pow, f32::powf),
            (Binary::Mod, |a, b| {
                let (a, b) = (f64::from(a), f64::from(b));
                (a - b * (a / b).floor()) as f32
            }),
            (Binary::Less, |a, b| f32::from(a < b)),
            (Binary::LessEqual, |a, b| f32::from(a <= b)),
            (Binary::Greater, |a, b| f32::from(a > b)),
            (Binary::GreaterEqual, |a, b| f32::from(a >= b)),
            (Binary::Equal, |a, b| f32::from(a == b)),
            (Binary::NotEqual, |a, b| f32::from(a != b)),
            (Binary::And, |a, b| f32::from(a != 0.0 && b != 0.0)),
            (Binary::Or, |a, b| f32::from(a != 0.0 || b != 0.0)),
            (Binary::Gate, |a, b| if a > 0.0 { b } else { 0.0 }),
        ];
        for isa in Isa::available() {
            for (op, formula) in table {
                let program = Program::new(
                    vec![Access::Full, Access::Full],
                    vec![Step::Binary(op, 0, 1)],
                    vec![2],
                )
                .unwrap();
                for n in LENGTHS {
                    let (mut a, mut b) = (data(n, 1), data(n, 2));
                    for i in 0..n {
                        match i {
                            0 => a[i] = f32::NAN,
                            1 => b[i] = f32::NAN,
                            2 => a[i] = b[i],
                            3 => a[i] = 0.0,
                            4 => (a[i], b[i]) = (-3.0, 2.0),
                            5 => (a[i], b[i]) = (3.0, -2.0),
                            6 => (a[i], b[i]) = (6.0, -2.0),
                            _ => {}
                        }
                    }
                    let mut y = vec![9.0; n];
                    run(isa, &program, &mut [&mut y], &[&a, &b], 0, &mut scratch(&program));
                    for i in 0..n {
                        assert!(
                            close(y[i], formula(a[i], b[i])),
                            "{op:?}({}, {}) = {} on {isa}",
                            a[i],
                            b[i],
                            y[i]
                        );
                    }
                }
            }
        }
    }

    /// Pairs of steps that become one, and pairs that must not: the first of them is needed.
    #[test]
    fn pairs_of_steps_give_what_single_steps_give() {
        let full = Access::Full;
        let inputs = vec![full.clone(), full.clone(), full.clone()];
        let steps = vec![
            Step::Binary(Binary::Mul, 0, 1),     // 3
            Step::Binary(Binary::Add, 2, 3),     // 4 = c + a b
            Step::Binary(Binary::Sub, 0, 1),     // 5
            Step::Binary(Binary::Mul, 2, 5),     // 6 = c (a - b)
            Step::Binary(Binary::Add, 6, 4),     // 7
            Step::Const(0.0),                    // 8
            Step::Binary(Binary::Greater, 7, 8), // 9
            Step::Select(9, 0, 8),               // 10 = 7 > 0 ? a : 0
            Step::Binary(Binary::Greater, 1, 8), // 11
            Step::Select(11, 0, 8),              // 12 = b > 0 ? a : 0
            Step::Binary(Binary::Mul, 0, 0),     // 13
            Step::Binary(Binary::Add, 13, 13),   // 14 = 2 a a
        ];
        for isa in Isa::available() {
            for outputs in [vec![10, 14], vec![4, 6, 7, 9, 10, 11, 12, 13, 3, 5]] {
                let program = Program::new(inputs.clone(), steps.clone(), outputs.clone()).unwrap();
                for n in LENGTHS {
                    let [a, b, c] = [1, 2, 3].map(|seed| data(n, seed));
                    let mut y = vec![vec![0.0; n]; outputs.len()];
                    let mut slices: Vec<&mut [f32]> = y.iter_mut().map(|y| &mut y[..]).collect();
                    run(isa, &program, &mut slices, &[&a, &b, &c], 0, &mut scratch(&program));
                    for i in 0..n {
                        let (a, b, c) = (a[i], b[i], c[i]);
                        let sum = c * (a - b) + (c + a * b);
                        let gate = |x: f32| if x > 0.0 { a } else { 0.0 };
                        for (y, &output) in y.iter().zip(&outputs) {
                            let want = match output {
                                3 => a * b,
                                4 => c + a * b,
                                5 => a - b,
                                6 => c * (a - b),
                                7 => sum,
                                9 => f32::from(sum > 0.0),
                                10 => gate(sum),
                                11 => f32::from(b > 0.0),
                                12 => gate(b),
                                13 => a * a,
                                _ => 2.0 * a * a,
                            };
                            let is_edge = matches!(output, 9 | 10) && sum.abs() < 1e-5;
                            let fits = (y[i] - want).abs() <= 1e-5 * want.abs().max(1.0);
                            assert!(fits || is_edge, "{output} on {isa}: {} {want}", y[i]);
                        }
                    }
                }
            }
        }
    }

    /// Values 0 g, 1 learning rate; in place: 0 m, 1 v, 2 p, then 3 g, 4 rate.
    fn adam(order: [usize; 3]) -> Program {
        let steps = vec![
            Step::Binary(Binary::Sub, 3, 0),   // 5 = g - m
            Step::Const(0.1),                  // 6
            Step::Binary(Binary::Mul, 5, 6),   // 7
            Step::Binary(Binary::Add, 0, 7),   // 8 = m'
            Step::Unary(Unary::Square, 3),     // 9
            Step::Binary(Binary::Sub, 9, 1),   // 10
            Step::Const(0.001),                // 11
            Step::Binary(Binary::Mul, 10, 11), // 12
            Step::Binary(Binary::Add, 1, 12),  // 13 = v'
            Step::Unary(Unary::Sqrt, 13),      // 14
            Step::Const(1e-7),                 // 15
            Step::Binary(Binary::Add, 14, 15), // 16
            Step::Binary(Binary::Mul, 8, 4),   // 17
            Step::Binary(Binary::Div, 17, 16), // 18
            Step::Binary(Binary::Sub, 2, 18),  // 19 = p'
            Step::Unary(Unary::Exp, 3),        // 20, needed by nobody
        ];
        let full = Access::Full;
        let inputs = vec![full.clone(), full.clone(), full.clone(), full, Access::Scalar];
        Program::new(inputs, steps, order.map(|i| [8, 13, 19][i]).to_vec()).unwrap()
    }

    #[test]
    fn updates_in_place_are_those_out_of_place() {
        for isa in Isa::available() {
            // Any output may take any input's memory, also while it is still needed.
            for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
                let program = adam(order);
                for n in LENGTHS {
                    let v: Vec<f32> = data(n, 3).iter().map(|x| x * x).collect();
                    let (m, p, g) = (data(n, 1), data(n, 2), data(n, 4));
                    let mut want = [vec![], vec![], vec![]];
                    for i in 0..n {
                        let m1 = m[i] + (g[i] - m[i]) * 0.1;
                        let v1 = v[i] + (g[i] * g[i] - v[i]) * 0.001;
                        want[0].push(m1);
                        want[1].push(v1);
                        want[2].push(p[i] - m1 * 0.01 / (v1.sqrt() + 1e-7));
                    }
                    let mut y = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
                    let mut slices = y.each_mut().map(|y| &mut y[..]);
                    let inputs: [&[f32]; 5] = [&m, &v, &p, &g, &[0.01]];
                    run(isa, &program, &mut slices, &inputs, 0, &mut scratch(&program));
                    let mut inout = [m.clone(), v.clone(), p.clone()];
                    let mut slices = inout.each_mut().map(|y| &mut y[..]);
                    run_in_place(
                        isa,
                        &program,
                        &mut slices,
                        &mut [],
                        &inputs[3..],
                        0,
                        &mut scratch(&program),
                    );
                    assert_eq!(y, inout, "order {order:?} on {isa}");
                    for (y, which) in y.iter().zip(order) {
                        assert!(y.iter().zip(&want[which]).all(|(&a, &b)| close(a, b)));
                    }
                }
            }
        }
    }

    #[test]
    fn inputs_constants_and_repeated_values_can_be_outputs() {
        let steps = vec![Step::Binary(Binary::Add, 0, 1), Step::Const(3.0)];
        let program =
            Program::new(vec![Access::Full, Access::Full], steps, vec![1, 0, 2, 2, 3]).unwrap();
        for isa in Isa::available() {
            for n in LENGTHS {
                let (a, b) = (data(n, 1), data(n, 2));
                let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
                let (mut x, mut y) = (a.clone(), b.clone());
                let mut rest = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
                let mut slices = rest.each_mut().map(|y| &mut y[..]);
                let scratch = &mut scratch(&program);
                run_in_place(isa, &program, &mut [&mut x, &mut y], &mut slices, &[], 0, scratch);
                assert_eq!((&x, &y), (&b, &a), "swapped");
                assert_eq!((&rest[0], &rest[1]), (&sum, &sum));
                assert!(rest[2].iter().all(|&c| c == 3.0));
            }
        }
    }

    #[test]
    fn pieces_of_a_run_agree_with_the_whole_for_every_access() {
        let n = 2 * 3 * 4 * 70;
        let inputs = vec![
            Access::Full,
            Access::Scalar,
            Access::Cycle { len: 70 },
            Access::Cycle { len: 1680 },
            Access::Repeat { times: 7 },
            Access::RepeatCycle { times: 70, len: 4 },
            Access::Strided { dims: vec![2, 3, 4, 70], strides: vec![70, 0, 0, 1] },
            Access::Cycle { len: 3 },
        ];
        let index: [fn(usize) -> usize; 8] = [
            |i| i,
            |_| 0,
            |i| i % 70,
            |i| i,
            |i| i / 7,
            |i| i / 70 % 4,
            |i| i / 840 * 70 + i % 70,
            |i| i % 3,
        ];
        let mut steps = vec![Step::Binary(Binary::Add, 0, 1)];
        for input in 2..8 {
            let op = if input % 2 == 0 { Binary::Mul } else { Binary::Add };
            steps.push(Step::Binary(op, 8 + input - 2, input));
        }
        steps.push(Step::Select(0, 14, 1));
        let program = Program::new(inputs, steps, vec![15]).unwrap();
        let x: Vec<Vec<f32>> = (0..8).map(|i| data(n, i)).collect();
        let want: Vec<f32> = (0..n)
            .map(|i| {
                let mut y = x[0][i] + x[1][0];
                for input in 2..8 {
                    let v = x[input][index[input](i)];
                    y = if input % 2 == 0 { y * v } else { y + v };
                }
                if x[0][i] != 0.0 { y } else { x[1][0] }
            })
            .collect();
        for isa in Isa::available() {
            for piece in [1, 13, 500, 512, 513, n] {
                let mut y = vec![0.0; n];
                for (i, y) in y.chunks_mut(piece).enumerate() {
                    let start = i * piece;
                    let mut inputs: Vec<&[f32]> = x.iter().map(|x| &x[..]).collect();
                    inputs[0] = &x[0][start..start + y.len()];
                    run(isa, &program, &mut [y], &inputs, start, &mut scratch(&program));
                }
                // Products and sums that are joined are rounded once.
                let far = (0..n).find(|&i| 2e-5 < (y[i] - want[i]).abs());
                assert_eq!(far, None, "pieces of {piece} on {isa}");
            }
        }
    }

    #[test]
    fn registers_are_reused() {
        // A chain of 40 steps needs no more registers than its constant and its waiting output.
        let mut steps = vec![Step::Const(1.0)];
        steps.extend((0..40).map(|i| Step::Binary(Binary::Add, if i == 0 { 0 } else { i + 1 }, 1)));
        let program = Program::new(vec![Access::Full], steps, vec![41]).unwrap();
        assert!(program.scratch_len() <= 2 * BLOCK);
        let mut y = [0.0; 3];
        run(Isa::best(), &program, &mut [&mut y], &[&[1.0; 3]], 0, &mut scratch(&program));
        assert_eq!(y, [41.0; 3]);
    }

    #[test]
    fn invalid_programs_are_errors() {
        let full = || vec![Access::Full];
        assert_eq!(
            Program::new(full(), vec![Step::Unary(Unary::Exp, 1)], vec![1]).unwrap_err(),
            ProgramError::UnknownOperand { step: 0, limit: 1, value: 1 }
        );
        assert_eq!(
            Program::new(full(), vec![], vec![1]).unwrap_err(),
            ProgramError::UnknownOutput { output: 0, limit: 1, value: 1 }
        );
        assert_eq!(Program::new(full(), vec![], vec![]).unwrap_err(), ProgramError::NoOutput);
        let access = Access::Cycle { len: 0 };
        assert_eq!(
            Program::new(vec![access.clone()], vec![], vec![0]).unwrap_err(),
            ProgramError::InvalidAccess { input: 0, access }
        );
    }
}
