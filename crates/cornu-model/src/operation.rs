use cornu_graph::ops::{BinaryKind, UnaryKind};
use cornu_graph::{Graph, ValueId};
use cornu_nn::{LayerError, SymbolicShape};
use serde_json::Value;

/// An operator or function of `keras.ops` in a model, such as the `* 2.0` in `dense(x) * 2.0`. Keras
/// lists it among the operations of a model but not among its layers, and saves nothing of it but
/// the call.
///
/// # Source
///
/// Keras 3, `keras/src/ops/numpy.py` and `nn.py`. Taken over: those of [`OPERATIONS`] that need no
/// settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    kind: &'static Kind,
    /// The arguments of its call: numbers as they are written, `None` where a tensor goes.
    pub(crate) arguments: Vec<Option<Value>>,
}

#[derive(Debug, PartialEq)]
struct Kind {
    module: &'static str,
    class_name: &'static str,
    function: Function,
}

#[derive(Debug, PartialEq)]
enum Function {
    One(UnaryKind),
    Two(BinaryKind),
}

const NUMPY: &str = "keras.src.ops.numpy";
const NN: &str = "keras.src.ops.nn";

macro_rules! operations {
    ($($module:ident $class_name:literal $arity:ident $kind:expr),* $(,)?) => {
        const OPERATIONS: &[Kind] = &[$(Kind {
            module: $module,
            class_name: $class_name,
            function: Function::$arity($kind),
        }),*];
    };
}

operations! {
    NUMPY "Add" Two BinaryKind::Add,
    NUMPY "Subtract" Two BinaryKind::Sub,
    NUMPY "Multiply" Two BinaryKind::Mul,
    NUMPY "Divide" Two BinaryKind::Div,
    NUMPY "TrueDivide" Two BinaryKind::Div,
    NUMPY "Maximum" Two BinaryKind::Max,
    NUMPY "Minimum" Two BinaryKind::Min,
    NUMPY "Power" Two BinaryKind::Pow,
    NUMPY "Equal" Two BinaryKind::Equal,
    NUMPY "NotEqual" Two BinaryKind::NotEqual,
    NUMPY "Less" Two BinaryKind::Less,
    NUMPY "LessEqual" Two BinaryKind::LessEqual,
    NUMPY "Greater" Two BinaryKind::Greater,
    NUMPY "GreaterEqual" Two BinaryKind::GreaterEqual,
    NUMPY "LogicalAnd" Two BinaryKind::And,
    NUMPY "LogicalOr" Two BinaryKind::Or,
    NUMPY "Negative" One UnaryKind::Neg,
    NUMPY "Absolute" One UnaryKind::Abs,
    NUMPY "Exp" One UnaryKind::Exp,
    NUMPY "Log" One UnaryKind::Log,
    NUMPY "Sqrt" One UnaryKind::Sqrt,
    NUMPY "Square" One UnaryKind::Square,
    NUMPY "Tanh" One UnaryKind::Tanh,
    NUMPY "Sign" One UnaryKind::Sign,
    NN "Relu" One UnaryKind::Relu,
    NN "Sigmoid" One UnaryKind::Sigmoid,
    NN "Softplus" One UnaryKind::Softplus,
}

/// Modules and class names of the operations that models of files may contain, such as
/// (`keras.src.ops.numpy`, `LogicalAnd`).
pub fn operation_classes() -> impl Iterator<Item = (&'static str, &'static str)> {
    OPERATIONS.iter().map(|kind| (kind.module, kind.class_name))
}

impl Operation {
    /// Whether objects of this module are operations, not layers.
    pub(crate) fn is_module(module: &str) -> bool {
        module.starts_with("keras.src.ops.")
    }

    /// The operation of a class, called with `arguments`.
    pub(crate) fn new(
        module: &str,
        class_name: &str,
        arguments: Vec<Option<Value>>,
    ) -> Result<Self, LayerError> {
        let kind = OPERATIONS
            .iter()
            .find(|kind| kind.module == module && kind.class_name == class_name)
            .ok_or_else(|| LayerError::UnknownClass {
                kind: "operation",
                name: format!("{module}.{class_name}"),
            })?;
        let expected = match kind.function {
            Function::One(_) => 1,
            Function::Two(_) => 2,
        };
        let is_number = |argument: &Option<Value>| argument.as_ref().is_none_or(Value::is_number);
        if arguments.len() != expected || !arguments.iter().all(is_number) {
            let got: Vec<String> = arguments
                .iter()
                .map(|argument| argument.as_ref().map_or("tensor".to_owned(), Value::to_string))
                .collect();
            let expected = format!("{expected} tensors or numbers");
            return Err(LayerError::config("args", expected, got.join(", ")));
        }
        Ok(Self { kind, arguments })
    }

    pub(crate) fn module(&self) -> &'static str {
        self.kind.module
    }

    pub(crate) fn class_name(&self) -> &'static str {
        self.kind.class_name
    }

    /// The shape that all inputs broadcast to.
    pub(crate) fn output_shape(
        &self,
        inputs: &[SymbolicShape],
    ) -> Result<SymbolicShape, LayerError> {
        let rank = inputs.iter().map(SymbolicShape::rank).max().unwrap_or(0);
        let mut dims: Vec<Option<usize>> = vec![Some(1); rank];
        for input in inputs {
            let missing = rank - input.rank();
            for (axis, &dim) in input.dims().iter().enumerate() {
                let known = &mut dims[missing + axis];
                match (*known, dim) {
                    (Some(1), _) => *known = dim,
                    (known, dim) if known == dim || dim == Some(1) => {}
                    _ => return Err(LayerError::input_shape("shapes that broadcast", inputs)),
                }
            }
        }
        Ok(SymbolicShape::new(dims))
    }

    pub(crate) fn lower(
        &self,
        graph: &mut Graph,
        inputs: &[ValueId],
    ) -> Result<ValueId, LayerError> {
        let mut tensors = inputs.iter().copied();
        let mut operands = Vec::new();
        for argument in &self.arguments {
            operands.push(match argument {
                Some(number) => graph.scalar(number.as_f64().unwrap_or(f64::NAN))?,
                None => tensors
                    .next()
                    .ok_or_else(|| LayerError::MissingKey("a tensor argument".to_owned()))?,
            });
        }
        Ok(match (&self.kind.function, &operands[..]) {
            (&Function::One(kind), &[x, ..]) => graph.unary(kind, x)?,
            (&Function::Two(kind), &[a, b, ..]) => graph.binary(kind, a, b)?,
            _ => return Err(LayerError::MissingKey("an argument".to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast() {
        let add = Operation::new(NUMPY, "Add", vec![None, None]).unwrap();
        let shape = |dims: &[usize]| SymbolicShape::batched(dims);
        let output = add.output_shape(&[shape(&[4, 1]), shape(&[1, 3])]).unwrap();
        assert_eq!(output, shape(&[4, 3]));
        assert!(add.output_shape(&[shape(&[4, 2]), shape(&[4, 3])]).is_err());
    }

    #[test]
    fn arguments_are_counted() {
        let error = Operation::new(NUMPY, "Add", vec![None]).unwrap_err().to_string();
        assert_eq!(error, "`args`: expected 2 tensors or numbers, got tensor");
        assert!(Operation::new(NUMPY, "Einsum", vec![None]).is_err());
    }
}
