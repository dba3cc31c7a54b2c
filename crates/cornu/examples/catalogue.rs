//! Prints what of Keras Cornu has: `cargo run -p cornu --example catalogue > docs/catalogue.md`.

#![allow(clippy::print_stdout, reason = "an example")]

fn main() {
    print!("{}", cornu::catalogue::to_markdown());
}
