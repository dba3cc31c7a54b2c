use cornu_kernels::Isa;

use crate::EngineError;

/// Which way a graph is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Every op by its definition, one after the other, in `f64`.
    Reference,
    /// The engine's kernels, one op at a time.
    Unfused,
    /// The engine with all its passes.
    Fused,
}

/// How to compile and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Default: [`Runtime::Fused`].
    pub runtime: Runtime,
    /// Threads that share a run; at least 1. Results do not depend on it. Default: one per core.
    pub threads: usize,
    /// Instruction set of the kernels. Default: the best this machine has, or what the environment
    /// variable `CORNU_ISA` says (`scalar`, `avx2` or `avx512`).
    pub isa: Isa,
}

impl Options {
    /// The defaults, with what the environment asks for.
    ///
    /// # Errors
    ///
    /// [`EngineError::Option`] if `CORNU_ISA` names an instruction set that this machine lacks.
    pub fn from_environment() -> Result<Self, EngineError> {
        let isa = match std::env::var("CORNU_ISA") {
            Err(_) => Isa::best(),
            Ok(name) => Isa::named(&name).ok_or_else(|| EngineError::Option {
                option: "CORNU_ISA",
                problem: format!(
                    "`{name}` is not an instruction set of this machine; it has {}",
                    Isa::available().iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ")
                ),
            })?,
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { runtime: Runtime::Fused, threads, isa })
    }

    /// The same with another runtime.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// The same with another number of threads (0 counts as 1).
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }
}
