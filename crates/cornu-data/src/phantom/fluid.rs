use super::body::Body;
use super::shapes::{inside, max, min, on_side};
use crate::SplitMix64;

/// Fluid in the angle between diaphragm and ribs of one or both sides.
#[derive(Debug, Clone)]
pub(super) struct Fluid {
    sides: [Pool; 2],
}

#[derive(Debug, Clone, Copy)]
struct Pool {
    /// Where the surface meets the ribs.
    top: f32,
    /// How far the surface falls from there.
    climb: f32,
    /// Over which distance.
    reach: f32,
    softness: f32,
    /// 1 if no air shines through, which thin layers let happen.
    opacity: f32,
}

/// Far below the picture.
const EMPTY: Pool = Pool { top: 9.0, climb: 0.0, reach: 1.0, softness: 1.0, opacity: 0.0 };

impl Fluid {
    /// No fluid.
    pub(super) fn none() -> Self {
        Self { sides: [EMPTY; 2] }
    }

    /// One side, or (3 in 10) both; small much more often than large.
    pub(super) fn random(random: &mut SplitMix64, body: &Body) -> Self {
        let pool = |random: &mut SplitMix64, side: usize| {
            let u = random.unit();
            let height = 0.14 + 0.60 * u * (0.4 + 0.6 * u);
            let climb = (height * random.uniform(0.55, 0.95)).min(random.uniform(0.16, 0.34));
            Pool {
                top: body.domes[side].angle() - height,
                climb,
                reach: random.uniform(0.22, 0.50),
                softness: random.uniform(0.03, 0.12),
                opacity: min(random.uniform(0.55, 1.25), 1.0),
            }
        };
        let pools = [pool(random, 0), pool(random, 1)];
        let which = random.unit();
        let has = [which < 0.65, !(0.30..0.65).contains(&which)];
        Self { sides: [0, 1].map(|side| if has[side] { pools[side] } else { EMPTY }) }
    }

    /// 0 above the surface to 1 below it, at `x`, which is `s` from the middle.
    #[inline]
    pub(super) fn below_surface(&self, x: f32, s: f32, y: f32, wall: f32) -> f32 {
        let [left, right] = &self.sides;
        let reach = on_side(x, [left.reach, right.reach]);
        let away = 1.0 - min(max((wall - s) / reach, 0.0), 1.0);
        let climb = on_side(x, [left.climb, right.climb]);
        let surface = on_side(x, [left.top, right.top]) + climb * (1.0 - away * away);
        let opacity = on_side(x, [left.opacity, right.opacity]);
        opacity * inside(y - surface, on_side(x, [left.softness, right.softness]))
    }
}
