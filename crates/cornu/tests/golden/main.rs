//! What the real Keras computed and wrote, against what Cornu computes and writes: every case of a
//! folder of reference vectors, in all four runtimes where it has something to run.
//!
//! `cargo test --release --workspace golden -- --nocapture` prints a line for each failure and one
//! with the sum. `CORNU_GOLDEN` names another folder.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod augment;
mod callbacks;
mod compare;
mod files;
mod functions;
mod initializers;
mod layers;
mod losses;
mod metrics;
mod models;
mod networks;
mod ops;
mod optimizers;
mod random;
mod runtimes;
mod schedules;
mod tally;
mod train;
mod utilities;

use cornu_testkit::{Case, Cases};

use tally::{Failure, Refusals, Tally, Verdict};

/// Checks one case by its kind.
fn check(cases: &Cases, case: &Case) -> Verdict {
    match case.kind() {
        "layer" => layers::check(case),
        "activation" => functions::activation(case),
        "regularizer" => functions::regularizer(case),
        "constraint" => functions::constraint(case),
        "op" => ops::check(case),
        "loss" => losses::check(case),
        "metric" => metrics::check(case),
        "optimizer" => optimizers::check(case),
        "schedule" => schedules::check(case),
        "initializer" => initializers::check(case),
        "random" => random::check(case),
        "augment" => augment::check(case),
        "model" => models::check(cases, case),
        "train" => train::check(cases, case),
        "callback" => callbacks::check(case),
        "util" => utilities::check(case),
        other => Err(Failure::wrong(format!("no test knows cases of kind `{other}`"))),
    }
}

/// Cases of the default folder and of the selection that may be refused, and why: none.
const MAY_BE_REFUSED: &[(&str, &str)] = &[];

/// The folder that `CORNU_GOLDEN` names, or the one beside the repository, or the repository's own.
#[test]
fn golden_vectors() {
    match Cases::find().or_else(Cases::committed) {
        Some(cases) => {
            // A folder that was asked for may hold anything.
            let is_own = std::env::var_os("CORNU_GOLDEN").is_none();
            let refusals = if is_own { Refusals::Only(MAY_BE_REFUSED) } else { Refusals::Any };
            Tally::of(&cases, check).finish("golden", refusals);
        }
        None => println!("golden: skipped, for there are no reference vectors here"),
    }
}

/// The vectors that come with the repository, where the test above has run on others.
#[test]
fn selected_vectors() {
    match (Cases::find(), Cases::committed()) {
        (Some(_), Some(cases)) => {
            Tally::of(&cases, check).finish("selection", Refusals::Only(MAY_BE_REFUSED));
        }
        (None, Some(_)) => println!("selection: skipped, for it has been the other test's"),
        (_, None) => println!("selection: skipped, for conformance/vectors is not here"),
    }
}
