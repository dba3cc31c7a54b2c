//! Rewrites of the graph that hold on every machine. Each is one file; [`simplify`] is their order.

mod drop_no_ops;
mod fold_constants;
mod scale_kernels;
mod share_equal_nodes;
mod shift_after_scaling;
mod take_factors_out_of_sums;

use cornu_graph::{Graph, GraphError, verify};

type Pass = (&'static str, fn(&Graph) -> Result<Graph, GraphError>);

/// Order matters: folding and taking out factors makes no-ops visible, dropping them makes nodes
/// equal, and what nobody reads any more goes last.
const SIMPLIFY: &[Pass] = &[
    ("fold constants", fold_constants::fold_constants),
    ("scale kernels", scale_kernels::scale_kernels),
    ("shift after scaling", shift_after_scaling::shift_after_scaling),
    ("take factors out of sums", take_factors_out_of_sums::take_factors_out_of_sums),
    ("drop no-ops", drop_no_ops::drop_no_ops),
    ("share equal nodes", share_equal_nodes::share_equal_nodes),
    ("drop dead nodes", |graph| Ok(graph.without_dead_nodes())),
];

/// Runs all passes in order and verifies the graph after each, so that a bad pass is named.
pub(crate) fn simplify(graph: &Graph) -> Result<Graph, GraphError> {
    verify("as given", graph)?;
    let mut graph = graph.without_dead_nodes();
    for (name, pass) in SIMPLIFY {
        graph = pass(&graph)?;
        verify(name, &graph)?;
    }
    Ok(graph)
}
