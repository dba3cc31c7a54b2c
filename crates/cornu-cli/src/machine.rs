use clap::Args;
use cornu::engine::Options;
use cornu::model::Model;

use crate::error::CliError;

/// What a command may use of the machine.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Machine {
    /// Threads to compute with; results do not depend on it [default: one per core]
    #[arg(long, allow_negative_numbers = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl Machine {
    /// Tells the pool that decodes pictures; to be called once, before anything runs.
    pub(crate) fn prepare(self) {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
            // A pool that is running already keeps its size: only speed depends on it.
            let _ = pool.build_global();
        }
    }

    /// How many threads there are to compute with.
    pub(crate) fn n_threads(self) -> usize {
        self.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            usize::from,
        )
    }

    /// Tells the model.
    pub(crate) fn apply(self, model: &mut Model) -> Result<(), CliError> {
        model.set_options(self.options()?);
        Ok(())
    }

    /// How to run what is compiled.
    pub(crate) fn options(self) -> Result<Options, CliError> {
        let options = Options::from_environment()?;
        Ok(match self.threads {
            Some(threads) => options.threads(threads.into()),
            None => options,
        })
    }
}

/// `VmHWM` of Linux; 0 where there is no such file.
pub(crate) fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
