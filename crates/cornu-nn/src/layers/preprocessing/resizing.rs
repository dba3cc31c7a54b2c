use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Dim;
use serde_json::{Map, Value, json};

use crate::layers::image::{Picture, spatial_sizes};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, Layer, LowerCx, ResizeMethod};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// Pictures of another size. Cell `i` of `m` is read around `(i + 1/2) n / m - 1/2` of `n`, as
/// [`ResizeMethod`] says. Keras 3, keras/src/layers/preprocessing/image_preprocessing/resizing.py.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resizing {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// How pictures are read between their cells. Default: bilinear.
    pub interpolation: ResizeMethod,
    /// Whether the middle of the wanted form is cut out first. Default: false.
    pub crop_to_aspect_ratio: bool,
    /// Whether pictures are filled up to the wanted form first. Default: false.
    pub pad_to_aspect_ratio: bool,
    /// What they are filled up with. Default 0.
    pub fill_value: f64,
    /// Whether cells of the result are as wide as they stand for when pictures get smaller. Default:
    /// false.
    pub antialias: bool,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

impl Resizing {
    /// To this height and width, bilinear, whatever the form was.
    pub fn new(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            interpolation: ResizeMethod::Bilinear,
            crop_to_aspect_ratio: false,
            pad_to_aspect_ratio: false,
            fill_value: 0.0,
            antialias: false,
            data_format: DataFormat::ChannelsLast,
        }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.only("fill_mode", &[json!("constant")], "pictures are filled up with one number")?;
        Ok(Self {
            height: config.positive("height")?,
            width: config.positive("width")?,
            interpolation: ResizeMethod::read(config, "bilinear")?,
            crop_to_aspect_ratio: config.bool_or("crop_to_aspect_ratio", false)?,
            pad_to_aspect_ratio: config.bool_or("pad_to_aspect_ratio", false)?,
            fill_value: config.number_or("fill_value", 0.0)?,
            antialias: config.bool_or("antialias", false)?,
            data_format: DataFormat::read(config)?,
        })
    }

    /// Size along each axis of the picture of the wanted form that `n` cells on the other axis give.
    fn of_form(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        [width * self.height / self.width, height * self.width / self.height]
    }

    /// Cuts the middle out of pictures with channels last.
    fn crop(&self, g: &mut Graph, mut x: ValueId) -> Result<ValueId, GraphError> {
        let sizes: [usize; 2] = spatial_sizes(g, x);
        for ((axis, n), wanted) in (1..).zip(sizes).zip(self.of_form(sizes)) {
            let size = wanted.clamp(1, n);
            x = g.slice(x, axis, (n - size) / 2, size, 1)?;
        }
        Ok(x)
    }

    /// Fills up pictures with channels last, as much on either side: as in Keras an odd cell is
    /// left out.
    fn pad(&self, g: &mut Graph, mut x: ValueId) -> Result<ValueId, GraphError> {
        let sizes: [usize; 2] = spatial_sizes(g, x);
        for ((axis, n), wanted) in (1..).zip(sizes).zip(self.of_form(sizes)) {
            let border = wanted.saturating_sub(n) / 2;
            if 0 < border {
                let number = g.scalar(self.fill_value)?;
                let shape = g.shape(x).with(axis, Dim::Fixed(border));
                let border = g.broadcast_to(number, shape)?;
                x = g.concat(&[border, x, border], axis)?;
            }
        }
        Ok(x)
    }
}

setters!(Resizing {
    interpolation: ResizeMethod,
    crop_to_aspect_ratio: bool,
    pad_to_aspect_ratio: bool,
    fill_value: f64,
    antialias: bool,
    data_format: DataFormat,
});

impl Layer for Resizing {
    fn class_name(&self) -> &'static str {
        "Resizing"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("data_format", self.data_format.name())
            .set("height", self.height)
            .set("width", self.width)
            .set("interpolation", self.interpolation.name())
            .set("crop_to_aspect_ratio", self.crop_to_aspect_ratio)
            .set("pad_to_aspect_ratio", self.pad_to_aspect_ratio)
            .set("fill_mode", "constant")
            .set("fill_value", self.fill_value)
            .set("antialias", self.antialias)
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        if self.height == 0 || self.width == 0 {
            let got = format!("{} x {}", self.height, self.width);
            return Err(LayerError::config("height and width", "at least 1", got));
        }
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            return Err(LayerError::Unsupported {
                setting: "crop_to_aspect_ratio=true, pad_to_aspect_ratio=true".to_owned(),
                hint: "take one of them".to_owned(),
            });
        }
        let mut picture: Picture<2> = self.data_format.picture(inputs)?;
        picture.spatial = [Some(self.height), Some(self.width)];
        Ok(picture.shape())
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let mut x = self.data_format.channels_last(g, inputs[0])?;
        if self.crop_to_aspect_ratio {
            x = self.crop(g, x)?;
        } else if self.pad_to_aspect_ratio {
            x = self.pad(g, x)?;
        }
        let y = self.interpolation.lower(g, x, [self.height, self.width], self.antialias)?;
        Ok(self.data_format.in_own_format(g, y)?)
    }
}
