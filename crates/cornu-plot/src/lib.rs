//! Charts, diagrams and pictures: SVG for what is drawn, PNG for what is made of pixels.
//!
//! - [`drawing`]: shapes in a plane, as SVG or as pixels, light and dark.
//! - [`diagram`]: networks as boxes and arrows, also as DOT and Mermaid text.
//! - [`png`]: pixels as files.

pub mod diagram;
pub mod drawing;
pub mod png;
