use cornu_kernels::Isa;

use crate::EngineError;
use crate::memory_limit::{check_memory, memory_of_machine};

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
    /// variable `CORNU_ISA` says (`scalar`, `neon`, `avx2` or `avx512`).
    pub isa: Isa,
    /// Bytes that a run may take, what is fed to it included; more is an error. `None`: whatever the
    /// system gives. Default: the machine's memory, or what the process's control group may use of
    /// it; `None` where the system does not say.
    pub memory: Option<u64>,
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
        Ok(Self { runtime: Runtime::Fused, threads, isa, memory: memory_of_machine() })
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

    /// The same with another limit of memory, in bytes.
    pub fn memory(mut self, memory: Option<u64>) -> Self {
        self.memory = memory;
        self
    }

    /// Whether arrays of so many samples, each with these sizes of one sample, may be made at all:
    /// to be asked before they are.
    ///
    /// # Errors
    ///
    /// [`EngineError::Memory`] if they alone take more than [`Options::memory`].
    pub fn check_batch<'a>(
        &self,
        samples: usize,
        arrays: impl IntoIterator<Item = &'a Vec<usize>>,
    ) -> Result<(), EngineError> {
        let size = |dims: &Vec<usize>| dims.iter().map(|&dim| dim as f64).product::<f64>();
        let elements: f64 = arrays.into_iter().map(size).sum();
        let what = || format!("the data of a batch of {samples}");
        check_memory(what, 4.0 * elements * samples as f64, self.memory)
    }
}
