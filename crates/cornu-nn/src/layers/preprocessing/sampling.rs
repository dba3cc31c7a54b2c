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
pub(super) fn interpolation(
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
/// which is sharper and faster. What lies outside of the picture is filled once, too. Pictures that
/// a flip may have turned over are read in the other direction where it did: as all fill modes are
/// symmetric, this is the same, except that the nearest pixel of a point just between two would
/// change, so it is done for bilinear interpolation only.
pub(super) fn transform(
    g: &mut Graph,
    x: ValueId,
    format: DataFormat,
    columns: [ValueId; 6],
    sampling: Sampling,
) -> Result<ValueId, GraphError> {
    let mut x = format.channels_last(g, x)?;
    let mut columns = columns;
    while sampling.interpolation == Interpolation::Bilinear
        && let Some((original, flips, axes)) = turned_over(g, x)
    {
        let flip = flip_columns(g, original, flips, axes)?;
        let flip = as_transforms(g, original, flip)?;
        columns = product(g, flip, columns)?;
        x = original;
    }
    let before = g.node(x);
    if let (Op::AffineTransform(op), [original, transforms]) = (&before.op, &before.inputs[..])
        && op.sampling == sampling
        && g.shape(*transforms).dims()[1] == Dim::Fixed(6)
    {
        let (original, transforms) = (*original, *transforms);
        columns = product(g, transforms, columns)?;
        x = original;
    }
    let transforms = as_transforms(g, x, columns)?;
    let y = g.affine_transform(x, transforms, sampling)?;
    format.in_own_format(g, y)
}

/// Pictures that were just moved, turned over along `axes` where `flips` `(samples, 1, 1, 1)` is not
/// 0, which their map does; `None` if they were not.
pub(super) fn flip_moved(
    g: &mut Graph,
    x: ValueId,
    format: DataFormat,
    flips: ValueId,
    axes: [bool; 2],
) -> Result<Option<ValueId>, GraphError> {
    let Op::AffineTransform(op) = &g.node(x).op else { return Ok(None) };
    let sampling = op.sampling;
    let is_affine = g.shape(g.node(x).inputs[1]).dims()[1] == Dim::Fixed(6);
    if format != DataFormat::ChannelsLast || !is_affine {
        return Ok(None);
    }
    let columns = flip_columns(g, x, flips, axes)?;
    transform(g, x, format, columns, sampling).map(Some)
}

/// What a flip of pictures `(N, H, W, C)` made `x` of, its flags `(samples, 1, 1, 1)`, and whether it
/// goes along the rows and the columns; `None` if `x` is no flip's result.
fn turned_over(g: &Graph, x: ValueId) -> Option<(ValueId, ValueId, [bool; 2])> {
    let node = g.node(x);
    let (Op::Select(_), &[flips, turned, original]) = (&node.op, &node.inputs[..]) else {
        return None;
    };
    let one_each = matches!(
        g.shape(flips).dims(),
        [Dim::Batch(_), Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(1)]
    );
    let mut axes = [false; 2];
    let mut at = turned;
    while at != original {
        let node = g.node(at);
        let Op::Reverse(op) = &node.op else { return None };
        let along = axes.get_mut(op.axis.checked_sub(1)?)?;
        *along = !*along;
        at = node.inputs[0];
    }
    one_each.then_some((original, flips, axes))
}

/// The map that turns pictures `(N, H, W, C)` over where `flips` is not 0: `-x + W - 1`,
/// `-y + H - 1`, along those of rows and columns that `axes` names.
fn flip_columns(
    g: &mut Graph,
    x: ValueId,
    flips: ValueId,
    axes: [bool; 2],
) -> Result<[ValueId; 6], GraphError> {
    let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
    let flips = g.select(flips, one, zero)?;
    let flips = g.reshape(flips, Shape::new([g.shape(x).dims()[0], Dim::Fixed(1)]))?;
    let twice = g.mul_scalar(flips, 2.0)?;
    let sign = g.scalar_sub(1.0, twice)?;
    let centre = centre(g, x, DataFormat::ChannelsLast);
    let mut columns = [one, zero, zero, zero, one, zero];
    let [rows, across] = axes;
    if across {
        (columns[0], columns[2]) = (sign, g.mul_scalar(flips, 2.0 * centre[0])?);
    }
    if rows {
        (columns[4], columns[5]) = (sign, g.mul_scalar(flips, 2.0 * centre[1])?);
    }
    Ok(columns)
}

/// Columns, each `(samples, 1)` or a number, as the transforms `(samples, 6)` of pictures `x`.
fn as_transforms(g: &mut Graph, x: ValueId, columns: [ValueId; 6]) -> Result<ValueId, GraphError> {
    let column = Shape::new([g.shape(x).dims()[0], Dim::Fixed(1)]);
    let columns = columns
        .into_iter()
        .map(|value| g.broadcast_to(value, column.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    g.concat(&columns, 1)
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
    let [height, width] = format.spatial::<2>().map(|axis| g.shape(x).dims()[axis].size(1) as f64);
    [(width - 1.0) / 2.0, (height - 1.0) / 2.0]
}

#[cfg(test)]
mod tests {
    use cornu_graph::{Feed, evaluate};
    use cornu_tensor::Array;

    use super::*;
    use crate::layers::{FlipMode, RandomFlip, RandomRotation, RandomTranslation};

    #[test]
    fn a_flip_next_to_a_move_is_part_of_its_map() {
        for fill_mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest]
        {
            for mode in [FlipMode::Horizontal, FlipMode::Vertical, FlipMode::HorizontalAndVertical]
            {
                for flip_first in [true, false] {
                    let mut g = Graph::new();
                    let x = g.input("x", Shape::batched([7, 9, 2])).unwrap();
                    let flips = g.input("flips", Shape::batched([1, 1, 1])).unwrap();
                    let moves = g.input("moves", Shape::batched([2])).unwrap();
                    let sampling = Sampling { fill_mode, fill_value: 5.0, ..default() };
                    let flip = RandomFlip::new(mode);
                    let shift = RandomTranslation::new(0.1, 0.1).sampling(sampling);
                    // A sum with 0 between both layers keeps them apart.
                    for (name, apart) in [("joined", false), ("apart", true)] {
                        let mut y = x;
                        for turn in [flip_first, !flip_first] {
                            y = if turn {
                                flip.transform(&mut g, y, flips).unwrap()
                            } else {
                                shift.transform(&mut g, y, moves).unwrap()
                            };
                            if apart {
                                y = g.add_scalar(y, 0.0).unwrap();
                            }
                        }
                        g.set_output(name, y);
                    }
                    let turns = |g: &Graph| {
                        g.nodes().iter().filter(|node| matches!(node.op, Op::Reverse(_))).count()
                    };
                    let directions = if mode == FlipMode::HorizontalAndVertical { 2 } else { 1 };
                    assert_eq!(turns(&g.without_dead_nodes()), directions, "only those apart");

                    let mut feed = Feed { samples: 4, ..Feed::default() };
                    let pictures = Array::from_fn([4, 7, 9, 2], |i| (i * i % 37) as f64);
                    feed.inputs.insert("x".to_owned(), pictures);
                    let drawn = vec![0.0, 1.0, 1.0, 1.0];
                    feed.inputs
                        .insert("flips".to_owned(), Array::new([4, 1, 1, 1], drawn).unwrap());
                    let drawn = vec![1.25, 0.5, 2.375, -1.125, -23.625, 40.375, 0.0, 0.0];
                    feed.inputs.insert("moves".to_owned(), Array::new([4, 2], drawn).unwrap());
                    let results = evaluate(&g, &mut feed).unwrap();
                    for (a, b) in results["joined"].data().iter().zip(results["apart"].data()) {
                        assert!((a - b).abs() < 1e-9, "{fill_mode:?} {mode:?}: {a} and {b}");
                    }
                }
            }
        }
    }

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
