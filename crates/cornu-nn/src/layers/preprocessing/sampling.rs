use cornu_graph::ops::{FillMode, Interpolation, Sampling};
use cornu_graph::{Graph, GraphError, Op, ValueId};
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
///
/// Pictures that were just moved by another layer with the same sampling are read through the product
/// of both maps instead: a row of geometric layers interpolates once, not once per layer as in Keras,
/// which is sharper and faster. What lies outside of the picture is filled once, too.
pub(super) fn transform(
    g: &mut Graph,
    x: ValueId,
    format: DataFormat,
    columns: [ValueId; 6],
    sampling: Sampling,
) -> Result<ValueId, GraphError> {
    let mut x = format.channels_last(g, x)?;
    let mut columns = columns;
    let before = g.node(x);
    if let (Op::AffineTransform(op), [original, transforms]) = (&before.op, &before.inputs[..])
        && op.sampling == sampling
    {
        let (original, transforms) = (*original, *transforms);
        columns = product(g, transforms, columns)?;
        x = original;
    }
    let column = Shape::new([g.shape(x).dims()[0], Dim::Fixed(1)]);
    let columns = columns
        .into_iter()
        .map(|value| g.broadcast_to(value, column.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let transforms = g.concat(&columns, 1)?;
    let y = g.affine_transform(x, transforms, sampling)?;
    format.in_own_format(g, y)
}

/// The map that first goes through `columns`, then through `outer` `(samples, 6)`: the product of the
/// matrices `[a0 a1 a2; b0 b1 b2; 0 0 1]`.
fn product(
    g: &mut Graph,
    outer: ValueId,
    columns: [ValueId; 6],
) -> Result<[ValueId; 6], GraphError> {
    let mut result = columns;
    for row in 0..2 {
        let [first, second, offset] = [0, 1, 2].map(|i| g.slice(outer, 1, 3 * row + i, 1, 1));
        let (first, second, offset) = (first?, second?, offset?);
        for i in 0..3 {
            let from_first = g.mul(first, columns[i])?;
            let from_second = g.mul(second, columns[3 + i])?;
            let sum = g.add(from_first, from_second)?;
            result[3 * row + i] = if i == 2 { g.add(sum, offset)? } else { sum };
        }
    }
    Ok(result)
}

/// Column and row of the middle of pictures in `format`.
pub(super) fn centre(g: &Graph, x: ValueId, format: DataFormat) -> [f64; 2] {
    let [height, width] = format.spatial().map(|axis| g.shape(x).dims()[axis].size(1) as f64);
    [(width - 1.0) / 2.0, (height - 1.0) / 2.0]
}

#[cfg(test)]
mod tests {
    use cornu_graph::{Feed, evaluate};
    use cornu_tensor::Array;

    use super::*;
    use crate::layers::{RandomRotation, RandomTranslation};

    #[test]
    fn a_row_of_geometric_layers_interpolates_once() {
        let mut g = Graph::new();
        let x = g.input("x", Shape::batched([7, 9, 1])).unwrap();
        let angles = g.input("angles", Shape::batched([1])).unwrap();
        let moves = g.input("moves", Shape::batched([2])).unwrap();
        let turned = RandomRotation::new(0.1).transform(&mut g, x, angles).unwrap();
        let moved = RandomTranslation::new(0.1, 0.1).transform(&mut g, turned, moves).unwrap();
        g.set_output("y", moved);
        let g = g.without_dead_nodes();
        let maps = g.nodes().iter().filter(|node| matches!(node.op, Op::AffineTransform(_)));
        assert_eq!(maps.count(), 1);

        // A half turn, then one pixel to the right: the pixel at column 3 comes from column 8 - 2.
        let picture = Array::from_fn([1, 7, 9, 1], |i| (i * i % 37) as f64);
        let mut feed = Feed { samples: 1, ..Feed::default() };
        feed.inputs.insert("x".to_owned(), picture.clone());
        feed.inputs.insert("angles".to_owned(), Array::full([1, 1], std::f64::consts::PI));
        let moves = Array::new([1, 2], vec![1.0, 0.0]).unwrap();
        feed.inputs.insert("moves".to_owned(), moves);
        let y = evaluate(&g, &mut feed).unwrap().remove("y").unwrap();
        let at = |a: &Array<f64>, row: usize, column: usize| a.data()[row * 9 + column];
        assert!((at(&y, 2, 3) - at(&picture, 4, 6)).abs() < 1e-9);
    }
}
