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
}

impl Padding {
    /// Keras's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Same => "same",
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
}

/// A window over height and width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) size: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) padding: Padding,
}

impl Window {
    /// Cells before and after each axis of pictures of these sizes.
    pub(super) fn padding(&self, spatial: [usize; 2]) -> Vec<(usize, usize)> {
        (0..2)
            .map(|axis| match self.padding {
                Padding::Valid => (0, 0),
                Padding::Same => same_padding(
                    spatial[axis],
                    self.size[axis],
                    self.strides[axis],
                    self.dilation[axis],
                ),
            })
            .collect()
    }

    /// Number of positions along each axis.
    pub(super) fn positions(
        &self,
        spatial: [Option<usize>; 2],
    ) -> Result<[Option<usize>; 2], LayerError> {
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
        let mut positions = [None; 2];
        for axis in 0..2 {
            let Some(n) = spatial[axis] else { continue };
            let (size, stride, dilation) =
                (self.size[axis], self.strides[axis], self.dilation[axis]);
            let around = match self.padding {
                Padding::Valid => (0, 0),
                Padding::Same => same_padding(n, size, stride, dilation),
            };
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
