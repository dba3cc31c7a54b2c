use cornu_graph::ops::{FillMode, Interpolation, Sampling};
use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::{Dim, Shape};

use crate::layers::DataFormat;
use crate::{ConfigReader, ConfigWriter, LayerError};

/// Keras's defaults of the geometric layers: reflected edges, bilinear.
pub(super) fn default() -> Sampling {
    Sampling {
        fill_mode: FillMode::Reflect,
        fill_value: 0.0,
        interpolation: Interpolation::Bilinear,
    }
}

/// Reads `fill_mode`, `fill_value` and `interpolation`.
pub(super) fn read(config: &mut ConfigReader) -> Result<Sampling, LayerError> {
    let fill_mode = config.string_or("fill_mode", "reflect")?;
    let modes = [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest];
    Ok(Sampling {
        fill_mode: modes.into_iter().find(|mode| mode.name() == fill_mode).ok_or_else(|| {
            LayerError::config("fill_mode", "reflect, wrap, constant or nearest", &fill_mode)
        })?,
        fill_value: config.number_or("fill_value", 0.0)?,
        interpolation: interpolation(config, "bilinear")?,
    })
}

/// Reads `interpolation`.
pub(in crate::layers) fn interpolation(
    config: &mut ConfigReader,
    default: &str,
) -> Result<Interpolation, LayerError> {
    match config.string_or("interpolation", default)?.as_str() {
        "nearest" => Ok(Interpolation::Nearest),
        "bilinear" => Ok(Interpolation::Bilinear),
        other => Err(LayerError::Unsupported {
            setting: format!("interpolation={other}"),
            hint: "take nearest or bilinear".to_owned(),
        }),
    }
}

/// Writes what [`read`] reads.
pub(super) fn write(config: ConfigWriter, sampling: Sampling) -> ConfigWriter {
    config
        .set("fill_mode", sampling.fill_mode.name())
        .set("fill_value", sampling.fill_value)
        .set("interpolation", sampling.interpolation.name())
}

/// Pictures in `format` read through `[a0 a1 a2 b0 b1 b2]`, each `(samples, 1)` or a number.
pub(super) fn transform(
    g: &mut Graph,
    x: ValueId,
    format: DataFormat,
    columns: [ValueId; 6],
    sampling: Sampling,
) -> Result<ValueId, GraphError> {
    let x = format.channels_last(g, x)?;
    let column = Shape::new([g.shape(x).dims()[0], Dim::Fixed(1)]);
    let columns = columns
        .into_iter()
        .map(|value| g.broadcast_to(value, column.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let transforms = g.concat(&columns, 1)?;
    let y = g.affine_transform(x, transforms, sampling)?;
    format.in_own_format(g, y)
}

/// Column and row of the middle of pictures in `format`.
pub(super) fn centre(g: &Graph, x: ValueId, format: DataFormat) -> [f64; 2] {
    let [height, width] = format.spatial().map(|axis| g.shape(x).dims()[axis].size(1) as f64);
    [(width - 1.0) / 2.0, (height - 1.0) / 2.0]
}
