//! All threads look for numbers that are not finite.

use cornu_engine::{Options, Program, Runtime};
use cornu_graph::Graph;

#[test]
fn the_first_number_that_is_not_finite_is_found_by_any_number_of_threads() {
    let options = Options::from_environment().unwrap();
    for runtime in [Runtime::Reference, Runtime::Fused] {
        for threads in [1, 2, 3] {
            let options = options.clone().runtime(runtime).threads(threads);
            let program = Program::compile(Graph::new(), &options).unwrap();
            assert_eq!(program.first_non_finite(&[]), None);
            let mut values = vec![f32::MAX; 300_001];
            assert_eq!(program.first_non_finite(&values), None);
            let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            for (index, bad) in
                [300_000, 131_072, 131_071, 65_536, 7, 0].into_iter().zip(bad.into_iter().cycle())
            {
                values[index] = bad;
                assert_eq!(program.first_non_finite(&values), Some(index), "{threads} threads");
            }
        }
    }
}
