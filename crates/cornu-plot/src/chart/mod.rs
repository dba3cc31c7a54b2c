//! Charts as SVG: curves over epochs, ROC, precision and recall, calibration, confusion, bars.
//!
//! Numbers in, a [`Chart`] out. A chart names its parts by CSS classes and holds no colour: inside of
//! a page [`STYLE`] gives them light and dark ones, and a chart of its own brings that style along.
//! Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; lines differ in
//! their dashes, too.
//!
//! ```
//! use cornu_plot::chart::{LineChart, Line};
//!
//! let chart = LineChart::new("Loss", "epoch")
//!     .line(Line::new("training", &[0.9, 0.5, 0.3]))
//!     .line(Line::new("validation", &[0.8, 0.6, 0.7]))
//!     .mark(2, "best: epoch 2")
//!     .chart();
//! assert!(chart.standalone().starts_with("<svg xmlns="));
//! ```

mod axes;
mod bars;
mod calibration;
mod confusion;
mod curves;
mod lines;
mod style;
mod text;

pub use bars::{StackedBars, bars};
pub use calibration::calibration;
pub use confusion::{MAX_CLASSES, confusion_matrix};
pub use curves::{CurveLabel, PrecisionRecall, Roc, precision_recall, roc};
pub use lines::{Line, LineChart};
pub use style::STYLE;

pub use crate::xml::escaped;

/// A drawing with its title and its description in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows, in a few words; drawn above it, too.
    pub title: String,
    /// What is to be seen, for those who cannot see it.
    pub description: String,
    /// Width in CSS pixels at full size.
    pub width: f64,
    /// Height in CSS pixels at full size.
    pub height: f64,
    /// SVG elements.
    body: String,
}

impl Chart {
    /// SVG for a page that has [`STYLE`]: as wide as its place.
    pub fn inline(&self) -> String {
        self.svg("", "")
    }

    /// SVG for a file of its own, light or dark as whoever looks at it prefers.
    pub fn standalone(&self) -> String {
        let style = format!("<style>{STYLE}.chart{{background:var(--surface)}}</style>\n");
        self.svg("xmlns=\"http://www.w3.org/2000/svg\" ", &style)
    }

    fn svg(&self, attributes: &str, style: &str) -> String {
        let Self { title, description, width, height, body } = self;
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg {attributes}class=\"chart\" role=\"img\" aria-label=\"{title}. {description}\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n{style}{body}</svg>\n"
        )
    }
}
