//! Names the instruction sets of this machine, the slowest first: what `CORNU_ISA` may be.
//!
//! `cargo run -p cornu-kernels --example instruction_sets`
#![allow(clippy::print_stdout, reason = "an example prints")]

fn main() {
    for isa in cornu_kernels::Isa::available() {
        println!("{isa}");
    }
}
