//! Programs: validation and the choice of registers.

use super::pairs::join_pairs;
use super::{Access, BLOCK, Binary, Ternary, Unary};

/// One step of a [`Program`]. Operands are value numbers: first the inputs, then one per step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The same number everywhere.
    Const(f32),
    /// An operation of one value.
    Unary(Unary, usize),
    /// An operation of two values.
    Binary(Binary, usize, usize),
    /// An operation of three values.
    Ternary(Ternary, usize, usize, usize),
    /// The second where the first is not 0, else the third.
    Select(usize, usize, usize),
}

impl Step {
    pub(super) fn operands(self) -> impl Iterator<Item = usize> {
        let operands = match self {
            Self::Const(_) => [None; 3],
            Self::Unary(_, x) => [Some(x), None, None],
            Self::Binary(_, a, b) => [Some(a), Some(b), None],
            Self::Ternary(_, a, b, c) | Self::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        operands.into_iter().flatten()
    }
}

/// Why steps are not a [`Program`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// A step uses a value that does not exist yet.
    #[error("step {step}: expected operands below {limit}, got value {value}; order the steps")]
    UnknownOperand {
        /// The step.
        step: usize,
        /// Values that exist before it.
        limit: usize,
        /// What it asks for.
        value: usize,
    },
    /// An output is not a value.
    #[error("output {output}: expected a value below {limit}, got {value}")]
    UnknownOutput {
        /// The output.
        output: usize,
        /// Values that exist.
        limit: usize,
        /// What was asked for.
        value: usize,
    },
    /// There is nothing to compute.
    #[error("a program needs at least one output, got none")]
    NoOutput,
    /// An access is inconsistent.
    #[error("input {input}: sizes must be positive and axes at most 8, got {access:?}")]
    InvalidAccess {
        /// The input.
        input: usize,
        /// Its access.
        access: Access,
    },
}

/// Where a value lies while a block is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the caller's scratch memory.
    Register(usize),
    /// In a full input's slice.
    Input(usize),
    /// In an output's slice.
    Output(usize),
}

/// A step with places instead of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    Copy(Place),
    Unary(Unary, Place),
    Binary(Binary, Place, Place),
    Ternary(Ternary, Place, Place, Place),
    Select(Place, Place, Place),
}

/// A fused elementwise computation; see the [module](super).
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    inputs: Vec<Access>,
    /// With pairs joined; steps that are joined to another stay, but nothing needs them.
    steps: Vec<Step>,
    outputs: Vec<usize>,
    /// What to do per block, and where each result goes.
    pub(super) actions: Vec<(Action, Place)>,
    /// Registers with the same content in every block.
    pub(super) constants: Vec<(f32, usize)>,
    /// Inputs that are spread into a register, and the register.
    pub(super) spread: Vec<(usize, usize)>,
    /// Elements per block: a multiple of the periods of cycling inputs, where possible.
    pub(super) block: usize,
    n_registers: usize,
}

impl Program {
    /// Checks the steps, drops those that no output needs and assigns registers.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] if an operand or output does not exist, an access is inconsistent, or there
    /// is no output.
    pub fn new(
        inputs: Vec<Access>,
        steps: Vec<Step>,
        outputs: Vec<usize>,
    ) -> Result<Self, ProgramError> {
        for (input, access) in inputs.iter().enumerate() {
            if !access.is_valid() {
                return Err(ProgramError::InvalidAccess { input, access: access.clone() });
            }
        }
        for (step, op) in steps.iter().enumerate() {
            let limit = inputs.len() + step;
            if let Some(value) = op.operands().find(|&value| value >= limit) {
                return Err(ProgramError::UnknownOperand { step, limit, value });
            }
        }
        let limit = inputs.len() + steps.len();
        if let Some(output) = outputs.iter().position(|&value| value >= limit) {
            return Err(ProgramError::UnknownOutput { output, limit, value: outputs[output] });
        }
        if outputs.is_empty() {
            return Err(ProgramError::NoOutput);
        }
        let block = block_size(&inputs);
        let steps = join_pairs(inputs.len(), steps, &outputs);
        let mut program = Self {
            inputs,
            steps,
            outputs,
            actions: Vec::new(),
            constants: Vec::new(),
            spread: Vec::new(),
            block,
            n_registers: 0,
        };
        program.assign();
        Ok(program)
    }

    /// How each input is spread.
    pub fn inputs(&self) -> &[Access] {
        &self.inputs
    }

    /// The steps; some are joined to one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value of each output.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// Numbers of scratch memory that a run needs.
    pub fn scratch_len(&self) -> usize {
        self.n_registers * BLOCK
    }

