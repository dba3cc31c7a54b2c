use super::shapes::{Ellipse, max, min, on_side, ramp};
use crate::SplitMix64;

/// Everything about one person, how they stand, and how the picture was taken.
///
/// Lengths are in half pictures: x from -1 (left in the picture, the person's right) to 1, y from
/// -1 (top) to 1. Pairs are (left, right) in the picture.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) pose: Pose,
    pub(super) film: Film,
    pub(super) frame: Frame,
    /// Half the width of the chest within the ribs.
    pub(super) chest: f32,
    /// Top of the lungs.
    pub(super) apex: f32,
    /// Where the chest is widest.
    pub(super) waist: f32,
    pub(super) domes: [Dome; 2],
    /// Half the width of the trunk, and of what shoulders and arms add.
    pub(super) trunk: f32,
    pub(super) shoulders: f32,
    pub(super) neck: f32,
    pub(super) shoulder_height: f32,
    pub(super) heart: Ellipse,
    pub(super) heart_lean: f32,
    /// Half the width of what lies between the lungs.
    pub(super) mediastinum: f32,
    pub(super) aorta: f32,
    pub(super) spine: f32,
    pub(super) rib_spacing: f32,
    pub(super) rib_start: f32,
    pub(super) rib_bend: f32,
    pub(super) rib_contrast: f32,
    pub(super) clavicle_tilt: f32,
    /// How much less than flesh a lung holds back.
    pub(super) air: f32,
    /// How much breasts hold back, 0 if there are none.
    pub(super) breast_density: f32,
    pub(super) breasts: [Ellipse; 2],
    /// How much less air in the stomach holds back, 0 if there is none.
    pub(super) stomach_air: f32,
    pub(super) stomach: Ellipse,
    pub(super) haze: f32,
    pub(super) lower_haze: [f32; 2],
    /// How much an infiltrate, which is no fluid, takes of the air; 0 if there is none.
    pub(super) infiltrate: f32,
    pub(super) infiltrate_place: Ellipse,
    pub(super) wires: usize,
}

/// One half of the diaphragm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dome {
    /// Highest point.
    pub(super) top: f32,
    /// Its distance from the middle.
    pub(super) peak: f32,
    /// How far it falls to the ribs.
    pub(super) fall: f32,
    /// How far it falls to the heart.
    pub(super) inner_fall: f32,
}

impl Dome {
    /// The angle between diaphragm and ribs.
    pub(super) fn angle(&self) -> f32 {
        self.top + self.fall
    }
}

/// How the person stands before the film: turned, moved, near or far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    turn: f32,
    zoom: [f32; 2],
    shift: [f32; 2],
}

impl Pose {
    /// The place in the body of a pixel's centre.
    #[inline]
    pub(super) fn to_body(self, column: u32, row: u32, size: usize) -> (f32, f32) {
        let half = 2.0 / size as f32;
        let u = (column as f32 + 0.5) * half - 1.0 - self.shift[0];
        let v = (row as f32 + 0.5) * half - 1.0 - self.shift[1];
        // A small turn without sine: |turn| < 0.08 rad.
        ((u + self.turn * v) / self.zoom[0], (v - self.turn * u) / self.zoom[1])
    }

    /// Column and row of a place in the body: the inverse of [`Pose::to_body`].
    pub(super) fn to_pixel(self, x: f32, y: f32, size: usize) -> (f32, f32) {
        let (a, b) = (x * self.zoom[0], y * self.zoom[1]);
        let det = 1.0 + self.turn * self.turn;
        let (u, v) = ((a - self.turn * b) / det, (b + self.turn * a) / det);
        let half = size as f32 / 2.0;
        ((u + self.shift[0] + 1.0) * half - 0.5, (v + self.shift[1] + 1.0) * half - 0.5)
    }
}

/// From what the body holds back to a grey level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Film {
    exposure: f32,
    bend: f32,
    fog: f32,
    /// Deviation of the noise, 1 being white.
    pub(super) grain: f32,
}

impl Film {
    /// 0 (black) to 1 (white).
    #[inline]
    pub(super) fn level(self, density: f32) -> f32 {
        let x = max(density * self.exposure, 0.0);
        // Thick parts saturate softly towards white.
        let x = x * (1.0 + self.bend) / (1.0 + self.bend * x);
        min(self.fog + (1.0 - self.fog) * x, 0.96 + 0.02 * x)
    }
}

/// The part of the film that was exposed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    left: f32,
    right: f32,
    bottom: f32,
    lean: f32,
}

impl Frame {
    /// 1 inside, 0 outside.
    #[inline]
    pub(super) fn covers(self, column: u32, row: u32, size: usize) -> f32 {
        let (u, v) = (column as f32 / size as f32, row as f32 / size as f32);
        let u = u + self.lean * v;
        let open = (self.left <= u) & (u <= 1.0 - self.right) & (v <= 1.0 - self.bottom);
        if open { 1.0 } else { 0.0 }
    }
}

