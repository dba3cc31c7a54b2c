//! Drawings as data: shapes in a plane, which become SVG or pixels.
//!
//! Colours have names for what they mean ([`Ink`]), so that one drawing can be light, dark, or follow
//! the reader's setting.

mod font;
mod ink;
mod path;
mod raster;
mod svg;

pub use font::{fitted, text_width, wrapped};
pub use ink::{Hue, Ink, Theme};

pub use path::{Path, Segment};

use crate::PlotError;
use crate::raster::{Raster, Sampling};

/// Where the given point of a text lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// At its left end.
    #[default]
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The point that `anchor` speaks of, on the baseline.
    pub x: f64,
    /// The baseline.
    pub y: f64,
    /// What it says.
    pub text: String,
    /// Height of the font in the units of the drawing.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Where `x` lies.
    pub anchor: Anchor,
    /// Its colour.
    pub ink: Ink,
    /// Whether it runs upwards, for the title of a vertical axis.
    pub upwards: bool,
}

impl Text {
    /// A text that begins at a point, in the colour of text.
    pub fn new(x: f64, y: f64, size: f64, text: impl Into<String>) -> Self {
        let (bold, anchor, ink) = (false, Anchor::Start, Ink::Text);
        Self { x, y, text: text.into(), size, bold, anchor, ink, upwards: false }
    }

    /// The same in bold.
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// The same with another part of it at the point.
    pub fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    /// The same in another colour.
    pub fn ink(mut self, ink: Ink) -> Self {
        self.ink = ink;
        self
    }

    /// The same running upwards.
    pub fn upwards(mut self) -> Self {
        self.upwards = true;
        self
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Its width.
    pub width: f64,
    /// Lengths of a dash and the gap behind it; `None` for a line without gaps.
    pub dash: Option<(f64, f64)>,
}

impl Stroke {
    /// A line without gaps.
    pub fn new(ink: Ink, width: f64) -> Self {
        Self { ink, width, dash: None }
    }

    /// The same with gaps.
    pub fn dashed(mut self, dash: f64, gap: f64) -> Self {
        self.dash = Some((dash, gap));
        self
    }
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A rectangle with round corners.
    Rect {
        /// Left edge.
        x: f64,
        /// Upper edge.
        y: f64,
        /// Its width.
        width: f64,
        /// Its height.
        height: f64,
        /// Radius of its corners.
        radius: f64,
        /// What it is filled with.
        fill: Option<Ink>,
        /// The line around it.
        stroke: Option<Stroke>,
    },
    /// Lines and curves.
    Path {
        /// Where it runs.
        path: Path,
        /// What it encloses is filled with this.
        fill: Option<Ink>,
        /// The line along it.
        stroke: Option<Stroke>,
    },
    /// A line of text.
    Text(Text),
    /// A picture of pixels.
    Image {
        /// Left edge.
        x: f64,
        /// Upper edge.
        y: f64,
        /// Its width.
        width: f64,
        /// Its height.
        height: f64,
        /// What it shows.
        picture: Raster,
        /// Whether its pixels are sharp squares where it is drawn larger.
        sampling: Sampling,
    },
}

/// Shapes, the first one lowest, with a text alternative for those who do not see them.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Width of the plane.
    pub width: f64,
    /// Height of the plane.
    pub height: f64,
    /// What it is, in a few words: SVG's `<title>`.
    pub title: String,
    /// What it shows, in sentences: SVG's `<desc>`.
    pub description: String,
    /// What is drawn.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// An empty plane.
    pub fn new(
        width: f64,
        height: f64,
        title: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let (title, description) = (title.into(), description.into());
        Self { width, height, title, description, shapes: Vec::new() }
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], radius: f64, fill: Ink) {
        let fill = Some(fill);
        self.shapes.push(Shape::Rect { x, y, width, height, radius, fill, stroke: None });
    }

    /// Adds a rectangle with a line around it.
    pub fn framed(
        &mut self,
        [x, y, width, height]: [f64; 4],
        radius: f64,
        fill: Option<Ink>,
        stroke: Stroke,
    ) {
        let stroke = Some(stroke);
        self.shapes.push(Shape::Rect { x, y, width, height, radius, fill, stroke });
    }

    /// Adds a text.
    pub fn text(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }

    /// Adds a line along a path.
    pub fn line(&mut self, path: Path, stroke: Stroke) {
        self.shapes.push(Shape::Path { path, fill: None, stroke: Some(stroke) });
    }

    /// Adds a filled area.
    pub fn area(&mut self, path: Path, fill: Ink) {
        self.shapes.push(Shape::Path { path, fill: Some(fill), stroke: None });
    }

    /// Adds a picture, its pixels as sharp squares.
    pub fn image(&mut self, [x, y, width, height]: [f64; 4], picture: Raster) {
        let sampling = Sampling::Nearest;
        self.shapes.push(Shape::Image { x, y, width, height, picture, sampling });
    }

    /// Adds a photograph: smooth in any size.
    pub fn photograph(&mut self, [x, y, width, height]: [f64; 4], picture: Raster) {
        let sampling = Sampling::Smooth;
        self.shapes.push(Shape::Image { x, y, width, height, picture, sampling });
    }

    /// As an SVG document. It needs nothing else: no script, no font, no style sheet.
    pub fn to_svg(&self, theme: Theme) -> String {
        svg::document(self, theme)
    }

    /// As pixels, `scale` of them for each unit; [`Theme::Auto`] is light.
    pub fn to_pixels(&self, theme: Theme, scale: f64) -> Raster {
        raster::pixels(self, theme, scale)
    }

    /// As a PNG file that holds title and description; `scale` as for [`Drawing::to_pixels`].
    ///
    /// # Errors
    ///
    /// [`PlotError::Png`] if the picture is too large for a file.
    pub fn to_png(&self, theme: Theme, scale: f64) -> Result<Vec<u8>, PlotError> {
        self.to_pixels(theme, scale).to_png(&self.words())
    }

    /// Title and description, for files that have one text.
    pub(crate) fn words(&self) -> String {
        match self.description.as_str() {
            "" => self.title.clone(),
            description => format!("{}. {description}", self.title),
        }
    }
}
