//! A synthetic chest X-ray set: procedurally drawn, for trying things without data and for tests.
//!
//! Every place that shows these pictures must say that they are synthetic. They are drawn after how
//! frontal chest X-rays look (dark lungs, ribs, heart, diaphragm, spine; varied people, poses,
//! exposures and noise) and stand for no person.
//!
//! - `normal`: both lungs are dark down into sharp angles between ribs and diaphragm.
//! - `effusion`: fluid fills one or both of these angles, from a blunt corner to half a lung. Its
//!   surface is concave and climbs along the ribs (a meniscus).
//!
//! What does not depend on the class, so that no simple measure gives it away: exposure, contrast,
//! pose, size, height of the diaphragm, breasts, size of the heart, haze, infiltrates, air in the stomach, wires.
//!
//! A picture depends on the seed, its index and its size alone, to the last bit: drawing uses only
//! `+ - * /` and `sqrt`, which every machine computes alike.

mod body;
mod density;
mod fluid;
mod set;
mod shapes;
mod texture;

pub use set::{CLASS_NAMES, FEWEST, Set};

use crate::SplitMix64;
use body::Body;
use density::Anatomy;
use fluid::Fluid;
use texture::Texture;

/// Side of a picture of the set, in pixels.
pub const SIZE: usize = 256;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Fluid between lung and chest wall.
    Effusion,
    /// No fluid.
    Normal,
}

impl Class {
    /// The class of picture `index`: they alternate.
    pub fn of(index: usize) -> Self {
        if index.is_multiple_of(2) { Self::Effusion } else { Self::Normal }
    }

    /// Index into [`CLASS_NAMES`].
    pub fn index(self) -> usize {
        match self {
            Self::Effusion => 0,
            Self::Normal => 1,
        }
    }
}

/// A drawn picture, and where its fluid is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhantomPicture {
    /// Height and width.
    pub size: usize,
    /// `size * size` grey levels, rows from the top.
    pub pixels: Vec<u8>,
    /// What it shows: effusion at even indices.
    pub class: Class,
    /// How much of each pixel lies behind fluid, 0 to 255; all 0 in a normal picture.
    pub fluid: Vec<u8>,
}

/// Draws picture `index` of the set of `seed`, `size` pixels high and wide.
///
/// The same person in another size, but the noise is another one.
pub fn draw(seed: u64, index: usize, size: usize) -> PhantomPicture {
    let class = Class::of(index);
    let mut random = SplitMix64::stream(seed, index as u64);
    let body = Body::random(&mut random);
    // Drawn for both classes, so that nothing after it depends on the class.
    let fluid = Fluid::random(&mut random, &body);
    let fluid = if class == Class::Effusion { fluid } else { Fluid::none() };
    let texture = Texture::random(&mut random, &body, size);
    let anatomy = Anatomy::new(&body, &fluid);

    let mut pixels = vec![0; size * size];
    let mut behind_fluid = vec![0; size * size];
    let rows = pixels.chunks_exact_mut(size.max(1)).zip(behind_fluid.chunks_exact_mut(size.max(1)));
    for (row, (pixels, behind_fluid)) in rows.enumerate() {
        let (haze, vessels, grain) = (texture.haze(row), texture.vessels(row), texture.grain(row));
        let row = row as u32;
        for column in 0..pixels.len().min(behind_fluid.len()) {
            let at = column as u32;
            let (x, y) = body.pose.to_body(at, row, size);
            let point = anatomy.at(x, y, haze[column], vessels[column]);
            let level = body.film.level(point.density) * body.frame.covers(at, row, size)
                + body.film.grain * grain[column];
            pixels[column] = (255.0 * level) as u8;
            behind_fluid[column] = (255.0 * point.fluid) as u8;
        }
    }
    PhantomPicture { size, pixels, class, fluid: behind_fluid }
}
