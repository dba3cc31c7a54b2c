//! The command line of Cornu.
fn main() {}
