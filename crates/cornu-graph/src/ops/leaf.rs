use cornu_tensor::{Array, Shape};

use super::{EvalCx, OpDef, operands};
use crate::{GradientCx, GraphError, VariableId};

/// A value that is fed for each run, such as the pictures of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The name it is fed by; unique in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
}

impl OpDef for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn attributes(&self) -> String {
        format!("name={}", self.name)
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, GraphError> {
        Ok(self.shape.clone())
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, _inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        unreachable!("runtimes take inputs from what they are fed")
    }
}

/// Reads a variable as it was before the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Which one.
    pub id: VariableId,
    /// Its sizes.
    pub dims: Vec<usize>,
}

impl OpDef for Variable {
    fn name(&self) -> &'static str {
        "variable"
    }

    fn attributes(&self) -> String {
        format!("id=${}", self.id.0)
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, GraphError> {
        Ok(Shape::fixed(&self.dims))
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, _inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        unreachable!("runtimes take variables from what they are fed")
    }
}

/// A value that never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The value.
    pub value: Array<f64>,
}

impl OpDef for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn attributes(&self) -> String {
        match self.value.data() {
            [x] if self.value.rank() == 0 => format!("{x}"),
            _ => self.value.to_string(),
        }
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, GraphError> {
        Ok(Shape::fixed(self.value.dims()))
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, _inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        self.value.clone()
    }
}

/// The number of samples in the whole batch, as a scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchSize;

impl OpDef for BatchSize {
    fn name(&self) -> &'static str {
        "batch_size"
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, GraphError> {
        Ok(Shape::scalar())
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, _inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64> {
        Array::scalar(cx.batch as f64)
    }
}

/// `y = x`, but no gradient flows back.
#[derive(Debug, Clone, PartialEq)]
pub struct StopGradient;

impl OpDef for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError> {
        let [x] = operands(self.name(), inputs)?;
        Ok(x.clone())
    }

    fn gradient(&self, _cx: &mut GradientCx<'_>) -> Result<(), GraphError> {
        Ok(())
    }

    fn evaluate(&self, inputs: &[&Array<f64>], _cx: &EvalCx<'_>) -> Array<f64> {
        inputs[0].clone()
    }
}
