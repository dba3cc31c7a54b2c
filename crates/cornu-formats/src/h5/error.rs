/// Why HDF5 bytes could not be read or a tree not be written. `at` is a path such as
/// `/layers/dense/vars/0`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum H5Error {
    /// There is no HDF5 signature.
    #[error("this is not an HDF5 file (no HDF5 signature in its {len} bytes)")]
    NotHdf5 {
        /// Number of bytes given.
        len: usize,
    },
    /// The bytes contradict the format or end too early.
    #[error("HDF5 data is damaged or incomplete at {at}: {cause}; get the file again")]
    Damaged {
        /// Where in the tree.
        at: String,
        /// What the HDF5 reader said.
        cause: String,
    },
    /// A dataset of a type that no Keras weight has.
    #[error(
        "dataset {at} has the type {dtype}; supported are 32 and 64 bit floats, integers of 8 to \
         64 bits and booleans; save the model with dtype float32"
    )]
    UnsupportedType {
        /// Where in the tree.
        at: String,
        /// The type.
        dtype: String,
    },
    /// A dataset declares more than the file can hold, or than compressed ones may unpack to.
    #[error(
        "dataset {at} of shape {dims:?} declares more data than the file can hold, or than is unpacked \
         of a file of its size; if it is sound, save it without compression"
    )]
    TooLarge {
        /// Where in the tree.
        at: String,
        /// Its dimensions.
        dims: Vec<u64>,
    },
    /// Names and attributes hold more than the file can, as where things are linked many times.
    #[error("{at}: names and attributes hold more than the {limit} bytes that the file can")]
    TooMuchText {
        /// Where in the tree.
        at: String,
        /// The limit.
        limit: u64,
    },
    /// Groups are nested too deeply, or in a circle.
    #[error("group {at} is nested deeper than {limit} levels")]
    TooDeep {
        /// Where in the tree.
        at: String,
        /// The limit.
        limit: usize,
    },
    /// There are more objects than any model has.
    #[error("there are more than {limit} groups and datasets")]
    TooManyObjects {
        /// The limit.
        limit: usize,
    },
    /// To write: elements do not fill the dimensions.
    #[error("dataset {at} of shape {dims:?} has {got} elements")]
    WrongLength {
        /// Where in the tree.
        at: String,
        /// Its dimensions.
        dims: Vec<usize>,
        /// Elements given.
        got: usize,
    },
    /// To write: a name is empty, contains `/` or a zero byte, is `.`, or is used twice.
    #[error("{at}: the name {name:?} is {problem}")]
    BadName {
        /// The group that has it.
        at: String,
        /// The name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// To write: the HDF5 writer refused.
    #[error("cannot encode as HDF5: {cause}")]
    Encode {
        /// What the HDF5 writer said.
        cause: String,
    },
}
