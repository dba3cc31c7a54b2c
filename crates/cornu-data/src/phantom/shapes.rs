//! Soft shapes out of `+ - * /` and `sqrt`, without branches, so that the compiler draws several
//! pixels at a time.

/// The larger one. Unlike `f32::max` it does not care for NaN, which makes it one instruction.
#[inline]
pub(super) fn max(a: f32, b: f32) -> f32 {
    if b < a { a } else { b }
}

/// The smaller one.
#[inline]
pub(super) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// 0 for `x <= 0`, 1 for `1 <= x`, `3 x^2 - 2 x^3` between: a soft step.
#[inline]
pub(super) fn step(x: f32) -> f32 {
    let x = min(max(x, 0.0), 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// 0 for `x <= 0`, 1 for `width <= x`, soft between.
#[inline]
pub(super) fn ramp(x: f32, width: f32) -> f32 {
    // Most widths are constants, of which the compiler takes the reciprocal.
    step(x * (1.0 / width))
}

/// 1 inside (`0 < margin`), 0 outside, soft over `softness` around the edge.
#[inline]
pub(super) fn inside(margin: f32, softness: f32) -> f32 {
    step(margin * (1.0 / softness) + 0.5)
}

/// An upright ellipse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ellipse {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) half_width: f32,
    pub(super) half_height: f32,
}

impl Ellipse {
    /// Square of the distance from the centre, 1 at the edge.
    #[inline]
    pub(super) fn radius2(&self, x: f32, y: f32) -> f32 {
        let dx = (x - self.x) * (1.0 / self.half_width);
        let dy = (y - self.y) * (1.0 / self.half_height);
        dx * dx + dy * dy
    }

    /// 1 inside, 0 outside, soft over `softness` in parts of the radius.
    #[inline]
    pub(super) fn covers(&self, x: f32, y: f32, softness: f32) -> f32 {
        // Near the edge, radius - 1 is half of radius^2 - 1.
        inside(0.5 * (1.0 - self.radius2(x, y)), softness)
    }
}

/// Equally thick bands, one per unit of `phase`: 1 along their middles, 0 between them.
#[inline]
pub(super) fn bands(phase: f32, half_width: f32) -> f32 {
    // Above 2^23 there are only whole numbers: adding rounds, as no cheap instruction does.
    const ROUND: f32 = 12_582_912.0;
    let off = (phase - ((phase + ROUND) - ROUND)) * (1.0 / half_width);
    let profile = max(1.0 - off * off, 0.0);
    // Bones are shells: steep at the edge, flat in the middle.
    profile * (2.0 - profile)
}

/// Of a pair (left, right in the picture) the one on `x`'s side.
#[inline]
pub(super) fn on_side(x: f32, [left, right]: [f32; 2]) -> f32 {
    if 0.0 < x { right } else { left }
}
