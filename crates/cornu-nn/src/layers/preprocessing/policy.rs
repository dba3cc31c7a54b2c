use cornu_graph::ops::{Interpolation, Sampling};
use cornu_graph::{Graph, GraphError, ValueId};

use super::change::{RandomChange, RandomMap};
use super::{
    AutoContrast, Equalization, Factor, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomPosterization, RandomRotation, RandomSharpness, RandomShear, RandomTranslation,
    Solarization, sampling,
};
use crate::LayerError;
use crate::layers::{DataFormat, Layer, LowerCx};

/// The layers that [`RandAugment`](super::RandAugment) and [`AugMix`](super::AugMix) choose from, with
/// Keras's settings of them.
pub(super) struct Policy {
    maps: Vec<Box<dyn RandomMap>>,
    changes: Vec<Box<dyn RandomChange>>,
    format: DataFormat,
    sampling: Sampling,
}

/// What all layers share.
#[derive(Debug, Clone, Copy)]
pub(super) struct PolicySettings {
    pub(super) factor: [f64; 2],
    pub(super) value_range: [f64; 2],
    pub(super) interpolation: Interpolation,
    pub(super) data_format: DataFormat,
    /// Whether brightness, colour, contrast and sharpness are among them.
    pub(super) all_ops: bool,
}

/// What the layers of a policy drew.
pub(super) struct Drawn {
    maps: Vec<Vec<ValueId>>,
    changes: Vec<Vec<ValueId>>,
}

impl Policy {
    pub(super) fn new(settings: PolicySettings) -> Self {
        let PolicySettings { factor: [low, high], value_range, data_format, .. } = settings;
        let factor = Factor::Range(low, high);
        let sampling =
            Sampling { interpolation: settings.interpolation, ..super::sampling::default() };
        let shear = RandomShear::new(factor, factor);
        let translation = RandomTranslation::new(factor, factor);
        let maps: Vec<Box<dyn RandomMap>> = vec![
            Box::new(shear.sampling(sampling).data_format(data_format)),
            Box::new(translation.sampling(sampling).data_format(data_format)),
            Box::new(RandomRotation::new(factor).sampling(sampling).data_format(data_format)),
        ];
        let bits = (8.0 * high).trunc().max(1.0);
        let solarization =
            Solarization::new().addition_factor([low, high]).threshold_factor([low, high]);
        macro_rules! changes {
            ($($layer:expr),* $(,)?) => {
                vec![$(Box::new($layer.value_range(value_range).data_format(data_format))
                    as Box<dyn RandomChange>),*]
            };
        }
        let mut changes = changes![
            RandomPosterization::new(Factor::Symmetric(bits)),
            solarization,
            AutoContrast::new(),
            Equalization::new(),
        ];
        if settings.all_ops {
            changes.extend(changes![
                RandomBrightness::new(factor),
                RandomColorDegeneration::new(factor),
                RandomContrast::new(factor),
                RandomSharpness::new(factor),
            ]);
        }
        Self { maps, changes, format: data_format, sampling }
    }

    /// Layers to choose from.
    pub(super) fn len(&self) -> usize {
        self.maps.len() + self.changes.len()
    }

    /// Lets each layer draw for pictures like `x`.
    pub(super) fn draw(&self, cx: &mut LowerCx<'_>, x: ValueId) -> Result<Drawn, LayerError> {
        let mut drawn = Drawn { maps: Vec::new(), changes: Vec::new() };
        for map in &self.maps {
            drawn.maps.push(map.draw(cx, x)?);
        }
        for change in &self.changes {
            drawn.changes.push(change.draw(cx, x)?);
        }
        Ok(drawn)
    }

    /// Pictures as layer number `choice` makes them; as they are if there is none of that number.
    ///
    /// The layers that move pictures share one walk over them, by the map that was chosen; the others
    /// all work, and one of the results is taken.
    pub(super) fn apply(
        &self,
        g: &mut Graph,
        x: ValueId,
        drawn: &Drawn,
        choice: ValueId,
    ) -> Result<ValueId, GraphError> {
        let is = |g: &mut Graph, number: usize| {
            let number = g.scalar(number as f64)?;
            g.equal(choice, number)
        };
        let (zero, one) = (g.scalar(0.0)?, g.scalar(1.0)?);
        let mut columns = [one, zero, zero, zero, one, zero];
        for (number, (map, drawn)) in self.maps.iter().zip(&drawn.maps).enumerate() {
            let chosen = is(g, number)?;
            for (column, own) in columns.iter_mut().zip(map.columns(g, x, drawn)?) {
                *column = g.select(chosen, own, *column)?;
            }
        }
        let moved = sampling::transform(g, x, self.format, columns, self.sampling)?;
        let end = g.scalar(self.maps.len() as f64)?;
        let is_moved = g.less(choice, end)?;
        let mut y = g.select(is_moved, moved, x)?;
        for (number, (change, drawn)) in self.changes.iter().zip(&drawn.changes).enumerate() {
            let chosen = is(g, self.maps.len() + number)?;
            let changed = change.transform(g, x, drawn)?;
            y = g.select(chosen, changed, y)?;
        }
        Ok(y)
    }
}

impl PolicySettings {
    /// The pictures have as many channels as all layers take, and the settings are within bounds.
    pub(super) fn check(&self, inputs: &[crate::SymbolicShape]) -> Result<(), LayerError> {
        let [low, high] = self.factor;
        Factor::Range(low, high).check("factor", [0.0, 1.0])?;
        if self.all_ops {
            let layer = RandomColorDegeneration::new(Factor::Range(low, high));
            layer.data_format(self.data_format).output_shape(inputs)?;
        }
        Ok(())
    }
}
