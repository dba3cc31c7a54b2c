use crate::ModelError;

/// A setting for the outputs of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum PerOutput<T> {
    /// For the only output.
    One(T),
    /// One for each output, in order.
    List(Vec<T>),
    /// For outputs by the name of their layer.
    Named(Vec<(String, T)>),
}

impl<T> PerOutput<T> {
    /// The setting of each output; `what` is its name in messages.
    pub(crate) fn resolve(
        self,
        what: &str,
        outputs: &[String],
    ) -> Result<Vec<Option<T>>, ModelError> {
        let n = outputs.len();
        match self {
            Self::One(value) if n == 1 => Ok(vec![Some(value)]),
            Self::One(_) => Err(ModelError::Compile(format!(
                "`{what}`: the model has {n} outputs ({}); give a list or name them",
                outputs.join(", ")
            ))),
            Self::List(values) if values.len() == n => Ok(values.into_iter().map(Some).collect()),
            Self::List(values) => Err(ModelError::Compile(format!(
                "`{what}`: expected one for each of the outputs {}, got {}",
                outputs.join(", "),
                values.len()
            ))),
            Self::Named(values) => {
                let mut resolved: Vec<Option<T>> = outputs.iter().map(|_| None).collect();
                for (name, value) in values {
                    let position = outputs.iter().position(|output| *output == name);
                    let position = position.ok_or_else(|| {
                        ModelError::Compile(format!(
                            "`{what}`: no output is named `{name}`; there are {}",
                            outputs.join(", ")
                        ))
                    })?;
                    resolved[position] = Some(value);
                }
                Ok(resolved)
            }
        }
    }

    /// The same structure with other values.
    pub(crate) fn map<'a, U>(&'a self, mut f: impl FnMut(&'a T) -> U) -> PerOutput<U> {
        match self {
            Self::One(value) => PerOutput::One(f(value)),
            Self::List(values) => PerOutput::List(values.iter().map(f).collect()),
            Self::Named(values) => {
                PerOutput::Named(values.iter().map(|(n, value)| (n.clone(), f(value))).collect())
            }
        }
    }
}
