use crate::h5::H5Error;
use crate::safe_write::WriteError;

/// A `.keras` file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Reading failed.
    #[error("cannot read {file}: {problem}")]
    Read {
        /// The file, or what the bytes were called.
        file: String,
        /// What is wrong.
        #[source]
        problem: Problem,
    },
    /// The archive could not be put together.
    #[error("cannot make a .keras archive: {problem}")]
    Make {
        /// What is wrong.
        #[source]
        problem: Problem,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ArchiveError {
    /// The message without the file's name, for whoever has named it already.
    pub fn without_file(&self) -> String {
        match self {
            Self::Read { problem, .. } => problem.to_string(),
            Self::Make { .. } => self.to_string(),
            Self::Write(error) => error.without_path(),
        }
    }
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened or read.
    #[error("{cause}; check the path and its permissions")]
    Io {
        /// What the system said.
        cause: std::io::Error,
    },
    /// There are no bytes.
    #[error(
        "the file is empty, and no model can be read from it; take another copy of it, or remove it"
    )]
    Empty,
    /// A folder that is not an unzipped archive.
    #[error("this is a folder without config.json; give the path of a .keras file")]
    Folder,
    /// An HDF5 file.
    #[error(
        "this is an HDF5 file, not a .keras archive; load a .weights.h5 file as weights, or save \
         a whole .h5 model as .keras with Keras first"
    )]
    Hdf5,
    /// Not a zip, or one whose list of members is cut off or damaged.
    #[error("this is not a complete .keras (zip) archive: {cause}; get the file again")]
    NotZip {
        /// What the zip reader said.
        cause: String,
    },
    /// A member is not there.
    #[error("the archive has no {member} (it has {present}); save the model again with Keras 3")]
    MissingMember {
        /// The member.
        member: &'static str,
        /// What is there instead.
        present: String,
    },
    /// Weights in a form that is not read.
    #[error("weights in {member} are not supported; save the model with model.weights.h5")]
    OtherWeights {
        /// The member.
        member: String,
    },
    /// A member is damaged.
    #[error("{member} is damaged: {cause}; get the file again")]
    Damaged {
        /// The member.
        member: String,
        /// What the reader said.
        cause: String,
    },
    /// A member that is too large to be what it says.
    #[error("{member} is larger than {limit} bytes, which no sound archive needs")]
    TooLarge {
        /// The member.
        member: String,
        /// The limit.
        limit: u64,
    },
    /// A member is not JSON.
    #[error("{member} is not valid JSON: {cause}")]
    Json {
        /// The member.
        member: &'static str,
        /// What the JSON reader said.
        cause: String,
    },
    /// The weights are damaged.
    #[error("model.weights.h5: {0}")]
    Weights(#[from] H5Error),
    /// An asset whose name leaves its folder or is empty.
    #[error("the asset {name:?} has a name that leaves the folder assets/")]
    AssetName {
        /// The name.
        name: String,
    },
    /// The zip writer refused.
    #[error("{cause}")]
    Zip {
        /// What the zip writer said.
        cause: String,
    },
}
