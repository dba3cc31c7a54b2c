/// What cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// An array does not fill a picture of the given size.
    #[error("{what}: expected {expected}, got {got}")]
    Size {
        /// Which picture or map.
        what: &'static str,
        /// What fits.
        expected: String,
        /// What was given.
        got: String,
    },
    /// The PNG encoder refuses.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
}

impl PlotError {
    pub(crate) fn size(
        what: &'static str,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Size { what, expected: expected.into(), got: got.into() }
    }
}