    /// Decides where every value lies.
    ///
    /// An output is computed straight into its slice. A run may give output j the memory of input
    /// j; then this is right only after the last use of that input, else the output waits in a
    /// register until the block is done.
    fn assign(&mut self) {
        let n_inputs = self.inputs.len();
        let n_steps = self.steps.len();
        // 1. Which values are needed, and which step uses each last. Outputs that are inputs,
        //    constants or repeated are copied by extra steps at the end.
        let mut output_of: Vec<Option<usize>> = vec![None; n_inputs + n_steps];
        let mut extra = Vec::new();
        for (output, &value) in self.outputs.iter().enumerate() {
            let computed = value >= n_inputs
                && !matches!(self.steps[value - n_inputs], Step::Const(_))
                && output_of[value].is_none();
            if computed {
                output_of[value] = Some(output);
            } else {
                extra.push((output, value));
            }
        }
        let mut last_use: Vec<Option<usize>> = vec![None; n_inputs + n_steps];
        for (i, &(_, value)) in extra.iter().enumerate() {
            last_use[value] = Some(n_steps + i);
        }
        for step in (0..n_steps).rev() {
            let value = n_inputs + step;
            if last_use[value].is_some() || output_of[value].is_some() {
                for operand in self.steps[step].operands() {
                    last_use[operand].get_or_insert(step);
                }
            }
        }
        // 2. Registers that keep their content: constants and spread inputs.
        let mut places = vec![Place::Register(usize::MAX); n_inputs + n_steps];
        for input in 0..n_inputs {
            if self.inputs[input] == Access::Full {
                places[input] = Place::Input(input);
            } else if last_use[input].is_some() {
                places[input] = Place::Register(self.n_registers);
                self.spread.push((input, self.n_registers));
                self.n_registers += 1;
            }
        }
        for (step, op) in self.steps.iter().enumerate() {
            if let (&Step::Const(number), Some(_)) = (op, last_use[n_inputs + step]) {
                places[n_inputs + step] = Place::Register(self.n_registers);
                self.constants.push((number, self.n_registers));
                self.n_registers += 1;
            }
        }
        // 3. One action per step; a register is free again after the last use of its value. An
        //    operand's own register may take the result: every vector is read before it is written.
        let first_temporary = self.n_registers;
        let mut free: Vec<usize> = Vec::new();
        let mut waiting = Vec::new();
        let in_place = |output: usize, step: usize| {
            output >= n_inputs
                || self.inputs[output] != Access::Full
                || last_use[output].is_none_or(|last| last <= step)
        };
        for step in 0..n_steps + extra.len() {
            let value = n_inputs + step;
            let action =
                if let Some(&(_, from)) = step.checked_sub(n_steps).and_then(|i| extra.get(i)) {
                    Action::Copy(places[from])
                } else {
                    if last_use[value].is_none() && output_of[value].is_none() {
                        continue;
                    }
                    match self.steps[step] {
                        Step::Const(_) => continue,
                        Step::Unary(op, x) => Action::Unary(op, places[x]),
                        Step::Binary(op, a, b) => Action::Binary(op, places[a], places[b]),
                        Step::Ternary(op, a, b, c) => {
                            Action::Ternary(op, places[a], places[b], places[c])
                        }
                        Step::Select(c, a, b) => Action::Select(places[c], places[a], places[b]),
                    }
                };
            if step < n_steps {
                let mut ended: Vec<usize> = self.steps[step]
                    .operands()
                    .filter(|&operand| last_use[operand] == Some(step))
                    .collect();
                ended.sort_unstable();
                ended.dedup();
                for operand in ended {
                    // What is an output too stays until the end of the block.
                    if let (Place::Register(register), None) = (places[operand], output_of[operand])
                        && register >= first_temporary
                    {
                        free.push(register);
                    }
                }
            }
            let output =
                if step < n_steps { output_of[value] } else { Some(extra[step - n_steps].0) };
            let place = match output {
                Some(output) if in_place(output, step) => Place::Output(output),
                _ => {
                    let register = free.pop().unwrap_or_else(|| {
                        self.n_registers += 1;
                        self.n_registers - 1
                    });
                    if let Some(output) = output {
                        waiting
                            .push((Action::Copy(Place::Register(register)), Place::Output(output)));
                    }
                    Place::Register(register)
                }
            };
            if step < n_steps {
                places[value] = place;
            }
            self.actions.push((action, place));
        }
        self.actions.append(&mut waiting);
    }
}

/// The largest multiple of all periods that fits into [`BLOCK`], so that cycling inputs are spread
/// once only; [`BLOCK`] if there is none.
fn block_size(inputs: &[Access]) -> usize {
    let mut common = 1;
    for period in inputs.iter().filter_map(Access::period) {
        let joint = common / gcd(common, period) * period;
        if joint <= BLOCK {
            common = joint;
        }
    }
    BLOCK / common * common
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
