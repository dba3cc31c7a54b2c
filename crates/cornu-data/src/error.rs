use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why data could not be found, read, divided or written.
///
/// Every message names the file (and line, where there is one) and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file system said no.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried, as a verb with its object.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },

    /// A folder is not a data set.
    #[error("{}: {problem}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },

    /// A manifest breaks its rules.
    #[error("{}, line {line}: {problem}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Line in it, from 1.
        line: u64,
        /// What is wrong and what to do.
        problem: String,
    },

    /// A picture cannot be used.
    #[error("{}: {problem}", path.display())]
    Picture {
        /// The picture's file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: PictureProblem,
    },

    /// A model asks for a number of channels that pictures cannot be turned into.
    #[error(
        "pictures can be turned into 1 (grey) or 3 (RGB) channels, got {got}; \
         give a model with such an input"
    )]
    Channels {
        /// Channels asked for.
        got: usize,
    },

    /// A size with a zero in it, or one too large to be meant.
    #[error("picture size {height} x {width}: each side must be 1..={max}")]
    Size {
        /// Height asked for.
        height: usize,
        /// Width asked for.
        width: usize,
        /// Largest side.
        max: usize,
    },

    /// Samples cannot be divided as asked.
    #[error("split: {0}")]
    Split(String),

    /// An array file cannot be used.
    #[error("{}: {problem}", path.display())]
    Npy {
        /// The array file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },

    /// Samples in memory do not fit together.
    #[error("samples: {0}")]
    Samples(String),

    /// A sample was asked for that does not exist.
    #[error("sample {index} was asked for, but there are {len} samples (counted from 0)")]
    Index {
        /// The index asked for.
        index: usize,
        /// Number of samples.
        len: usize,
    },

    /// The place to write samples to has the wrong size.
    #[error("buffer for {samples} samples: expected {expected} numbers, got {got}")]
    Buffer {
        /// Samples asked for.
        samples: usize,
        /// Numbers that they have.
        expected: usize,
        /// Numbers that the buffer holds.
        got: usize,
    },

    /// The thread that prepares batches ended before its last batch.
    #[error("the thread that reads batches ahead stopped early; this is a bug in cornu-data")]
    PrefetchStopped,
}

/// What is wrong with a picture, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureProblem {
    /// The file ends before the picture does.
    Truncated(String),
    /// The file is damaged.
    Corrupt(String),
    /// The file is no picture, or one of a kind that is not read.
    Unsupported(String),
    /// The picture is larger than the limits.
    TooLarge(String),
}

impl fmt::Display for PictureProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(detail) => {
                write!(
                    f,
                    "truncated picture ({detail}); copy it again from its source, or remove it"
                )
            }
            Self::Corrupt(detail) => {
                write!(f, "corrupt picture ({detail}); copy it again from its source, or remove it")
            }
            Self::Unsupported(detail) => write!(
                f,
                "unsupported picture ({detail}); save it as 8 or 16 bit PNG, JPEG, BMP, TIFF, GIF or WebP"
            ),
            Self::TooLarge(detail) => {
                write!(f, "picture too large ({detail}); make it smaller, or remove it")
            }
        }
    }
}
