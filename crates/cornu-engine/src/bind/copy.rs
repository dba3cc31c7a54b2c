//! Moving elements.

use cornu_graph::ValueId;

use super::{Call, Kernel};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;

/// The same elements in the same order.
#[derive(Debug)]
struct Copy;

impl Kernel for Copy {
    fn describe(&self) -> String {
        "copy".to_owned()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        call.outputs[0].copy_from_slice(call.inputs[0]);
    }
}

/// Adds the step of a reshape: row-major elements keep their order.
pub(super) fn bind_reshape(lowering: &mut Lowering<'_>, _group: &Group, value: ValueId) {
    let input = lowering.operand(lowering.graph.node(value).inputs[0], Layout::Rows);
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(Copy), vec![input], vec![output]);
}