impl Body {
    pub(super) fn random(random: &mut SplitMix64) -> Self {
        let chest = random.uniform(0.62, 0.80);
        let dome_height = random.uniform(0.20, 0.46);
        let dome = |random: &mut SplitMix64, lower: f32| Dome {
            top: dome_height + lower,
            peak: chest * random.uniform(0.50, 0.62),
            fall: random.uniform(0.15, 0.27),
            inner_fall: random.uniform(0.02, 0.12),
        };
        // The liver holds the right half (left in the picture) higher, mostly.
        let domes = [dome(random, 0.0), {
            let lower = random.uniform(-0.05, 0.10);
            dome(random, lower)
        }];
        let heart_size = random.uniform(0.26, 0.42);
        let breast_size = random.uniform(0.20, 0.38);
        let breast_height = random.uniform(0.16, 0.46);
        let breast = |random: &mut SplitMix64, sign: f32| Ellipse {
            x: sign * (0.44 + random.uniform(-0.05, 0.07)),
            y: breast_height + random.uniform(-0.04, 0.04),
            half_width: breast_size * random.uniform(0.95, 1.2),
            half_height: breast_size,
        };
        let breasts = [breast(random, -1.0), breast(random, 1.0)];
        let breast_density = random.uniform(0.03, 0.14);
        let stomach = Ellipse {
            x: random.uniform(0.22, 0.48),
            y: domes[1].top + random.uniform(0.09, 0.22),
            half_width: random.uniform(0.06, 0.18),
            half_height: random.uniform(0.03, 0.09),
        };
        let stomach_air = random.uniform(0.08, 0.24);
        let infiltrate_side = if random.unit() < 0.5 { -1.0 } else { 1.0 };
        let infiltrate_place = Ellipse {
            x: infiltrate_side * chest * random.uniform(0.45, 0.95),
            y: dome_height + random.uniform(-0.25, 0.20),
            half_width: random.uniform(0.10, 0.26),
            half_height: random.uniform(0.06, 0.22),
        };
        let infiltrate = max(random.uniform(-0.22, 0.26), 0.0);
        let zoom = random.uniform(0.90, 1.12);
        Self {
            pose: Pose {
                turn: random.uniform(-0.065, 0.065),
                zoom: [zoom * random.uniform(0.96, 1.04), zoom],
                shift: [random.uniform(-0.09, 0.09), random.uniform(-0.12, 0.06)],
            },
            film: Film {
                exposure: random.uniform(0.72, 1.06),
                bend: random.uniform(0.1, 1.3),
                fog: random.uniform(0.0, 0.08),
                grain: random.uniform(0.004, 0.015),
            },
            frame: Frame {
                left: (random.uniform(-0.08, 0.05)).max(0.0),
                right: (random.uniform(-0.08, 0.05)).max(0.0),
                bottom: (random.uniform(-0.10, 0.05)).max(0.0),
                lean: random.uniform(-0.02, 0.02),
            },
            chest,
            apex: random.uniform(-0.84, -0.70),
            waist: random.uniform(0.05, 0.25),
            domes,
            trunk: chest + random.uniform(0.10, 0.34),
            shoulders: random.uniform(1.05, 1.5),
            neck: random.uniform(0.19, 0.28),
            shoulder_height: random.uniform(-0.98, -0.86),
            heart: Ellipse {
                x: random.uniform(0.07, 0.17),
                y: dome_height - random.uniform(0.06, 0.16),
                half_width: heart_size,
                half_height: heart_size * random.uniform(0.85, 1.15),
            },
            heart_lean: random.uniform(0.2, 0.5),
            mediastinum: random.uniform(0.10, 0.15),
            aorta: random.uniform(0.02, 0.09),
            spine: random.uniform(0.06, 0.085),
            rib_spacing: random.uniform(0.145, 0.175),
            rib_start: random.unit(),
            rib_bend: random.uniform(0.8, 1.2),
            rib_contrast: random.uniform(0.035, 0.085),
            clavicle_tilt: random.uniform(0.05, 0.3),
            air: random.uniform(0.38, 0.50),
            breast_density: if random.unit() < 0.5 { breast_density } else { 0.0 },
            breasts,
            stomach_air: if random.unit() < 0.5 { stomach_air } else { 0.0 },
            stomach,
            haze: random.uniform(0.02, 0.09),
            lower_haze: [0, 1].map(|_| (random.uniform(-0.12, 0.14)).max(0.0)),
            infiltrate,
            infiltrate_place,
            wires: (random.uniform(-3.0, 3.0)).max(0.0) as usize,
        }
    }

    /// Height of the diaphragm at `x`, which is `s` from the middle.
    #[inline]
    pub(super) fn diaphragm(&self, x: f32, s: f32) -> f32 {
        let [left, right] = &self.domes;
        let peak = on_side(x, [left.peak, right.peak]);
        let outer = max(s - peak, 0.0) / (self.chest - peak);
        let inner = max(peak - s, 0.0) / peak;
        let fall = on_side(x, [left.fall, right.fall]);
        let inner_fall = on_side(x, [left.inner_fall, right.inner_fall]);
        // The edge of a dome: steeper and steeper.
        on_side(x, [left.top, right.top])
            + fall * outer * outer * (0.55 + 0.45 * outer)
            + inner_fall * inner * inner
    }

    /// Inner edge of the ribs at height `y`, from the middle.
    #[inline]
    pub(super) fn wall(&self, y: f32) -> f32 {
        let up = min(max((self.waist - y) / (self.waist - self.apex), 0.0), 1.0);
        let down = max(y - self.waist, 0.0);
        self.chest * ((1.0 - 0.10 * up) * (1.0 - up * up * (0.4 + 0.6 * up)).sqrt() + 0.05 * down)
    }

    /// Edge of the trunk with shoulders and arms.
    #[inline]
    pub(super) fn skin(&self, y: f32) -> f32 {
        self.trunk + (self.shoulders - self.trunk) * ramp(0.05 - y, 0.5)
    }
}
