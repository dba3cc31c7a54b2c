use super::body::Body;
use super::fluid::Fluid;
use super::shapes::{Ellipse, bands, inside, max, min, on_side, ramp, step};

/// A body, ready to be looked through at any place.
#[derive(Debug)]
pub(super) struct Anatomy<'a> {
    body: &'a Body,
    fluid: &'a Fluid,
}

/// What is in the way of a ray.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// 0 is air, 1 the thickest.
    pub(super) density: f32,
    /// How much of it is fluid, 0 to 1.
    pub(super) fluid: f32,
}

impl<'a> Anatomy<'a> {
    pub(super) fn new(body: &'a Body, fluid: &'a Fluid) -> Self {
        Self { body, fluid }
    }

    /// At (x, y), with `haze` (about -1 to 1) and `vessels` (0 to about 1) in the lungs.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32, haze: f32, vessels: f32) -> Point {
        let body = self.body;
        let s = x.abs();
        let wall = body.wall(y);
        let dome = body.diaphragm(x, min(s, wall));

        let flesh = self.flesh(s, y);
        let middle = max(self.middle(x, y), self.heart(x, y));
        // The lungs reach behind the heart, where little of their air shows.
        let chest = inside(wall - s, 0.07) * inside(y - body.apex, 0.08) * inside(dome - y, 0.025);
        let lung = chest * inside(s - 0.05, 0.08) * (1.0 - 0.85 * middle);
        let below = self.fluid.below_surface(x, s, y, wall);
        let fluid = below * chest * inside(s - 0.05, 0.08) * (1.0 - middle);

        let depth = step((y - body.apex) / (dome - body.apex));
        let haziness = body.haze * haze
            + on_side(x, body.lower_haze) * depth * depth
            + body.infiltrate * body.infiltrate_place.covers(x, y, 0.9)
            + 0.16 * vessels
            + 0.08 * (1.0 - depth) * ramp(s - 0.2, 0.5);
        let air = max(body.air - haziness, 0.05) * (1.0 - 0.92 * below);

        // Belly and fluid hold back alike: where fluid lies on the diaphragm, its edge is lost.
        let belly = max(ramp(y - dome + 0.02, 0.12), 0.75 * below * chest);
        let mut density = flesh * (0.58 + 0.18 * max(belly, 0.85 * middle));
        density += 0.03 * haze * flesh * (1.0 - lung);
        density -= lung * air;
        density += flesh * (self.bones(x, y, wall, chest) + self.soft_shadows(x, y));
        Point { density, fluid }
    }

    /// Thickness of the body, 0 to 1.
    #[inline]
    fn flesh(&self, s: f32, y: f32) -> f32 {
        let body = self.body;
        let skin = body.skin(y);
        let shoulder = body.shoulder_height + 0.38 * max(s - body.neck, 0.0) - y;
        let margin = min(max(-shoulder, body.neck - s), skin - s);
        let across = min(s / skin, 1.0);
        let roundness = (1.0 - across * across).sqrt();
        // Neck and shoulders are thinner than the trunk.
        inside(margin - 0.02, 0.05) * (0.40 + 0.60 * roundness) * (0.74 + 0.26 * ramp(y + 1.0, 0.7))
    }

    #[inline]
    fn heart(&self, x: f32, y: f32) -> f32 {
        let heart = &self.body.heart;
        let lean = self.body.heart_lean;
        // Leaning: lower parts stand further to the right of the picture.
        heart.covers(x - lean * (y - heart.y), y, 0.16)
    }

    /// What lies between the lungs: vessels above the heart, the spine behind.
    #[inline]
    fn middle(&self, x: f32, y: f32) -> f32 {
        let body = self.body;
        let arch = Ellipse { x: 0.08, y: -0.28, half_width: 0.06 + body.aorta, half_height: 0.17 };
        let band = inside(body.mediastinum + 0.04 * step(y + 0.4) - x.abs(), 0.10);
        let trachea = inside(0.04 - (x + 0.01).abs(), 0.05) * ramp(-0.25 - y, 0.2);
        max(band - 0.35 * trachea, 0.8 * arch.covers(x, y, 0.5))
    }

    #[inline]
    fn bones(&self, x: f32, y: f32, wall: f32, chest: f32) -> f32 {
        let body = self.body;
        let s = x.abs();
        let cage = inside(wall + 0.05 - s, 0.05)
            * ramp(y - body.apex + 0.06, 0.1)
            * (0.35 + 0.65 * chest)
            * ramp(0.85 - y, 0.3);
        let sweep = body.rib_bend * (0.80 * s * s - 0.38 * s);
        let back =
            bands((y - sweep) / body.rib_spacing + body.rib_start, 0.30) * ramp(s - 0.06, 0.08);
        let droop = body.rib_bend * (0.62 * (0.75 - s) + 0.2 * (0.75 - s) * (0.75 - s));
        let front = bands((y - droop) / (1.12 * body.rib_spacing) + body.rib_start, 0.34)
            * ramp(s - 0.25, 0.15);

        let collar = -0.66 - body.clavicle_tilt * (s - 0.08) + 0.22 * (s - 0.4) * (s - 0.4);
        let off = (y - collar) * 30.0;
        let clavicle = max(1.0 - off * off, 0.0) * ramp(s - 0.05, 0.05) * ramp(0.85 - s, 0.1);
        let blade = Ellipse { x: 0.90, y: -0.40, half_width: 0.17, half_height: 0.34 };
        let joint = Ellipse { x: 1.0, y: -0.66, half_width: 0.13, half_height: 0.12 };
        let outer = 0.06 * blade.covers(s, y, 0.3) + 0.10 * joint.covers(s, y, 0.2);

        let vertebrae = bands(y * 7.5 + 0.3, 0.44);
        let spine = inside(body.spine - s, 0.04) * (0.03 + 0.035 * vertebrae);
        body.rib_contrast * cage * (back + 0.55 * front) + 0.09 * clavicle + outer + spine
    }

    /// Breasts, and air in the stomach.
    #[inline]
    fn soft_shadows(&self, x: f32, y: f32) -> f32 {
        let [left, right] = &self.body.breasts;
        let breast = Ellipse {
            x: on_side(x, [left.x, right.x]),
            y: on_side(x, [left.y, right.y]),
            half_width: on_side(x, [left.half_width, right.half_width]),
            half_height: on_side(x, [left.half_height, right.half_height]),
        };
        // Thickest low; the lower edge is sharp, the upper one fades.
        let thick = step((y - breast.y) / breast.half_height * 0.5 + 0.6);
        self.body.breast_density * breast.covers(x, y, 0.10) * thick
            - self.body.stomach_air * self.body.stomach.covers(x, y, 0.35)
    }
}
