//! The stable text form of a graph: equal graphs give equal text.

use std::fmt;

use crate::Graph;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, variable) in self.variables().iter().enumerate() {
            writeln!(f, "variable ${id} {} {:?}", variable.name, variable.dims)?;
        }
        for value in self.values() {
            let node = self.node(value);
            let inputs: Vec<String> = node.inputs.iter().map(ToString::to_string).collect();
            write!(f, "{value} = {}({})", node.op.def().name(), inputs.join(", "))?;
            let attributes = node.op.def().attributes();
            if !attributes.is_empty() {
                write!(f, " {{{attributes}}}")?;
            }
            write!(f, " : {}", node.shape)?;
            if !node.scope.is_empty() {
                write!(f, "  # {}", node.scope)?;
            }
            writeln!(f)?;
        }
        for (name, value) in self.outputs() {
            writeln!(f, "output {name} {value}")?;
        }
        for update in self.updates() {
            writeln!(f, "update ${} {}", update.variable.0, update.value)?;
        }
        Ok(())
    }
}
