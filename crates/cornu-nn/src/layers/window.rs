use cornu_graph::ops::{conv_output_size, same_padding};

use crate::{ConfigReader, LayerError};

/// What happens at a picture's edges when a window slides over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// The window stays inside: `floor((n - reach) / stride) + 1` positions.
    #[default]
    Valid,
    /// Enough is put around for `ceil(n / stride)` positions; an odd cell goes to the end.
    Same,
    /// All of what [`Padding::Valid`] lacks is put in front, so that no window sees what comes after
    /// it; for `Conv1D` only.
    Causal,
}

impl Padding {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Same => "same",
            Self::Causal => "causal",
        }
    }

    /// Reads `padding`; valid if missing.
    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        match config.string_or("padding", "valid")?.to_lowercase().as_str() {
            "valid" => Ok(Self::Valid),
            "same" => Ok(Self::Same),
            other => Err(LayerError::config("padding", "valid or same", other)),
        }
    }

    /// As [`Self::read`] for a layer that also takes causal padding.
    pub(super) fn read_or_causal(config: &mut ConfigReader) -> Result<Self, LayerError> {
        match config.string_or("padding", "valid")?.to_lowercase().as_str() {
            "causal" => Ok(Self::Causal),
            "valid" | "same" => Self::read(config),
            other => Err(LayerError::config("padding", "valid, same or causal", other)),
        }
    }

    /// Cells before and after an axis of `n` cells.
    fn around(self, n: usize, size: usize, stride: usize, dilation: usize) -> (usize, usize) {
        match self {
            Self::Valid => (0, 0),
            Self::Same => same_padding(n, size, stride, dilation),
            Self::Causal => ((size - 1) * dilation, 0),
        }
    }
}

/// A window over `N` spatial axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<const N: usize> {
    pub(super) size: [usize; N],
    pub(super) strides: [usize; N],
    pub(super) dilation: [usize; N],
    pub(super) padding: Padding,
}

impl<const N: usize> Window<N> {
    /// Cells before and after each axis of pictures of these sizes.
    pub(super) fn padding(&self, spatial: [usize; N]) -> Vec<(usize, usize)> {
        (0..N)
            .map(|axis| {
                let (size, stride) = (self.size[axis], self.strides[axis]);
                self.padding.around(spatial[axis], size, stride, self.dilation[axis])
            })
            .collect()
    }

    /// All sizes, strides and distances are at least 1.
    pub(super) fn check(&self) -> Result<(), LayerError> {
        for (key, sizes) in
            [("window", self.size), ("strides", self.strides), ("dilation_rate", self.dilation)]
        {
            if sizes.contains(&0) {
                return Err(LayerError::config(
                    key,
                    "at least 1 on each axis",
                    format!("{sizes:?}"),
                ));
            }
        }
        Ok(())
    }

    /// Strides and distances are not both other than 1, which Keras refuses.
    pub(super) fn check_dilation(&self) -> Result<(), LayerError> {
        if self.strides != [1; N] && self.dilation != [1; N] {
            let got = format!("{:?}", self.dilation);
            return Err(LayerError::config("dilation_rate", "1 where strides are not 1", got));
        }
        Ok(())
    }

    /// Number of positions along each axis.
    pub(super) fn positions(
        &self,
        spatial: [Option<usize>; N],
    ) -> Result<[Option<usize>; N], LayerError> {
        self.check()?;
        let mut positions = [None; N];
        for axis in 0..N {
            let Some(n) = spatial[axis] else { continue };
            let (size, stride, dilation) =
                (self.size[axis], self.strides[axis], self.dilation[axis]);
            let around = self.padding.around(n, size, stride, dilation);
            let n_positions = conv_output_size(n, size, stride, dilation, around);
            positions[axis] = Some(n_positions.ok_or_else(|| {
                let reach = (size - 1) * dilation + 1;
                LayerError::config(
                    "padding",
                    format!("a picture of at least {reach} cells on each axis, or `same`"),
                    format!("`valid` with {n} cells"),
                )
            })?);
        }
        Ok(positions)
    }
}
