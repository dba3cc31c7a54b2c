use super::body::Body;
use super::shapes::inside;
use crate::SplitMix64;

/// Fluid in the angle between diaphragm and ribs of one or both sides.
#[derive(Debug, Clone)]
pub(super) struct Fluid {
    sides: [Option<Pool>; 2],
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
}

impl Fluid {
    /// One side, or (3 in 10) both; small much more often than large.
    pub(super) fn random(random: &mut SplitMix64, body: &Body) -> Self {
        let pool = |random: &mut SplitMix64, side: usize| {
            let u = random.unit();
            let height = 0.17 + 0.50 * u * (0.3 + 0.7 * u);
            let climb = (height * random.uniform(0.55, 0.95)).min(random.uniform(0.16, 0.34));
            Pool {
                top: body.domes[side].angle() - height,
                climb,
                reach: random.uniform(0.22, 0.50),
                softness: random.uniform(0.03, 0.10),
            }
        };
        let pools = [pool(random, 0), pool(random, 1)];
        let which = random.unit();
        let has = [which < 0.65, which < 0.30 || 0.65 <= which];
        Self { sides: [0, 1].map(|side| has[side].then_some(pools[side])) }
    }

    /// 0 above the surface to 1 below it, at distance `s` from the middle.
    #[inline]
    pub(super) fn below_surface(&self, side: usize, s: f32, y: f32, wall: f32) -> f32 {
        let Some(pool) = &self.sides[side] else { return 0.0 };
        let away = 1.0 - ((wall - s) / pool.reach).clamp(0.0, 1.0);
        let surface = pool.top + pool.climb * (1.0 - away * away);
        inside(y - surface, pool.softness)
    }
}
